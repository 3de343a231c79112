"""Checking a file: the same rows in the same order, with the answers appended as columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final

from registry.domain.checked_table import CheckedTable, QuestionColumns, RowRefusal, answered_cells, refused_cells
from registry.domain.credentials import Purpose
from registry.domain.tables import Record, Survey, records
from registry.operations.check import Check
from registry.operations.questions import Answer, ItemRefusal, Question

CHUNK_ROWS: Final = 2_000
_CHUNK_CELLS: Final = 40_000


@dataclass(frozen=True, slots=True)
class CheckFileChunk(Check):
    """Some rows of a file; each chunk is recorded by itself under the file's request id."""

    name = "check_file"


@dataclass(frozen=True, slots=True)
class FileQuestions:
    """Why a file is checked, and how to read it."""

    purpose: Purpose
    case_ref: str | None
    columns: QuestionColumns


class CheckedFile:
    """A surveyed file on its way to its answer. file: seekable; the caller closes it. Raises Refused at once for a
    column that is not there.
    """

    def __init__(self, file: IO[bytes], survey: Survey, questions: FileQuestions) -> None:
        self._file = file
        self._questions = questions
        self._table = CheckedTable(survey, questions.columns)

    @property
    def rows(self) -> int:
        """Rows that ask something: what is charged."""
        return self._table.survey.rows

    def header(self) -> bytes:
        return self._table.header()

    def chunks(self) -> Iterator[tuple[list[Record], CheckFileChunk]]:
        """Some 2,000 rows at a time, fewer of a wide table, each with the operation that answers them.

        At least one, so that a file without a row is on record as well.
        """
        survey = self._table.survey
        size = max(50, min(CHUNK_ROWS, _CHUNK_CELLS // survey.width))
        remaining = records(self._file, survey)
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
        return self._table.rows(
            (record, ()) if record.blank else (record, _cells(next(waiting), audit_id)) for record in chunk
        )

    def _question(self, record: Record) -> Question | ItemRefusal:
        row = self._table.question(record)
        if isinstance(row, RowRefusal):
            return ItemRefusal(row.code, row.field, row.detail)
        return Question(row.number, row.region, row.possessed_since, row.possessed_until)


def _cells(answer: Answer | ItemRefusal, audit_id: str) -> tuple[str, ...]:
    if isinstance(answer, ItemRefusal):
        return refused_cells(answer.code, audit_id)
    return answered_cells(
        outcome=answer.outcome,
        reason=answer.reason,
        evidence=answer.evidence,
        notes=answer.notes,
        audit_id=audit_id,
    )
