"""What the registry answered to the demo, counted and grouped.

It must never keep a number: rows of a file are told apart by their place.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.demo.files import COMPANY_DELIMITER, COMPANY_HEADER


@dataclass(slots=True)
class Refusals:
    """How many items were refused for which reason. Both mappings are keyed by problem code."""

    count: dict[str, int] = field(default_factory=dict[str, int])
    detail: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, code: str, detail: str, count: int = 1) -> None:
        self.count[code] = self.count.get(code, 0) + count
        self.detail.setdefault(code, detail)

    def merge(self, other: "Refusals") -> None:
        for code, count in other.count.items():
            self.add(code, other.detail[code], count)


@dataclass(slots=True)
class Recorded:
    """What became of submitted hits. `ignored` are rows of a file that are not hits at all.

    ids: the registry's id of each recorded hit by its position in the request; empty for files.
    """

    submitted: int = 0
    recorded: int = 0
    duplicate: int = 0
    refused: int = 0
    ignored: int = 0
    refusals: Refusals = field(default_factory=Refusals)
    ids: dict[int, str] = field(default_factory=dict[int, str])

    def merge(self, other: "Recorded") -> None:
        """Add another request; its positions are moved behind those that are here."""
        self.ids.update({self.submitted + index: hit for index, hit in other.ids.items()})
        self.submitted += other.submitted
        self.recorded += other.recorded
        self.duplicate += other.duplicate
        self.refused += other.refused
        self.ignored += other.ignored
        self.refusals.merge(other.refusals)


@dataclass(frozen=True, slots=True)
class AnsweredRow:
    """One row of the employer's file as it came back: the columns that the registry appended, as text.

    outcome: empty where the row could not be asked about; `problem` then says why.
    """

    outcome: str
    reason: str
    grade: str
    contacts: str
    decoys: str
    organisations: str
    first_contact: str
    last_contact: str
    channels: str
    notes: str
    problem: str


def read_answer(text: str) -> list[AnsweredRow]:
    """The answered rows in the file's order, without the file's blank lines."""
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=COMPANY_DELIMITER)
    return [_row(row) for row in rows if any(row[column] for column in COMPANY_HEADER)]


def _row(cells: Mapping[str, str]) -> AnsweredRow:
    return AnsweredRow(
        outcome=cells["outcome"],
        reason=cells["reason"],
        grade=cells["grade"],
        contacts=cells["contacts"],
        decoys=cells["decoys"],
        organisations=cells["organisations"],
        first_contact=cells["first_contact"],
        last_contact=cells["last_contact"],
        channels=cells["channels"],
        notes=cells["notes"],
        problem=cells["problem"],
    )
