"""Taking back all contacts on one line that occurred in a stretch of time, in chunks, each its own transaction, so that
what fails half-way loses nothing and can be asked for again.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from registry.db import decoy_days, decoys, submissions
from registry.db.database import Writing
from registry.domain.errors import Code, Refused
from registry.domain.flood import day_of
from registry.domain.windows import Window
from registry.operations.manage_exclusions import side_of
from registry.operations.operation import Answered, Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry
from registry.operations.retract_hit import RetractionReason

CHUNK_HITS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """retracted: now. remaining: contacts of the line and the window that are still not."""

    retracted: int
    remaining: int


@dataclass(frozen=True, slots=True)
class RetractHits(WriteOperation[None, Chunk]):
    """One chunk of them. An organisation takes back those on its own lines, the operator those on anybody's.

    Refused(not_found) for a line that is not this caller's to take from. What is retracted already is passed over, so
    that asking again does the rest.
    """

    name = "retract_hits"
    decoy_id: UUID
    occurred: Window
    reason: RetractionReason

    def prepare(self, registry: Registry) -> None:
        del registry
        self.occurred.require_forward()

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Chunk]:
        """Holds the line first, as contacts do, so that it takes turns with whatever quarantines or changes it."""
        _require_line(tx, caller, self.decoy_id)
        decoys.hold(tx, [self.decoy_id])
        standing = submissions.standing(tx, self.decoy_id, self.occurred, most=CHUNK_HITS)
        retracted = submissions.retract_all(tx, standing.keys, self.reason)
        refresh_listings(
            tx,
            (one.tag for one in retracted),
            policy=registry.policy,
            generation=registry.generations.current,
            now=registry.clock(),
        )
        days = Counter((day_of(one.occurred_at), one.provider or "") for one in retracted)
        decoy_days.subtract_all(tx, self.decoy_id, days)
        done = Chunk(len(retracted), standing.every - len(retracted))
        return Done(done, count={"retracted": done.retracted}, policy=registry.policy.name)


@dataclass(frozen=True, slots=True)
class RehearseRetractions(RetractHits):
    """How many `RetractHits` would take back, chunk by chunk; retracts none."""

    name = "retract_hits_dry_run"

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Chunk]:
        _require_line(tx, caller, self.decoy_id)
        every = submissions.standing(tx, self.decoy_id, self.occurred, most=1).every
        return Done(Chunk(every, 0), count={"retracted": every}, policy=registry.policy.name)


@dataclass
class Retractions:
    """What the chunks have done so far. audit_ids: one for each of them."""

    retracted: int = 0
    remaining: int = 0
    audit_ids: list[UUID] = field(default_factory=list[UUID])


def retract_in_chunks(operation: RetractHits, run: Callable[[RetractHits], Answered[Chunk]]) -> Iterator[Retractions]:
    """Runs one chunk after the other, and tells after each what was done, until nothing remains; or until one found
    nothing to take back, because somebody else does at this moment.
    """
    done = Retractions()
    while True:
        answered = run(operation)
        done.retracted += answered.result.retracted
        done.remaining = answered.result.remaining
        done.audit_ids.append(answered.audit_id)
        yield done
        if not answered.result.remaining or not answered.result.retracted:
            return


def _require_line(tx: Writing, caller: Caller, decoy_id: UUID) -> None:
    if decoys.get(tx, side_of(caller), decoy_id) is None:
        raise Refused(Code.NOT_FOUND, "There is no such decoy.")
