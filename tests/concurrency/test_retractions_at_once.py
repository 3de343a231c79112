"""A line's contacts taken back together while others arrive, follow their number, or are taken back as well."""

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from uuid import UUID

import pytest
from house import House, fictional_numbers, opened_database, opened_house
from interleaved import Interleaving, Step, caller_of
from members import KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Refused
from registry.domain.policy import Channel, Role
from registry.domain.windows import ALWAYS, Window
from registry.key_file import KeyFile
from registry.operations import retract_hits
from registry.operations.manage_decoys import RegisterDecoy
from registry.operations.operation import COMMAND_LINE, Caller
from registry.operations.quarantine_decoy import QuarantineDecoy, ReleaseDecoy
from registry.operations.record_hits import RecordHits
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.retract_hits import Chunk, RetractHits
from registry.operations.submitted_hits import Hit

AT: Final = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
TWO_KEYS: Final = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()
MISCOUNTED: Final = (
    "SELECT d.decoy_id, d.day, sum(d.contacts), (SELECT count(*) FROM registry.hits h WHERE h.decoy_id = d.decoy_id"
    " AND h.retracted_at IS NULL AND CAST(h.occurred_at AT TIME ZONE 'UTC' AS date) = d.day)"
    " FROM registry.decoy_days d GROUP BY 1, 2 HAVING sum(d.contacts) <> (SELECT count(*) FROM registry.hits h"
    " WHERE h.decoy_id = d.decoy_id AND h.retracted_at IS NULL"
    " AND CAST(h.occurred_at AT TIME ZONE 'UTC' AS date) = d.day)"
)


@pytest.fixture(scope="module")
def urls(cluster: EmbeddedUrls, template: str) -> Generator[Any]:
    with opened_database(cluster, template) as opened:
        yield opened


@pytest.fixture(scope="module")
def house(urls: Any) -> Generator[House]:
    with opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def team(house: House) -> Caller:
    return caller_of(house.member("investigator").id)


@pytest.fixture
def pair(house: House) -> Iterator[Interleaving]:
    """Whatever a test does at once, at its end every listing and every count must be what the rows make of it."""
    yield Interleaving(house.registry, house.superuser)
    agree(house)


def agree(house: House) -> None:
    now = house.clock.now
    assert stored_listings(house.superuser) == recomputed_listings(house.superuser, house.registry.policy, now)
    assert house.superuser.execute(MISCOUNTED).fetchall() == []


def contacts(decoy: UUID, numbers: list[str], minute: int = 0) -> RecordHits:
    return RecordHits([Hit(number, decoy, Channel.SMS, AT.replace(minute=minute)) for number in numbers])


def retraction(decoy: UUID, occurred: Window = ALWAYS) -> RetractHits:
    return RetractHits(decoy, occurred, RetractionReason.SPOOFED)


def line(pair: Interleaving, team: Caller) -> UUID:
    registered: UUID = pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), team).id
    return registered


@pytest.mark.parametrize("first", ["the contacts", "the retraction"])
@pytest.mark.parametrize("where", ["on the line", "on another line"])
def test_contacts_of_the_same_numbers_in_opposite_order_meet_the_retraction(
    pair: Interleaving, team: Caller, first: str, where: str
) -> None:
    numbers, decoy = sorted(islice(NUMBERS, 20)), line(pair, team)
    pair.run(contacts(decoy, numbers), team)
    other = decoy if where == "on the line" else line(pair, team)
    arriving: Step = (contacts(other, numbers[::-1], minute=5), team)
    taking_back: Step = (retraction(decoy), team)
    done = pair.both(*((arriving, taking_back) if first == "the contacts" else (taking_back, arriving)))
    assert not isinstance(done, Refused), done
    left = pair.run(retraction(decoy), team)
    assert left == Chunk(20 if other == decoy else 0, 0)


def test_of_two_that_take_the_same_back_each_contact_is_taken_by_one(pair: Interleaving, team: Caller) -> None:
    decoy = line(pair, team)
    pair.run(contacts(decoy, list(islice(NUMBERS, 20))), team)
    assert pair.both((retraction(decoy), team), (retraction(decoy), COMMAND_LINE)).retracted == 0
    assert pair.run(retraction(decoy), team) == Chunk(0, 0)


@pytest.mark.parametrize("first", ["one", "all"])
def test_one_contact_that_is_taken_back_meanwhile_is_not_taken_twice(
    pair: Interleaving, team: Caller, first: str
) -> None:
    decoy = line(pair, team)
    recorded: Any = pair.run(contacts(decoy, list(islice(NUMBERS, 3))), team)
    one: Step = (RetractHit(recorded[1].id, RetractionReason.MISDIAL), team)
    every: Step = (retraction(decoy), team)
    second: Any = pair.both(*((one, every) if first == "one" else (every, one)))
    if first == "one":
        assert second == Chunk(2, 1)
    else:
        assert second.code == "already_retracted"
    assert pair.run(retraction(decoy), team) == Chunk(0, 0)


@pytest.mark.parametrize("other", [QuarantineDecoy, ReleaseDecoy])
@pytest.mark.parametrize("first", ["the retraction", "the other"])
def test_a_quarantine_or_a_release_meets_the_retraction(
    pair: Interleaving, team: Caller, other: Any, first: str
) -> None:
    decoy = line(pair, team)
    pair.run(contacts(decoy, list(islice(NUMBERS, 10))), team)
    if other is ReleaseDecoy:
        pair.run(QuarantineDecoy(decoy), team)
    steps: list[Step] = [(retraction(decoy), team), (other(decoy), team)]
    done = pair.both(*(steps if first == "the retraction" else steps[::-1]))
    assert not isinstance(done, Refused), done


def test_contacts_arrive_all_the_while_and_everything_adds_up(
    pair: Interleaving, team: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What had occurred before the window's end is gone; what occurred at it or later is there."""
    monkeypatch.setattr(retract_hits, "CHUNK_HITS", 7)
    numbers, decoy, other = list(islice(NUMBERS, 40)), line(pair, team), line(pair, team)
    pair.run(contacts(decoy, numbers), team)
    taking = retraction(decoy, Window(until=AT.replace(minute=1)))
    over = threading.Event()

    def arrive(on: UUID, order: list[str]) -> int:
        minute = 1
        while minute == 1 or not over.is_set():
            pair.run(contacts(on, order, minute), team)
            minute = min(minute + 1, 59)
        return minute

    def take() -> int:
        taken = 0
        while (chunk := pair.run(taking, team)).remaining or chunk.retracted:
            taken += chunk.retracted
        return taken

    with ThreadPoolExecutor(4) as pool:
        arriving = [pool.submit(arrive, decoy, numbers[::-1]), pool.submit(arrive, other, numbers)]
        taken = [pool.submit(take) for _ in range(2)]
        try:
            assert sum(one.result() for one in taken) == 40
        finally:
            over.set()
        assert all(one.result() > 1 for one in arriving)
    assert pair.run(taking, team) == Chunk(0, 0)


@pytest.mark.parametrize("first", ["the contact", "the retraction"])
def test_contacts_that_follow_their_number_to_a_newer_generation_are_taken_back_as_well(
    cluster: EmbeddedUrls, template: str, first: str
) -> None:
    """One that finds them carried away from where it has seen them says that they remain, and takes them next time."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as before:
            pair = Interleaving(before.registry, before.superuser)
            team = caller_of(before.member("investigator").id)
            decoy, other = line(pair, team), line(pair, team)
            numbers = sorted(islice(NUMBERS, 20))
            pair.run(contacts(decoy, numbers), team)
        with opened_house(urls, keys=TWO_KEYS) as house:
            pair = Interleaving(house.registry, house.superuser)
            steps: list[Step] = [(contacts(other, numbers[::-1]), team), (retraction(decoy), team)]
            second: Any = pair.both(*(steps if first == "the contact" else steps[::-1]))
            if first == "the contact":
                assert second == Chunk(0, 20)
                assert pair.run(retraction(decoy), team) == Chunk(20, 0)
            else:
                assert not isinstance(second, Refused), second
            assert pair.run(retraction(decoy), team) == Chunk(0, 0)
            agree(house)
