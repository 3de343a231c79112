"""Lines that are registered, ended or given another number at the moment at which that number contacts somebody."""

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
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
from registry.key_file import KeyFile
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.operation import Caller, Operation
from registry.operations.record_hits import RecordHits
from registry.operations.submitted_hits import Hit

AT: Final = datetime(2026, 11, 3, 10, 0, tzinfo=UTC)
BEFORE, AFTER = AT.replace(day=2), AT.replace(day=4)
TWO_KEYS: Final = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()


@pytest.fixture(scope="module", params=[KEYS, TWO_KEYS], ids=["one key", "two keys"])
def house(request: pytest.FixtureRequest, cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls, keys=request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def team(house: House) -> Caller:
    return caller_of(house.member("investigator").id)


@pytest.fixture
def pair(house: House) -> Iterator[Interleaving]:
    """Whatever a test does at once, at its end every listing must be what its rows make of it."""
    yield Interleaving(house.registry, house.superuser)
    agree(house)


def agree(house: House) -> None:
    now = house.clock.now
    assert stored_listings(house.superuser) == recomputed_listings(house.superuser, house.registry.policy, now)


def line(number: str, **more: Any) -> RegisterDecoy:
    return RegisterDecoy("A line", number, Role.ADVERTISEMENT, **more)


def contact(number: str, decoy: UUID, at: datetime = AT) -> RecordHits:
    return RecordHits([Hit(number, decoy, Channel.SMS, at)])


@pytest.mark.parametrize("first", ["the change", "the contact"])
@pytest.mark.parametrize(
    ("what", "outcome"),
    [("register", "none"), ("its number", "none"), ("open its end", "none"), ("end it", "contact_observed")],
)
def test_a_contact_of_its_number_that_meets_a_change_of_the_line(
    house: House, pair: Interleaving, team: Caller, first: str, what: str, outcome: str
) -> None:
    number = next(NUMBERS)
    decoy = pair.run(line(next(NUMBERS)), team).id
    operation: Operation[Any, Any] = line(number)
    if what == "its number":
        operation = ChangeDecoy(pair.run(line(next(NUMBERS)), team).id, {"number": number})
    elif what != "register":
        until = BEFORE if what == "open its end" else None
        id_ = pair.run(line(number, live_until=until), team).id
        operation = ChangeDecoy(id_, {"live_until": None if what == "open its end" else BEFORE})
    steps: list[Step] = [(operation, team), (contact(number, decoy), team)]
    assert not isinstance(pair.both(*(steps if first == "the change" else reversed(steps))), Refused)
    assert house.member("employer").look_up(number)["outcome"] == outcome


@pytest.mark.parametrize("first", ["the change", "the contact"])
def test_a_contact_of_the_number_that_a_line_leaves(house: House, pair: Interleaving, team: Caller, first: str) -> None:
    number = next(NUMBERS)
    decoy = pair.run(line(next(NUMBERS)), team).id
    leaving = ChangeDecoy(pair.run(line(number), team).id, {"number": next(NUMBERS)})
    steps: list[Step] = [(leaving, team), (contact(number, decoy), team)]
    assert not isinstance(pair.both(*(steps if first == "the change" else reversed(steps))), Refused)
    assert house.member("employer").look_up(number)["outcome"] == "none"


def test_lines_that_call_each_other_at_once_after_a_rotation(cluster: EmbeddedUrls, template: str) -> None:
    """Each contact takes the calling line along while others hold that line as the one that is called."""
    numbers = [next(NUMBERS) for _ in range(4)]
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            team = caller_of(house.member("investigator").id)
            before = Interleaving(house.registry, house.superuser)
            decoys = [before.run(line(number), team).id for number in numbers]
        with opened_house(urls, keys=TWO_KEYS) as house:
            after = Interleaving(house.registry, house.superuser)
            calls = [contact(number, decoy, at) for at in (AT, AFTER) for number in numbers for decoy in decoys]
            with ThreadPoolExecutor(8) as pool:
                running: list[Future[Any]] = [pool.submit(after.tried, call, team) for call in calls]
            assert not any(isinstance(one.result(), Refused) for one in running)
            generations = house.superuser.execute("SELECT DISTINCT generation FROM registry.decoys").fetchall()
            assert generations == [(2,)]
            agree(house)
            employer = house.member("employer")
            assert {employer.look_up(number)["outcome"] for number in numbers} == {"none"}
