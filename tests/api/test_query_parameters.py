"""What stands in a URL's query and is not what the operation takes: refused, since ignoring it does something else."""

import re
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member
from shapes import refusal_of

from api.refusals import ProtectedRoute, routes_of
from registry.domain.credentials import Scope

IMPORT = "/v1/exclusions/imports"
PLACES = re.compile(r"\{\w+\}")
ID = "01980000-0000-7000-8000-000000000000"


def routes(house: House) -> list[tuple[str, str, dict[str, bool]]]:
    """Method, path and parameters of every protected route."""
    app: Any = house.client.app
    found = [route for route in routes_of(app) if isinstance(route, ProtectedRoute)]
    return [(method, PLACES.sub(ID, one.path), dict(one.parameters)) for one in found for method in one.methods or ()]


def everybody(house: House) -> list[Member]:
    """One of them at least may use any operation."""
    asking = frozenset({Scope.LOOKUPS, Scope.PRIVATE, Scope.AUDIT})
    return [house.member("operator"), house.member("investigator"), house.member("employer", scopes=asking)]


def sent(member: Member, method: str, path: str, query: str) -> Any:
    return member.client.request(method, f"{path}?{query}", headers=member.headers)


def test_no_operation_takes_a_parameter_that_it_does_not_have(house: House) -> None:
    members = everybody(house)
    every = routes(house)
    assert len(every) > 40
    for method, path, _ in every:
        told = [sent(member, method, path, "nobody_takes=12065550177").json() for member in members]
        allowed = [problem for problem in told if problem["code"] != "unauthorized"]
        assert allowed, path
        for problem in allowed:
            assert (problem["status"], problem["code"]) == (422, "unknown_field"), path
            assert problem["errors"][0]["detail"].startswith("Parameter nobody_takes: "), path
            assert "12065550177" not in str(problem)


def test_no_operation_takes_one_value_twice(house: House) -> None:
    members = everybody(house)
    once = [(m, path, name) for m, path, taken in routes(house) for name, several in taken.items() if not several]
    assert ("POST", IMPORT, "dry_run") in once
    for method, path, name in once:
        told = [sent(member, method, path, f"{name}=1&{name}=1").json() for member in members]
        allowed = [problem for problem in told if problem["code"] != "unauthorized"]
        assert allowed, path
        for problem in allowed:
            detail = f"Parameter {name}: It is there more than once."
            assert problem["errors"] == [{"pointer": "", "code": "invalid_value", "detail": detail}], path


@pytest.mark.parametrize("query", ["dryrun=true", "expires=2030-01-01", "dry_run=true&dry_run=false", "dry-run=true"])
def test_a_misspelt_rehearsal_excludes_nobody(house: House, trail: AuditTrail, query: str) -> None:
    member = house.member("investigator")
    headers = {**member.headers, "Content-Type": "text/csv"}
    content = "number,region,reason\n+12065550142,US,outreach\n"
    answer = member.client.post(f"{IMPORT}?{query}", content=content, headers=headers)
    assert answer.status_code == 422, answer.text
    event = trail.only(answer)
    assert (event["operation"], event["count"]["charged"]) == ("import_exclusions", 0)
    assert member.get("/v1/exclusions").json()["data"] == []


def test_a_name_that_could_be_more_than_one_is_not_repeated(house: House) -> None:
    answer = house.member("investigator").get("/v1/hits?12065550177=a&limit=5")
    problem = refusal_of(answer, 422, "unknown_field", "")
    assert problem["errors"][0]["detail"] == (
        "A parameter: This operation has no such parameter. It takes: cursor, decoy_id, limit, retracted, since, until."
    )
    assert "12065550177" not in answer.text


def test_several_things_wrong_are_all_told(house: House) -> None:
    problem = house.member("investigator").get("/v1/hits?limit=1&limit=2&page=3").json()
    assert problem["code"] == "invalid_request"
    assert [error["code"] for error in problem["errors"]] == ["invalid_value", "unknown_field"]


def test_what_takes_several_values_takes_them(house: House) -> None:
    member = house.member("investigator")
    headers = {**member.headers, "Content-Type": "text/csv"}
    query = "map=number%3DPhone&map=region%3DCountry&reason=outreach&dry_run=true"
    answer = member.client.post(f"{IMPORT}?{query}", content="Phone,Country\n+12065550142,US\n", headers=headers)
    assert (answer.status_code, answer.json()["added"]) == (200, 1)


def test_without_a_key_nothing_is_told_of_parameters(house: House) -> None:
    refusal_of(house.client.get("/v1/hits?page=3"), 401, "unauthorized")
