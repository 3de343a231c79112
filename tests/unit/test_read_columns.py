"""What is said of a table's columns: which are read, which are not, and which of these seem to hold numbers."""

import pytest

from registry.domain.read_columns import (
    ReadColumn,
    UnreadColumn,
    column_names,
    count_numbers,
    is_number,
    looks_like_number,
    shell_word,
    table_columns,
)
from registry.domain.tables import find_column

NUMBER = "(206) 555-0178"


@pytest.mark.parametrize(
    "cell",
    [
        NUMBER,
        "+12065550178",
        "5550178",
        "0012065550178",
        "206.555.0178 (mobile)",
        "or +44 20 7946 0991, after five",
        "206 555 0178x12",
        "tel:2065550178",
        "206\u2010555\u20100178",
        "\uff17\uff10\uff12\uff13\uff14\uff15\uff16",  # full width
        "2026-01-31, 206 555 0178",
    ],
)
def test_what_has_a_numbers_digits_looks_like_one(cell: str) -> None:
    assert looks_like_number(cell)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "Ann",
        "555017",
        "2026-01-31",
        "31.12.2027",
        "1985/03/04",
        "2026-01-31 10:00",
        "2026-01-31T10:00:00Z",
        "EMP0012345",
        "0198c5a2-7f3e-4312-9012-3e5f6a7b8c9d",
        "8944110012345678901",  # a SIM card's
        "1,234,567",
        "x" * 100 + NUMBER,
    ],
)
def test_what_has_not_does_not(cell: str) -> None:
    assert not looks_like_number(cell)


def test_a_number_with_a_name_beside_it_is_not_a_number_alone() -> None:
    assert is_number(NUMBER)
    assert not is_number(f"Ann {NUMBER}")


HEADER = ("Name", "Phone", "phone", "", "Home\nphone", "x" * 81, "\u202eenohP", "Number in 2026", "Ann 12345")


def test_a_column_is_called_by_its_name_where_that_finds_it_and_else_by_its_position() -> None:
    names = column_names(HEADER)
    assert names == [
        *("Name", "Phone", "column_3", "column_4", "Home phone"),
        *("column_6", "column_7", "Number in 2026", "column_9"),
    ]
    found = [find_column(HEADER, name, candidates=()) for name in names]
    assert found == [0, 1, 2, 3, 4, 5, 6, 7, 8]


@pytest.mark.parametrize("cell", ["206-555-0178", "Ann, 5550178", "+49 17 15 55", "\u4e8c\u3007\u516d\u4e94" * 2])
def test_where_a_name_could_hold_a_number_none_is_said(cell: str) -> None:
    assert column_names(("Ann", cell, "Bea")) == ["column_1", "column_2", "column_3"]


def test_only_the_first_rows_are_looked_at_and_only_in_columns_that_are_not_read() -> None:
    rows = [(NUMBER, "Ann", NUMBER if line % 2 else "-") for line in range(300)]
    told = table_columns(("Phone", "Name", "Other"), {"number": 0}, width=3, rows=rows)
    assert told.read == (ReadColumn("number", "Phone"),)
    assert told.not_read == (UnreadColumn("Name", 0), UnreadColumn("Other", 50))


def test_where_every_column_is_read_no_row_is_looked_at() -> None:
    rows = iter([(NUMBER,)])
    assert count_numbers([], rows) == {}
    assert list(rows) == [(NUMBER,)]


@pytest.mark.parametrize(
    ("name", "word"),
    [("column_1", "column_1"), ("Phone 2", '"Phone 2"'), ("Phone $(id)", "'Phone $(id)'"), ('a"b', "'a\"b'")],
)
def test_a_name_can_be_typed_on_a_command_line(name: str, word: str) -> None:
    assert shell_word(name) == word
