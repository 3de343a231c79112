"""When contacts come so fast that they say more about whoever sends them than about a caller or a line.

A number that floods is held back for a few days, so that nobody hides a listed one for good by flooding with it. What
flooded counts only if somebody has looked and let go; a decoy that is flooded stays in quarantine until then. Only what
happened lately is watched, so that the file of a whole year floods nothing by its length. Sees no number, no tag and no
clock.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

WATCHED: Final = timedelta(hours=48)
HELD_FOR: Final = timedelta(days=7)
"""A number, unless somebody lets go of it before. Longer than what is watched: the same contacts hold it only once."""
NUMBER_WINDOW: Final = timedelta(hours=1)
USUAL_DAYS: Final = 14
"""A decoy's usual day is the mean of so many days before, those with contacts alone."""
TIMES_USUAL: Final = 10
DEFAULT_NUMBER_CONTACTS: Final = 50
DEFAULT_DECOY_CONTACTS: Final = 1_000


class Flooded(StrEnum):
    NUMBER = "number"
    DECOY = "decoy"


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something was held back. decoy: which, where it was a decoy; of a number nothing can be told."""

    flooded: Flooded
    decoy: UUID | None = None


def counted(alarms: Iterable[Alarm]) -> dict[str, int]:
    """How many numbers were held and decoys quarantined, for an audit event: only what there is."""
    many = Counter(alarm.flooded for alarm in alarms)
    names = {Flooded.NUMBER: "held_numbers", Flooded.DECOY: "quarantined_decoys"}
    return {names[flooded]: many[flooded] for flooded in sorted(many)}


@dataclass(frozen=True, slots=True)
class FloodGuard:
    """number_contacts: more within an hour hold a number. decoy_contacts: a decoy may have so many on any UTC day, and
    more only where it is used to more. 0 switches a rule off.
    """

    number_contacts: int = DEFAULT_NUMBER_CONTACTS
    decoy_contacts: int = DEFAULT_DECOY_CONTACTS

    def watched_since(self, now: datetime) -> datetime:
        """Contacts before it are history, whenever they are recorded."""
        return now - WATCHED

    def crowded_since(self, moments: Sequence[datetime]) -> datetime | None:
        """The first contact with which a number's contacts come too thick; None where they do not. moments: oldest
        first, and only those that are watched.
        """
        most = self.number_contacts
        if most == 0:
            return None
        pairs = zip(moments, moments[most:], strict=False)
        return next((first for first, last in pairs if last - first <= NUMBER_WINDOW), None)

    def may_be_flooded(self, contacts: int) -> bool:
        """Whether so many on one day are reason to look at what is usual for the decoy."""
        return 0 < self.decoy_contacts < contacts

    def is_flooded(self, contacts: int, before: Sequence[int]) -> bool:
        """Whether a decoy's contacts of one day are far more than usual. before: of its last USUAL_DAYS days with
        contacts.
        """
        if not self.may_be_flooded(contacts):
            return False
        return not before or contacts * len(before) > TIMES_USUAL * sum(before)


def day_of(occurred_at: datetime) -> date:
    """The UTC day a contact is counted on."""
    return (occurred_at if occurred_at.tzinfo is UTC else occurred_at.astimezone(UTC)).date()
