"""Writing the result, and counting what it says."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.client.file_checks.file_questions import Progress
from registry.client.file_checks.result_file import ResultFile
from registry.client.file_checks.table_file import TableFile
from registry.domain.checked_table import OUTCOME, PROBLEM
from registry.domain.policy import Outcome
from registry.domain.tables import Record

_ROWS_AT_ONCE: Final = 1_000
_REFUSED: Final = "refused"

AnswerOf = Callable[[int, Record], Sequence[str]]
"""The cells to append to a row: it is told which one of those that are not blank it is, from 0, and what is in it."""


@dataclass(slots=True)
class Tally:
    """What became of the rows."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    problems: Counter[str] = field(default_factory=Counter[str])

    def add(self, cells: Sequence[str]) -> None:
        if cells[PROBLEM]:
            self.problems[cells[PROBLEM]] += 1
        else:
            self.outcomes[cells[OUTCOME]] += 1

    def counts(self) -> dict[str, int]:
        """Of every outcome, zeros included, and of the refused."""
        named = {outcome.value: self.outcomes[outcome.value] for outcome in Outcome}
        return {**named, **self.outcomes, _REFUSED: self.problems.total()}


def write_result(file: TableFile, result: ResultFile, answer: AnswerOf, progress: Progress) -> Tally:
    """The same rows with their answers."""
    tally = Tally()
    progress.stage("Writing", file.rows)
    result.write(file.table.header())
    chunk: list[tuple[Record, Sequence[str]]] = []
    at = 0
    for record in file.records():
        cells: Sequence[str] = ()
        if not record.blank:
            cells = answer(at, record)
            at += 1
            tally.add(cells)
        chunk.append((record, cells))
        if len(chunk) == _ROWS_AT_ONCE:
            result.write(file.table.rows(chunk))
            progress.advance(len(chunk))
            chunk.clear()
    result.write(file.table.rows(chunk))
    progress.advance(len(chunk))
    file.require_unchanged()
    return tally
