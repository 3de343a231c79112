"""Holding the audit log against its signatures, from the database: what `demand-registry verify-log` does.

Everything is computed anew from the events' bytes. What the database stores about them is compared, never believed.
Memory stays flat, whatever the length of the log. It changes nothing and writes no event of its own: it must be able to
run as a login that can do nothing but read.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from registry.db import log_walk, sealed_log
from registry.db.database import Database, Reading
from registry.db.log_walk import SealedEvent, StoredTile
from registry.db.migrate import SchemaError
from registry.db.sealed_log import StoredCheckpoint
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable, named
from registry.domain.merkle import HASH_BYTES, TILE_WIDTH, Edge, FullTile
from registry.domain.signed_notes import Checkpoint, NoteInvalid, Verifier, opened
from registry.operations.verify_disclosures import Bound, Disclosures
from registry.operations.verify_drops import Drops
from registry.operations.verify_event import read_event
from registry.signatures import holds

PIECE: Final = 4_096
Progress = Callable[[int, int], None]
"""Called with the events done and those there are."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that holds, and what was looked at. size: sealed events. bodies: those whose body is still there.

    private: private parts, None where the login may not read them. unsealed: events that wait for their checkpoint.
    """

    origin: str
    size: int
    root: bytes
    bodies: int
    dropped: int
    tiles: int
    checkpoints: int
    disclosures: int
    private: int | None
    unsealed: int


def verify_log(database: Database, verifier: Verifier, kept: Checkpoint | None, progress: Progress) -> Verified:
    """kept: a checkpoint of this log that was seen before, its signature already checked.

    Raises Contradiction about the first thing that does not hold; NotVerifiable; SchemaError; Refused.
    """
    return database.transaction(lambda tx: _verify(tx, verifier, kept, progress))


def _verify(tx: Reading, verifier: Verifier, kept: Checkpoint | None, progress: Progress) -> Verified:
    if not log_walk.begin(tx):
        raise SchemaError("There is no audit log in this database. Is it a registry's, and migrated?")
    head = sealed_log.last_checkpoint(tx)
    walk = _Walk(tx, verifier, kept, 0 if head is None else head.size)
    while walk.edge.size < walk.size:
        walk.take()
        progress(walk.edge.size, walk.size)
    return walk.finish(head)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """Two things that do not fit, of which one was sealed: the next signed root tells. index: of the leaf.

    where_signed: what it is where that root fits the leaves. likely: what it is where no such root is found.
    """

    index: int
    where_signed: Contradiction
    otherwise: Contradiction
    likely: Contradiction


class _Walk:
    """From the first leaf to the last, piece by piece."""

    def __init__(self, tx: Reading, verifier: Verifier, kept: Checkpoint | None, size: int) -> None:
        self.edge: Final = Edge()
        self.size: Final = size
        self._tx = tx
        self._verifier = verifier
        self._kept = kept
        rewriting = log_walk.rewriting_events(tx)
        self._disclosures = Disclosures(tx, rewriting)
        self._drops = Drops(rewriting, size)
        self._last = (-1, -1)
        self._signed = 0
        """The size of the last checkpoint that fitted."""
        self._doubt: _Doubt | None = None
        self._tiles: dict[tuple[int, int], StoredTile] = {}
        self._counts = {"bodies": 0, "dropped": 0, "tiles": 0, "checkpoints": 0}

    def take(self) -> None:
        """The next piece. Raises Contradiction, NotVerifiable."""
        first = self.edge.size
        end = min(first + PIECE, self.size)
        self._tiles = log_walk.tiles(self._tx, first, end)
        checkpoints = {one.size: one for one in log_walk.checkpoints(self._tx, first, end)}
        bound: list[Bound] = []
        for event in log_walk.events(self._tx, first, end):
            if event.index != self.edge.size:
                break
            self._take(event, bound)
            checkpoint = checkpoints.get(self.edge.size)
            if checkpoint is not None:
                self._hold(checkpoint, event)
            if self._kept is not None and self._kept.size == self.edge.size:
                self._remember(self._kept, checkpoint)
        if self.edge.size < end:
            raise self._settled(self._leaf_missing())
        if self._doubt is None:
            self._disclosures.check(bound)

    def finish(self, head: StoredCheckpoint | None) -> Verified:
        """What is known only when all leaves are. Raises Contradiction."""
        last = (0, 0) if head is None else (head.last_xid, head.last_id)
        beyond = log_walk.next_leaf(self._tx, self.size)
        if beyond is not None:
            said = (
                f"Event {beyond:,} has its place in the log, and no checkpoint signs it: one was removed, or the leaf"
            )
            raise Contradiction(Kind.LEAVES_UNSIGNED, f"{said} was added.", index=beyond)
        tile = log_walk.tile_beyond(self._tx, self.size)
        if tile is not None:
            said = f"There is a tile {tile[0]}/{tile[1]} that a log of {self.size:,} events does not fill"
            raise Contradiction(Kind.TILE_EXTRA, f"{said}: it was added, or the log was cut.")
        if self._kept is not None and self._kept.size > self.size:
            said = f"The log ends at {self.size:,} events, and the checkpoint that you kept has {self._kept.size:,}"
            raise Contradiction(Kind.ROLLED_BACK, f"{said}: its end was cut off, or an older state was restored.")
        log_walk.read_as_a_whole(self._tx)
        sealed, unsealed = log_walk.count_events(self._tx, last)
        if sealed != self._counts["bodies"]:
            self._fail_inserted(last)
        self._drops.finish()
        self._disclosures.finish()
        return Verified(
            self._verifier.name,
            self.size,
            self.edge.root(),
            **self._counts,
            disclosures=self._disclosures.tags,
            private=self._disclosures.private,
            unsealed=unsealed,
        )

    def _take(self, event: SealedEvent, bound: list[Bound]) -> None:
        """One leaf, and its event."""
        if (event.xid, event.id) <= self._last:
            said = f"{named(event.index, event.event).capitalize()} stands behind one that was written after it"
            raise self._settled(
                Contradiction(
                    Kind.LEAF_OUT_OF_ORDER,
                    f"{said}: leaves were swapped or inserted.",
                    index=event.index,
                    event=event.event,
                )
            )
        self._last = (event.xid, event.id)
        if event.body is None:
            self._miss(event)
            self._counts["dropped"] += 1
        else:
            self._counts["bodies"] += 1
            self._drops.found_body(event.index, event.event)
            self._read(event, event.body, bound)
        for tile in self.edge.append(event.hash):
            self._compare(tile)

    def _read(self, event: SealedEvent, body: bytes, bound: list[Bound]) -> None:
        hash_ = hashlib.sha256(b"\x00" + body).digest()
        if hash_ != event.hash:
            self._doubt_body(event, hash_)
            return
        read = read_event(event, body, hash_)
        rewriting = self._disclosures.rewriting
        before = rewriting is not None and event.at is not None and event.at < rewriting.at
        bound.append(Bound(event.index, event.xid, event.id, read.id, read.subjects, read.private, before))

    def _miss(self, event: SealedEvent) -> None:
        """An event without its body is right only where a sealed event says that it was dropped."""
        if event.index < self._drops.sealed_below:
            return
        if event.index < self._drops.said_below:
            raise NotVerifiable(
                f"The body of event {event.index:,} was dropped, and the event that says so is not sealed yet. "
                "Try again in a moment."
            )
        said = f"Event {event.index:,} is missing: it was sealed, and was deleted afterwards."
        raise self._settled(Contradiction(Kind.EVENT_MISSING, said, index=event.index))

    def _doubt_body(self, event: SealedEvent, hash_: bytes) -> None:
        if self._doubt is not None:
            return
        name = named(event.index, event.event)
        other = log_walk.leaf_with(self._tx, hash_)
        if other is None:
            kind, said = Kind.BODY_CHANGED, f"The body of {name} was changed after it was sealed."
        else:
            kind, said = Kind.BODIES_SWAPPED, f"{name.capitalize()} has the body that was sealed as event {other:,}."
        index, id_ = event.index, event.event
        found = Contradiction(kind, said, index=index, event=id_)
        said = f"The leaf of {name} is not the hash of its body, and not the one that was signed: it was changed."
        otherwise = Contradiction(Kind.LEAF_CHANGED, said, index=index, event=id_)
        self._doubt = _Doubt(index, found, otherwise, found)

    def _compare(self, tile: FullTile) -> None:
        """A tile that is full now, with the stored one."""
        self._counts["tiles"] += 1
        name = f"{tile.tile.level}/{tile.tile.index}"
        stored = self._tiles.get((tile.tile.level, tile.tile.index))
        if stored is None:
            raise self._settled(Contradiction(Kind.TILE_MISSING, f"The tile {name} is missing: it was deleted."))
        if stored.hashes == b"".join(tile.hashes) and stored.root == tile.root:
            return
        changed = Contradiction(
            Kind.TILE_CHANGED, f"The tile {name} is not made of the leaves that were signed: it was changed."
        )
        wrong = [at for at, hash_ in enumerate(tile.hashes) if stored.hashes[at * HASH_BYTES :][:HASH_BYTES] != hash_]
        if tile.tile.level or not wrong:
            # The levels below fit already, so that it is this row.
            raise self._settled(changed)
        index = tile.tile.index * TILE_WIDTH + wrong[0]
        if self._doubt is None or self._doubt.index > index:
            event = log_walk.event_at(self._tx, index)
            said = f"{named(index, event).capitalize()} is not the one that was sealed in this place"
            sentence = f"{said}: the tile {name} still has the hash of that one."
            otherwise = Contradiction(Kind.EVENT_CHANGED, sentence, index=index, event=event)
            self._doubt = _Doubt(index, changed, otherwise, otherwise)

    def _hold(self, stored: StoredCheckpoint, last: SealedEvent) -> None:
        """A stored checkpoint, with the tree as it is at its size."""
        name = f"The checkpoint of {stored.size:,} events"
        try:
            signed = Checkpoint.parse(opened(stored.note, self._verifier, holds), self._verifier.name)
        except NoteInvalid as invalid:
            raise self._settled(Contradiction(Kind.CHECKPOINT_UNSIGNED, f"{name} does not hold. {invalid}")) from None
        if signed.size != stored.size:
            said = f"{name} has the signature of one of {signed.size:,}: it was put in its place."
            raise self._settled(Contradiction(Kind.CHECKPOINT_CHANGED, said))
        if signed.root != self.edge.root():
            raise Contradiction(*self._tree_changed(name)) if self._doubt is None else self._doubt.otherwise
        if self._doubt is not None:
            raise self._doubt.where_signed
        if stored.root != signed.root or (stored.last_xid, stored.last_id) != (last.xid, last.id):
            said = f"{name} is signed, and its row was changed: root or last event are not those of the signed tree."
            raise Contradiction(Kind.CHECKPOINT_CHANGED, said)
        self._signed = stored.size
        self._counts["checkpoints"] += 1

    def _tree_changed(self, name: str) -> tuple[Kind, str]:
        which = f"Something in the events {self._signed:,} to {self.edge.size - 1:,} was changed after it was sealed."
        return Kind.TREE_CHANGED, f"{name} was signed over another tree than the stored leaves make. {which}"

    def _remember(self, kept: Checkpoint, stored: StoredCheckpoint | None) -> None:
        if kept.root != self.edge.root():
            if self._doubt is not None:
                raise self._doubt.otherwise
            said = f"The checkpoint of {kept.size:,} events that you kept was signed over another log than this one"
            raise Contradiction(Kind.HISTORY_REWRITTEN, f"{said}: what is there now was written and signed afterwards.")
        if stored is None:
            said = f"The checkpoint of {kept.size:,} events that you kept is no longer there: it was deleted."
            raise Contradiction(Kind.CHECKPOINT_MISSING, said)

    def _leaf_missing(self) -> Contradiction:
        missing = self.edge.size
        after = log_walk.next_leaf(self._tx, missing)
        if after is None:
            said = f"{self.size:,} events were signed, and only the first {missing:,} are there: the end was cut off."
            return Contradiction(Kind.LOG_TRUNCATED, said, index=missing)
        last = (
            f"The leaf of event {missing:,} is missing"
            if after == missing + 1
            else (f"The leaves of events {missing:,} to {after - 1:,} are missing")
        )
        return Contradiction(Kind.LEAF_MISSING, f"{last}: they were deleted after they were sealed.", index=missing)

    def _fail_inserted(self, last: tuple[int, int]) -> None:
        found = log_walk.inserted(self._tx, last)
        if found is None:
            return
        event, before = found
        where = "" if before is None else f" before event {before:,}"
        said = f"An event (id {event}) was inserted{where} after those were sealed: it has no place in the log."
        raise Contradiction(Kind.EVENT_INSERTED, said, index=before, event=event)

    def _settled(self, found: Contradiction) -> Contradiction:
        """What was found first. No signed root will tell any more which of two things was changed."""
        return found if self._doubt is None else self._doubt.likely
