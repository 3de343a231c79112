"""Files of exclusions that meet each other, contacts of the same numbers, or the end of one."""

from collections.abc import Generator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import pytest
from house import House, fictional_numbers, opened_database, opened_house
from interleaved import Interleaving, Step, caller_of
from members import KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Channel, Role
from registry.key_file import KeyFile
from registry.operations.exclusion_files import ExclusionRow, RemovalRow
from registry.operations.import_exclusions import ImportExclusions, Status
from registry.operations.manage_decoys import RegisterDecoy
from registry.operations.manage_exclusions import RemoveExclusion
from registry.operations.operation import COMMAND_LINE, Caller
from registry.operations.record_hits import RecordHits
from registry.operations.remove_exclusions import RemoveExclusions, Sides
from registry.operations.remove_exclusions import Status as Removal
from registry.operations.submitted_hits import Hit

AT: Final = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
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
    now = house.clock.now
    assert stored_listings(house.superuser) == recomputed_listings(house.superuser, house.registry.policy, now)


def file(numbers: list[str]) -> ImportExclusions:
    return ImportExclusions([ExclusionRow(number, None, ExclusionReason.OUTREACH, None) for number in numbers])


def removal(numbers: list[str], sides: Sides | None = None) -> RemoveExclusions:
    return RemoveExclusions([RemovalRow(number, None) for number in numbers], sides or Sides())


def active(house: House, caller: Caller) -> int:
    row = house.superuser.execute(
        "SELECT count(DISTINCT id) FROM registry.exclusions WHERE removed_at IS NULL"
        " AND organisation_id IS NOT DISTINCT FROM %s",
        (caller.organisation_id,),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_of_two_files_with_the_same_numbers_in_opposite_order_each_number_is_added_by_one(
    house: House, pair: Interleaving, team: Caller
) -> None:
    numbers, before = list(islice(NUMBERS, 20)), active(house, team)
    second: Any = pair.both((file(numbers), team), (file([*numbers[::-1], next(NUMBERS)]), team))
    assert second == [Status.ALREADY] * 20 + [Status.ADDED]
    assert active(house, team) - before == 21


def test_two_sides_files_of_the_same_numbers_add_them_both(house: House, pair: Interleaving, team: Caller) -> None:
    numbers = list(islice(NUMBERS, 20))
    second: Any = pair.both((file(numbers), team), (file(numbers[::-1]), COMMAND_LINE))
    assert second == [Status.ADDED] * 20


@pytest.mark.parametrize("first", ["the file", "the contacts"])
def test_contacts_that_meet_the_file_that_excludes_them_are_not_listed(
    house: House, pair: Interleaving, team: Caller, first: str
) -> None:
    numbers = list(islice(NUMBERS, 20))
    decoy = pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), team).id
    contacts = RecordHits([Hit(number, decoy, Channel.SMS, AT) for number in numbers[::-1]])
    excluding: Step = (file(numbers), team)
    recording: Step = (contacts, team)
    steps = (excluding, recording) if first == "the file" else (recording, excluding)
    assert not isinstance(pair.both(*steps), Refused)
    employer = house.member("employer")
    assert {employer.look_up(number)["outcome"] for number in numbers} == {"none"}


def test_a_file_that_waits_for_the_end_of_an_exclusion_excludes_the_number_again(
    pair: Interleaving, team: Caller
) -> None:
    number = next(NUMBERS)
    pair.run(file([number]), team)
    added: Any = pair.both((RemoveExclusion(number), team), (file([number]), team))
    assert added == [Status.ADDED]


@pytest.mark.parametrize("sides", [Sides(), Sides(every=True)], ids=["own", "every side's"])
def test_of_two_files_that_end_the_same_exclusions_in_opposite_order_one_ends_each(
    house: House, pair: Interleaving, team: Caller, sides: Sides
) -> None:
    numbers, before = list(islice(NUMBERS, 20)), active(house, team)
    pair.run(file(numbers), team)
    whose = COMMAND_LINE if sides.every else team
    second: Any = pair.both((removal(numbers), team), (removal(numbers[::-1], sides), whose))
    assert second == [Removal.NOT_EXCLUDED] * 20
    assert active(house, team) == before


def test_contacts_that_meet_the_file_that_ends_their_exclusions_are_listed(
    house: House, pair: Interleaving, team: Caller
) -> None:
    numbers = list(islice(NUMBERS, 20))
    decoy = pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), team).id
    pair.run(file(numbers), team)
    later = house.clock.now + timedelta(minutes=1)
    contacts = RecordHits([Hit(number, decoy, Channel.SMS, later) for number in numbers[::-1]])
    assert not isinstance(pair.both((removal(numbers), team), (contacts, team)), Refused)
    employer = house.member("employer")
    assert {employer.look_up(number)["outcome"] for number in numbers} == {"contact_observed"}
