"""Reading files of contacts: our own header, Twilio's message log, any other by a mapping, and NDJSON.

Only the columns that are needed are ever looked at. In particular a message's body is never read into anything.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, Final, TypeVar
from uuid import UUID

from registry.domain import cells
from registry.domain.errors import Code, Refused
from registry.domain.ndjson import count_json_lines, json_lines
from registry.domain.policy import Attestation, Channel, Verification
from registry.domain.tables import Record, Survey, find_column, records, survey
from registry.operations.questions import ItemRefusal
from registry.operations.submitted_hits import DecoyNumber, Hit, consistent

E = TypeVar("E", bound=StrEnum)

FIELDS: Final = (
    "source_id",
    "decoy_id",
    "decoy_number",
    "number",
    "region",
    "channel",
    "occurred_at",
    "attestation",
    "verification",
    "diverted",
)
SOURCE_ID_LENGTH: Final = 200
_TWILIO: Final = {"number": "From", "decoy_number": "To", "occurred_at": "SentDate", "source_id": "Sid"}
_TWILIO_MARK: Final = frozenset({"From", "To", "Direction", "Sid", "SentDate"})
_TWILIO_MMS: Final = "MM"


class Layout(StrEnum):
    """auto: Twilio's where the header is Twilio's, else our own."""

    AUTO = "auto"
    OWN = "own"
    TWILIO = "twilio"
    NDJSON = "ndjson"


@dataclass(frozen=True, slots=True)
class HitFileOptions:
    """mapping: our field -> the file's column. The rest stands in for rows that do not say."""

    layout: Layout = Layout.AUTO
    mapping: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    decoy_id: UUID | None = None
    channel: Channel | None = None
    region: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a hit, the refusal of one that cannot be read, or None for one that is no contact at all."""

    line: int
    item: Hit | ItemRefusal | None


class HitTable:
    """A surveyed CSV of contacts. Raises Refused at once for a column that is needed and not there."""

    def __init__(self, file: IO[bytes], options: HitFileOptions, *, max_rows: int) -> None:
        self._file = file
        self._options = options
        self._survey: Survey = survey(file, max_rows=max_rows)
        header = self._survey.header
        twilio = options.layout is Layout.TWILIO or (
            options.layout is Layout.AUTO and not options.mapping and set(header) >= _TWILIO_MARK
        )
        self._columns = _columns(header, options, twilio=twilio)
        self._direction = find_column(header, "Direction", candidates=()) if twilio else None

    @property
    def rows(self) -> int:
        return self._survey.rows

    def __iter__(self) -> Iterator[Row]:
        for record in records(self._file, self._survey):
            if not record.blank:
                yield Row(record.line, self._item(record))

    def _item(self, record: Record) -> Hit | ItemRefusal | None:
        if self._direction is not None and not record.cells[self._direction].strip().lower().startswith("inbound"):
            return None
        values = {name: record.cells[column].strip() for name, column in self._columns.items()}
        if self._direction is not None:
            values["channel"] = "mms" if values["source_id"].startswith(_TWILIO_MMS) else "sms"
        return read_hit(values, self._options)


class HitLines:
    """NDJSON: one object with the members of a hit on each line."""

    def __init__(self, file: IO[bytes], options: HitFileOptions, *, max_rows: int, max_line_bytes: int) -> None:
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

    def _item(self, content: Mapping[str, object]) -> Hit | ItemRefusal:
        values: dict[str, str] = {}
        for name, value in content.items():
            if name not in FIELDS:
                return ItemRefusal(Code.UNKNOWN_FIELD, "", "The object has a member that a hit does not have.")
            if isinstance(value, bool) and name == "diverted":
                values[name] = "true" if value else "false"
            elif isinstance(value, str):
                values[name] = value.strip()
            elif value is not None:
                return ItemRefusal(Code.WRONG_TYPE, name, "This member has the wrong type.")
        return read_hit(values, self._options)


HitFile = HitTable | HitLines


def read_hit(values: Mapping[str, str], options: HitFileOptions) -> Hit | ItemRefusal:
    """One hit from texts by field name; absent and empty are the same."""
    at = "decoy_id"
    try:
        decoy = _decoy(values, options)
        at = "channel"
        channel = _one_of(Channel, values.get("channel", "").lower()) or options.channel
        if channel is None:
            raise Refused(Code.MISSING_FIELD, "The channel is missing: sms, mms, chat or voice.")
        at = "attestation"
        attestation = _one_of(Attestation, values.get("attestation", "").upper())
        at = "verification"
        verification = _one_of(Verification, values.get("verification", "").lower())
        at = "diverted"
        diverted = cells.flag(values.get("diverted", ""))
        at = "occurred_at"
        occurred_at = cells.moment(values.get("occurred_at", ""))
        at = "source_id"
        source_id = values.get("source_id") or None
        if source_id is not None and len(source_id) > SOURCE_ID_LENGTH:
            raise Refused(Code.INVALID_VALUE, f"A source id has at most {SOURCE_ID_LENGTH} characters.")
    except Refused as refused:
        return ItemRefusal(refused.code, at, refused.detail)
    hit = Hit(
        number=values.get("number", ""),
        decoy=decoy,
        channel=channel,
        occurred_at=occurred_at,
        region=values.get("region") or options.region,
        source_id=source_id,
        attestation=attestation,
        verification=verification,
        diverted=diverted,
    )
    return consistent(hit)


def _decoy(values: Mapping[str, str], options: HitFileOptions) -> UUID | DecoyNumber:
    if text := values.get("decoy_id"):
        try:
            return UUID(text)
        except ValueError:
            raise Refused(Code.UNKNOWN_DECOY, "Your organisation has no such decoy.") from None
    if number := values.get("decoy_number"):
        return DecoyNumber(number, values.get("region") or options.region)
    if options.decoy_id is not None:
        return options.decoy_id
    raise Refused(Code.MISSING_FIELD, "The decoy is missing.")


def _one_of(kind: type[E], text: str) -> E | None:
    if not text:
        return None
    try:
        return kind(text)
    except ValueError:
        raise Refused(Code.INVALID_VALUE, f"It takes: {', '.join(kind)}.") from None


def _columns(header: Sequence[str], options: HitFileOptions, *, twilio: bool) -> dict[str, int]:
    """Our field -> the index of its column."""
    unknown = sorted(set(options.mapping) - set(FIELDS))
    if unknown:
        raise Refused(Code.INVALID_VALUE, f"A mapping names a field that there is not. Fields: {', '.join(FIELDS)}.")
    wanted = {**(_TWILIO if twilio else {}), **options.mapping}
    columns = {name: find_column(header, column, candidates=()) for name, column in wanted.items()}
    if not twilio:
        present = {name.strip().lower(): index for index, name in reversed(list(enumerate(header)))}
        columns = {**{name: present[name] for name in FIELDS if name in present}, **columns}
    for name in ("number", "occurred_at"):
        if name not in columns:
            raise Refused(
                Code.COLUMN_NOT_FOUND,
                f"The file has no column `{name}`. Map one: map={name}=YourColumn. Its header must be its first line.",
            )
    return columns
