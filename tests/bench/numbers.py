"""The phone numbers that the bench asks about and submits: those that North America keeps free for fiction, 555-0100 to
555-0199 in every geographic area code in use, which libphonenumber calls valid.

They come in an order that no index shares, and every tenth of them is listed before anything is measured.
"""

import hashlib
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from typing import Final

import phonenumbers

REGION: Final = "US"
LISTED_OF: Final = 10
"""One number of so many is listed."""
_SERVED: Final = frozenset({"US", "CA"})
_ORDINARY: Final = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
_AREA_CODES: Final = range(200, 1_000)
_FIRST_LINE: Final = 5_550_100
_LINES: Final = 100


@cache
def everyone() -> tuple[str, ...]:
    """All of them, some 42,000, in E.164."""
    found: list[str] = []
    for area in _AREA_CODES:
        first = area * 10_000_000 + _FIRST_LINE
        number = phonenumbers.PhoneNumber(1, first)
        if phonenumbers.region_code_for_number(number) in _SERVED and phonenumbers.number_type(number) == _ORDINARY:
            found.extend(f"+1{first + line}" for line in range(_LINES))
    return tuple(sorted(found, key=lambda number: hashlib.sha256(number.encode()).digest()))


def listed() -> tuple[str, ...]:
    """Those of `everyone` that have a contact."""
    return everyone()[::LISTED_OF]


def written(count: int, start: int = 0) -> Iterator[str]:
    """So many numbers of `everyone` from a place on, round and round, as people write them: in three ways by turns."""
    styles = cycle((_international, _bracketed, _dashed))
    for number in islice(cycle(everyone()), start, start + count):
        yield next(styles)(number)


def _international(e164: str) -> str:
    return e164


def _bracketed(e164: str) -> str:
    return f"({e164[2:5]}) {e164[5:8]}-{e164[8:]}"


def _dashed(e164: str) -> str:
    return f"{e164[2:5]}-{e164[5:8]}-{e164[8:]}"
