"""Reading the cells of people's tables: dates, times and flags as spreadsheets and providers write them.

A refusal never repeats the cell.
"""

import re
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from registry.domain.errors import Code, Refused

_YEARS: Final = range(2000, 2201)
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ][0-9:.]+.*)?")
_NAMED_UTC: Final = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_TRUE: Final = frozenset({"true", "yes", "y", "1", "t"})
_FALSE: Final = frozenset({"", "false", "no", "n", "0", "f"})


def day(cell: str) -> date | None:
    """An ISO date, with or without a time behind it; None for an empty cell. Other orders of day and month are
    refused: 03/04/2026 means two different days to two readers.
    """
    text = cell.strip()
    if not text:
        return None
    match = _DAY.fullmatch(text)
    try:
        found = date.fromisoformat(match[1]) if match else None
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        raise Refused(Code.INVALID_VALUE, "A date is written 2026-03-01.")
    return found


def moment(cell: str) -> datetime:
    """A time with its offset: RFC 3339, `2026-03-01 10:00:00 UTC`, or RFC 2822 as mail and some providers write it."""
    text = cell.strip()
    if not text:
        raise Refused(Code.MISSING_FIELD, "The time of the contact is missing.")
    named = _NAMED_UTC.sub("+00:00", text)
    for candidate in (named, text):
        try:
            found = datetime.fromisoformat(candidate)
        except ValueError:
            try:
                found = parsedate_to_datetime(candidate)
            except (ValueError, TypeError, IndexError, OverflowError):
                continue
        if found.tzinfo is not None and found.year in _YEARS:
            return found.astimezone(UTC)
    raise Refused(
        Code.INVALID_VALUE, "A time is written 2026-03-01T10:00:00Z, with its offset, and lies between 2000 and 2200."
    )


def flag(cell: str) -> bool:
    """true/false, yes/no, 1/0; an empty cell is false."""
    text = cell.strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Refused(Code.INVALID_VALUE, "This is written true or false.")
