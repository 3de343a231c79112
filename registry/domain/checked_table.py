"""A table of numbers to check: what each row asks, and the columns in which its answer is appended.

The server's file check and the command line's share it, so that both read a file and write its answer alike. Must never
quote a cell in a refusal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Protocol

from registry.domain import cells
from registry.domain.errors import Code, Refused
from registry.domain.table_output import AnswerWriter
from registry.domain.tables import Record, Survey, find_column

NUMBER_COLUMNS: Final = (
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
"""Names under which the column of numbers is found where none is given, in the order of preference."""

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
"""What is appended. A row has an outcome or a problem, never both."""

OUTCOME: Final = COLUMNS.index("outcome")
NOTES: Final = COLUMNS.index("notes")
PROBLEM: Final = COLUMNS.index("problem")
_EVIDENCE: Final = COLUMNS.index("notes") - COLUMNS.index("grade")


class EvidenceFacts(Protocol):
    """What stands behind `contact_observed`, as the server holds it and as a client has read it."""

    @property
    def grade(self) -> str: ...
    @property
    def contacts(self) -> int: ...
    @property
    def decoys(self) -> int: ...
    @property
    def organisations(self) -> int: ...
    @property
    def first_contact(self) -> date: ...
    @property
    def last_contact(self) -> date: ...
    @property
    def channels(self) -> Sequence[str]: ...
    @property
    def policy(self) -> str: ...


@dataclass(frozen=True, slots=True)
class QuestionColumns:
    """How to read a table. Columns by name; number None finds it. default_region: for rows that name none."""

    number: str | None = field(default=None, repr=False)
    region: str | None = field(default=None, repr=False)
    since: str | None = field(default=None, repr=False)
    until: str | None = field(default=None, repr=False)
    default_region: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RowQuestion:
    """What a row asks, as it is written. Dates are the asker's possession of the number."""

    number: str = field(repr=False)
    region: str | None = field(repr=False)
    possessed_since: date | None
    possessed_until: date | None


@dataclass(frozen=True, slots=True)
class RowRefusal:
    """Why a row asks nothing. field: which part of the question is at fault."""

    code: Code
    field: str
    detail: str


class CheckedTable:
    """A surveyed table on its way to its answer. Raises Refused(column_not_found) for a column that is not there."""

    __slots__ = ("_default_region", "_number", "_region", "_since", "_until", "_writer", "survey")

    def __init__(self, survey: Survey, columns: QuestionColumns) -> None:
        def optional(wanted: str | None) -> int | None:
            return None if wanted is None else find_column(survey.header, wanted, candidates=())

        self.survey: Final = survey
        self._writer = AnswerWriter(survey, COLUMNS)
        self._default_region = columns.default_region
        self._number = find_column(survey.header, columns.number, candidates=NUMBER_COLUMNS)
        self._region = optional(columns.region)
        self._since = optional(columns.since)
        self._until = optional(columns.until)

    def question(self, record: Record) -> RowQuestion | RowRefusal:
        """record: one that is not blank."""
        row = record.cells
        region = "" if self._region is None else row[self._region].strip()
        at = "possessed_since"
        try:
            since = None if self._since is None else cells.day(row[self._since])
            at = "possessed_until"
            until = None if self._until is None else cells.day(row[self._until])
        except Refused as refused:
            return RowRefusal(refused.code, at, refused.detail)
        return RowQuestion(row[self._number], region or self._default_region, since, until)

    def header(self) -> bytes:
        """Everything before the first row of the answer."""
        return self._writer.header()

    def rows(self, answered: Iterable[tuple[Record, Sequence[str]]]) -> bytes:
        """Rows with their answers' cells, in the table's own format; nothing for a blank record."""
        return self._writer.rows(answered)


def answered_cells(
    *,
    outcome: str,
    reason: str | None,
    evidence: EvidenceFacts | None,
    notes: Iterable[str],
    audit_id: str,
) -> tuple[str, ...]:
    """The appended cells of a row that was answered."""
    facts: tuple[str, ...] = ("",) * _EVIDENCE
    if evidence is not None:
        facts = (
            str(evidence.grade),
            str(evidence.contacts),
            str(evidence.decoys),
            str(evidence.organisations),
            evidence.first_contact.isoformat(),
            evidence.last_contact.isoformat(),
            " ".join(evidence.channels),
            evidence.policy,
        )
    return (str(outcome), "" if reason is None else str(reason), *facts, " ".join(notes), "", audit_id)


def refused_cells(code: str, audit_id: str) -> tuple[str, ...]:
    """The appended cells of a row that could not be answered. code: the problem's."""
    return (*("",) * PROBLEM, str(code), audit_id)
