"""A plain check of a file: its numbers are sent as they are written, a thousand at a time."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from registry.client._answers import Answer
from registry.client._questions import Asking, Question
from registry.client._registry_client import RegistryClient
from registry.client.file_checks.file_questions import Costs
from registry.client.file_checks.local import Local
from registry.client.file_checks.table_file import FileChanged
from registry.domain.caller_text import MAX_CHARACTERS
from registry.domain.checked_table import RowRefusal, answered_cells, refused_cells
from registry.domain.errors import Code
from registry.domain.tables import Record

_BATCH: Final = 1_000
_REGION_CHARACTERS: Final = 16
_SPACE: Final = " \t\r\n"


def cells_of(answer: Answer, audit_id: str) -> tuple[str, ...]:
    """What is appended to the row that asked."""
    if answer.problem is not None or answer.outcome is None:
        return refused_cells("" if answer.problem is None else answer.problem.code, audit_id)
    return answered_cells(
        outcome=answer.outcome, reason=answer.reason, evidence=answer.evidence, notes=answer.notes, audit_id=audit_id
    )


class PlainCheck:
    """The same question is asked once, however many rows ask it."""

    def __init__(self, client: RegistryClient, asking: Asking, local: Local) -> None:
        self.costs: Final = Costs()
        self._client = client
        self._asking = asking
        self._local = local

    def remarks(self) -> tuple[str, ...]:
        """What the asker should know of the answers: nothing, the registry read the numbers itself."""
        return ()

    def ask(self) -> None:
        """Everything that was not answered before this run. Raises RegistryError; what was answered by then is kept."""
        self._local.progress.stage("Asking", self._local.file.rows)
        batch: dict[bytes, Question] = {}
        waiting = 0
        for question in self._questions():
            waiting += 1
            if isinstance(question, Question):
                name = self._name(question)
                if name not in batch and self._local.journal.answer(name) is None:
                    batch[name] = question
            if len(batch) == _BATCH:
                self._send(batch)
                self._local.progress.advance(waiting)
                batch, waiting = {}, 0
        if batch:
            self._send(batch)
        self._local.progress.advance(waiting)

    def answer(self, _at: int, record: Record) -> Sequence[str]:
        """The cells to append to a row."""
        question = self._question(record)
        if isinstance(question, RowRefusal):
            return refused_cells(question.code, "")
        cells = self._local.journal.answer(self._name(question))
        if cells is None:  # every question that was there before was answered
            raise FileChanged
        return cells

    def _questions(self) -> Iterator[Question | RowRefusal]:
        return (self._question(record) for record in self._local.file.records() if not record.blank)

    def _question(self, record: Record) -> Question | RowRefusal:
        """What the request's form would not take is refused as the registry's own file check refuses it."""
        row = self._local.file.table.question(record)
        if isinstance(row, RowRefusal):
            return row
        if row.region is not None and len(row.region) > _REGION_CHARACTERS:
            return RowRefusal(Code.UNKNOWN_REGION, "region", "There is no such region.")
        number = row.number.strip(_SPACE)
        if len(number) > MAX_CHARACTERS:
            return RowRefusal(Code.TOO_LONG, "number", "The number is too long.")
        return Question(number, row.region, row.possessed_since, row.possessed_until)

    def _name(self, question: Question) -> bytes:
        return self._local.folder.name(b"question", json.dumps(question.document()).encode())

    def _send(self, batch: dict[bytes, Question]) -> None:
        # The same questions make the same request, so that a name is enough to find its key again.
        pending = self._local.journal.begin(self._local.folder.name(b"check", *batch), body=None)
        answers = self._client.check(
            list(batch.values()),
            purpose=self._asking.purpose,
            case_ref=self._asking.case_ref,
            idempotency_key=pending.idempotency_key,
        )
        cells = [cells_of(answer, answers.audit_id) for answer in answers.results]
        self._local.journal.finish(pending, zip(batch, cells, strict=True), answers.audit_id, answers.guidance)
        self.costs.numbers += len(batch)
        self.costs.asked += len(batch)
