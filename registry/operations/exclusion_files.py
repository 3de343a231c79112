"""Reading files of numbers that must never be listed, or may be listed again: a table with a header, a plain list of
numbers, or NDJSON.

Of the other columns nothing is kept: they are named to whoever sent the file, with how often their first rows look like
a number. No refusal repeats a cell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import IO, Final, Generic, Protocol, TypeVar

from registry.domain import cells
from registry.domain.errors import Code, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.ndjson import count_json_lines, json_lines
from registry.domain.read_columns import TableColumns, is_number, table_columns
from registry.domain.tables import records, survey
from registry.operations.exclusion_columns import FIELDS, find_columns, named_width
from registry.operations.questions import ItemRefusal

_DAY_LENGTH: Final = len("2027-01-31")

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """One number to exclude, as the file has it. expires_at: aware."""

    number: str = field(repr=False)
    region: str | None = field(repr=False)
    reason: ExclusionReason
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RemovalRow:
    """One number whose exclusion is to end, as the file has it."""

    number: str = field(repr=False)
    region: str | None = field(repr=False)


class FileOptions(Protocol[T_co]):
    """How a file is read. fields: what is. mapping: our field -> the file's column. needs_reason: whether a table must
    have a column of reasons.
    """

    @property
    def fields(self) -> tuple[str, ...]: ...
    @property
    def mapping(self) -> Mapping[str, str]: ...
    @property
    def needs_reason(self) -> bool: ...
    def read(self, values: Mapping[str, str], /) -> T_co | ItemRefusal:
        """One row from texts by field name; absent and empty are the same."""
        ...


@dataclass(frozen=True, slots=True)
class ExclusionFileOptions:
    """mapping: our field -> the file's column. The rest stands in for rows that do not say."""

    mapping: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    reason: ExclusionReason | None = None
    region: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    @property
    def fields(self) -> tuple[str, ...]:
        return FIELDS

    @property
    def needs_reason(self) -> bool:
        return self.reason is None

    def read(self, values: Mapping[str, str]) -> ExclusionRow | ItemRefusal:
        return read_exclusion(values, self)


@dataclass(frozen=True, slots=True)
class RemovalFileOptions:
    """For the files that were imported: reasons and ends may stand in them, and are not looked at."""

    mapping: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    region: str | None = field(default=None, repr=False)
    needs_reason: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        return ("number", "region")

    def read(self, values: Mapping[str, str]) -> RemovalRow | ItemRefusal:
        return RemovalRow(values.get("number", ""), values.get("region") or self.region)


@dataclass(frozen=True, slots=True)
class Row(Generic[T]):
    """line: 1-based. item: the row, or the refusal of one that cannot be read."""

    line: int
    item: T | ItemRefusal


class ExclusionTable(Generic[T]):
    """A surveyed CSV. Raises Refused at once for a column that is needed and not there. A row with cells to the right
    of all columns is refused: nobody said what they are.

    columns: which of the file's are read and which are not.
    """

    def __init__(self, file: IO[bytes], options: FileOptions[T], *, max_rows: int) -> None:
        self._file = file
        self._options = options
        self._survey = survey(file, max_rows=max_rows)
        self._columns = self._find_columns()
        if self._survey.has_header and is_number(self._survey.header[self._columns["number"]]):
            self._survey = survey(file, max_rows=max_rows, has_header=False)  # what was taken for a header is a row
            self._columns = self._find_columns()
        self._width = named_width(self._survey, self._columns.values())
        self.columns: TableColumns | None = table_columns(
            self._survey.header, self._columns, width=self._width, rows=self._cells()
        )

    @property
    def rows(self) -> int:
        return self._survey.rows

    def __iter__(self) -> Iterator[Row[T]]:
        for record in records(self._file, self._survey):
            if not record.blank:
                yield Row(record.line, self._item(record.cells))

    def _item(self, row: Sequence[str]) -> T | ItemRefusal:
        if any(map(str.strip, row[self._width :])):
            detail = (
                "The row has more cells than the header has columns. Name them all; quote cells that hold a delimiter."
            )
            return ItemRefusal(Code.ROW_TOO_LONG, "", detail)
        return self._options.read({name: row[column].strip() for name, column in self._columns.items()})

    def _find_columns(self) -> dict[str, int]:
        options = self._options
        return find_columns(self._survey, options.fields, options.mapping, self._cells(), reason=options.needs_reason)

    def _cells(self) -> Iterator[Sequence[str]]:
        return (record.cells for record in records(self._file, self._survey) if not record.blank)


class ExclusionLines(Generic[T]):
    """NDJSON: one object with the members of an exclusion on each line. It has no columns, and any other member is
    refused.
    """

    columns: TableColumns | None = None

    def __init__(self, file: IO[bytes], options: FileOptions[T], *, max_rows: int, max_line_bytes: int) -> None:
        self._file = file
        self._options = options
        self._max_line_bytes = max_line_bytes
        self.rows = count_json_lines(file, max_line_bytes=max_line_bytes)
        if self.rows == 0:
            raise Refused(Code.FILE_EMPTY, "The file holds no line.")
        if self.rows > max_rows:
            raise Refused(Code.TOO_MANY_ROWS, f"The file has more than {max_rows} lines. Split it.")

    def __iter__(self) -> Iterator[Row[T]]:
        for line, content in json_lines(self._file, max_line_bytes=self._max_line_bytes):
            if isinstance(content, Refused):
                yield Row(line, ItemRefusal(content.code, "", content.detail))
            else:
                yield Row(line, self._item(content))

    def _item(self, content: Mapping[str, object]) -> T | ItemRefusal:
        values: dict[str, str] = {}
        for name, value in content.items():
            if name not in FIELDS:
                return ItemRefusal(Code.UNKNOWN_FIELD, "", "The object has a member that an exclusion does not have.")
            if isinstance(value, str):
                values[name] = value.strip()
            elif value is not None:
                return ItemRefusal(Code.WRONG_TYPE, name, "This member has the wrong type.")
        return self._options.read(values)


ExclusionFile = ExclusionTable[T] | ExclusionLines[T]


def read_exclusion(values: Mapping[str, str], options: ExclusionFileOptions) -> ExclusionRow | ItemRefusal:
    """One exclusion from texts by field name; absent and empty are the same."""
    at = "reason"
    try:
        reason = _reason(values.get("reason", "")) or options.reason
        if reason is None:
            raise Refused(Code.MISSING_FIELD, "The reason is missing.")
        at = "expires_at"
        expires_at = _end(values.get("expires_at", "")) or options.expires_at
    except Refused as refused:
        return ItemRefusal(refused.code, at, refused.detail)
    return ExclusionRow(values.get("number", ""), values.get("region") or options.region, reason, expires_at)


def _reason(text: str) -> ExclusionReason | None:
    if not text:
        return None
    try:
        return ExclusionReason(text.lower().replace(" ", "_"))
    except ValueError:
        raise Refused(Code.INVALID_VALUE, f"It takes: {', '.join(ExclusionReason)}.") from None


def _end(text: str) -> datetime | None:
    """A time with its offset, or a day, which stands for its first moment (UTC)."""
    if not text:
        return None
    if len(text) == _DAY_LENGTH and (day := cells.day(text)) is not None:
        return datetime.combine(day, time(), UTC)
    return cells.moment(text)
