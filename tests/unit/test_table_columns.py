"""How a header is told from a row, and the column of numbers from the others."""

import io

import pytest
from table_reading import refusal, surveyed

from registry.domain.errors import Code
from registry.domain.tables import find_column, records


@pytest.mark.parametrize(
    ("first_row", "has_header"),
    [
        ("name,phone", True),
        ("2024-01-01,2024-02-01,Name", True),
        ("2024,2025", True),
        (",", True),
        ("+1 (206) 555-0177", False),
        ("555-0177,1", False),
        ("Anna,2065550177", False),
        ("Anna,tel:+1-206-555-0177", False),
        ("Anna,5550177", True),
        ("Anna,123456789012345678", True),
        ("123456789012345678", True),
    ],
)
def test_a_first_row_that_holds_a_number_is_data(first_row: str, *, has_header: bool) -> None:
    found = surveyed(f"{first_row}\nx,y,z\n".encode())
    assert found.has_header is has_header


def test_a_table_without_header_has_numbered_columns_and_keeps_its_first_row() -> None:
    content = b"\nAnna,2065550177\nBert,2065550178,x\n"
    found = surveyed(content)
    assert (found.header, found.body_line, found.rows) == (("column_1", "column_2", "column_3"), 2, 2)
    assert [record.cells[0] for record in records(io.BytesIO(content), found)] == ["Anna", "Bert"]


def test_the_caller_may_say_whether_there_is_a_header() -> None:
    assert surveyed(b"2065550177\n1\n", has_header=True).header == ("2065550177",)
    assert surveyed(b"phone\n1\n", has_header=False).rows == 2


HEADER = ("Name", "Phone Number", "E-Mail", "phone", "", "206-555-0177")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("phone", 3),
        ("Phone Number", 1),
        ("phone_number", 1),
        ("PHONENUMBER", 1),
        ("email", 2),
        ("column_5", 4),
        ("column_6", 5),
        ("\uff30\uff48\uff4f\uff4e\uff45", 3),  # full-width letters
        ("206-555-0177", 5),
    ],
)
def test_a_column_is_found_by_its_name(wanted: str, index: int) -> None:
    assert find_column(HEADER, wanted, candidates=()) == index


@pytest.mark.parametrize("wanted", ["mobile", "", "--", "column_7", "column_0", "column_"])
def test_a_column_that_is_not_there_is_refused_with_the_names_that_are(wanted: str) -> None:
    problem = refusal(lambda: find_column(HEADER, wanted, candidates=("phone",)))
    assert problem.code is Code.COLUMN_NOT_FOUND
    assert problem.detail == (
        "There is no column of that name. The columns are: Name, Phone Number, E-Mail, phone, column_5, column_6."
    )


def test_without_a_name_the_first_known_one_counts_and_then_the_leftmost() -> None:
    assert find_column(HEADER, None, candidates=("number", "phone_number", "phone")) == 1
    assert find_column(("a", "Mobile", "mobile"), None, candidates=("phone", "mobile")) == 1


def test_the_only_column_needs_no_name() -> None:
    assert find_column(("Diensthandy",), None, candidates=("phone",)) == 0
    assert find_column(("column_1",), None, candidates=("phone",)) == 0


def test_without_a_known_name_the_caller_is_asked_for_one() -> None:
    header = tuple(f"field {letter}\n{letter * 50}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEF")
    problem = refusal(lambda: find_column(header, None, candidates=("phone",)))
    assert problem.detail.startswith("None of the columns has a name that is known. Say which one to read.")
    assert f"field a {'a' * 32}, " in problem.detail
    assert problem.detail.endswith(", and 2 more.")
    assert "field E" not in problem.detail
