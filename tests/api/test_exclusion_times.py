"""From when until when an exclusion protects, and that neither a renewed list nor a wrong clock leaves a gap."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from house import House
from members import Clock, Member, hit
from recomputed import recomputed_listings, stored_listings


def imported(member: Member, content: str, **query: str) -> dict[str, Any]:
    headers = {"Content-Type": "text/csv"}
    answer = member.post("/v1/exclusions/imports", content=content, params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def assert_listings_hold(house: House) -> None:
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


@pytest.fixture
def team(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def fresh(fresh_number: Callable[[], str]) -> tuple[str, str, str]:
    return fresh_number(), fresh_number(), fresh_number()


def test_an_end_is_moved_to_a_later_one_and_never_nearer(
    house: House,
    team: Member,
    investigator: Member,
    employer: Member,
    decoy: str,
    clock: Clock,
    fresh: tuple[str, str, str],
) -> None:
    """As when a team's list is imported again before its protection ends."""
    investigator.record(*(hit(decoy, number) for number in fresh))
    first = [(fresh[0], "2026-11-20"), (fresh[1], "2026-12-20"), (fresh[2], "")]
    again = [(fresh[0], "2027-06-30"), (fresh[1], "2026-12-01"), (fresh[2], "2027-06-30")]
    tables = ["number,expires_at\n" + "".join(f"{number},{ends}\n" for number, ends in rows) for rows in (first, again)]
    assert imported(team, tables[0], reason="own_staff")["added"] == 3
    rehearsed = imported(team, tables[1], reason="own_staff", dry_run="true")
    assert (rehearsed["extended"], rehearsed["already"]) == (1, 2)
    told = imported(team, tables[1], reason="own_staff")
    assert (told["added"], told["extended"], told["already"]) == (0, 1, 2)
    assert imported(team, tables[1], reason="own_staff")["already"] == 3
    assert_listings_hold(house)
    ends = [one["expires_at"] for one in team.get("/v1/exclusions").json()["data"]]
    assert sorted(ends, key=str) == ["2026-12-20T00:00:00Z", "2027-06-30T00:00:00Z", None]
    clock.now = clock.now.fromisoformat("2026-11-21T00:00:00+00:00")
    assert [employer.look_up(number)["outcome"] for number in fresh] == ["none"] * 3
    assert imported(team, f"number\n{fresh[1]}\n", reason="own_staff")["already"] == 1, "which names no end"
    assert (
        imported(team, f"number\n{fresh[1]}\n", reason="own_staff", expires_at="2027-06-30T00:00:00Z")["extended"] == 1
    )
    clock.now = clock.now.fromisoformat("2026-12-21T00:00:00+00:00")
    assert employer.look_up(fresh[1])["outcome"] == "none"


def test_nobody_moves_the_end_of_another_sides_exclusion(
    team: Member, operator: Member, fresh: tuple[str, str, str]
) -> None:
    table = f"number,expires_at\n{fresh[0]},2026-11-20\n"
    assert imported(operator, table, reason="police")["added"] == 1
    assert imported(team, f"number\n{fresh[0]}\n", reason="own_staff", expires_at="2027-06-30T00:00:00Z")["added"] == 1
    ends = {one["expires_at"] for one in operator.get("/v1/exclusions?active=true&limit=500").json()["data"]}
    assert "2026-11-20T00:00:00Z" in ends


def test_what_a_fast_clock_tells_while_a_number_is_excluded_was_then(
    house: House, team: Member, investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str],
    clock: Clock,
) -> None:  # fmt: skip
    """Some minutes ahead are allowed; they must not carry a worker's contact to a time at which it counts."""
    number = fresh_number()
    assert team.post("/v1/exclusions", {"number": number, "reason": "own_staff"}).status_code == 201
    ahead = (house.clock.now + timedelta(minutes=4)).isoformat()
    told = investigator.record(hit(decoy, number, ahead, source_id="fast-1"), hit(decoy, number, ahead))
    assert told["recorded"] == 2
    clock.advance(seconds=1)
    assert team.post("/v1/exclusions/removals", {"number": number}).status_code == 200
    clock.advance(minutes=10)
    assert employer.look_up(number)["outcome"] == "none"
    again = investigator.record(hit(decoy, number, ahead, source_id="fast-1"), hit(decoy, number, ahead))
    assert again["duplicate"] == 2, "it is the same event still"
    seen = investigator.get("/v1/hits", params={"decoy_id": decoy}).json()["data"]
    assert {one["occurred_at"] for one in seen} == {"2026-11-15T12:00:00Z"}
