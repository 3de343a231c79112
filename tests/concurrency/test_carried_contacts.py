"""Contacts that are carried to their number's tag of a newer generation while something else happens to them.

Everything that a number has was recorded under the older generation; the newer one is the first to see it again.
"""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any, Final
from uuid import UUID

import pytest
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from interleaved import Interleaving, Step, caller_of
from members import KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Purpose
from registry.domain.errors import Code, Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Channel, Outcome, Role
from registry.key_file import KeyFile
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, EndExclusion, RemoveExclusion
from registry.operations.operation import COMMAND_LINE, Caller
from registry.operations.questions import Question
from registry.operations.record_hits import RecordHits
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit

TWO_GENERATIONS: Final = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()
AT: Final = datetime(2026, 11, 1, 10, 0, tzinfo=UTC)


def contact(number: str, decoy: UUID, day: int = 1) -> RecordHits:
    return RecordHits([Hit(number=number, decoy=decoy, channel=Channel.SMS, occurred_at=AT.replace(day=day))])


@dataclass(frozen=True)
class Scene:
    """A number with one contact, of the first of two organisations' decoys; excluded or disputed, or neither."""

    number: str
    decoys: tuple[UUID, UUID]
    callers: tuple[Caller, Caller]
    hit: UUID
    dispute: UUID | None

    def outcome(self, pair: Interleaving) -> Outcome:
        answer = pair.run(LookUp(Question(self.number), Purpose.INVESTIGATION, None))
        outcome: Outcome = answer.outcome
        return outcome


CARRY: Final[dict[str, Callable[[Scene], Step]]] = {
    "another organisation's contact": lambda s: (contact(s.number, s.decoys[1], day=2), s.callers[1]),
    "its own organisation's contact": lambda s: (contact(s.number, s.decoys[0], day=3), s.callers[0]),
    "the same contact again": lambda s: (contact(s.number, s.decoys[0]), s.callers[0]),
}
MEANWHILE: Final[dict[str, Callable[[Scene], Step]]] = {
    **CARRY,
    "its retraction": lambda s: (RetractHit(s.hit, RetractionReason.MISDIAL), s.callers[0]),
    "its decoy's burn-in": lambda s: (ChangeDecoy(s.decoys[0], {"acquired_on": AT.date()}), s.callers[0]),
    "its decoy's new window": lambda s: (ChangeDecoy(s.decoys[0], {"live_from": AT.replace(day=2)}), s.callers[0]),
    "its number's exclusion": lambda s: (AddExclusion(s.number, ExclusionReason.OUTREACH), COMMAND_LINE),
    "its number's dispute": lambda s: (OpenDispute(s.number), COMMAND_LINE),
}
"""What may happen to a number that nothing stands against."""
NOTHING_LEFT: Final = {
    ("its own organisation's contact", "its decoy's burn-in"),
    ("the same contact again", "its decoy's burn-in"),
    ("the same contact again", "its decoy's new window"),
    ("the same contact again", "its retraction"),
}
"""After which no contact counts any more."""
ORDERS: Final = ("carried first", "carried second")


@dataclass(frozen=True)
class Stage:
    """One scene for each test. pair: what runs under both generations."""

    house: House
    pair: Interleaving
    scenes: Iterator[Scene]
    excluded: Iterator[Scene]
    disputed: Iterator[Scene]


@pytest.fixture(scope="module")
def stage(cluster: EmbeddedUrls, template: str) -> Generator[Stage]:
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as before:
            pair = Interleaving(before.registry, before.superuser)
            callers = (caller_of(before.member("investigator").id), caller_of(before.member("investigator").id))
            scenes = [_scene(pair, callers) for _ in range(2 * len(CARRY) * len(MEANWHILE))]
            excluded = [_scene(pair, callers, excluded=True) for _ in range(6 * len(CARRY))]
            disputed = [_scene(pair, callers, disputed=True) for _ in range(2 * len(CARRY))]
        with opened_house(urls, keys=TWO_GENERATIONS) as house:
            pair = Interleaving(house.registry, house.superuser)
            yield Stage(house, pair, iter(scenes), iter(excluded), iter(disputed))


def _scene(
    pair: Interleaving, callers: tuple[Caller, Caller], *, excluded: bool = False, disputed: bool = False
) -> Scene:
    lines = [pair.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), caller).id for caller in callers]
    number = next(NUMBERS)
    recorded: Any = pair.run(contact(number, lines[0]), callers[0])[0]
    if excluded:
        pair.run(AddExclusion(number, ExclusionReason.SURVIVOR))
    dispute = pair.run(OpenDispute(number)).id if disputed else None
    return Scene(number, (lines[0], lines[1]), callers, recorded.id, dispute)


def in_either_order(stage: Stage, scene: Scene, order: str, carrying: Step, other: Step) -> None:
    """Neither is refused, whoever comes first, and afterwards the number's listings are what its rows make of it."""
    done = stage.pair.both(*((carrying, other) if order == "carried first" else (other, carrying)))
    assert not isinstance(done, Refused), done
    registry, superuser = stage.house.registry, stage.house.superuser
    stored = stored_listings(superuser)
    recomputed = recomputed_listings(superuser, registry.policy, stage.house.clock.now)
    for tag in tags_of(registry, scene.number):
        assert stored.get(tag) == recomputed.get(tag)


def generations_of(stage: Stage, scene: Scene) -> set[int]:
    """Under which the number's contacts are stored; each must be under that generation's tag."""
    newest, oldest = tags_of(stage.house.registry, scene.number)
    rows = stage.house.superuser.execute(
        "SELECT h.tag, h.generation, s.tag FROM registry.hits h JOIN registry.submissions s ON s.hit_id = h.id"
        " WHERE h.tag = ANY (%s)",
        ([newest, oldest],),
    ).fetchall()
    for tag, generation, submitted in rows:
        assert tag == submitted == {1: oldest, 2: newest}[generation]
    return {generation for _, generation, _ in rows}


@pytest.mark.parametrize(("carrying", "meanwhile", "order"), list(product(CARRY, MEANWHILE, ORDERS)))
def test_whatever_meets_a_contact_that_is_carried_the_listing_is_right(
    stage: Stage, carrying: str, meanwhile: str, order: str
) -> None:
    scene = next(stage.scenes)
    in_either_order(stage, scene, order, CARRY[carrying](scene), MEANWHILE[meanwhile](scene))
    assert generations_of(stage, scene) == {2}
    retracted = stage.house.superuser.execute(
        "SELECT retraction_reason FROM registry.hits WHERE id = %s", (scene.hit,)
    ).fetchall()
    assert retracted == [("misdial" if meanwhile == "its retraction" else None,)]
    due = Outcome.NONE if (carrying, meanwhile) in NOTHING_LEFT else Outcome.CONTACT_OBSERVED
    against = {"its number's exclusion": Outcome.NONE, "its number's dispute": Outcome.INDETERMINATE}
    assert scene.outcome(stage.pair) is against.get(meanwhile, due)


@pytest.mark.parametrize(("carrying", "order", "mistaken"), list(product(CARRY, ORDERS, [True, False])))
def test_an_exclusion_that_ends_while_contacts_are_carried_has_ended(
    stage: Stage, carrying: str, order: str, *, mistaken: bool
) -> None:
    scene = next(stage.excluded)
    end: Step = (RemoveExclusion(scene.number, mistaken=mistaken), COMMAND_LINE)
    in_either_order(stage, scene, order, CARRY[carrying](scene), end)
    assert scene.outcome(stage.pair) is (Outcome.CONTACT_OBSERVED if mistaken else Outcome.NONE)
    refused = stage.pair.tried(RemoveExclusion(scene.number))
    assert isinstance(refused, Refused)
    assert refused.code is Code.NOT_FOUND


@pytest.mark.parametrize(("carrying", "order"), list(product(CARRY, ORDERS)))
def test_an_ended_exclusion_that_is_called_a_mistake_while_it_is_carried_was_one(
    stage: Stage, carrying: str, order: str
) -> None:
    """Under every generation, also that of a copy that was made in this very moment."""
    scene = next(stage.excluded)
    (ended,) = stage.pair.run(RemoveExclusion(scene.number))
    assert scene.outcome(stage.pair) is Outcome.NONE
    in_either_order(stage, scene, order, CARRY[carrying](scene), (EndExclusion(ended, mistaken=True), COMMAND_LINE))
    assert scene.outcome(stage.pair) is Outcome.CONTACT_OBSERVED
    marked = "SELECT bool_and(mistaken), count(*) FROM registry.exclusions WHERE id = %s"
    ((every, rows),) = stage.house.superuser.execute(marked, (ended,)).fetchall()
    assert every
    assert rows == (2 if order == "carried first" else 1)


@pytest.mark.parametrize(("carrying", "order"), list(product(CARRY, ORDERS)))
def test_a_dispute_that_ends_while_contacts_are_carried_has_ended(stage: Stage, carrying: str, order: str) -> None:
    scene = next(stage.disputed)
    assert scene.dispute is not None
    closure: Step = (CloseDispute(scene.dispute, Resolution.CONFIRMED), COMMAND_LINE)
    in_either_order(stage, scene, order, CARRY[carrying](scene), closure)
    assert scene.outcome(stage.pair) is Outcome.CONTACT_OBSERVED
    refused = stage.pair.tried(closure[0])
    assert isinstance(refused, Refused)
    assert refused.code is Code.ALREADY_CLOSED
