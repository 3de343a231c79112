"""What becomes of a number that is held because it floods: nothing of the flood is listed unless the operator lets go,
and what was before is listed again after a week.
"""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any, Final, Protocol

import pytest
from flooding import NUMBERS, TODAY, at, burst, flood_settings, submit
from house import House, opened_database, opened_house
from members import KEYS, NOW, Member, hit
from private_asker import FOUR_KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.verify_listings import VerifyListings


@pytest.fixture(scope="module")
def investigator(flooded: House) -> Member:
    return flooded.member("investigator")


@pytest.fixture(scope="module")
def employer(flooded: House) -> Member:
    return flooded.member("employer")


@pytest.fixture(scope="module")
def operator(flooded: House) -> Member:
    return flooded.member("operator")


@pytest.fixture
def decoy(investigator: Member) -> str:
    return investigator.register_decoy(next(NUMBERS))


@pytest.fixture
def number() -> str:
    return next(NUMBERS)


TWO_KEYS: Final = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2)}, KEYS.fingerprint_key)
Holds = Callable[[], list[dict[str, Any]]]


class Later(Protocol):
    """Lets so many days pass since the beginning of the test."""

    def __call__(self, days: int, *, seconds: int = 0) -> None: ...


@pytest.fixture
def days_later(flooded: House) -> Generator[Later]:
    before = flooded.clock.now

    def later(days: int, *, seconds: int = 0) -> None:
        flooded.clock.now = before + timedelta(days=days, seconds=seconds)

    yield later
    flooded.clock.now = before
    flooded.registry.run(VerifyListings(repair=True), COMMAND_LINE, Request(flooded.registry.new_id(), "cli"))


def days_on(days: int) -> str:
    return (NOW + timedelta(days=days)).isoformat()


@pytest.fixture
def holds(operator: Member) -> Holds:
    """The holds that stand and were not there when the test began."""

    def standing() -> list[dict[str, Any]]:
        page = operator.get("/v1/exclusions", params={"active": "true", "limit": 500}).json()
        return [one for one in page["data"] if one["reason"] == "flood" and one["id"] not in before]

    before: set[str] = set()
    before = {one["id"] for one in standing()}
    return standing


@pytest.fixture(autouse=True)
def _listings_are_right(flooded: House) -> Generator[None]:
    yield
    due = recomputed_listings(flooded.superuser, flooded.registry.policy, flooded.clock.now)
    assert stored_listings(flooded.superuser) == due


def test_a_released_number_is_not_held_again_for_what_it_did_before(
    investigator: Member, employer: Member, operator: Member, number: str
) -> None:
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(4)]
    submit(investigator, burst(decoys[0], number, 4))
    let_go = operator.post("/v1/exclusions/removals", {"number": number}).json()
    assert let_go["given_back"] == let_go["ids"]
    assert employer.look_up(number)["evidence"]["contacts"] == 4
    for n in range(3):
        submit(investigator, [hit(decoys[1], number, at(10 + n))])
        assert employer.look_up(number)["evidence"]["contacts"] == 5 + n
    submit(investigator, [hit(decoys[2], number, at(15))])
    assert employer.look_up(number)["outcome"] == "none"


def test_after_a_week_what_was_before_the_flood_is_listed_again_and_what_flooded_is_not(
    investigator: Member, employer: Member, number: str, holds: Holds, days_later: Later
) -> None:
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(3)]
    submit(investigator, [hit(decoys[0], number, at(start=NOW - timedelta(days=30))), hit(decoys[0], number, at(-70))])
    submit(investigator, burst(decoys[1], number, 4))
    submit(investigator, [hit(decoys[2], number, at(15))])
    (hold,) = holds()
    assert (hold["covers_since"], hold["mistaken"]) == (f"{TODAY:%Y-%m-%dT%H:%M:%SZ}", False)
    days_later(7, seconds=-1)
    assert employer.look_up(number)["outcome"] == "none"
    assert employer.look_up(number, possessed_since="2026-10-01")["outcome"] == "none"
    days_later(7)
    assert employer.look_up(number)["evidence"]["contacts"] == 2
    answer = employer.look_up(number, possessed_since="2026-10-01")
    assert (answer["evidence"]["contacts"], answer["evidence"]["decoys"]) == (2, 1)
    submit(investigator, [hit(decoys[1], number, NOW.isoformat()), hit(decoys[2], number, days_on(7))])
    assert employer.look_up(number)["evidence"]["contacts"] == 3, "also what the hold's days saw stays out"
    again = NOW + timedelta(days=7) - timedelta(hours=2)
    submit(investigator, burst(decoys[0], number, 3, again))
    assert employer.look_up(number)["evidence"]["contacts"] == 3, "they came before the hold was over"
    assert holds() == []
    days_later(7, seconds=600)
    submit(investigator, burst(decoys[0], number, 3, NOW + timedelta(days=7)))
    assert employer.look_up(number)["outcome"] == "none"
    assert len(holds()) == 1


def test_of_a_flood_whose_hold_has_ended_the_operator_can_still_say_that_it_was_none(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, holds: Holds, days_later: Later
) -> None:
    submit(investigator, burst(decoy, number, 4))
    (hold,) = holds()
    days_later(8)
    assert employer.look_up(number)["outcome"] == "none"
    removal = f"/v1/exclusions/{hold['id']}/removal"
    assert operator.post(removal).json()["given_back"] == []
    assert employer.look_up(number)["outcome"] == "none", "it had ended by itself"
    assert operator.post(removal, {"mistaken": True}).json()["given_back"] == [hold["id"]]
    assert employer.look_up(number)["evidence"]["contacts"] == 4


def test_a_flood_begins_with_its_oldest_contact_however_late_that_is_told(
    investigator: Member, employer: Member, number: str, holds: Holds, days_later: Later
) -> None:
    """As from a log that begins with the newest, in parts."""
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(3)]
    log = [hit(decoys[minute // 4], number, at(minute)) for minute in range(12)][::-1]
    for part in (log[:5], log[5:7], log[7:]):
        submit(investigator, part)
        (hold,) = holds()
        assert hold["covers_since"].replace("Z", "+00:00") == part[-1]["occurred_at"]
    submit(investigator, [hit(decoys[0], number, at(-61))])
    assert holds() == [hold]
    days_later(7)
    assert employer.look_up(number)["evidence"]["contacts"] == 1


def test_a_hold_of_which_nobody_noted_when_its_flood_began_covers_what_the_guard_had_looked_at(
    flooded: House, investigator: Member, employer: Member, decoy: str, number: str, holds: Holds, days_later: Later
) -> None:
    """Made by the version before."""
    submit(investigator, [hit(decoy, number, at(start=NOW - timedelta(days=3))), *burst(decoy, number, 4)])
    (hold,) = holds()
    flooded.superuser.execute(
        "UPDATE registry.exclusions SET covers_since = NULL, created_at = %s WHERE id = %s", (NOW, hold["id"])
    )
    submit(investigator, [hit(decoy, number, at(-120))])
    assert holds()[0]["covers_since"] is None
    days_later(7)
    assert employer.look_up(number)["evidence"]["contacts"] == 1


@pytest.mark.parametrize("way", ["one", "file"])
def test_what_the_operator_excludes_itself_takes_the_place_of_a_hold(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, way: str, days_later: Later
) -> None:
    submit(investigator, burst(decoy, number, 4))
    if way == "one":
        assert operator.post("/v1/exclusions", {"number": number, "reason": "survivor"}).status_code == 201
        assert operator.post("/v1/exclusions", {"number": number, "reason": "police"}).status_code == 409
    else:
        file, headers = f"number,reason\n{number},survivor\n", {"Content-Type": "text/csv"}
        path = "/v1/exclusions/imports"
        rehearsed = operator.post(f"{path}?dry_run=true", content=file, headers=headers).json()
        assert (rehearsed["added"], rehearsed["already"]) == (1, 0)
        told = operator.post(path, content=file, headers=headers).json()
        assert (told["added"], told["already"]) == (1, 0)
    days_later(8)
    assert employer.look_up(number)["outcome"] == "none"


def test_a_hold_stays_where_an_investigator_excludes_the_number_too(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    submit(investigator, burst(decoy, number, 4))
    assert investigator.post("/v1/exclusions", {"number": number, "reason": "own_staff"}).status_code == 201
    assert investigator.post("/v1/exclusions/removals", {"number": number}).status_code == 200
    assert employer.look_up(number)["outcome"] == "none"


def test_a_number_is_held_under_every_generation(flooded: House, investigator: Member, decoy: str, number: str) -> None:
    submit(investigator, burst(decoy, number, 4))
    rows = flooded.superuser.execute(
        "SELECT array_agg(generation ORDER BY generation) FROM registry.exclusions WHERE reason = 'flood' GROUP BY id"
    ).fetchall()
    assert {tuple(row[0]) for row in rows} == {tuple(sorted(flooded.registry.generations.active))}


def test_what_flooded_stays_out_under_a_newer_generation(cluster: EmbeddedUrls, template: str, number: str) -> None:
    """The hold follows its number with the next contact, when it stood once and has ended by itself."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls, flood_settings()) as house:
            watch, employer = house.member("investigator"), house.member("employer")
            decoy = watch.register_decoy(next(NUMBERS))
            submit(watch, [hit(decoy, number, at(-70)), *burst(decoy, number, 4)])
        with opened_house(urls, flood_settings(), keys=TWO_KEYS) as house:
            house.clock.advance(days=8)
            submit(Member(watch.id, watch.key, house.client), [hit(decoy, number, days_on(8))])
            asker = Member(employer.id, employer.key, house.client)
            assert asker.look_up(number)["evidence"]["contacts"] == 2
            generations = house.superuser.execute("SELECT array_agg(generation) FROM registry.hits").fetchone()
            assert generations == ([2] * 6,)
            due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
            assert stored_listings(house.superuser) == due
