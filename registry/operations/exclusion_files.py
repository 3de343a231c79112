"""Reading files of numbers that must never be listed: a table with a header, a plain list of numbers, or NDJSON.

Only the columns that are needed are ever looked at, and no refusal repeats a cell.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import IO, Final

from registry.domain import cells
from registry.domain.checked_table import NUMBER_COLUMNS
from registry.domain.errors import Code, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.ndjson import count_json_lines, json_lines
from registry.domain.tables import Survey, find_column, records, survey
from registry.operations.questions import ItemRefusal

FIELDS: Final = ("number", "region", "reason", "expires_at")
_DAY_LENGTH: Final = len("2027-01-31")


@dataclass(frozen=True, slots=True)
class ExclusionRow:
    """One number to exclude, as the file has it. expires_at: aware."""

    number: str = field(repr=False)
    region: str | None = field(repr=False)
    reason: ExclusionReason
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ExclusionFileOptions:
    """mapping: our field -> the file's column. The rest stands in for rows that do not say."""

    mapping: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    reason: ExclusionReason | None = None
    region: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """line: 1-based. item: the row, or the refusal of one that cannot be read."""

    line: int
    item: ExclusionRow | ItemRefusal


class ExclusionTable:
    """A surveyed CSV. Raises Refused at once for a column that is needed and not there."""

    def __init__(self, file: IO[bytes], options: ExclusionFileOptions, *, max_rows: int) -> None:
        self._file = file
        self._options = options
        self._survey: Survey = survey(file, max_rows=max_rows)
        self._columns = _columns(self._survey.header, options)

    @property
    def rows(self) -> int:
        return self._survey.rows

    def __iter__(self) -> Iterator[Row]:
        for record in records(self._file, self._survey):
            if not record.blank:
                values = {name: record.cells[column].strip() for name, column in self._columns.items()}
                yield Row(record.line, read_exclusion(values, self._options))


class ExclusionLines:
    """NDJSON: one object with the members of an exclusion on each line."""

    def __init__(self, file: IO[bytes], options: ExclusionFileOptions, *, max_rows: int, max_line_bytes: int) -> None:
        self._file = file
        self._options = options
        self._max_line_bytes = max_line_bytes
        self.rows = count_json_lines(file, max_line_bytes=max_line_bytes)
        if self.rows == 0:
            raise Refused(Code.FILE_EMPTY, "The file holds no line.")
        if self.rows > max_rows:
            raise Refused(Code.TOO_MANY_ROWS, f"The file has more than {max_rows} lines. Split it.")

    def __iter__(self) -> Iterator[Row]:
        for line, content in json_lines(self._file, max_line_bytes=self._max_line_bytes):
            if isinstance(content, Refused):
                yield Row(line, ItemRefusal(content.code, "", content.detail))
            else:
                yield Row(line, self._item(content))

    def _item(self, content: Mapping[str, object]) -> ExclusionRow | ItemRefusal:
        values: dict[str, str] = {}
        for name, value in content.items():
            if name not in FIELDS:
                return ItemRefusal(Code.UNKNOWN_FIELD, "", "The object has a member that an exclusion does not have.")
            if isinstance(value, str):
                values[name] = value.strip()
            elif value is not None:
                return ItemRefusal(Code.WRONG_TYPE, name, "This member has the wrong type.")
        return read_exclusion(values, self._options)


ExclusionFile = ExclusionTable | ExclusionLines


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


def _columns(header: Sequence[str], options: ExclusionFileOptions) -> dict[str, int]:
    """Our field -> the index of its column."""
    if set(options.mapping) - set(FIELDS):
        raise Refused(Code.INVALID_VALUE, f"A mapping names a field that there is not. Fields: {', '.join(FIELDS)}.")
    present = {name.strip().lower(): index for index, name in reversed(list(enumerate(header)))}
    columns: dict[str, int] = {name: present[name] for name in FIELDS if name in present}
    columns |= {name: find_column(header, column, candidates=()) for name, column in options.mapping.items()}
    if "number" not in columns:
        columns["number"] = find_column(header, None, candidates=NUMBER_COLUMNS)
    if "reason" not in columns and options.reason is None:
        detail = "The file has no column `reason`. Map one (map=reason=YourColumn), or name one for all (reason=...)."
        raise Refused(Code.COLUMN_NOT_FOUND, detail)
    return columns
