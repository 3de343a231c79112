"""What a number's hits amount to: which count, how strong they are, and what is answered.

A contact proves only that a caller ID was used towards a decoy; nothing here says more than `contact_observed`. This
module never sees a number or a tag, and never asks the clock: the moment that counts is passed in.
"""

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.domain.exclusions import Cover
from registry.domain.possession import Window

DEFAULT_BURN_IN_DAYS: Final = 7
DEFAULT_RETENTION_MONTHS: Final = 24
# Lines on which a caller is not one person with one handset: anyone can be behind them.
NEVER_COUNTED_LINE_TYPES: Final = frozenset({"toll_free", "premium_rate", "shared_cost"})
_SHORTEST_MONTH_DAYS: Final = 28
_LATEST: Final = datetime.max.replace(tzinfo=UTC)


class Role(StrEnum):
    """What a decoy is for. Only advertisements draw contacts that count."""

    ADVERTISEMENT = "advertisement"
    CONTROL = "control"
    DETERRENCE = "deterrence"
    TEST = "test"


class Channel(StrEnum):
    SMS = "sms"
    MMS = "mms"
    CHAT = "chat"
    VOICE = "voice"


class Attestation(StrEnum):
    """STIR/SHAKEN (ATIS-1000074): how far the originating carrier vouches for a call's caller ID."""

    A = "A"
    B = "B"
    C = "C"


class Verification(StrEnum):
    """What the provider that took a call made of the signature on its caller ID (STIR, RFC 8224).

    failed: it was signed, and the signature does not hold, or could not be checked: whoever has that number may not
    have called. absent: it was not signed.
    """

    PASSED = "passed"
    FAILED = "failed"
    ABSENT = "absent"


class Provider(StrEnum):
    """Whose webhook a contact came by."""

    TWILIO = "twilio"
    TELNYX = "telnyx"
    GENERIC = "generic"


class Grade(StrEnum):
    SINGLE = "single"
    REPEATED = "repeated"
    CORROBORATED = "corroborated"

    @property
    def rank(self) -> int:
        """0 for the lowest. The members' own `<` compares their text, which means nothing."""
        return _RANKS[self]


_RANKS: Final = {grade: rank for rank, grade in enumerate(Grade)}


class Outcome(StrEnum):
    CONTACT_OBSERVED = "contact_observed"
    NONE = "none"
    INDETERMINATE = "indeterminate"


class Reason(StrEnum):
    """Why an outcome is `indeterminate`."""

    DISPUTED = "disputed"
    POSSESSION_BOUNDARY = "possession_boundary"
    REGION_NOT_SERVED = "region_not_served"


@dataclass(frozen=True, slots=True)
class Contact:
    """One hit, with what the policy needs to know of its decoy. Every datetime is aware.

    live_from is inclusive, live_until exclusive; None leaves that side open. organisation: the decoy's owner.
    quarantined: whether the decoy is, now.
    """

    decoy: UUID
    organisation: UUID
    role: Role
    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    occurred_at: datetime
    channel: Channel
    attestation: Attestation | None
    diverted: bool
    line_type: str
    retracted: bool
    verification: Verification | None = None
    quarantined: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind `contact_observed`: counts, UTC dates and channels in alphabetical order."""

    grade: Grade
    contacts: int
    decoys: int
    organisations: int
    first_contact: date
    last_contact: date
    channels: tuple[Channel, ...]
    policy: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What the policy makes of a number's contacts. At most one of evidence and boundary is given.

    boundary: contacts inside the possession window amount to something, those strictly inside it to nothing.
    changes_at: the first moment at which time alone could change the assessment without a window; None for never.
    """

    evidence: Evidence | None
    boundary: bool
    changes_at: datetime | None


_NOTHING: Final = Assessment(evidence=None, boundary=False, changes_at=None)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules under one version. Whoever changes a rule changes the version's default.

    burn_in_days: how long a newly acquired line is left to its previous holder's callers.
    retention_months: calendar months for which a contact counts.
    """

    version: str = "2026-12.4"
    burn_in_days: int = DEFAULT_BURN_IN_DAYS
    retention_months: int = DEFAULT_RETENTION_MONTHS
    name: str = field(init=False, repr=False, compare=False)
    """The version and every setting that differs from its default: what answers and listings carry as `policy`."""

    def __post_init__(self) -> None:
        if self.burn_in_days < 0:
            raise ValueError("burn_in_days cannot be negative")
        if self.retention_months < 1:
            raise ValueError("retention_months must be at least 1")
        name = self.version
        if self.burn_in_days != DEFAULT_BURN_IN_DAYS:
            name += f";burn_in_days={self.burn_in_days}"
        if self.retention_months != DEFAULT_RETENTION_MONTHS:
            name += f";retention_months={self.retention_months}"
        object.__setattr__(self, "name", name)

    def counts(self, contact: Contact, now: datetime) -> bool:
        """Whether the contact may be held against its number at `now`."""
        if (
            contact.role != Role.ADVERTISEMENT
            or contact.retracted
            or contact.quarantined
            or contact.diverted
            or contact.verification is Verification.FAILED
            or contact.line_type in NEVER_COUNTED_LINE_TYPES
        ):
            return False
        return self._in_live_window(contact) and not self._expired(contact.occurred_at, now)

    def is_strong(self, contact: Contact) -> bool:
        """Whether someone else can hardly have sent it: a message, or a call that its carrier fully vouches for."""
        return contact.channel != Channel.VOICE or contact.attestation == Attestation.A

    def expires_at(self, occurred_at: datetime) -> datetime:
        """The UTC moment from which a contact no longer counts: retention_months later, or that month's last day."""
        occurred_at = _utc(occurred_at)
        months = occurred_at.month - 1 + self.retention_months
        year, month = occurred_at.year + months // 12, months % 12 + 1
        if year > MAXYEAR:
            return _LATEST
        day = occurred_at.day
        if day > _SHORTEST_MONTH_DAYS:
            day = min(day, monthrange(year, month)[1])
        return occurred_at.replace(year=year, month=month, day=day)

    def kept_since(self, now: datetime) -> datetime:
        """A moment before which every contact has expired at `now`: the retention and, to be safe, a month more."""
        months = now.year * 12 + now.month - 1 - self.retention_months - 1
        return datetime(max(1, months // 12), months % 12 + 1, 1, tzinfo=UTC)

    def assess(
        self,
        contacts: Sequence[Contact],
        now: datetime,
        window: Window | None = None,
        *,
        covers: Sequence[Cover] = (),
    ) -> Assessment:
        """What the contacts amount to at `now`, inside the possession window where one is given.

        covers: what the number's ended exclusions cover. What happened then does not count, at no time: it was
        somebody's work, or another holder's, or part of a flood.
        """
        counting = [
            contact
            for contact in contacts
            if not any(cover.covers(contact.occurred_at) for cover in covers) and self.counts(contact, now)
        ]
        if not counting:
            return _NOTHING
        # Expiry keeps the order of the contacts, so that the oldest is the first to go.
        changes_at = self.expires_at(min(contact.occurred_at for contact in counting))
        if window is None:
            return Assessment(self._evidence(counting), boundary=False, changes_at=changes_at)
        inside = [contact for contact in counting if window.holds(_day(contact))]
        evidence = self._evidence(inside)
        if evidence is None:
            return Assessment(None, boundary=False, changes_at=changes_at)
        strictly_inside = [contact for contact in inside if not window.bounded_by(_day(contact))]
        if len(strictly_inside) < len(inside) and self._evidence(strictly_inside) is None:
            return Assessment(None, boundary=True, changes_at=changes_at)
        return Assessment(evidence, boundary=False, changes_at=changes_at)

    def _in_live_window(self, contact: Contact) -> bool:
        at = contact.occurred_at
        if contact.live_from is not None and at < contact.live_from:
            return False
        if contact.live_until is not None and at >= contact.live_until:
            return False
        # Counted in days from the acquisition, not added to it: a date near the end of the calendar cannot overflow.
        return contact.acquired_on is None or (_day(contact) - contact.acquired_on).days >= self.burn_in_days

    def _expired(self, occurred_at: datetime, now: datetime) -> bool:
        # No month is shorter than this, which settles nearly every case without the calendar.
        if (now - occurred_at).days < _SHORTEST_MONTH_DAYS * self.retention_months:
            return False
        return now >= self.expires_at(occurred_at)

    def _evidence(self, contacts: Sequence[Contact]) -> Evidence | None:
        """The grade and facts of contacts that all count; None where they amount to nothing.

        Two weak contacts with decoys of two organisations are `corroborated`: that two organisations saw the same
        caller ID independently is worth more than one carrier's word.
        """
        decoys: set[UUID] = set()
        organisations: set[UUID] = set()
        days: set[date] = set()
        channels: set[Channel] = set()
        strong = False
        for contact in contacts:
            decoys.add(contact.decoy)
            organisations.add(contact.organisation)
            days.add(_day(contact))
            channels.add(contact.channel)
            strong = strong or self.is_strong(contact)
        if len(decoys) > 1 and len(organisations) > 1:
            grade = Grade.CORROBORATED
        elif len(decoys) > 1 or len(days) > 1:
            grade = Grade.REPEATED
        elif strong:
            grade = Grade.SINGLE
        else:
            return None
        return Evidence(
            grade=grade,
            contacts=len(contacts),
            decoys=len(decoys),
            organisations=len(organisations),
            first_contact=min(days),
            last_contact=max(days),
            channels=tuple(sorted(channels)),
            policy=self.name,
        )


def answer(assessment: Assessment, *, excluded: bool, disputed: bool) -> tuple[Outcome, Reason | None, Evidence | None]:
    """The outcome, its reason where indeterminate, and its evidence where observed.

    An exclusion answers exactly like a number that nobody ever saw, and so does a dispute about nothing: that someone
    disputes must not tell that there is something to dispute.
    """
    evidence = assessment.evidence
    if excluded or (evidence is None and not assessment.boundary):
        return Outcome.NONE, None, None
    if disputed:
        return Outcome.INDETERMINATE, Reason.DISPUTED, None
    if evidence is None:
        return Outcome.INDETERMINATE, Reason.POSSESSION_BOUNDARY, None
    return Outcome.CONTACT_OBSERVED, None, evidence


def _utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def _day(contact: Contact) -> date:
    """The UTC date: a driver may hand out datetimes in its session's zone."""
    return _utc(contact.occurred_at).date()
