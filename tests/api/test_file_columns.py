"""What the answer about a file of exclusions says of the file's columns, and rows with more cells than the header."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from house import House
from members import Member, hit
from shapes import refusal_of

IMPORTS = "/v1/exclusions/imports"
REMOVALS = "/v1/exclusions/removals/files"
NDJSON = "application/x-ndjson"


def send(member: Member, path: str, content: str, kind: str = "text/csv", **query: Any) -> Any:
    given = query if path == REMOVALS else {"reason": "own_staff", **query}
    return member.post(path, content=content, params=given, headers={"Content-Type": kind})


@pytest.fixture
def team(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def numbers(fresh_number: Callable[[], str]) -> list[str]:
    return [fresh_number() for _ in range(3)]


def test_an_import_tells_what_it_read_and_that_another_column_holds_numbers(
    house: House, team: Member, employer: Member, investigator: Member, decoy: str, numbers: list[str]
) -> None:
    first, second, third = numbers
    investigator.record(*(hit(decoy, number) for number in numbers))
    content = f"Name,Phone,Phone 2,Ends\nAnn,{first},{second},2027-01-31\nBea,{third},,\n"
    answer = send(team, IMPORTS, content)
    assert answer.json()["columns"] == {
        "read": [{"field": "number", "column": "Phone"}, {"field": "expires_at", "column": "Ends"}],
        "not_read": [{"column": "Name", "numbers": 0}, {"column": "Phone 2", "numbers": 1}],
    }
    assert [employer.look_up(number)["outcome"] for number in numbers] == ["none", "contact_observed", "none"]
    ends = {one["expires_at"] for one in team.get("/v1/exclusions").json()["data"]}
    assert ends == {"2027-01-31T00:00:00Z", None}
    again = send(team, IMPORTS, content, map="number=Phone 2").json()
    assert (again["added"], again["refused"]) == (1, 1), "the second row has none there"
    assert again["columns"]["not_read"] == [{"column": "Name", "numbers": 0}, {"column": "Phone", "numbers": 2}]
    assert [employer.look_up(number)["outcome"] for number in numbers] == ["none"] * 3
    assert not any(number[-10:] in house.everything_stored() for number in numbers)
    assert "Phone 2" not in house.everything_stored()


@pytest.mark.parametrize("path", [IMPORTS, REMOVALS])
def test_no_name_that_could_be_a_number_is_told(team: Member, numbers: list[str], path: str) -> None:
    first, second, _ = numbers
    answer = send(team, path, f"Ann,number,tel. {second[2:]}\nBea,{first},{second}\n")
    assert answer.json()["columns"] == {
        "read": [{"field": "number", "column": "column_2"}],
        "not_read": [{"column": "column_1", "numbers": 0}, {"column": "column_3", "numbers": 1}],
    }
    assert not any(number[-7:] in answer.text for number in numbers)
    assert "Ann" not in answer.text


@pytest.mark.parametrize("path", [IMPORTS, REMOVALS])
def test_a_row_with_more_cells_than_the_header_is_refused_alone(team: Member, numbers: list[str], path: str) -> None:
    first, second, third = numbers
    answer = send(team, path, f"number\n{first},{second}\n{third}\n", map="number=number")
    told = answer.json()
    assert (told["rows"], told["refused"]) == (2, 1)
    (row,) = told["refused_rows"]
    assert (row["line"], row["code"], row["field"]) == (2, "row_too_long", "")
    assert not any(number[-7:] in answer.text for number in numbers)


def test_lines_have_no_columns_and_a_summary_in_lines_tells_them_too(team: Member, numbers: list[str]) -> None:
    line = json.dumps({"number": numbers[0]})
    assert send(team, IMPORTS, f"{line}\n", NDJSON).json()["columns"] is None
    assert send(team, REMOVALS, f"{line}\n", NDJSON).json()["columns"] is None
    answer = team.post(
        f"{IMPORTS}?reason=outreach", content=numbers[1], headers={"Content-Type": "text/plain", "Accept": NDJSON}
    )
    summary = json.loads(answer.text.splitlines()[-1])["summary"]
    assert summary["columns"] == {"read": [{"field": "number", "column": "column_1"}], "not_read": []}


@pytest.mark.parametrize("path", [IMPORTS, REMOVALS])
def test_a_file_without_header_says_how_it_can_be_read(team: Member, numbers: list[str], path: str) -> None:
    content = "".join(f"{number},Ann\n" for number in numbers)
    problem = refusal_of(send(team, path, content), 422, "column_not_found")
    assert "--map number=column_1 (over HTTP: map=number=column_1)" in problem["detail"]
    assert send(team, path, content, map="number=column_1").json()["rows"] == 3
