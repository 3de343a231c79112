import io
from datetime import date

import pytest

from registry.domain.checked_table import (
    COLUMNS,
    NOTES,
    OUTCOME,
    PROBLEM,
    CheckedTable,
    QuestionColumns,
    RowQuestion,
    RowRefusal,
    answered_cells,
    refused_cells,
)
from registry.domain.errors import Code, Refused
from registry.domain.policy import Channel, Evidence, Grade, Outcome, Reason
from registry.domain.tables import Record, records, survey

FILE = b"Name,Mobile,Land,From,To\nAnn,2065550177, ca ,2026-01-15,\n,,,,\nBob,2065550178,,,2026-02-30\nCyd,1,,x,x\n"
EVIDENCE = Evidence(
    Grade.REPEATED, 3, 2, 1, date(2026, 3, 1), date(2026, 3, 5), (Channel.SMS, Channel.VOICE), "2026-12"
)


def opened(columns: QuestionColumns, content: bytes = FILE) -> tuple[CheckedTable, list[Record]]:
    file = io.BytesIO(content)
    found = survey(file, max_rows=100)
    return CheckedTable(found, columns), list(records(file, found))


def test_a_row_asks_about_its_number_with_its_region_and_dates() -> None:
    columns = QuestionColumns(region="Land", since="From", until="To", default_region="US")
    table, (first, blank, second, third) = opened(columns)
    assert table.question(first) == RowQuestion("2065550177", "ca", date(2026, 1, 15), None)
    assert blank.blank
    refused = table.question(second)
    assert isinstance(refused, RowRefusal)
    assert (refused.code, refused.field) == (Code.INVALID_VALUE, "possessed_until")
    refused = table.question(third)
    assert isinstance(refused, RowRefusal)
    assert (refused.code, refused.field) == (Code.INVALID_VALUE, "possessed_since")


def test_without_columns_of_its_own_a_row_has_the_default_region_and_no_dates() -> None:
    table, rows = opened(QuestionColumns(default_region="US"))
    assert table.question(rows[2]) == RowQuestion("2065550178", "US", None, None)
    table, rows = opened(QuestionColumns(region="Land"))
    assert table.question(rows[2]) == RowQuestion("2065550178", None, None, None)


@pytest.mark.parametrize("columns", [QuestionColumns(number="Phones"), QuestionColumns(since="Since")])
def test_a_column_that_is_not_there_is_refused(columns: QuestionColumns) -> None:
    with pytest.raises(Refused) as caught:
        opened(columns)
    assert caught.value.code is Code.COLUMN_NOT_FOUND


def test_no_repr_shows_a_column_a_region_or_a_number() -> None:
    shown = repr(QuestionColumns("+12065550177", "a", "b", "c", "d")) + repr(
        RowQuestion("2065550177", "US", None, None)
    )
    assert "555" not in shown
    assert "US" not in shown


def test_the_answer_keeps_the_rows_and_appends_the_columns() -> None:
    table, rows = opened(QuestionColumns(), b"Phone;outcome\r\n2065550177;x\r\n\r\n")
    none = answered_cells(outcome="none", reason=None, evidence=None, notes=(), audit_id="id")
    answer = table.header() + table.rows([(rows[0], none), (rows[1], ())])
    header, first, empty, end = answer.decode().split("\r\n")
    assert header == ";".join(["Phone", "outcome", "outcome_2", *COLUMNS[1:]])
    assert first == "2065550177;x;none" + ";" * 12 + "id"
    assert (empty, end) == ("", "")


def test_an_observed_contact_fills_the_columns_of_its_evidence() -> None:
    cells = answered_cells(
        outcome=Outcome.CONTACT_OBSERVED, reason=None, evidence=EVIDENCE, notes=("extension_ignored",), audit_id="id"
    )
    assert dict(zip(COLUMNS, cells, strict=True)) == {
        "outcome": "contact_observed",
        "reason": "",
        "grade": "repeated",
        "contacts": "3",
        "decoys": "2",
        "organisations": "1",
        "first_contact": "2026-03-01",
        "last_contact": "2026-03-05",
        "channels": "sms voice",
        "policy": "2026-12",
        "notes": "extension_ignored",
        "problem": "",
        "audit_id": "id",
    }
    assert all(type(cell) is str for cell in cells)


def test_other_rows_have_a_reason_or_a_problem() -> None:
    unsure = answered_cells(outcome="indeterminate", reason=Reason.DISPUTED, evidence=None, notes=(), audit_id="id")
    assert unsure == ("indeterminate", "disputed", *[""] * 10, "id")
    refused = refused_cells(Code.WITHHELD, "id")
    assert refused == (*[""] * 11, "withheld", "id")
    assert (refused[OUTCOME], refused[NOTES], refused[PROBLEM]) == ("", "", "withheld")
    assert len(unsure) == len(refused) == len(COLUMNS)
