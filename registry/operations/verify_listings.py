"""Holding every listing against the hits: what `demand-registry verify-listings` does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

from registry.db import hits, listings
from registry.db.database import Writing
from registry.db.listings import Listing
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import BATCH, project, refresh_listings
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class Verified:
    """tags: how many were compared. stale: how many wait for a date that has passed, and are answered from the hits.
    wrong: how many differ from the hits for no such reason; after a repair none is left.
    """

    tags: int
    stale: int
    wrong: int


@dataclass(frozen=True, slots=True)
class VerifyListings(WriteOperation[None, Verified]):
    """Streams through all tags that have hits or a listing. progress: called with the number of tags so far."""

    name = "verify_listings"
    holds_generations = False  # it makes no tag, and must see everything as it is at one moment
    repair: bool = False
    progress: Callable[[int], None] | None = None

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Verified]:
        compared = stale = wrong = 0
        now = registry.clock()
        if not self.repair:  # a contact that arrives between two statements is no difference
            listings.hold_still(tx)
        for tags in _batches(hits.every_tag(tx)):
            stored = listings.find(tx, tags)
            facts = project(tx, tags, policy=registry.policy, generation=registry.generations.current, now=now)
            different = [fact.tag for fact in facts if not _same(stored.get(fact.tag), fact.listing)]
            expected = sum(
                1 for tag in different if tag in stored and not stored[tag].is_fresh(registry.policy.name, now)
            )
            stale += expected
            wrong += len(different) - expected
            compared += len(tags)
            if self.repair:
                refresh_listings(
                    tx, different, policy=registry.policy, generation=registry.generations.current, now=now
                )
            if self.progress is not None:
                self.progress(compared)
        count = {"compared": compared, "stale": stale, "wrong": wrong}
        return Done(Verified(compared, stale, wrong), count=count, policy=registry.policy.name)


def _same(stored: Listing | None, due: Listing | None) -> bool:
    """Whether a listing says what it should. Its generation is that of its hits and is not compared."""
    if stored is None or due is None:
        return stored is due
    return (stored.evidence, stored.excluded, stored.disputed, stored.policy, stored.changes_at) == (
        due.evidence,
        due.excluded,
        due.disputed,
        due.policy,
        due.changes_at,
    )


def _batches(tags: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(tags, BATCH)):
        yield batch
