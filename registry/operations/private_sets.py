"""Keeping the private sets: one of each active generation, rebuilt when an epoch is first asked for.

No job has to run: whoever asks first in an epoch builds, everybody else gets what was built, on every machine the same.
So a change is seen by nobody before the next epoch, and then only as a count.
"""

import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from registry.db import private_sets
from registry.db.database import Writing
from registry.db.private_sets import PrivateSet
from registry.domain.errors import Code, Refused
from registry.domain.private_sets import EPOCH_SECONDS, SLOT_BITS, bucket_entries, prefix_bits
from registry.operations.refresh_listings import BATCH, refresh_listings

if TYPE_CHECKING:
    from registry.operations.registry import Registry

_STALE_AT_ONCE: Final = 20_000
_PLACES: Final = 4


def epoch_of(now: datetime) -> datetime:
    """The start of the epoch that a moment lies in, in UTC."""
    seconds = int(now.timestamp())
    return datetime.fromtimestamp(seconds - seconds % EPOCH_SECONDS, UTC)


class Builders:
    """Who builds, in this process. One does, a few wait, and the others are told to come again: a large set takes
    seconds, and whoever waits for it holds a thread that somebody else's lookup may need.
    """

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self.places = threading.BoundedSemaphore(_PLACES)


def current_sets(registry: "Registry") -> dict[int, PrivateSet]:
    """Active generation -> its set of this epoch, built now where it was not. Transactions of its own.

    Refused(overloaded) where it is being built and enough wait for it already.
    """
    now = registry.clock()
    wanted = _Wanted(registry, now)
    found = registry.database.transaction(private_sets.find_all)
    if not wanted.missing(found):
        return found
    builders = registry.set_builders
    if not builders.places.acquire(blocking=False):
        raise Refused(Code.OVERLOADED, "The set of this epoch is being built.", retry_after=2.0)
    try:
        with builders.turn:
            found = registry.database.transaction(private_sets.find_all)
            if not wanted.missing(found):
                return found
            _refresh_stale(registry, now)
            return registry.database.transaction(wanted.build)
    finally:
        builders.places.release()


class _Wanted:
    """What the sets of this moment must be of."""

    def __init__(self, registry: "Registry", now: datetime) -> None:
        self._registry = registry
        self._now = now
        self._epoch = epoch_of(now)
        self._threshold = registry.settings.private_bucket_entries
        self._built_for = f"{registry.policy.name} {self._threshold}"

    def missing(self, found: dict[int, PrivateSet]) -> list[int]:
        """Active generations whose set is older than this epoch. One of the next is as good: clocks differ a little."""
        return [
            number
            for number in self._registry.generations.active
            if (one := found.get(number)) is None or one.epoch < self._epoch or one.built_for != self._built_for
        ]

    def build(self, tx: Writing) -> dict[int, PrivateSet]:
        """Builds those that are still missing when it is this transaction's turn."""
        self._registry.hold_generations(tx)
        private_sets.take_turn(tx)
        found = private_sets.find_all(tx)
        for number in self.missing(found):
            found[number] = self._build_one(tx, number)
            private_sets.keep(tx, found[number])
        return found

    def _build_one(self, tx: Writing, number: int) -> PrivateSet:
        entries, digest = private_sets.build(tx, number, policy=self._registry.policy.name, now=self._now)
        bits = prefix_bits(entries, self._threshold)
        largest = private_sets.largest_bucket(tx, number, SLOT_BITS - bits) if bits else 0
        size = bucket_entries(entries, bits, largest)
        return PrivateSet(number, self._epoch, self._built_for, entries, bits, size, digest)


def _refresh_stale(registry: "Registry", now: datetime) -> None:
    """Recomputes every listing that time or another policy has overtaken, some thousand in a transaction, so that
    nobody who writes waits long. A set is then what the listings say.
    """
    policy = registry.policy

    def refresh(batch: list[bytes]) -> None:
        def work(tx: Writing) -> None:
            registry.hold_generations(tx)
            refresh_listings(tx, batch, policy=policy, generation=registry.generations.current, now=now)

        registry.database.transaction(work)

    more = True
    while more:
        tags = registry.database.transaction(
            lambda tx: private_sets.stale_listings(tx, policy=policy.name, now=now, most=_STALE_AT_ONCE)
        )
        ordered = sorted(tags)
        for start in range(0, len(ordered), BATCH):
            refresh(ordered[start : start + BATCH])
        # A process with another policy, in the middle of an update, could make them stale again for ever.
        more = len(tags) == _STALE_AT_ONCE
