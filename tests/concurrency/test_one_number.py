"""Two operations on one number at once, in both orders: they take turns, and the listing says what the rows say."""

from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from interleaved import Interleaving, Step, caller_of, wait_until
from members import KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Code, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Channel, Role
from registry.key_file import KeyFile
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, RemoveExclusion
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Caller
from registry.operations.record_hits import RecordHits
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit

AT: Final = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)
TWO_GENERATIONS: Final = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture
def pair(house: House) -> Iterator[Interleaving]:
    """Whatever a test does at once, at its end every listing must be what its rows make of it."""
    yield Interleaving(house.registry, house.superuser)
    agree(house)


def agree(house: House) -> None:
    now = house.clock.now
    assert stored_listings(house.superuser) == recomputed_listings(house.superuser, house.registry.policy, now)


def hit(number: str, decoy: UUID, day: int = 1) -> RecordHits:
    return RecordHits([Hit(number=number, decoy=decoy, channel=Channel.SMS, occurred_at=AT.replace(day=day))])


@dataclass
class Scene:
    """A number with one contact, an open dispute by its subject, and a decoy of each of two organisations."""

    number: str
    decoys: tuple[UUID, UUID]
    callers: tuple[Caller, Caller]
    hit: UUID
    dispute: UUID

    @classmethod
    def set(cls, house: House, pair: Interleaving) -> "Scene":
        callers = tuple(caller_of(house.member("investigator").id) for _ in range(2))
        decoys = tuple(
            pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), caller).id for caller in callers
        )
        number = next(NUMBERS)
        recorded: Any = pair.run(hit(number, decoys[0]), callers[0])[0]
        dispute = pair.run(OpenDispute(number))
        return cls(number, (decoys[0], decoys[1]), (callers[0], callers[1]), recorded.id, dispute.id)


STEPS: Final[dict[str, Callable[[Scene], Step]]] = {
    "another contact": lambda s: (hit(s.number, s.decoys[1], day=2), s.callers[1]),
    "a contact on the same decoy": lambda s: (hit(s.number, s.decoys[0], day=3), s.callers[0]),
    "its contact's retraction": lambda s: (RetractHit(s.hit, RetractionReason.MISDIAL), s.callers[0]),
    "its exclusion": lambda s: (AddExclusion(s.number, ExclusionReason.OUTREACH), COMMAND_LINE),
    "its dispute's end": lambda s: (CloseDispute(s.dispute, Resolution.CONFIRMED), COMMAND_LINE),
    "its decoy's burn-in": lambda s: (ChangeDecoy(s.decoys[0], {"acquired_on": AT.date()}), s.callers[0]),
    "its decoy's new window": lambda s: (ChangeDecoy(s.decoys[0], {"live_from": AT.replace(day=2)}), s.callers[0]),
}


@pytest.mark.parametrize(("first", "second"), list(product(STEPS, STEPS)))
def test_whatever_meets_on_one_number_the_listing_is_right(
    house: House, pair: Interleaving, first: str, second: str
) -> None:
    scene = Scene.set(house, pair)
    done = pair.both(STEPS[first](scene), STEPS[second](scene))
    if first != second:
        assert not isinstance(done, Refused), done


def test_the_second_contact_waits_for_the_first_and_sees_it(house: House, pair: Interleaving) -> None:
    scene = Scene.set(house, pair)
    number = next(NUMBERS)
    pair.both((hit(number, scene.decoys[0]), scene.callers[0]), (hit(number, scene.decoys[1]), scene.callers[1]))
    row = stored_listings(house.superuser)[tags_of(house.registry, number)[0]]
    assert (row.grade, row.contacts, row.decoys, row.organisations) == ("corroborated", 2, 2, 2)


@pytest.mark.parametrize("order", ["the contact first", "the decoy first"])
def test_a_first_contact_that_meets_a_change_of_its_decoy_is_weighed_by_the_decoy_as_it_is_then(
    house: House, pair: Interleaving, order: str
) -> None:
    """The change cannot find a number that is not committed yet, nor the contact a burn-in that is not."""
    scene = Scene.set(house, pair)
    number = next(NUMBERS)
    contact: Step = (hit(number, scene.decoys[0]), scene.callers[0])
    change: Step = (ChangeDecoy(scene.decoys[0], {"acquired_on": AT.date()}), scene.callers[0])
    pair.both(*((contact, change) if order == "the contact first" else (change, contact)))
    assert stored_listings(house.superuser)[tags_of(house.registry, number)[0]].grade is None


@pytest.mark.parametrize("order", ["the contact first", "the role first"])
def test_a_line_s_first_contact_that_meets_its_new_role_comes_before_it_or_after_it(
    house: House, pair: Interleaving, order: str
) -> None:
    """Whoever comes second sees what the first did: a role that is in use stays, and a contact gets the new one."""
    scene = Scene.set(house, pair)
    owner, number = scene.callers[0], next(NUMBERS)
    line = pair.run(RegisterDecoy("A line", next(NUMBERS), Role.CONTROL), owner).id
    contact: Step = (hit(number, line), owner)
    change: Step = (ChangeDecoy(line, {"role": Role.ADVERTISEMENT}), owner)
    done = pair.both(*((contact, change) if order == "the contact first" else (change, contact)))
    row = stored_listings(house.superuser)[tags_of(house.registry, number)[0]]
    if order == "the contact first":
        assert isinstance(done, Refused)
        assert (done.code, row.grade) == (Code.ROLE_IN_USE, None)
    else:
        assert (done[0].status, row.grade) == ("recorded", "single")


def test_a_contact_that_meets_the_retraction_of_the_only_other_is_listed(house: House, pair: Interleaving) -> None:
    """With nothing left behind the number its listing is deleted, while the new contact waits for that very row."""
    scene = Scene.set(house, pair)
    number = next(NUMBERS)
    recorded: Any = pair.run(hit(number, scene.decoys[0]), scene.callers[0])[0]
    retraction = RetractHit(recorded.id, RetractionReason.MISDIAL)
    with ThreadPoolExecutor(2) as pool, psycopg.connect(house.urls.superuser_dsn) as holder:
        # Both read the exclusions once they hold, or wait for, the listing's row.
        holder.execute("LOCK TABLE registry.exclusions IN ACCESS EXCLUSIVE MODE")
        retracting = pool.submit(pair.run, retraction, scene.callers[0])
        wait_until(lambda: pair.waiting() == 1)
        recording = pool.submit(pair.run, hit(number, scene.decoys[1]), scene.callers[1])
        wait_until(lambda: pair.waiting() == 2)
        holder.rollback()
        retracting.result()
        recording.result()
    row = stored_listings(house.superuser)[tags_of(house.registry, number)[0]]
    assert (row.grade, row.contacts) == ("single", 1)


def test_two_batches_with_the_same_numbers_in_opposite_order_both_end(house: House, pair: Interleaving) -> None:
    scene = Scene.set(house, pair)
    numbers = [next(NUMBERS) for _ in range(20)]

    def batch(decoy: UUID, order: list[str]) -> RecordHits:
        return RecordHits([item for number in order for item in hit(number, decoy).items])

    done = pair.both(
        (batch(scene.decoys[0], numbers), scene.callers[0]), (batch(scene.decoys[1], numbers[::-1]), scene.callers[1])
    )
    assert not isinstance(done, Refused)
    listed = stored_listings(house.superuser)
    assert {listed[tags_of(house.registry, number)[0]].contacts for number in numbers} == {2}


def test_of_two_at_once_that_exclude_each_other_one_is_told_so(house: House, pair: Interleaving) -> None:
    scene = Scene.set(house, pair)
    number, other = next(NUMBERS), next(NUMBERS)
    cases: list[tuple[Step, Code]] = [
        ((AddExclusion(number, ExclusionReason.POLICE), COMMAND_LINE), Code.ALREADY_EXCLUDED),
        ((OpenDispute(number), COMMAND_LINE), Code.ALREADY_DISPUTED),
        ((RegisterDecoy("A line", other, Role.TEST), scene.callers[0]), Code.DECOY_NUMBER_TAKEN),
        ((RetractHit(scene.hit, RetractionReason.OTHER), scene.callers[0]), Code.ALREADY_RETRACTED),
        ((CloseDispute(scene.dispute, Resolution.WITHDRAWN), COMMAND_LINE), Code.ALREADY_CLOSED),
        ((RemoveExclusion(number), COMMAND_LINE), Code.NOT_FOUND),
        ((CreateOrganisation(OrganisationKind.PARTNER, "Named twice"), COMMAND_LINE), Code.NAME_TAKEN),
    ]
    for step, code in cases:
        refused = pair.both(step, step)
        assert isinstance(refused, Refused), step[0].name
        assert refused.code is code
        assert refused.audit_id is not None


def test_while_two_generations_are_active_an_exclusion_follows_its_number_though_two_carry_it(
    cluster: EmbeddedUrls, template: str
) -> None:
    """The older generation alone knows of the exclusion and of the dispute; two new contacts bring both forward."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as before:
            pair = Interleaving(before.registry, before.superuser)
            callers = [caller_of(before.member("investigator").id) for _ in range(2)]
            decoys = [
                pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), caller).id for caller in callers
            ]
            excluded, disputed = next(NUMBERS), next(NUMBERS)
            pair.run(AddExclusion(excluded, ExclusionReason.SURVIVOR))
            pair.run(OpenDispute(disputed))
        with opened_house(urls, keys=TWO_GENERATIONS) as house:
            pair = Interleaving(house.registry, house.superuser)
            for number in (excluded, disputed):
                done = pair.both((hit(number, decoys[0]), callers[0]), (hit(number, decoys[1]), callers[1]))
                assert not isinstance(done, Refused), done
            agree(house)
            listed = stored_listings(house.superuser)
            newest = [tags_of(house.registry, number)[0] for number in (excluded, disputed)]
            assert [(listed[tag].excluded, listed[tag].disputed) for tag in newest] == [(True, False), (False, True)]
