"""UUIDv7 (RFC 9562, section 5.7) from a given time and given random bytes, so that ids sort by when they were made."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

RANDOM_BYTES: Final = 10
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


def uuid7(at: datetime, random: bytes) -> UUID:
    """at: aware, at or after 1970, kept to the millisecond. random: exactly 10 bytes, of which 74 bits are used."""
    if len(random) != RANDOM_BYTES:
        raise ValueError("a UUIDv7 takes 10 random bytes")
    milliseconds = (at - _EPOCH) // _MILLISECOND
    entropy = int.from_bytes(random, "big")
    high = entropy >> 68
    low = entropy & ((1 << 62) - 1)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low)


def earliest_uuid7(at: datetime) -> UUID:
    """What every UUIDv7 that was made at this moment or later is not less than, and every earlier one is less than.

    at: aware. Ids know whole milliseconds: a moment between two counts as the later one, one before 1970 as the first.
    """
    milliseconds = max(0, -((_EPOCH - at) // _MILLISECOND))
    return UUID(int=milliseconds << 80)
