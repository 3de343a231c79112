"""Whether a line's webhook works: the day of the last contact that a provider told of, in the list of lines."""

from collections.abc import Callable
from typing import Any

import pytest
from house import House
from members import Clock, Member, hit
from providers import Line, add_twilio, call, message, new_line

DAY = "2026-11-15"


@pytest.fixture
def line(house: House, fresh_number: Callable[[], str]) -> Line:
    member = house.member("investigator")
    add_twilio(member)
    return new_line(member, fresh_number())


def shown(member: Member, decoy: str) -> Any:
    (found,) = (one for one in member.get("/v1/decoys?limit=500").json()["data"] if one["id"] == decoy)
    return found["last_intake_day"]


def test_a_line_shows_the_day_of_the_last_contact_that_its_provider_told_of(
    line: Line, operator: Member, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    quiet = new_line(line.member, fresh_number())
    assert shown(line.member, line.decoy) is None
    assert line.twilio(message(fresh_number())).status_code == 200
    clock.advance(days=2)
    assert (shown(line.member, line.decoy), shown(line.member, quiet.decoy)) == (DAY, None)
    line.twilio(call(fresh_number()))
    assert shown(operator, line.decoy) == "2026-11-17"


def test_what_is_submitted_does_not_make_a_webhook_look_alive(line: Line, fresh_number: Callable[[], str]) -> None:
    line.member.record(hit(line.decoy, fresh_number(), f"{DAY}T10:00:00Z"))
    assert shown(line.member, line.decoy) is None
    assert line.twilio(message(fresh_number()), token="a" * 32).status_code == 403
    assert shown(line.member, line.decoy) is None


def test_a_caller_who_withholds_the_number_shows_that_it_works(line: Line, clock: Clock) -> None:
    line.twilio(call("anonymous"))
    clock.advance(days=200)
    assert shown(line.member, line.decoy) == DAY


def test_a_test_call_that_is_retracted_has_shown_it_too(line: Line, fresh_number: Callable[[], str]) -> None:
    line.twilio(message(fresh_number()))
    (recorded,) = line.hits()
    path = f"/v1/hits/{recorded['id']}/retraction"
    assert line.member.post(path, {"reason": "test_call"}).status_code == 200
    assert shown(line.member, line.decoy) == DAY


def test_an_excluded_number_shows_it_like_any_other(line: Line, operator: Member, number: str) -> None:
    assert operator.post("/v1/exclusions", {"number": number, "reason": "police"}).status_code == 201
    line.twilio(message(number))
    assert shown(line.member, line.decoy) == DAY
