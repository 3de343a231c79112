"""Which constraint means which refusal. The database decides; this table only translates."""

from dataclasses import dataclass
from typing import Final

from registry.domain.errors import Code


@dataclass(frozen=True, slots=True)
class Conflict:
    code: Code
    detail: str


CONFLICTS: Final = {
    "organisations_name_key": Conflict(Code.NAME_TAKEN, "Another organisation has this name."),
    "decoys_number_key": Conflict(Code.DECOY_NUMBER_TAKEN, "The organisation has a decoy with this number already."),
    "decoys_live_window": Conflict(Code.WINDOW_REVERSED, "live_until must be after live_from."),
    "exclusions_active_key": Conflict(Code.ALREADY_EXCLUDED, "The number is excluded already."),
    "disputes_open_key": Conflict(Code.ALREADY_DISPUTED, "The number has an open dispute already."),
}
