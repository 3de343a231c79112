"""A file of numbers whose exclusions end: a team that leaves."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from recomputed import recomputed_listings, stored_listings
from shapes import EXCLUSION_REMOVAL_FILE, REFUSED_ROW, refusal_of

PATH = "/v1/exclusions/removals/files"
NDJSON = "application/x-ndjson"
Numbers = tuple[str, str, str]
CHUNK = 2_000


def send(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> Any:
    return member.post(PATH, content=content, params=query, headers={"Content-Type": kind})


def removed(member: Member, content: str | bytes, kind: str = "text/csv", **query: Any) -> dict[str, Any]:
    answer = send(member, content, kind, **query)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    assert told.keys() == EXCLUSION_REMOVAL_FILE
    assert told["audit_id"] == told["audit_ids"][-1]
    assert all(row.keys() == REFUSED_ROW for row in told["refused_rows"])
    assert (len(told["refused_rows"]), len(told["not_excluded_rows"])) == (told["refused"], told["not_excluded"])
    assert told["rows"] == told["ended"] + told["not_excluded"] + told["refused"]
    return told


def counts(told: dict[str, Any]) -> tuple[int, int, int]:
    """ended, not excluded, refused."""
    return told["ended"], told["not_excluded"], told["refused"]


def exclude(member: Member, *numbers: str, reason: str = "own_staff") -> None:
    for number in numbers:
        answer = member.post("/v1/exclusions", {"number": number, "reason": reason})
        assert answer.status_code == 201, answer.text


def in_force(member: Member, **query: str) -> int:
    answer = member.get("/v1/exclusions", params={"active": "true", "limit": 500, **query})
    return len(answer.json()["data"])


def table(*numbers: str) -> str:
    return "number\n" + "".join(f"{number}\n" for number in numbers)


@pytest.fixture
def team(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def fresh(fresh_number: Callable[[], str]) -> Numbers:
    return fresh_number(), fresh_number(), fresh_number()


def test_a_teams_contacts_count_from_then_on_and_the_file_can_be_sent_again(
    house: House, team: Member, investigator: Member, employer: Member, decoy: str, fresh: Numbers, trail: AuditTrail
) -> None:
    investigator.record(*(hit(decoy, number) for number in fresh))
    exclude(team, *fresh)
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3
    answer = send(team, table(*fresh[:2]))
    assert counts(answer.json()) == (2, 0, 0)
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3, "what was before stays out"
    later = (house.clock.now + timedelta(minutes=1)).isoformat()
    investigator.record(*(hit(decoy, number, later) for number in fresh))
    outcomes = [employer.look_up(number)["outcome"] for number in fresh]
    assert outcomes == ["contact_observed", "contact_observed", "none"]
    event = trail.only(answer)
    assert (event["operation"], event["actor"]["organisation"]) == ("remove_exclusions", str(team.id))
    assert event["count"] == {"submitted": 2, "charged": 2, "ended": 2, "not_excluded": 0, "refused": 0}
    assert answer.json()["audit_ids"] == [event["id"]]
    assert counts(removed(team, table(*fresh))) == (1, 2, 0)
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due
    assert not any(number[-10:] in house.everything_stored() for number in fresh)


def test_of_a_file_that_was_a_mistake_contacts_from_before_count_again(
    house: House, team: Member, investigator: Member, employer: Member, decoy: str, fresh: Numbers, trail: AuditTrail
) -> None:
    """But for what had ended already: that it was a mistake too is said by its id."""
    investigator.record(*(hit(decoy, number) for number in fresh))
    exclude(team, *fresh)
    assert counts(removed(team, table(fresh[0]))) == (1, 0, 0)
    content = table(*fresh)
    rehearsed = send(team, content, mistaken="true", dry_run="true")
    assert trail.only(rehearsed)["count"] == {
        "submitted": 3, "charged": 3, "mistaken": 2, "not_excluded": 1, "refused": 0
    }  # fmt: skip
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3
    answer = send(team, content, mistaken="true")
    assert counts(answer.json()) == (2, 1, 0)
    assert trail.only(answer)["count"] == {
        "submitted": 3, "charged": 3, "mistaken": 2, "not_excluded": 1, "refused": 0
    }  # fmt: skip
    outcomes = [employer.look_up(number)["outcome"] for number in fresh]
    assert outcomes == ["none", "contact_observed", "contact_observed"]
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


def test_every_row_is_told_apart_by_its_line(team: Member, fresh: Numbers) -> None:
    exclude(team, fresh[0], fresh[1])
    content = (
        "Number,Region,Reason,Expires_at,remark\n"
        f"{fresh[0][2:]},US,friend,soon,Ann\n"
        f"{fresh[2]},,,,nobody excludes it\n"
        "\n"
        f"{fresh[0]},,own_staff,2020-01-01,again\n"
        "anonymous,,,,\n"
        f"{fresh[1][2:]},Texas,,,\n"
        f"{fresh[1]},,,,\n"
    )
    answer = send(team, content)
    told = answer.json()
    assert counts(told) == (2, 2, 2)
    assert told["not_excluded_rows"] == [{"line": 3}, {"line": 5}]
    assert [(row["line"], row["code"], row["field"]) for row in told["refused_rows"]] == [
        (6, "withheld", "number"),
        (7, "unknown_region", "region"),
    ]
    assert not any(number[-7:] in answer.text for number in fresh)


def test_a_plain_list_another_header_and_lines_are_read_as_in_an_import(team: Member, fresh: Numbers) -> None:
    exclude(team, *fresh)
    assert counts(removed(team, f"{fresh[0]}\n", "text/plain")) == (1, 0, 0)
    renamed = f"Name;Work phone\nAnn;{fresh[1][2:]}\n"
    assert counts(removed(team, renamed, map="number=Work phone", region="US")) == (1, 0, 0)
    lines: list[object] = [
        {"number": fresh[2][2:], "region": "US", "reason": "own_staff", "expires_at": "2027-01-31"},
        {"number": 2065550177},
        {"number": fresh[2], "name": "Ann"},
    ]
    told = removed(team, "".join(f"{json.dumps(line)}\n" for line in lines) + "{\n", NDJSON)
    assert counts(told) == (1, 0, 3)
    assert [row["code"] for row in told["refused_rows"]] == ["wrong_type", "unknown_field", "invalid_json"]


def test_a_rehearsal_tells_the_same_and_ends_nothing(team: Member, fresh: Numbers, trail: AuditTrail) -> None:
    exclude(team, *fresh[:2])
    content = table(*fresh, fresh[0], "12")
    answer = send(team, content, dry_run="true")
    assert trail.only(answer)["operation"] == "remove_exclusions_dry_run"
    rehearsed = answer.json()
    assert (counts(rehearsed), rehearsed["dry_run"]) == ((2, 2, 1), True)
    assert in_force(team) == 2
    done = removed(team, content)
    ignored = {"audit_id": None, "audit_ids": None, "dry_run": None}
    assert {**done, **ignored} == {**rehearsed, **ignored}
    assert in_force(team) == 0


def test_a_side_ends_its_own_alone_and_the_operator_whose_it_says(
    house: House, team: Member, operator: Member, employer: Member, fresh: Numbers
) -> None:
    others = house.member("investigator")
    for member in (team, others, operator):
        exclude(member, *fresh, reason="outreach")
    content = table(*fresh)
    assert counts(removed(team, content)) == (3, 0, 0)
    assert (in_force(team), in_force(others)) == (0, 3)
    assert counts(removed(team, content)) == (0, 3, 0)
    assert counts(removed(operator, content)) == (3, 0, 0)
    assert in_force(others) == 3
    own = str(others.id)
    assert counts(removed(operator, content, organisation=own, dry_run="true")) == (3, 0, 0)
    assert counts(removed(operator, table(fresh[0]), organisation=own)) == (1, 0, 0)
    exclude(team, *fresh, reason="outreach")
    assert counts(removed(operator, content, all="true", dry_run="true")) == (3, 0, 0)
    assert counts(removed(operator, content, all="true")) == (3, 0, 0)
    assert in_force(team) + in_force(others) == 0
    refusal_of(send(employer, content), 401, "unauthorized")


def test_an_investigator_may_not_speak_for_others_nor_learn_whether_they_are_there(
    team: Member, second_investigator: Member, operator: Member, number: str, trail: AuditTrail
) -> None:
    exclude(second_investigator, number)
    for query in (
        {"all": "true"},
        {"organisation": str(second_investigator.id)},
        {"organisation": "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"},
    ):
        answer = send(team, table(number), **query)
        problem = refusal_of(answer, 422, "invalid_value")
        assert problem["detail"] == "Only the operator ends exclusions of others."
        assert trail.only(answer)["count"]["charged"] == 0
    both = send(operator, table(number), all="true", organisation=str(team.id))
    refusal_of(both, 422, "invalid_value")
    assert in_force(second_investigator) >= 1
    exclude(team, number)
    assert counts(removed(team, table(number), organisation=str(team.id))) == (1, 0, 0)


@pytest.mark.parametrize(
    ("content", "kind", "query", "status", "code"),
    [
        ("", "text/csv", {}, 422, "file_empty"),
        ("Name,Device\nAnn,17\n", "text/csv", {}, 422, "column_not_found"),
        ("number\n1\n", "text/csv", {"map": "phone"}, 422, "invalid_value"),
        ("number\n1\n", "text/csv", {"map": "decoy=number"}, 422, "invalid_value"),
        ("number\n1\n", "application/json", {}, 415, "unsupported_media_type"),
        (b"PK\x03\x04", "text/csv", {}, 422, "file_not_text"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_recorded(
    team: Member,
    trail: AuditTrail,
    content: str | bytes,
    kind: str,
    query: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = send(team, content, kind, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("remove_exclusions", code)


def test_a_long_file_is_ended_in_chunks_and_told_line_by_line(team: Member, trail: AuditTrail, fresh: Numbers) -> None:
    exclude(team, *fresh)
    content = table(fresh[0], *["12"] * CHUNK, fresh[1], fresh[0], fresh[2])
    answer = team.post(PATH, content=content, headers={"Content-Type": "text/csv", "Accept": NDJSON})
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert [event["progress"] for event in events if "progress" in event] == [
        {"rows": CHUNK, "of": CHUNK + 4},
        {"rows": CHUNK + 4, "of": CHUNK + 4},
    ]
    assert [event["not_excluded"] for event in events if "not_excluded" in event] == [{"line": CHUNK + 4}]
    assert len([event for event in events if "refused" in event]) == CHUNK
    summary = events[-1]["summary"]
    assert (summary["ended"], summary["not_excluded"], summary["refused"]) == (3, 1, CHUNK)
    assert [event["id"] for event in trail.of(answer)] == summary["audit_ids"]
    assert [event["count"]["ended"] for event in trail.of(answer)] == [1, 2]


def test_it_costs_what_an_import_costs(house: House, number: str) -> None:
    poor = house.member("investigator", numbers_per_day=2)
    exclude(poor, number)
    refusal_of(send(poor, table(number, "1")), 429, "quota_exceeded")
    assert in_force(poor) == 1
    assert counts(removed(poor, table(number))) == (1, 0, 0)
