"""Which of its contacts an organisation asks to see: on one line, of a stretch of time, retracted or not."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member, hit
from shapes import refusal_of

HOURS = ("08:00", "09:00", "10:00", "11:00")


def on(hour: str) -> str:
    return f"2026-11-01T{hour}:00Z"


@pytest.fixture
def watch(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def lines(watch: Member, clock: Clock, fresh_number: Callable[[], str]) -> tuple[str, str]:
    """Each with one contact at each of the hours."""
    first, second = watch.register_decoy(fresh_number()), watch.register_decoy(fresh_number())
    for hour in HOURS:
        for decoy in (first, second):
            clock.advance(seconds=1)
            watch.record(hit(decoy, fresh_number(), on(hour)))
    return first, second


def shown(member: Member, **query: Any) -> list[tuple[str, str]]:
    """Line and hour of each."""
    answer = member.get("/v1/hits", params=query)
    assert answer.status_code == 200, answer.text
    return [(one["decoy_id"], one["occurred_at"][11:16]) for one in answer.json()["data"]]


def test_the_list_is_narrowed_to_a_line_and_to_a_stretch_of_time(watch: Member, lines: tuple[str, str]) -> None:
    first, second = lines
    assert len(shown(watch)) == 8
    assert shown(watch, decoy_id=first) == [(first, hour) for hour in HOURS[::-1]]
    assert shown(watch, since=on("10:00")) == [(second, "11:00"), (first, "11:00"), (second, "10:00"), (first, "10:00")]
    assert shown(watch, decoy_id=second, until=on("10:00")) == [(second, "09:00"), (second, "08:00")]
    window = {"since": on("09:00"), "until": "2026-11-01T12:00:00+01:00"}
    assert shown(watch, decoy_id=first, **window) == [(first, "10:00"), (first, "09:00")]
    assert shown(watch, since=on("09:00"), until=on("09:00")) == []


def test_the_list_is_narrowed_to_what_is_retracted_or_is_not(watch: Member, lines: tuple[str, str]) -> None:
    first, _ = lines
    taken = watch.get("/v1/hits", params={"decoy_id": first, "until": on("09:00")}).json()["data"][0]["id"]
    watch.post(f"/v1/hits/{taken}/retraction", {"reason": "spoofed"})
    assert shown(watch, decoy_id=first, retracted="true") == [(first, "08:00")]
    assert shown(watch, decoy_id=first, retracted="false") == [(first, hour) for hour in HOURS[:0:-1]]
    assert len(shown(watch, retracted="false")) == 7


def test_a_narrowed_list_comes_in_pages(watch: Member, lines: tuple[str, str], trail: AuditTrail) -> None:
    first, _ = lines
    query: dict[str, Any] = {"decoy_id": first, "since": on("09:00"), "retracted": "false", "limit": 2}
    page = watch.get("/v1/hits", params=query)
    assert trail.only(page)["count"]["listed"] == 2
    cursor = page.json()["next_cursor"]
    assert shown(watch, **query) == [(first, "11:00"), (first, "10:00")]
    assert shown(watch, **query, cursor=cursor) == [(first, "09:00")]
    assert watch.get("/v1/hits", params={**query, "cursor": cursor}).json()["next_cursor"] is None


def test_another_organisations_line_finds_nothing_whether_it_exists_or_not(
    second_investigator: Member, lines: tuple[str, str]
) -> None:
    for decoy in (lines[0], str(uuid4())):
        assert shown(second_investigator, decoy_id=decoy) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"since": on("10:00"), "until": on("09:00")}, "window_reversed"),
        ({"since": "2026-11-01"}, "invalid_value"),
        ({"until": "2026-11-01T10:00:00"}, "invalid_value"),
        ({"decoy_id": "line 4"}, "invalid_value"),
        ({"retracted": "perhaps"}, "invalid_value"),
    ],
)
def test_what_cannot_be_asked_is_refused(watch: Member, trail: AuditTrail, query: dict[str, str], code: str) -> None:
    answer = watch.get("/v1/hits", params=query)
    refusal_of(answer, 422, code, None if code == "window_reversed" else "")
    assert (trail.only(answer)["operation"], trail.only(answer)["result"]) == ("list_hits", code)
