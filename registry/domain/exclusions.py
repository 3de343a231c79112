"""Why a number is never listed, and who may say so. A closed list: free text could name people."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class ExclusionReason(StrEnum):
    """outreach, own_staff: people who call decoys for their work; own_staff also the number that a line had before.
    advertised_number: it stands in a real ad, whose seller calls decoys too. suppression: its holder asked for it.
    flood: the registry itself holds it back.
    """

    OUTREACH = "outreach"
    POLICE = "police"
    SURVIVOR = "survivor"
    OWN_STAFF = "own_staff"
    ADVERTISED_NUMBER = "advertised_number"
    SUPPRESSION = "suppression"
    OTHER = "other"
    FLOOD = "flood"


GIVEN_REASONS: Final = tuple(reason for reason in ExclusionReason if reason is not ExclusionReason.FLOOD)
"""Those that somebody can give. A flood is what the registry itself sees, and nobody else may claim it."""

INVESTIGATORS_REASONS: Final = (
    ExclusionReason.OUTREACH,
    ExclusionReason.OWN_STAFF,
    ExclusionReason.ADVERTISED_NUMBER,
)
"""What an investigator knows of its own work and can answer for. The rest is the operator's to decide: who is police or
a survivor, who has asked to be forgotten, and whatever has no name here, which could hide anything.
"""


def reasons_of(*, operator: bool) -> tuple[ExclusionReason, ...]:
    """The reasons that the operator's side, or an investigator, may give."""
    return GIVEN_REASONS if operator else INVESTIGATORS_REASONS


@dataclass(frozen=True, slots=True)
class Cover:
    """A time in which a number's contacts never count, because an exclusion that has ended covers it. since: None: from
    ever; of a flood's hold, when the flood began. until: the exclusion's end, not in it any more.
    """

    until: datetime
    since: datetime | None = None

    def covers(self, occurred_at: datetime) -> bool:
        return occurred_at < self.until and (self.since is None or occurred_at >= self.since)
