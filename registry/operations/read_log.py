"""The public side of the log: its signed head, its hashes, and the proof that one head continues another.

Anyone may ask, without a key and without a trace, so each of these costs a few statements on indexes whatever is asked.
They hand out hashes and signatures alone, never an event.
"""

from typing import Final

from registry.db import sealed_log
from registry.db.database import Database, Reading
from registry.domain.errors import Code, Refused
from registry.domain.merkle import TILE_HEIGHT, TILE_WIDTH, Tile, consistency_path, hashes_of

MOST_SIZE: Final = 2**63 - 1


def newest_checkpoint(database: Database) -> str:
    """The signed note. Refused(not_found) where nothing was sealed yet."""
    found = database.transaction(sealed_log.last_checkpoint)
    if found is None:
        raise Refused(Code.NOT_FOUND, "Nothing was sealed yet.")
    return found.note


def read_tile(database: Database, tile: Tile, width: int) -> bytes:
    """The first hashes of a tile, side by side. Refused(not_found) where the newest checkpoint ends before them."""
    found = database.transaction(lambda tx: _tile(tx, tile, width))
    if found is None:
        raise Refused(Code.NOT_FOUND, "The log does not reach so far.")
    return b"".join(found)


def _tile(tx: Reading, tile: Tile, width: int) -> list[bytes] | None:
    """The checkpoint decides, before the database is asked for an index of any length."""
    head = sealed_log.last_checkpoint(tx)
    there = 0 if head is None else head.size >> TILE_HEIGHT * tile.level
    if tile.index * TILE_WIDTH + width > there:
        return None
    return sealed_log.tile_hashes(tx, tile.level, tile.index, width)


def prove_consistency(database: Database, old: int, new: int) -> list[bytes]:
    """RFC 6962, section 2.1.2; empty from an empty log and between equal sizes, where there is nothing to prove.

    Refused(unknown_checkpoint) for a size other than 0 that was never signed.
    """
    if old > new:
        raise Refused(Code.INVALID_VALUE, "`from` is larger than `to`: a log only grows.")
    return database.transaction(lambda tx: _consistency(tx, old, new))


def _consistency(tx: Reading, old: int, new: int) -> list[bytes]:
    for size in {old, new} - {0}:
        if sealed_log.checkpoint_at(tx, size) is None:
            raise Refused(Code.UNKNOWN_CHECKPOINT, "The log has no checkpoint of this size.")
    if old in {0, new}:
        return []
    return hashes_of(consistency_path(old, new), lambda nodes: sealed_log.node_hashes(tx, new, nodes))
