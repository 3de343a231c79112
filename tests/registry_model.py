"""The registry in a few dozen lines of plain Python over dictionaries.

It is what the real one is compared with, so it shares nothing with `registry.domain.policy`, knows no tags, keys,
generations, listings or database, and is in no hurry.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final

RETENTION_YEARS: Final = 2  # 24 months
BURN_IN: Final = timedelta(days=7)
NEVER_COUNTED: Final = frozenset({"toll_free", "premium_rate", "shared_cost"})

Answer = tuple[str, str | None, "Facts | None"]
"""outcome, reason, evidence"""


@dataclass
class Decoy:
    owner: str
    role: str
    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    quarantined: bool = False
    imposed: bool = False
    """Whether the operator put it into quarantine."""
    number: str = ""
    """Its own; empty: one that never contacts anybody."""


@dataclass
class Contact:
    """line_type: what kind of number called."""

    number: str
    line_type: str
    decoy: str
    at: datetime
    channel: str
    attestation: str | None
    diverted: bool
    source: object
    retracted: bool = False


@dataclass
class Exclusion:
    """ends: when it ends by itself, or was ended; None for never. removed: whether somebody ended it or put it away."""

    number: str
    ends: datetime | None
    removed: bool = False
    mistaken: bool = False


@dataclass(frozen=True)
class Facts:
    grade: str
    contacts: int
    decoys: int
    organisations: int
    first_contact: date
    last_contact: date
    channels: tuple[str, ...]


@dataclass
class Model:
    """decoys, contacts and exclusions by the ids that the real registry gave them. disputes: id -> number, of the open
    ones.
    """

    now: datetime
    decoys: dict[str, Decoy] = field(default_factory=dict[str, Decoy])
    contacts: dict[str, Contact] = field(default_factory=dict[str, Contact])
    exclusions: dict[str, Exclusion] = field(default_factory=dict[str, Exclusion])
    disputes: dict[str, str] = field(default_factory=dict[str, str])
    left: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    """Numbers that lines had before they were given another, and until when."""

    def is_excluded(self, number: str) -> bool:
        return any(one.number == number and not self._has_ended(one) for one in self.exclusions.values())

    def is_a_lines(self, number: str) -> bool:
        return any(
            decoy.number == number and (decoy.live_until is None or decoy.live_until > self.now)
            for decoy in self.decoys.values()
        )

    def give_number(self, decoy: Decoy, number: str) -> None:
        if decoy.number != number:
            until = self.now if decoy.live_until is None else min(self.now, decoy.live_until)
            self.left.append((decoy.number, until))
            decoy.number = number

    def not_removed(self, number: str) -> list[Exclusion]:
        """Those of the number that nobody has ended: one that stands, or one that has expired."""
        return [one for one in self.exclusions.values() if one.number == number and not one.removed]

    def end(self, exclusion: Exclusion, *, mistaken: bool) -> None:
        if not self._has_ended(exclusion):
            exclusion.ends = self.now
        exclusion.removed = True
        exclusion.mistaken = exclusion.mistaken or mistaken

    def is_disputed(self, number: str) -> bool:
        return number in self.disputes.values()

    def role_is_in_use(self, decoy: str) -> bool:
        """Whether it has contacts that are not retracted, so that its role stays what it is."""
        return any(contact.decoy == decoy and not contact.retracted for contact in self.contacts.values())

    def same_event(self, owner: str, source: object) -> str | None:
        """The contact that this organisation has submitted for the source before."""
        for id_, contact in self.contacts.items():
            if self.decoys[contact.decoy].owner == owner and contact.source == source:
                return id_
        return None

    def ask(self, number: str, since: date | None = None, until: date | None = None) -> Answer:
        if self.is_excluded(number) or self.is_a_lines(number):
            return "none", None, None
        inside = [
            contact
            for contact in self._that_count(number)
            if (since is None or contact.at.date() >= since) and (until is None or contact.at.date() <= until)
        ]
        facts = self._facts(inside)
        if facts is None:
            return "none", None, None
        if self.is_disputed(number):
            return "indeterminate", "disputed", None
        between = [contact for contact in inside if contact.at.date() not in {since, until}]
        if len(between) < len(inside) and self._facts(between) is None:
            return "indeterminate", "possession_boundary", None
        return "contact_observed", None, facts

    def expiries(self) -> list[datetime]:
        """When contacts that are recorded now will have expired."""
        return sorted({expiry(contact.at) for contact in self.contacts.values()})

    def _has_ended(self, exclusion: Exclusion) -> bool:
        return exclusion.ends is not None and exclusion.ends <= self.now

    def _is_covered(self, contact: Contact) -> bool:
        """Whether an exclusion of its number that was no mistake ended after it, or a line that had its number."""
        lines = [(decoy.number, decoy.live_until) for decoy in self.decoys.values()]
        return any(
            number == contact.number and until is not None and contact.at < until <= self.now
            for number, until in [*lines, *self.left]
        ) or any(
            one.number == contact.number
            and not one.mistaken
            and one.ends is not None
            and contact.at < one.ends <= self.now
            for one in self.exclusions.values()
        )

    def _that_count(self, number: str) -> Iterable[Contact]:
        for contact in self.contacts.values():
            decoy = self.decoys[contact.decoy]
            if (
                contact.number == number
                and decoy.role == "advertisement"
                and not decoy.quarantined
                and not contact.retracted
                and not contact.diverted
                and contact.line_type not in NEVER_COUNTED
                and self.now < expiry(contact.at)
                and not self._is_covered(contact)
                and (decoy.live_from is None or decoy.live_from <= contact.at)
                and (decoy.live_until is None or contact.at < decoy.live_until)
                and (decoy.acquired_on is None or contact.at.date() >= decoy.acquired_on + BURN_IN)
            ):
                yield contact

    def _facts(self, contacts: list[Contact]) -> Facts | None:
        decoys = {contact.decoy for contact in contacts}
        owners = {self.decoys[decoy].owner for decoy in decoys}
        days = {contact.at.date() for contact in contacts}
        strong = any(contact.channel in {"sms", "mms", "chat"} or contact.attestation == "A" for contact in contacts)
        if len(owners) >= 2:  # and so on two decoys or more
            grade = "corroborated"
        elif len(decoys) >= 2 or len(days) >= 2:
            grade = "repeated"
        elif strong:
            grade = "single"
        else:
            return None
        channels = tuple(sorted({contact.channel for contact in contacts}))
        return Facts(grade, len(contacts), len(decoys), len(owners), min(days), max(days), channels)


def expiry(at: datetime) -> datetime:
    """The same day and time of day 24 months later; the 28th for a 29 February, whose year has no such day then."""
    day = 28 if (at.month, at.day) == (2, 29) else at.day
    return at.astimezone(UTC).replace(year=at.year + RETENTION_YEARS, day=day)
