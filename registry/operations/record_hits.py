"""Recording the contacts that an organisation submits, and rehearsing it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.db import decoys, hits
from registry.db.database import Reading, Writing
from registry.db.hits import Source
from registry.domain.errors import Code
from registry.operations import flood_guard
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.placed_hits import PlacedHit, distinct, record_placed
from registry.operations.questions import ItemRefusal
from registry.operations.registry import Registry
from registry.operations.submitted_hits import Hit, PreparedHit, prepare_all


class Status(StrEnum):
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A hit that is in the registry: now, or (duplicate) since it was first submitted, under that hit's id."""

    status: Status
    id: UUID
    notes: tuple[str, ...]


Outcome = Recorded | ItemRefusal


@dataclass(frozen=True, slots=True)
class RecordHits(WriteOperation[list[PreparedHit | ItemRefusal], list[Outcome]]):
    """items: a hit, or the refusal of one that could not even be read (a file's row, say)."""

    name = "record_hits"
    items: Sequence[Hit | ItemRefusal]

    @property
    def submitted(self) -> int:
        return len(self.items)

    def prepare(self, registry: Registry) -> list[PreparedHit | ItemRefusal]:
        return prepare_all(registry, self.items)

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: list[PreparedHit | ItemRefusal]
    ) -> Done[list[Outcome]]:
        checked = _with_decoys(tx, caller.organisation(), prepared)
        placed = [entry for entry in checked if isinstance(entry, PlacedHit)]
        new = distinct(placed)
        suspected = flood_guard.suspects(tx, registry, new)
        decoys.hold(tx, sorted({hit.decoy_id for hit in new}), alone=bool(suspected))
        recording = record_placed(tx, registry, placed, new, suspected)
        outcomes = _outcomes(checked, recording.recorded, recording.known)
        return Done(
            outcomes,
            count=tally(outcomes),
            policy=registry.policy.name,
            generation=registry.generations.current,
            alarms=recording.alarms,
        )


@dataclass(frozen=True, slots=True)
class RecordHitsChunk(RecordHits):
    """Some rows of an import; each chunk is recorded by itself under the import's request id."""

    name = "import_hits"


@dataclass(frozen=True, slots=True)
class RehearseHits(RecordHits):
    """What `RecordHitsChunk` would answer, with nothing recorded."""

    name = "import_hits_dry_run"

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: list[PreparedHit | ItemRefusal]
    ) -> Done[list[Outcome]]:
        checked = _with_decoys(tx, caller.organisation(), prepared)
        new = distinct([entry for entry in checked if isinstance(entry, PlacedHit)])
        known = hits.claimed(tx, [hit.source for hit in new])
        would = frozenset(hit.id for hit in new if hit.source not in known)
        outcomes = _outcomes(checked, would, {hit.source: hit.id for hit in new} | known)
        return Done(
            outcomes, count=tally(outcomes), policy=registry.policy.name, generation=registry.generations.current
        )


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many of each status, zeros included."""
    counted = dict.fromkeys((status.value for status in Status), 0)
    for outcome in outcomes:
        counted[Status.REFUSED if isinstance(outcome, ItemRefusal) else outcome.status] += 1
    return counted


def _with_decoys(
    tx: Reading, owner: UUID, prepared: Sequence[PreparedHit | ItemRefusal]
) -> list[PlacedHit | ItemRefusal]:
    """Each hit with its decoy's id; a decoy of someone else is unknown, exactly like one that does not exist."""
    ready = [item for item in prepared if isinstance(item, PreparedHit)]
    ids = decoys.owned(tx, owner, sorted({item.hit.decoy for item in ready if isinstance(item.hit.decoy, UUID)}))
    by_tag = decoys.by_tag(tx, owner, sorted({tag for item in ready for tag in item.decoy_tags}))
    checked: list[PlacedHit | ItemRefusal] = []
    for item in prepared:
        if isinstance(item, ItemRefusal):
            checked.append(item)
            continue
        if isinstance(item.hit.decoy, UUID):
            decoy, at = (item.hit.decoy if item.hit.decoy in ids else None), "decoy_id"
        else:
            decoy, at = next((by_tag[tag] for tag in item.decoy_tags if tag in by_tag), None), "decoy"
        if decoy is None:
            checked.append(ItemRefusal(Code.UNKNOWN_DECOY, at, "Your organisation has no such decoy."))
        else:
            checked.append(PlacedHit.of(item, owner, decoy))
    return checked


def _outcomes(
    checked: Sequence[PlacedHit | ItemRefusal], recorded: frozenset[UUID], known: Mapping[Source, UUID]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for entry in checked:
        if isinstance(entry, ItemRefusal):
            outcomes.append(entry)
            continue
        status = Status.RECORDED if entry.item.id in recorded else Status.DUPLICATE
        outcomes.append(Recorded(status, known[entry.source], entry.item.number.notes))
    return outcomes
