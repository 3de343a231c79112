"""Callers that withheld their number: told to the line's owner as a count, and to nobody as anything else."""

from collections.abc import Callable

import pytest
from house import House
from members import Clock, Member
from providers import Line, add_twilio, call, message, new_line


@pytest.fixture
def line(house: House, fresh_number: Callable[[], str]) -> Line:
    member = house.member("investigator")
    add_twilio(member)
    return new_line(member, fresh_number())


def shown(member: Member) -> dict[str, int]:
    """Line -> how many, as its list of lines says."""
    return {one["id"]: one["withheld_contacts"] for one in member.get("/v1/decoys").json()["data"]}


def test_a_line_tells_its_owner_how_many_callers_of_ninety_days_withheld_their_number(
    house: House, line: Line, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    quiet = new_line(line.member, fresh_number())
    told = call("anonymous")
    for _ in range(2):
        line.twilio(told)
    line.twilio(message(fresh_number()))
    clock.advance(days=1)
    line.twilio(call("+266696687"))
    assert shown(line.member) == {line.decoy: 2, quiet.decoy: 0}
    assert shown(house.member("investigator")) == {}
    clock.advance(days=88)
    assert shown(line.member)[line.decoy] == 2
    clock.advance(days=1)
    assert shown(line.member)[line.decoy] == 1
    clock.advance(days=1)
    assert shown(line.member)[line.decoy] == 0


def test_it_is_told_on_every_page(line: Line, clock: Clock, fresh_number: Callable[[], str]) -> None:
    clock.advance(seconds=1)
    new_line(line.member, fresh_number())
    line.twilio(call("Restricted"))
    first = line.member.get("/v1/decoys", params={"limit": 1}).json()
    assert [one["withheld_contacts"] for one in first["data"]] == [0]
    second = line.member.get("/v1/decoys", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [one["withheld_contacts"] for one in second["data"]] == [1]
