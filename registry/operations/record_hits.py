"""Recording contacts: each is claimed once by its source, stored under its tag, and its listing recomputed."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.db import decoy_days, decoys, disputes, exclusions, hits
from registry.db.database import Reading, Writing
from registry.db.hits import NewHit
from registry.domain.errors import Code
from registry.domain.flood import day_of
from registry.operations import flood_guard
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.questions import ItemRefusal
from registry.operations.refresh_listings import refresh_listings
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
        owner = caller.organisation()
        checked = _with_decoys(tx, owner, prepared)
        new, sources = _new_hits(checked)
        suspected = flood_guard.suspects(tx, registry, new)
        decoys.hold(tx, sorted({hit.decoy_id for hit in new}), alone=bool(suspected))
        free = hits.claim(tx, owner, new)
        recorded = [hit for hit in new if hit.source_key in free]
        known = hits.claimed(tx, owner, [source for source in sources.values() if source not in free])
        hits.add(tx, owner, registry.generations.current, registry.normaliser.version, recorded)
        carried = _carry_forward(tx, registry, checked)
        contacts = refresh_listings(
            tx,
            [*(hit.tag for hit in recorded), *carried],
            policy=registry.policy,
            generation=registry.generations.current,
            now=registry.clock(),
        )
        alarms = flood_guard.hold_flooding(tx, registry, recorded, contacts, _all_tags(checked))
        decoy_days.add(tx, Counter((hit.decoy_id, day_of(hit.occurred_at), hit.provider) for hit in recorded))
        alarms += flood_guard.quarantine_flooded(tx, registry, suspected, recorded)
        outcomes = _outcomes(
            checked, sources, {hit.id for hit in recorded}, known | {h.source_key: h.id for h in recorded}
        )
        return Done(
            outcomes,
            count=tally(outcomes),
            policy=registry.policy.name,
            generation=registry.generations.current,
            alarms=alarms,
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
        owner = caller.organisation()
        checked = _with_decoys(tx, owner, prepared)
        new, sources = _new_hits(checked)
        known = hits.claimed(tx, owner, list(sources.values()))
        would = {hit.id for hit in new if hit.source_key not in known}
        outcomes = _outcomes(checked, sources, would, {hit.source_key: hit.id for hit in new} | known)
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
) -> list[tuple[PreparedHit, UUID] | ItemRefusal]:
    """Each hit with its decoy's id; a decoy of someone else is unknown, exactly like one that does not exist."""
    ready = [item for item in prepared if isinstance(item, PreparedHit)]
    ids = decoys.owned(tx, owner, sorted({item.hit.decoy for item in ready if isinstance(item.hit.decoy, UUID)}))
    by_tag = decoys.by_tag(tx, owner, sorted({tag for item in ready for tag in item.decoy_tags}))
    checked: list[tuple[PreparedHit, UUID] | ItemRefusal] = []
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
            checked.append((item, decoy))
    return checked


def _new_hits(
    checked: Sequence[tuple[PreparedHit, UUID] | ItemRefusal],
) -> tuple[list[NewHit], dict[UUID, bytes]]:
    """One new hit for each distinct source, and the source of every hit by the id it was given."""
    new: dict[bytes, NewHit] = {}
    sources: dict[UUID, bytes] = {}
    for entry in checked:
        if isinstance(entry, ItemRefusal):
            continue
        item, decoy = entry
        source = sources[item.id] = _source_on(item, decoy)
        if source not in new:
            new[source] = new_hit(item, decoy)
    return list(new.values()), sources


def _all_tags(checked: Sequence[tuple[PreparedHit, UUID] | ItemRefusal]) -> dict[bytes, tuple[bytes, ...]]:
    """A number's newest tag -> all its tags."""
    return {entry[0].tags[0]: entry[0].tags for entry in checked if not isinstance(entry, ItemRefusal)}


def new_hit(item: PreparedHit, decoy: UUID) -> NewHit:
    """As it is stored on this decoy."""
    hit = item.hit
    return NewHit(
        item.id,
        _source_on(item, decoy),
        item.tags[0],
        decoy,
        hit.channel,
        hit.attestation,
        hit.diverted,
        item.number.line_type.value,
        hit.occurred_at,
        hit.provider,
        hit.verification,
    )


def _source_on(item: PreparedHit, decoy: UUID) -> bytes:
    """The same moment on another decoy is another event. The fingerprint is secret already: this needs no key."""
    return item.source if item.hit.source_id is not None else hashlib.sha256(item.source + decoy.bytes).digest()


def _carry_forward(
    tx: Writing, registry: Registry, checked: Sequence[tuple[PreparedHit, UUID] | ItemRefusal]
) -> list[bytes]:
    """While several generations are active, what was recorded under an older one follows the number: its contacts,
    exclusions and disputes, also with a contact that is a duplicate. So one tag answers for the whole number, as
    private checks need it. Returns the tags that something changed for.
    """
    if len(registry.generations.active) == 1:
        return []
    pairs = {
        older: entry[0].tags[0]
        for entry in checked
        if not isinstance(entry, ItemRefusal)
        for older in entry[0].tags[1:]
    }
    current = registry.generations.current
    left = hits.carry(tx, pairs, current)
    reached = [pairs[tag] for tag in left]
    return [*left, *reached, *exclusions.carry(tx, pairs, current), *disputes.carry(tx, pairs, current)]


def _outcomes(
    checked: Sequence[tuple[PreparedHit, UUID] | ItemRefusal],
    sources: Mapping[UUID, bytes],
    recorded: set[UUID],
    known: Mapping[bytes, UUID],
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for entry in checked:
        if isinstance(entry, ItemRefusal):
            outcomes.append(entry)
            continue
        item = entry[0]
        status = Status.RECORDED if item.id in recorded else Status.DUPLICATE
        outcomes.append(Recorded(status, known[sources[item.id]], item.number.notes))
    return outcomes
