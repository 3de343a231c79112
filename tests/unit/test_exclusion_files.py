"""Tables of numbers to exclude: which column is read as what, and rows that say more than anybody would see."""

import io
from datetime import UTC, datetime

import pytest
from table_reading import refusal

from registry.domain.errors import Code
from registry.domain.exclusions import ExclusionReason
from registry.operations.exclusion_files import (
    ExclusionFileOptions,
    ExclusionRow,
    ExclusionTable,
    RemovalFileOptions,
    RemovalRow,
)
from registry.operations.questions import ItemRefusal

FIRST, SECOND = "+12065550177", "+12065550178"


def table(content: str, **mapping: str) -> ExclusionTable[ExclusionRow]:
    options = ExclusionFileOptions(mapping, ExclusionReason.OUTREACH)
    return ExclusionTable[ExclusionRow](io.BytesIO(content.encode()), options, max_rows=1_000)


def numbers(found: ExclusionTable[ExclusionRow]) -> list[str]:
    return [row.item.number if isinstance(row.item, ExclusionRow) else row.item.code.value for row in found]


def told(found: ExclusionTable[ExclusionRow] | ExclusionTable[RemovalRow]) -> tuple[dict[str, str], dict[str, int]]:
    """What was read as what, and what was not read with how many numbers."""
    assert found.columns is not None
    return (
        {column.field: column.column for column in found.columns.read},
        {column.column: column.numbers for column in found.columns.not_read},
    )


@pytest.mark.parametrize(
    "name", ["expires_at", "Expires", "expires at", "EXPIRY", "end", "Ends", "until", "Valid until", "valid_until"]
)
def test_an_end_is_read_under_its_usual_names(name: str) -> None:
    found = table(f"Number,{name}\n{FIRST},2027-01-31\n")
    assert told(found) == ({"number": "Number", "expires_at": name}, {})
    (row,) = found
    assert isinstance(row.item, ExclusionRow)
    assert row.item.expires_at == datetime(2027, 1, 31, tzinfo=UTC)


def test_of_several_ends_our_own_name_counts_and_a_mapped_column_is_no_end() -> None:
    assert told(table("number,end,expires_at\n")) == ({"number": "number", "expires_at": "expires_at"}, {"end": 0})
    assert told(table("Name,End\n", number="End")) == ({"number": "End"}, {"Name": 0})
    assert told(table(f"End\n{FIRST}\n")) == ({"number": "End"}, {})


def test_a_second_column_of_numbers_is_seen_and_not_read() -> None:
    found = table(f"Name,Phone,Phone 2,Ends\nAnn,{FIRST},{SECOND},2027-01-31\nBea,{FIRST},,\n")
    assert told(found) == ({"number": "Phone", "expires_at": "Ends"}, {"Name": 0, "Phone 2": 1})
    assert numbers(found) == [FIRST, FIRST]


@pytest.mark.parametrize("header", ["Name,Phone", "Name,Phone,", "Name,Phone,,"])
def test_cells_to_the_right_of_every_named_column_refuse_their_row(header: str) -> None:
    found = table(f"{header}\nAnn,{FIRST},{SECOND}\nBea,{SECOND},,\nCem,{FIRST}\n")
    assert numbers(found) == ["row_too_long", SECOND, FIRST]
    first = next(iter(found)).item
    assert isinstance(first, ItemRefusal)
    assert SECOND not in first.detail
    assert told(found)[1] == {"Name": 0}


def test_a_column_without_a_name_may_stand_at_the_left_or_be_mapped() -> None:
    found = table(f",Phone\n0,{FIRST}\n1,{SECOND}\n")
    assert (numbers(found), told(found)[1]) == ([FIRST, SECOND], {"column_1": 0})
    found = table(f"Name,,\nAnn,{FIRST},\nBea,{FIRST},{SECOND}\n", number="column_2")
    assert numbers(found) == [FIRST, "row_too_long"]


def test_a_removal_reads_numbers_and_regions_alone() -> None:
    content = f"number,region,reason,expires\n{FIRST},US,friend,soon\n{FIRST},US,,,{SECOND}\n"
    found = ExclusionTable[RemovalRow](io.BytesIO(content.encode()), RemovalFileOptions(), max_rows=10)
    assert told(found) == ({"number": "number", "region": "region"}, {"reason": 0, "expires": 0})
    assert [type(row.item) for row in found] == [RemovalRow, ItemRefusal]


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (f"{FIRST},Ann\n{SECOND},Bea\n", "column_1 (over HTTP: map=number=column_1)."),
        (f"Ann,{FIRST}\nBea,{SECOND}\n", "column_2 (over HTTP: map=number=column_2)."),
        (f"Name,Work no\nAnn,{FIRST}\n", '"Work no" (over HTTP: map=number=Work no).'),
        ("Name,Device\nAnn,17\n", "YourColumn (over HTTP: map=number=YourColumn)."),
    ],
)
def test_where_no_column_is_known_the_one_with_the_numbers_is_named(content: str, hint: str) -> None:
    problem = refusal(lambda: table(content))
    assert problem.code is Code.COLUMN_NOT_FOUND
    assert problem.detail.endswith(f"Map the one with the numbers: --map number={hint}")


def test_a_file_without_header_is_read_by_position() -> None:
    found = table(f"{FIRST},Ann\n{SECOND},Bea\n", number="column_1")
    assert (numbers(found), told(found)) == ([FIRST, SECOND], ({"number": "column_1"}, {"column_2": 0}))


def test_a_first_row_whose_number_is_short_is_not_taken_for_a_header() -> None:
    found = table("Ann,20121314\nBea,20121315\n", number="column_2")
    assert (numbers(found), found.rows) == (["20121314", "20121315"], 2)
    assert told(found) == ({"number": "column_2"}, {"column_1": 0})
