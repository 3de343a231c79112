"""Sealing: every event gets its place in the tree, and the tree a signed head.

One sealer works at a time, wherever it runs. It publishes by committing, and works only on a tree that reproduces the
last head that was signed: on anything else it would sign what somebody has altered.
"""

from dataclasses import dataclass
from typing import Final

from registry.db import sealed_log
from registry.db.database import Database, Writing
from registry.db.sealed_log import StoredCheckpoint
from registry.domain.merkle import Edge, FullTile
from registry.domain.signed_notes import Checkpoint, NoteInvalid, opened
from registry.log_key import LogKey
from registry.operations.signed_head import SignedHead
from registry.signatures import holds

BATCH: Final = 5_000
_SHORTER: Final = (
    "The log has {stored:,} events, and {signed:,} were signed: it was cut off, or an older state of the database was"
    " restored."
)


class LogBroken(Exception):  # noqa: N818 - it states what was found
    """The stored log is not the one that was signed. Nothing was sealed. The message says what does not fit."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """leaves: how many events this transaction sealed. more: there are others waiting."""

    checkpoint: Checkpoint
    leaves: int
    more: bool


class Sealer:
    """Holds the tree's right edge between two sealings. Used by one thread.

    head: what was signed last on this machine, which a log that was put back to an older state must not contradict.
    """

    def __init__(self, database: Database, key: LogKey, head: SignedHead | None = None) -> None:
        self._database = database
        self._key = key
        self._head = head
        self._edge: Edge | None = None

    def seal(self) -> Sealed | None:
        """Seals up to 5,000 events in one transaction; None where there is nothing to seal, or another one is at it.

        Raises LogBroken, and Refused where the database is away.
        """
        done = self._database.transaction(self._seal)
        if done is None:
            return None
        sealed, note, self._edge = done
        if self._head is not None:
            self._head.keep(note)
        return sealed

    def _seal(self, tx: Writing) -> tuple[Sealed, str, Edge] | None:
        if not sealed_log.lead(tx):
            return None
        with sealed_log.as_sealer(tx):
            last = sealed_log.last_checkpoint(tx)
            edge = self._edge_of(tx, last)
            _require_counter(tx, last)
            leaves = sealed_log.seal_next(tx, last, BATCH)
            if leaves is None:
                return None
            tiles: list[FullTile] = []
            for hash_ in leaves.hashes:
                tiles += edge.append(hash_)
            checkpoint = Checkpoint(self._key.origin, edge.size, edge.root())
            sealed_log.add_tiles(tx, tiles)
            note = self._key.sign(checkpoint)
            sealed_log.add_checkpoint(tx, edge.size, checkpoint.root, leaves, note)
        count = len(leaves.hashes)
        return Sealed(checkpoint, count, more=count == BATCH), note, edge

    def _edge_of(self, tx: Writing, last: StoredCheckpoint | None) -> Edge:
        """A copy to work on. Rebuilt, and held against the last head, where another sealer was at work."""
        known = self._edge
        if known is not None:
            if last is None or last.size < known.size:
                raise LogBroken(_SHORTER.format(signed=known.size, stored=0 if last is None else last.size))
            if last.size == known.size:
                if last.root != known.root():
                    raise LogBroken(f"The checkpoint stored for {last.size:,} events is not the one that was signed.")
                return known.copy()
        edge = Edge() if last is None else self._rebuilt(tx, last)
        if known is None and self._head is not None:
            self._require_head(tx, self._head, edge)
        return edge

    def _rebuilt(self, tx: Writing, last: StoredCheckpoint) -> Edge:
        try:
            signed = Checkpoint.parse(opened(last.note, self._key.verifier, holds), self._key.origin)
        except NoteInvalid as invalid:
            raise LogBroken(f"The last checkpoint is not one that this log key has signed: {invalid}") from None
        if (signed.size, signed.root) != (last.size, last.root):
            raise LogBroken(f"The checkpoint stored for {last.size:,} events is not the one that was signed for them.")
        edge = _edge(tx, last.size)
        if edge.root() != last.root:
            raise LogBroken(f"The stored leaves do not reproduce the root signed at {last.size:,} events.")
        return edge

    def _require_head(self, tx: Writing, head: SignedHead, edge: Edge) -> None:
        """Raises LogBroken where the stored log does not continue what was signed here before."""
        note = head.read()
        if note is None:
            return
        try:
            signed = Checkpoint.parse(opened(note, self._key.verifier, holds), self._key.origin)
        except NoteInvalid as invalid:
            raise LogBroken(f"{head.path}, where the last signed checkpoint is kept, does not fit: {invalid}") from None
        if edge.size < signed.size:
            raise LogBroken(_SHORTER.format(signed=signed.size, stored=edge.size))
        if _edge(tx, signed.size).root() != signed.root:
            raise LogBroken(f"The stored log does not continue the checkpoint signed at {signed.size:,} events.")


def _edge(tx: Writing, size: int) -> Edge:
    try:
        return sealed_log.edge(tx, size)
    except ValueError:
        raise LogBroken(f"Leaves or tiles below the last checkpoint ({size:,} events) are missing.") from None


def _require_counter(tx: Writing, last: StoredCheckpoint | None) -> None:
    """Events are sealed in the order of their transactions. A dump that was restored into another cluster, whose
    transactions count from lower numbers, would put new events before what is sealed, and they would never be.
    """
    if last is not None and sealed_log.next_transaction(tx) <= last.last_xid:
        raise LogBroken(
            "This database counts its transactions from a lower number than the log's last event had: it was restored "
            "from a dump. Restore a physical backup, or raise the counter with pg_resetwal (docs/audit-log.md)."
        )
