"""Checking a file: the same rows in the same order, with the answers appended as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import IO, Final

from registry.domain.credentials import Purpose
from registry.domain.errors import Refused
from registry.domain.table_output import AnswerWriter
from registry.domain.tables import Record, Survey, find_column, records
from registry.operations import cells
from registry.operations.check import Check
from registry.operations.questions import Answer, ItemRefusal, Question

CHUNK_ROWS: Final = 2_000
_CHUNK_CELLS: Final = 40_000
_NUMBER_COLUMNS: Final = (
    "number",
    "phone number",
    "phone",
    "telephone",
    "telephone number",
    "mobile",
    "mobile number",
    "cell",
    "cell phone",
    "msisdn",
    "e164",
    "tel",
)
COLUMNS: Final = (
    "outcome",
    "reason",
    "grade",
    "contacts",
    "decoys",
    "organisations",
    "first_contact",
    "last_contact",
    "channels",
    "policy",
    "notes",
    "problem",
    "audit_id",
)


@dataclass(frozen=True, slots=True)
class CheckFileChunk(Check):
    """Some rows of a file; each chunk is recorded by itself under the file's request id."""

    name = "check_file"


@dataclass(frozen=True, slots=True)
class FileQuestions:
    """How to read a file. Columns by name; number_column None finds it. region: for rows that name none."""

    purpose: Purpose
    case_ref: str | None = None
    number_column: str | None = field(default=None, repr=False)
    region_column: str | None = field(default=None, repr=False)
    since_column: str | None = field(default=None, repr=False)
    until_column: str | None = field(default=None, repr=False)
    region: str | None = field(default=None, repr=False)


class CheckedFile:
    """A surveyed file on its way to its answer. file: seekable; the caller closes it. Raises Refused at once for a
    column that is not there.
    """

    def __init__(self, file: IO[bytes], survey: Survey, questions: FileQuestions) -> None:
        self._file = file
        self._survey = survey
        self._questions = questions
        self._writer = AnswerWriter(survey, COLUMNS)
        self._number = find_column(survey.header, questions.number_column, candidates=_NUMBER_COLUMNS)
        self._region = self._optional(questions.region_column)
        self._since = self._optional(questions.since_column)
        self._until = self._optional(questions.until_column)

    def _optional(self, wanted: str | None) -> int | None:
        return None if wanted is None else find_column(self._survey.header, wanted, candidates=())

    @property
    def rows(self) -> int:
        """Rows that ask something: what is charged."""
        return self._survey.rows

    def header(self) -> bytes:
        return self._writer.header()

    def chunks(self) -> Iterator[tuple[list[Record], CheckFileChunk]]:
        """Some 2,000 rows at a time, fewer of a wide table, each with the operation that answers them.

        At least one, so that a file without a row is on record as well.
        """
        size = max(50, min(CHUNK_ROWS, _CHUNK_CELLS // self._survey.width))
        remaining = records(self._file, self._survey)
        chunk = list(islice(remaining, size))
        while True:
            items = [self._question(record) for record in chunk if not record.blank]
            yield chunk, CheckFileChunk(items, self._questions.purpose, self._questions.case_ref)
            chunk = list(islice(remaining, size))
            if not chunk:
                return

    def answered(self, chunk: Sequence[Record], answers: Sequence[Answer | ItemRefusal], audit_id: str) -> bytes:
        """The chunk's rows with their answers. answers: one for each row that is not blank."""
        waiting = iter(answers)
        return self._writer.rows(
            (record, ()) if record.blank else (record, _columns(next(waiting), audit_id)) for record in chunk
        )

    def _question(self, record: Record) -> Question | ItemRefusal:
        row = record.cells
        region = "" if self._region is None else row[self._region].strip()
        at = "possessed_since"
        try:
            since = None if self._since is None else cells.day(row[self._since])
            at = "possessed_until"
            until = None if self._until is None else cells.day(row[self._until])
        except Refused as refused:
            return ItemRefusal(refused.code, at, refused.detail)
        return Question(row[self._number], region or self._questions.region, since, until)


def _columns(answer: Answer | ItemRefusal, audit_id: str) -> tuple[str, ...]:
    if isinstance(answer, ItemRefusal):
        return (*("",) * 11, answer.code.value, audit_id)
    reason = "" if answer.reason is None else answer.reason.value
    notes = " ".join(answer.notes)
    evidence = answer.evidence
    if evidence is None:
        return (answer.outcome.value, reason, *("",) * 8, notes, "", audit_id)
    return (
        answer.outcome.value,
        reason,
        evidence.grade.value,
        str(evidence.contacts),
        str(evidence.decoys),
        str(evidence.organisations),
        evidence.first_contact.isoformat(),
        evidence.last_contact.isoformat(),
        " ".join(evidence.channels),
        evidence.policy,
        notes,
        "",
        audit_id,
    )
