"""What belongs to a flood, in whatever order and however late its contacts are told, and who lets go of it."""

from collections.abc import Generator
from datetime import datetime, timedelta

import pytest
from flooding import NUMBERS, at, burst, flood_settings, submit
from holders import tags as tags_of
from house import House, opened_database, opened_house
from members import KEYS, NOW, Member, hit
from private_asker import FOUR_KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Refused
from registry.key_file import KeyFile
from registry.operations.manage_generations import RetireGeneration
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.verify_listings import VerifyListings

TWO_KEYS = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2)}, KEYS.fingerprint_key)
THREE_KEYS = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2, 3)}, KEYS.fingerprint_key)
MARK_OLD = "UPDATE registry.exclusions SET covers_since = NULL, created_at = %s WHERE generation = %s"


@pytest.fixture
def own(flooded: House) -> Generator[House]:
    """Its clock is set back afterwards, and its listings with it."""
    before = flooded.clock.now
    yield flooded
    flooded.clock.now = before
    flooded.registry.run(VerifyListings(repair=True), COMMAND_LINE, Request(flooded.registry.new_id(), "cli"))


@pytest.fixture
def watch(own: House) -> Member:
    return own.member("investigator")


@pytest.fixture
def employer(own: House) -> Member:
    return own.member("employer")


@pytest.fixture
def operator(own: House) -> Member:
    return own.member("operator")


@pytest.fixture
def decoys(watch: Member) -> list[str]:
    """More than one of them, so that none is flooded itself."""
    return [watch.register_decoy(next(NUMBERS)) for _ in range(10)]


def told(watch: Member, decoys: list[str], number: str, minutes: list[int], start: datetime) -> None:
    submit(watch, [hit(decoys[n % 10], number, at(minute, start)) for n, minute in enumerate(minutes)])


def holds(house: House, number: str) -> int:
    tag = tags_of(house.registry, number)[0]
    counted = "SELECT count(*) FROM registry.exclusions WHERE reason = 'flood' AND tag = %s"
    (found,) = house.superuser.execute(counted, (tag,)).fetchall()
    return int(found[0])


def a_week_later(house: House) -> None:
    """What is stored then, with nothing asked for that would have renewed it, is what is due."""
    house.clock.advance(days=8)
    house.registry.run(VerifyListings(repair=True), COMMAND_LINE, Request(house.registry.new_id(), "cli"))
    assert stored_listings(house.superuser) == recomputed_listings(
        house.superuser, house.registry.policy, house.clock.now
    )


@pytest.mark.parametrize("late", [[], [50, 52]])
def test_a_flood_begins_with_the_same_contact_in_whatever_order_they_are_told(
    own: House, watch: Member, employer: Member, decoys: list[str], late: list[int]
) -> None:
    """Later ones can make an earlier one the first of those that come too thick."""
    number, minutes = next(NUMBERS), [0, 1, 40, 50, 52, 80, 85, 88]
    told(watch, decoys, number, [one for one in minutes if one not in late], NOW - timedelta(hours=2))
    if late:
        told(watch, decoys, number, late, NOW - timedelta(hours=2))
    a_week_later(own)
    assert employer.look_up(number)["outcome"] == "none"


@pytest.mark.parametrize("days", [3, 8])
def test_what_another_tells_days_later_of_the_same_flood_belongs_to_it(
    own: House, watch: Member, employer: Member, decoys: list[str], days: int
) -> None:
    """While the hold stands, and after it has ended: then at once."""
    number = next(NUMBERS)
    submit(watch, burst(decoys[0], number, 4))
    own.clock.advance(days=days)
    told(watch, decoys[1:] * 2, number, list(range(-20, 0)), NOW - timedelta(hours=2))
    tag = tags_of(own.registry, number)[0]
    due = recomputed_listings(own.superuser, own.registry.policy, own.clock.now)
    assert stored_listings(own.superuser)[tag] == due[tag]
    assert holds(own, number) == 1
    a_week_later(own)
    assert employer.look_up(number)["outcome"] == "none"


def test_a_flood_is_followed_back_beyond_what_is_watched(
    own: House, watch: Member, employer: Member, decoys: list[str]
) -> None:
    number = next(NUMBERS)
    told(watch, decoys, number, list(range(-20, 20)), NOW - timedelta(hours=48))
    a_week_later(own)
    assert employer.look_up(number)["outcome"] == "none"


@pytest.mark.parametrize("days", [0, 8])
def test_an_exclusion_in_place_of_a_hold_that_was_a_mistake_gives_no_flood_back(
    own: House, watch: Member, employer: Member, operator: Member, decoys: list[str], days: int
) -> None:
    """Nobody has said anything of the flood."""
    number = next(NUMBERS)
    submit(watch, [hit(decoys[1], number, at(start=NOW - timedelta(days=3))), *burst(decoys[0], number, 4)])
    added = operator.post("/v1/exclusions", {"number": number, "reason": "survivor"}).json()["id"]
    own.clock.advance(days=days)
    assert operator.post(f"/v1/exclusions/{added}/removal", {"mistaken": True}).status_code == 200
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    a_week_later(own)
    assert employer.look_up(number)["evidence"]["contacts"] == 1


def test_a_number_that_floods_on_is_held_again_when_its_hold_has_ended(
    own: House, watch: Member, decoys: list[str]
) -> None:
    number = next(NUMBERS)
    submit(watch, burst(decoys[0], number, 4))
    own.clock.advance(days=6)
    submit(watch, burst(decoys[1], number, 4, own.clock.now - timedelta(hours=2)))
    assert holds(own, number) == 1
    own.clock.advance(days=1, seconds=1)
    submit(watch, [hit(decoys[2], number, own.clock.now.isoformat())])
    assert holds(own, number) == 2


def test_a_hold_of_the_version_before_covers_its_flood_under_a_newer_generation_too(
    cluster: EmbeddedUrls, template: str
) -> None:
    number = next(NUMBERS)
    with opened_database(cluster, template) as urls:
        with opened_house(urls, flood_settings()) as house:
            watch, employer = house.member("investigator"), house.member("employer")
            decoy = watch.register_decoy(next(NUMBERS))
            submit(watch, burst(decoy, number, 4))
            house.superuser.execute(MARK_OLD, (NOW, 1))
        with opened_house(urls, flood_settings(), keys=TWO_KEYS) as house:
            house.clock.advance(days=8)
            submit(Member(watch.id, watch.key, house.client), [hit(decoy, number, house.clock.now.isoformat())])
            asker = Member(employer.id, employer.key, house.client)
            assert asker.look_up(number)["evidence"]["contacts"] == 1
            due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
            assert stored_listings(house.superuser) == due


def test_what_was_let_go_of_is_not_held_again_under_a_newer_generation(cluster: EmbeddedUrls, template: str) -> None:
    number = next(NUMBERS)
    with opened_database(cluster, template) as urls:
        with opened_house(urls, flood_settings()) as house:
            watch, operator = house.member("investigator"), house.member("operator")
            decoy = watch.register_decoy(next(NUMBERS))
            submit(watch, burst(decoy, number, 4))
            assert operator.post("/v1/exclusions/removals", {"number": number}).status_code == 200
        with opened_house(urls, flood_settings(), keys=TWO_KEYS) as house:
            submit(Member(watch.id, watch.key, house.client), [hit(decoy, number, at(30))])
            assert house.member("employer").look_up(number)["evidence"]["contacts"] == 5


def test_a_copy_under_a_retired_generation_is_none(cluster: EmbeddedUrls, template: str) -> None:
    with opened_database(cluster, template) as urls:
        with opened_house(urls, keys=TWO_KEYS) as house:
            operator = house.member("operator")
            assert operator.post("/v1/exclusions", {"number": next(NUMBERS), "reason": "survivor"}).status_code == 201
            assert operator.post("/v1/disputes", {"number": next(NUMBERS)}).status_code == 201
            request = Request(house.registry.new_id(), "cli")
            house.registry.run(RetireGeneration(2, forced=True), COMMAND_LINE, request)
        with opened_house(urls, keys=THREE_KEYS) as house:
            request = Request(house.registry.new_id(), "cli")
            with pytest.raises(Refused, match="exclusions, open disputes"):
                house.registry.run(RetireGeneration(1), COMMAND_LINE, request)
