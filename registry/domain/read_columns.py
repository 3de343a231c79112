"""Which columns of a table are read and which are not, for whoever sent it to see: what is passed over in silence is
found out too late.

Says names of columns and counts, never a cell, and no name that could hold a number.
"""

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from registry.domain.references import could_hold_number
from registry.domain.tables import folded, shown_name

SAMPLE_ROWS: Final = 100
_NAME_LENGTH: Final = 80
_TEXT_LENGTH: Final = 100
_DIGITS: Final = range(7, 16)
_DATE: Final = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([-./])\d{1,2}\1\d{1,2}|\d{1,2}([-./])\d{1,2}\2(?:19|20)\d\d)(?!\d)", re.ASCII
)
_NUMBER: Final = re.compile(r"(?<![\w-])\+?\(?\d[\d\s().\-/\u2010-\u2015]{5,}\d(?![^\Wx]|-)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReadColumn:
    """field: ours. column: its name in the file."""

    field: str
    column: str


@dataclass(frozen=True, slots=True)
class UnreadColumn:
    """numbers: in how many of the first rows it holds what looks like a phone number."""

    column: str
    numbers: int


@dataclass(frozen=True, slots=True)
class TableColumns:
    """In the order of our fields, and in that of the file. By each name `find_column` finds its column."""

    read: tuple[ReadColumn, ...]
    not_read: tuple[UnreadColumn, ...]


def table_columns(
    header: Sequence[str], read: Mapping[str, int], *, width: int, rows: Iterable[Sequence[str]]
) -> TableColumns:
    """read: our field -> the index of its column. width: the columns that there are. rows: of data, each at least as
    wide; only the first `SAMPLE_ROWS` are looked at.
    """
    names = column_names(header)
    unread = [index for index in range(width) if index not in read.values()]
    numbers = count_numbers(unread, rows)
    return TableColumns(
        tuple(ReadColumn(name, names[index]) for name, index in read.items()),
        tuple(UnreadColumn(names[index], numbers[index]) for index in unread),
    )


def column_names(header: Sequence[str]) -> list[str]:
    """What each column may be called: its name, or its position (`column_2`) where the name cannot be said, is long, or
    belongs to a column further left. Where any of them could hold a number, the header may be a row of data, and
    none is said.
    """
    names = [f"column_{position}" for position in range(1, len(header) + 1)]
    if any(could_hold_number(name[:_TEXT_LENGTH]) for name in header):
        return names
    leftmost: dict[str, int] = {}
    for index, name in enumerate(header):
        shown = shown_name(name, index + 1, length=_NAME_LENGTH)
        if leftmost.setdefault(folded(name), index) == index and folded(shown) == folded(name):
            names[index] = shown
    return names


def count_numbers(columns: Sequence[int], rows: Iterable[Sequence[str]]) -> dict[int, int]:
    """In how many of the first rows each of these columns holds what looks like a phone number."""
    counted = dict.fromkeys(columns, 0)
    for cells in islice(rows, SAMPLE_ROWS) if columns else ():
        for index in columns:
            counted[index] += looks_like_number(cells[index])
    return counted


def is_number(cell: str) -> bool:
    """Whether this is a number and nothing else, so that no column is called that."""
    return looks_like_number(cell) and not any(map(str.isalpha, cell))


def looks_like_number(cell: str) -> bool:
    """Whether digits that nothing but a number's punctuation separates are as many as a phone number has, and no date.
    An identifier that has letters, or one of digits that is longer, is none.
    """
    text = _DATE.sub("~", unicodedata.normalize("NFKC", cell[:_TEXT_LENGTH]))
    return any(sum(map(str.isdigit, match[0].lstrip("0"))) in _DIGITS for match in _NUMBER.finditer(text))


def shell_word(name: str) -> str:
    """A column's name as it is typed on a command line."""
    if re.fullmatch(r"[\w.-]+", name):
        return name
    return f'"{name}"' if re.fullmatch(r"[\w .-]+", name) else shlex.quote(name)
