"""Contacts whose decoys and organisations are known, and the one way to record them: each is claimed once by its
source, stored under its tag, counted on its decoy, and its listing recomputed. They may be of several organisations.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from registry.db import decoy_days, hits
from registry.db.database import Writing
from registry.db.hits import NewHit, Source
from registry.domain.flood import Alarm, day_of
from registry.operations import flood_guard
from registry.operations.carry_forward import carry_forward
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry
from registry.operations.submitted_hits import PreparedHit


@dataclass(frozen=True, slots=True)
class PlacedHit:
    """A contact on one of its organisation's decoys."""

    item: PreparedHit = field(repr=False)
    decoy: UUID
    source: Source = field(repr=False)

    @classmethod
    def of(cls, item: PreparedHit, owner: UUID, decoy: UUID) -> Self:
        """The same moment on another decoy is another event, where its sender has no id for it. The fingerprint is
        secret already: this needs no key.
        """
        key = item.source
        if item.hit.source_id is None:
            key = hashlib.sha256(key + decoy.bytes).digest()
        return cls(item, decoy, (owner, key))

    def new(self) -> NewHit:
        """As it is stored."""
        item, hit = self.item, self.item.hit
        return NewHit(
            item.id,
            *self.source,
            item.tags[0],
            self.decoy,
            hit.channel,
            hit.attestation,
            hit.diverted,
            item.number.line_type.value,
            hit.occurred_at,
            hit.provider,
            hit.verification,
        )


@dataclass(frozen=True, slots=True)
class Recording:
    """What became of a batch. recorded: ids of its contacts that are new. known: source -> the id it is recorded under.

    held: by the tags of the numbers that were held back. quarantined: the decoys that were.
    """

    recorded: frozenset[UUID]
    known: Mapping[Source, UUID] = field(repr=False)
    held: Mapping[bytes, Alarm] = field(repr=False)
    quarantined: Sequence[Alarm] = ()

    @property
    def alarms(self) -> list[Alarm]:
        """All that was held back."""
        return [*self.held.values(), *self.quarantined]


def distinct(placed: Sequence[PlacedHit]) -> list[NewHit]:
    """The first of each source, in order."""
    new: dict[Source, NewHit] = {}
    for one in placed:
        if one.source not in new:
            new[one.source] = one.new()
    return list(new.values())


def record_placed(
    tx: Writing, registry: Registry, placed: Sequence[PlacedHit], new: Sequence[NewHit], suspected: frozenset[UUID]
) -> Recording:
    """new: `distinct` of those placed. suspected: decoys that `flood_guard.suspects`. The transaction must hold the
    generations, and all the decoys, in that order; those that are suspected alone.
    """
    free = hits.claim(tx, new)
    recorded = [hit for hit in new if hit.id in free]
    sources = dict.fromkeys(one.source for one in placed)
    known = {hit.source: hit.id for hit in recorded}
    known |= hits.claimed(tx, [source for source in sources if source not in known])
    hits.add(tx, registry.generations.current, registry.normaliser.version, recorded)
    # Also with a contact that is a duplicate.
    carried = carry_forward(tx, registry, [one.item.tags for one in placed])
    contacts = refresh_listings(
        tx,
        [*(hit.tag for hit in recorded), *carried],
        policy=registry.policy,
        generation=registry.generations.current,
        now=registry.clock(),
    )
    all_tags = {one.item.tags[0]: one.item.tags for one in placed}
    held = flood_guard.hold_flooding(tx, registry, recorded, contacts, all_tags)
    decoy_days.add(tx, Counter((hit.decoy_id, day_of(hit.occurred_at), hit.provider) for hit in recorded))
    quarantined = flood_guard.quarantine_flooded(tx, registry, suspected, recorded)
    return Recording(free, known, held, quarantined)
