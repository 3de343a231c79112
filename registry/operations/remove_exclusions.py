"""Ending the exclusions of a file of numbers in chunks, each its own transaction, so that one that is cut off can be
run again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from registry.db import exclusion_ends
from registry.db.database import Writing
from registry.db.exclusion_ends import End
from registry.domain.errors import Code, Refused
from registry.operations.exclusion_files import ExclusionFile, RemovalRow, Row
from registry.operations.manage_exclusions import hold_listings, side_of
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.questions import ItemRefusal, number_refusal
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry
from registry.tagging import WrittenNumber

CHUNK_ROWS: Final = 2_000


class Status(StrEnum):
    """not_excluded: nobody whose exclusions are asked for excludes the number, or an earlier row has ended it."""

    ENDED = "ended"
    NOT_EXCLUDED = "not_excluded"
    REFUSED = "refused"


Outcome = Status | ItemRefusal
Prepared = tuple[bytes, ...] | ItemRefusal
"""A number's tags under all active generations, newest first."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Whose exclusions end. organisation_id: this one's, for the operator alone; None: the caller's own. every: all
    sides', for the operator alone.
    """

    organisation_id: UUID | None = None
    every: bool = False

    def require_for(self, side: UUID | None) -> None:
        """Refused(invalid_value) for what this side may not ask. An investigator learns nothing of others, not even
        that they exist.
        """
        if self.every and self.organisation_id is not None:
            raise Refused(Code.INVALID_VALUE, "Name one organisation, or ask for all: not both.")
        if side is not None and (self.every or self.organisation_id not in {None, side}):
            raise Refused(Code.INVALID_VALUE, "Only the operator ends exclusions of others.")

    def owner(self, side: UUID | None) -> UUID | None:
        return self.organisation_id if side is None else side


@dataclass(frozen=True, slots=True)
class RemoveExclusions(WriteOperation[list[Prepared], list[Outcome]]):
    """Some rows of a file; each chunk is dealt with by itself under the file's request id.

    mistaken: contacts from before count again, as of a file that should never have been imported.
    """

    name = "remove_exclusions"
    items: Sequence[RemovalRow | ItemRefusal]
    sides: Sides = Sides()
    mistaken: bool = False

    @property
    def submitted(self) -> int:
        return len(self.items)

    def prepare(self, registry: Registry) -> list[Prepared]:
        rows = [item for item in self.items if isinstance(item, RemovalRow)]
        read = iter(registry.read_numbers([WrittenNumber(row.number, row.region, any_region=True) for row in rows]))
        prepared: list[Prepared] = []
        for item in self.items:
            if isinstance(item, ItemRefusal):
                prepared.append(item)
                continue
            found = next(read)
            prepared.append(number_refusal(found, item.region) if isinstance(found, Refused) else tuple(found.tags))
        return prepared

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: list[Prepared]) -> Done[list[Outcome]]:
        side = side_of(caller)
        self.sides.require_for(side)
        end, every, owner = End(registry.clock(), self.mistaken), self.sides.every, self.sides.owner(side)
        found = exclusion_ends.removable(tx, _tags(prepared), owner, every=every)
        held = {tag: generation for tag, generation in _generations(registry, prepared).items() if tag in found}
        hold_listings(tx, held)
        tags = sorted(found)
        ended = exclusion_ends.remove_every(tx, tags, end) if every else exclusion_ends.remove(tx, tags, owner, end)
        renewed = held | {one.tag: one.generation for one in ended}
        refresh_listings(tx, renewed, policy=registry.policy, generation=renewed, now=registry.clock())
        return _done(registry, prepared, frozenset(one.tag for one in ended), mistaken=self.mistaken)


@dataclass(frozen=True, slots=True)
class RehearseRemovals(RemoveExclusions):
    """What `RemoveExclusions` would answer, with nothing ended."""

    name = "remove_exclusions_dry_run"

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: list[Prepared]) -> Done[list[Outcome]]:
        side = side_of(caller)
        self.sides.require_for(side)
        found = exclusion_ends.removable(tx, _tags(prepared), self.sides.owner(side), every=self.sides.every)
        return _done(registry, prepared, found, mistaken=self.mistaken)


@dataclass
class RemovalCounts:
    """What became of the rows so far."""

    rows: int = 0
    ended: int = 0
    not_excluded: int = 0
    refused: int = 0

    def add(self, outcomes: Sequence[Outcome]) -> None:
        counts = tally(outcomes)
        self.rows += len(outcomes)
        self.ended += counts["ended"]
        self.not_excluded += counts["not_excluded"]
        self.refused += counts["refused"]


def chunks(
    file: ExclusionFile[RemovalRow], sides: Sides, *, mistaken: bool, dry_run: bool
) -> Iterator[tuple[list[Row[RemovalRow]], RemoveExclusions]]:
    """Some rows at a time, with their operation. At least one, so that a file without a row is on record as well."""
    rows = iter(file)
    kind = RehearseRemovals if dry_run else RemoveExclusions
    chunk = list(islice(rows, CHUNK_ROWS))
    while True:
        yield chunk, kind([row.item for row in chunk], sides, mistaken)
        chunk = list(islice(rows, CHUNK_ROWS))
        if not chunk:
            return


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many of each status, zeros included."""
    counted = dict.fromkeys((status.value for status in Status), 0)
    for outcome in outcomes:
        counted[Status.REFUSED if isinstance(outcome, ItemRefusal) else outcome] += 1
    return counted


def _tags(prepared: Sequence[Prepared]) -> list[bytes]:
    """In byte order, so that two who end the same exclusions at once wait for each other in one order."""
    return sorted({tag for one in prepared if not isinstance(one, ItemRefusal) for tag in one})


def _generations(registry: Registry, prepared: Sequence[Prepared]) -> dict[bytes, int]:
    """Tag -> its generation."""
    active = registry.generations.active
    numbers = (one for one in prepared if not isinstance(one, ItemRefusal))
    return {tag: generation for one in numbers for tag, generation in zip(one, active, strict=True)}


def _done(
    registry: Registry, prepared: Sequence[Prepared], ended: frozenset[bytes], *, mistaken: bool
) -> Done[list[Outcome]]:
    """ended: the tags of exclusions that were ended; of rows with one number the first one did it.

    Counted apart where it was a mistake: what is taken back then can list somebody.
    """
    outcomes: list[Outcome] = []
    seen: set[bytes] = set()
    for one in prepared:
        if isinstance(one, ItemRefusal):
            outcomes.append(one)
            continue
        did = one[0] not in seen and not ended.isdisjoint(one)
        outcomes.append(Status.ENDED if did else Status.NOT_EXCLUDED)
        seen.add(one[0])
    count = tally(outcomes)
    if mistaken:
        count["mistaken"] = count.pop(Status.ENDED)
    return Done(outcomes, count=count, generation=registry.generations.current)
