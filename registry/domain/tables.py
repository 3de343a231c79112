"""Reading messy delimited tables: one pass that validates and counts, then as many passes over the records as wanted.

The functions take an open, seekable binary file that the caller owns; they move its position, and neither open nor
close anything. Memory stays flat: what is held is one record, whose size is bounded, never the file.

Must never quote a cell in a refusal: cells are phone numbers and people's names. Lines are named by their number.
"""

import csv
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import IO, Final, TextIO

from registry.domain.errors import Code, Refused
from registry.domain.references import label
from registry.domain.table_format import TableFormat, decoded, detect, is_separator_line

_LISTED_NAMES: Final = 30
_LISTED_NAME_LENGTH: Final = 40
_DIGITS_TO_HIDE: Final = 5
_PHONE_DIGITS: Final = range(7, 18)
_LONG_PHONE_DIGITS: Final = range(10, 18)  # more than a date has
_PHONE: Final = re.compile(r"\s*(?:tel:)?\+?[\d\s().\-/\u2010-\u2015]+")
_POSITION: Final = re.compile(r"column_([1-9][0-9]{0,5})")


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over a table found.

    preamble: the text before the first record that says something, exactly as it stands: blank lines, `sep=;`.
    header: the column names, padded with empty ones to `width`; `column_1` and so on if the table has no header row.
    body_line: 1-based number of the physical line with which the data begins.
    width: cells in the widest record, the header's included.
    rows: data records that are not blank. lines: physical lines in the file.
    """

    format: TableFormat
    preamble: str
    has_header: bool
    header: tuple[str, ...]
    body_line: int
    width: int
    rows: int
    lines: int


@dataclass(frozen=True, slots=True)
class Record:
    """One data record.

    line: 1-based number of its first physical line. blank: no cell holds anything but white space.
    cells: none for an empty line, otherwise padded with empty ones to the survey's width.
    """

    line: int
    cells: tuple[str, ...]
    blank: bool


def survey(
    file: IO[bytes],
    *,
    max_rows: int,
    max_row_bytes: int = 1_000_000,
    max_columns: int = 1_000,
    has_header: bool | None = None,
    delimiter: str | None = None,
) -> Survey:
    """Detect the format, validate every record and count them, in one streaming pass.

    A second pass is made only if a file without byte order mark begins as UTF-8 and goes on as something else.
    max_rows: data records that are not blank. max_row_bytes: of one record, line endings included, counted in UTF-8.
    max_columns: bounds the answer, in which every record is padded to the widest.
    has_header: None looks at the first record (see `_is_data`). delimiter: None looks at a sample.
    Raises Refused: file_empty (nothing but blank lines), file_not_text, invalid_utf8 (only where a byte order mark
    claims UTF-8), too_many_rows, row_too_long (also too many cells, or a quotation mark that is not closed).
    """
    table = detect(file, delimiter=delimiter)
    limits = _Limits(max_rows, max_row_bytes, max_columns)
    found = _survey(file, table, limits, has_header=has_header)
    if found is None and table.encoding == "utf-8" and not table.bom:
        found = _survey(file, replace(table, encoding="cp1252"), limits, has_header=has_header)
    if found is not None:
        return found
    if table.encoding == "utf-8":
        raise Refused(Code.INVALID_UTF8, "The file says that it is UTF-8 (byte order mark), but it is not.")
    raise Refused(Code.FILE_NOT_TEXT, "The file looks like UTF-16, but it is not. Save it as UTF-8.")


def records(file: IO[bytes], survey: Survey) -> Iterator[Record]:
    """The data records in order, blank ones included. The file must be the one surveyed, unchanged."""
    text = decoded(file, survey.format)
    for _ in range(survey.body_line - 1):
        text.readline()
    reader = csv.reader(text, delimiter=survey.format.delimiter)
    line = survey.body_line
    for cells in reader:
        blank = not any(map(str.strip, cells))
        if cells and len(cells) < survey.width:
            cells.extend([""] * (survey.width - len(cells)))
        yield Record(line, tuple(cells), blank)
        line = survey.body_line + reader.line_num


def find_column(header: Sequence[str], wanted: str | None, *, candidates: Sequence[str]) -> int:
    """The index of the column called `wanted`, or without one of the first candidate that there is.

    Case, spaces and punctuation do not matter unless a name fits exactly. `column_3` also means the third column where
    no name fits, and the only column of a table needs no name. Of several that fit, the leftmost is taken.
    Raises Refused(column_not_found), which names the columns that exist, except those that hold a number.
    """
    if wanted is None:
        found = known_column(header, candidates)
        if found is not None:
            return found
        if len(header) == 1:
            return 0
        problem = "None of the columns has a name that is known. Say which one to read"
    else:
        for names, name in ((list(header), wanted), ([folded(each) for each in header], folded(wanted))):
            if name and name in names:
                return names.index(name)
        position = _POSITION.fullmatch(wanted)
        if position and int(position[1]) <= len(header):
            return int(position[1]) - 1
        problem = "There is no column of that name"
    shown = [shown_name(name, position) for position, name in enumerate(header[:_LISTED_NAMES], 1)]
    more = f", and {len(header) - _LISTED_NAMES} more" if len(header) > _LISTED_NAMES else ""
    raise Refused(Code.COLUMN_NOT_FOUND, f"{problem}. The columns are: {', '.join(shown)}{more}.")


def known_column(header: Sequence[str], candidates: Sequence[str]) -> int | None:
    """The index of the first candidate that there is, whatever its case, spaces and punctuation; the leftmost of it."""
    by_name = [folded(name) for name in header]
    return next((by_name.index(name) for name in map(folded, candidates) if name in by_name), None)


def shown_name(name: str, position: int, *, length: int = _LISTED_NAME_LENGTH) -> str:
    """A column's name as it may be said: its position instead if it is empty, could hold a number, or cannot be seen
    as it is.
    """
    name = " ".join(name.split())
    if sum(map(str.isdigit, name)) >= _DIGITS_TO_HIDE:
        return f"column_{position}"
    try:
        return label(name[:length], max_length=2 * length)
    except Refused:
        return f"column_{position}"


@dataclass(frozen=True, slots=True)
class _Limits:
    rows: int
    row_bytes: int
    columns: int


class _Feed:
    """Hands physical lines to csv.reader and holds those of the record in progress.

    csv.reader asks for more lines as long as a quotation mark is open; here is where that ends.
    """

    __slots__ = ("_limit", "_text", "lines", "number", "size")

    def __init__(self, text: TextIO, limit: int) -> None:
        self._text = text
        self._limit = limit
        self.lines: list[str] = []
        self.number = 0
        self.size = 0

    @property
    def first(self) -> int:
        """Number of the line in which the record in progress began."""
        return self.number - len(self.lines) + 1

    def __iter__(self) -> Iterator[str]:
        for line in iter(partial(self._text.readline, self._limit + 1), ""):
            self.number += 1
            self.lines.append(line)
            self.size += len(line) if line.isascii() else len(line.encode())
            if self.size > self._limit:
                raise Refused(
                    Code.ROW_TOO_LONG,
                    f"The row that begins in line {self.first} is longer than {self._limit} bytes. "
                    "Perhaps a quotation mark in it is not closed.",
                )
            if "\0" in line:
                raise Refused(Code.FILE_NOT_TEXT, f"Line {self.number} holds a NUL character: this is not a text file.")
            yield line
        if self.lines:
            raise Refused(
                Code.ROW_TOO_LONG,
                f"A quotation mark in the row that begins in line {self.first} is not closed before the file ends.",
            )


def _survey(file: IO[bytes], table: TableFormat, limits: _Limits, *, has_header: bool | None) -> Survey | None:
    """One pass, or None if the bytes are not in the encoding that the format says."""
    feed = _Feed(decoded(file, table), limits.row_bytes)
    rows = _checked(feed, table.delimiter, limits.columns)
    try:
        preamble, first = _beginning(feed, rows, limits.row_bytes)
        if has_header is None:
            has_header = not _is_data(first)
        body_line = feed.number + 1 if has_header else feed.first
        width, count = len(first), 0 if has_header else 1
        for cells in rows:
            width = max(width, len(cells))
            if any(map(str.strip, cells)):
                count += 1
                if count > limits.rows:
                    raise Refused(Code.TOO_MANY_ROWS, f"The file has more than {limits.rows} rows.")
    except UnicodeDecodeError:
        return None
    named = first + [""] * (width - len(first)) if has_header else [f"column_{at}" for at in range(1, width + 1)]
    return Survey(table, preamble, has_header, tuple(named), body_line, width, count, feed.number)


def _checked(feed: _Feed, delimiter: str, max_columns: int) -> Iterator[list[str]]:
    """The records; while one is looked at, `feed.lines` holds its text."""
    for cells in csv.reader(feed, delimiter=delimiter):
        if len(feed.lines) > 1:
            _refuse_stray_quote(feed, delimiter)
        if len(cells) > max_columns:
            raise Refused(
                Code.ROW_TOO_LONG, f"The row that begins in line {feed.first} has more than {max_columns} cells."
            )
        yield cells
        feed.lines.clear()
        feed.size = 0


def _refuse_stray_quote(feed: _Feed, delimiter: str) -> None:
    """Refuse a record over several lines if a quotation mark inside it is neither doubled nor at the end of a cell.

    A mark that is never closed swallows rows until the next quoted cell opens, and there it shows. Within one line the
    reader's lenience does no harm; over several it would hide numbers from being checked.
    """
    try:
        list(csv.reader(feed.lines, delimiter=delimiter, strict=True))
    except csv.Error:
        stray = True
    else:
        stray = False
    if stray:  # raised out here so that no traceback carries the parser's state
        raise Refused(
            Code.ROW_TOO_LONG,
            f"The row that begins in line {feed.first} runs on to line {feed.number}: "
            "a quotation mark in it is not closed, or not doubled.",
        )


def _beginning(feed: _Feed, rows: Iterator[list[str]], limit: int) -> tuple[str, list[str]]:
    """The text before the first record that says something, and that record."""
    preamble: list[str] = []
    size = 0
    for cells in rows:
        declares = feed.number == 1 and is_separator_line(feed.lines[0])
        if any(map(str.strip, cells)) and not declares:
            return "".join(preamble), cells
        preamble.extend(feed.lines)
        size += feed.size
        if size > limit:
            raise Refused(Code.FILE_EMPTY, f"The first {limit} bytes of the file are blank lines.")
    raise Refused(Code.FILE_EMPTY, "The file holds nothing but blank lines.")


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a first record is data: it holds what looks like a phone number, and its other cells are no names.

    Taking a first row for names would leave its number unasked, which nobody would notice. So a cell of ten digits or
    more is enough whatever stands beside it; shorter ones could be dates, and count if there is no letter in the row.
    """
    digits = [sum(map(str.isdigit, cell)) for cell in cells if _PHONE.fullmatch(cell)]
    if any(count in _LONG_PHONE_DIGITS for count in digits):
        return True
    return any(count in _PHONE_DIGITS for count in digits) and not any(map(str.isalpha, "".join(cells)))


def folded(name: str) -> str:
    """What is compared of a column's name."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKC", name).casefold()))
