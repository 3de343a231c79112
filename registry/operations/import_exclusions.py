"""Importing a file of exclusions in chunks, each its own transaction, so that one that is cut off can be run again."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from registry.db import exclusions
from registry.db.database import Writing
from registry.db.exclusions import NewExclusion
from registry.domain.errors import Refused
from registry.domain.exclusions import ExclusionReason
from registry.operations.exclusion_files import ExclusionFile, ExclusionRow, Row
from registry.operations.manage_exclusions import exclude_all, require_future, require_reason, side_of
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.questions import ItemRefusal, number_refusal
from registry.operations.registry import Registry
from registry.tagging import WrittenNumber

CHUNK_ROWS: Final = 2_000


class Status(StrEnum):
    """extended: the caller's side excludes the number, and until later now. already: it does, by an earlier row or
    before; nothing was changed.
    """

    ADDED = "added"
    EXTENDED = "extended"
    ALREADY = "already"
    REFUSED = "refused"


Outcome = Status | ItemRefusal


@dataclass(frozen=True, slots=True)
class PreparedExclusion:
    """tags: generation -> the number's tag under it, newest first."""

    id: UUID
    tags: Mapping[int, bytes]
    newest: bytes
    reason: ExclusionReason
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class ImportExclusions(WriteOperation[list[PreparedExclusion | ItemRefusal], list[Outcome]]):
    """Some rows of a file; each chunk is excluded by itself under the import's request id.

    A number that the side excludes already keeps its reason. Its end is moved to a later one that the file names, and
    never nearer or away. While several generations are active it follows its number to the newest, as it does with a
    contact.
    """

    name = "import_exclusions"
    items: Sequence[ExclusionRow | ItemRefusal]

    @property
    def submitted(self) -> int:
        return len(self.items)

    def prepare(self, registry: Registry) -> list[PreparedExclusion | ItemRefusal]:
        return _prepare_all(registry, self.items)

    def perform(
        self,
        tx: Writing,
        registry: Registry,
        caller: Caller,
        prepared: list[PreparedExclusion | ItemRefusal],
    ) -> Done[list[Outcome]]:
        side = side_of(caller)
        checked = _with_reasons(prepared, side)
        first = _first_of_each(checked)
        carried = _carry_forward(tx, registry, first)
        new = [_new(one) for one in first]
        added, extended = exclude_all(tx, registry, side, new, carried=carried)
        return _done(registry, checked, _by_id(first, added, extended))


@dataclass(frozen=True, slots=True)
class RehearseExclusions(ImportExclusions):
    """What `ImportExclusions` would answer, with nothing excluded."""

    name = "import_exclusions_dry_run"

    def perform(
        self,
        tx: Writing,
        registry: Registry,
        caller: Caller,
        prepared: list[PreparedExclusion | ItemRefusal],
    ) -> Done[list[Outcome]]:
        side = side_of(caller)
        checked = _with_reasons(prepared, side)
        first = _first_of_each(checked)
        held = exclusions.held(tx, side, [tag for one in first for tag in one.tags.values()], registry.clock())
        added = frozenset(one.newest for one in first if held.isdisjoint(one.tags.values()))
        kept = [_new(one) for one in first if one.newest not in added]
        extended = exclusions.extendable(tx, side, kept, registry.clock())
        return _done(registry, checked, _by_id(first, added, extended))


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of the file that was not excluded, and why. line: 1-based."""

    line: int
    refusal: ItemRefusal


@dataclass
class ImportCounts:
    """What became of the rows so far."""

    rows: int = 0
    added: int = 0
    extended: int = 0
    already: int = 0
    refused: int = 0

    def add(self, outcomes: Sequence[Outcome]) -> None:
        counts = tally(outcomes)
        self.rows += len(outcomes)
        self.added += counts["added"]
        self.extended += counts["extended"]
        self.already += counts["already"]
        self.refused += counts["refused"]


def chunks(
    file: ExclusionFile[ExclusionRow], *, dry_run: bool
) -> Iterator[tuple[list[Row[ExclusionRow]], ImportExclusions]]:
    """Some rows at a time, with their operation. At least one, so that a file without a row is on record as well."""
    rows = iter(file)
    kind = RehearseExclusions if dry_run else ImportExclusions
    chunk = list(islice(rows, CHUNK_ROWS))
    while True:
        yield chunk, kind([row.item for row in chunk])
        chunk = list(islice(rows, CHUNK_ROWS))
        if not chunk:
            return


def refused_rows(chunk: Sequence[Row[ExclusionRow]], outcomes: Sequence[Outcome]) -> list[RefusedRow]:
    """Those of the chunk's rows that were refused, with their lines."""
    return [
        RefusedRow(row.line, outcome)
        for row, outcome in zip(chunk, outcomes, strict=True)
        if isinstance(outcome, ItemRefusal)
    ]


def tally(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """How many of each status, zeros included."""
    counted = dict.fromkeys((status.value for status in Status), 0)
    for outcome in outcomes:
        counted[Status.REFUSED if isinstance(outcome, ItemRefusal) else outcome] += 1
    return counted


def _prepare_all(
    registry: Registry, items: Sequence[ExclusionRow | ItemRefusal]
) -> list[PreparedExclusion | ItemRefusal]:
    now = registry.clock()
    timely = [_timely(item, now) for item in items]
    wanted = [
        WrittenNumber(item.number, item.region, any_region=True) for item in timely if isinstance(item, ExclusionRow)
    ]
    read = iter(registry.read_numbers(wanted))
    prepared: list[PreparedExclusion | ItemRefusal] = []
    for item in timely:
        if isinstance(item, ItemRefusal):
            prepared.append(item)
            continue
        found = next(read)
        if isinstance(found, Refused):
            prepared.append(number_refusal(found, item.region))
            continue
        tags = dict(zip(registry.generations.active, found.tags, strict=True))
        prepared.append(PreparedExclusion(registry.new_id(), tags, found.tags[0], item.reason, item.expires_at))
    return prepared


def _timely(item: ExclusionRow | ItemRefusal, now: datetime) -> ExclusionRow | ItemRefusal:
    if isinstance(item, ExclusionRow) and item.expires_at is not None:
        try:
            require_future(item.expires_at, now)
        except Refused as refused:
            return ItemRefusal(refused.code, "expires_at", refused.detail)
    return item


def _with_reasons(
    prepared: Sequence[PreparedExclusion | ItemRefusal], side: UUID | None
) -> list[PreparedExclusion | ItemRefusal]:
    """Each with the reason that its side may give."""
    checked: list[PreparedExclusion | ItemRefusal] = []
    for item in prepared:
        try:
            if isinstance(item, PreparedExclusion):
                require_reason(item.reason, side)
        except Refused as refused:
            checked.append(ItemRefusal(refused.code, "reason", refused.detail))
        else:
            checked.append(item)
    return checked


def _first_of_each(checked: Sequence[PreparedExclusion | ItemRefusal]) -> list[PreparedExclusion]:
    """The first row of every number."""
    first: dict[bytes, PreparedExclusion] = {}
    for item in checked:
        if isinstance(item, PreparedExclusion):
            first.setdefault(item.newest, item)
    return list(first.values())


def _carry_forward(tx: Writing, registry: Registry, items: Sequence[PreparedExclusion]) -> list[bytes]:
    """What excludes these numbers under older generations comes to hold under the newest. Returns the tags for which
    that is new.
    """
    if len(registry.generations.active) == 1:
        return []
    pairs = {tag: one.newest for one in items for tag in one.tags.values() if tag != one.newest}
    return exclusions.carry(tx, pairs, registry.generations.current)


def _new(one: PreparedExclusion) -> NewExclusion:
    return NewExclusion(one.id, one.tags, one.reason.value, one.expires_at)


def _by_id(
    first: Sequence[PreparedExclusion], added: frozenset[bytes], extended: frozenset[bytes]
) -> dict[UUID, Status]:
    """What became of the first row of every number, for which something was changed. added, extended: tags."""
    done = {one.id: Status.EXTENDED for one in first if not extended.isdisjoint(one.tags.values())}
    return done | {one.id: Status.ADDED for one in first if one.newest in added}


def _done(
    registry: Registry, checked: Sequence[PreparedExclusion | ItemRefusal], done: Mapping[UUID, Status]
) -> Done[list[Outcome]]:
    outcomes: list[Outcome] = [
        item if isinstance(item, ItemRefusal) else done.get(item.id, Status.ALREADY) for item in checked
    ]
    return Done(outcomes, count=tally(outcomes), generation=registry.generations.current)
