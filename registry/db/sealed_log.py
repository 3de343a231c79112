"""The sealed log's tables: leaves in their order, full tiles, signed checkpoints. Append only, for everybody.

The application's role cannot read events: whoever seals or reads them takes on a role for that part of a transaction
(docs/adr/0016). Nobody reads the log while it is half written, since it is written in one transaction.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import text

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import AnyRow, Reading, Writing
from registry.domain.merkle import TILE_HEIGHT, TILE_WIDTH, Edge, FullTile, Node, root_of, tile_of, tile_sizes


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A signed head of the log. last_xid, last_id: of the last event in it, 0 and 0 before the first."""

    size: int
    root: bytes
    last_xid: int
    last_id: int
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class Leaves:
    """Events as they were sealed, at least one. last_xid, last_id: of the last of them."""

    hashes: Sequence[bytes]
    last_xid: int
    last_id: int


_READER: Final = text("SET LOCAL ROLE registry_log_reader")
_SEALER: Final = text("SET LOCAL ROLE registry_sealer")
_LEAVE_ROLE: Final = text("SET LOCAL ROLE NONE")
_LEAD: Final = text("SELECT pg_try_advisory_xact_lock(31647034720904294)")
_COLUMNS: Final = "size, root, CAST(CAST(last_xid AS text) AS bigint), last_id, at, note"
_LAST: Final = text(f"SELECT {_COLUMNS} FROM audit.checkpoint ORDER BY size DESC LIMIT 1")  # noqa: S608 - a constant
_AT_SIZE: Final = text(f"SELECT {_COLUMNS} FROM audit.checkpoint WHERE size = :size")  # noqa: S608 - a constant
# Only transactions that have ended for everybody: an event of a slower one could otherwise come before what is sealed.
_SEAL: Final = text(
    "WITH next AS ("
    " SELECT e.xid, e.id, e.leaf FROM audit.event e"
    " WHERE e.xid < pg_snapshot_xmin(pg_current_snapshot())"
    " AND (e.xid, e.id) > (CAST(CAST(:xid AS text) AS xid8), CAST(:id AS bigint))"
    " ORDER BY e.xid, e.id LIMIT :most"
    "), sealed AS ("
    " INSERT INTO audit.leaf (idx, xid, id, hash)"
    " SELECT :size - 1 + row_number() OVER (ORDER BY n.xid, n.id), n.xid, n.id, n.leaf FROM next n"
    ") SELECT string_agg(n.leaf, '' ORDER BY n.xid, n.id),"
    " (array_agg(CAST(CAST(n.xid AS text) AS bigint) ORDER BY n.xid DESC, n.id DESC))[1],"
    " (array_agg(n.id ORDER BY n.xid DESC, n.id DESC))[1] FROM next n"
)
_ADD_TILES: Final = text(
    "INSERT INTO audit.tile (level, n, hashes, root) SELECT * FROM unnest(CAST(:levels AS smallint[]),"
    " CAST(:numbers AS bigint[]), CAST(:hashes AS bytea[]), CAST(:roots AS bytea[]))"
)
_ADD_CHECKPOINT: Final = text(
    "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note)"
    " VALUES (:size, :root, CAST(CAST(:xid AS text) AS xid8), :id, :note)"
)
_LEAVES: Final = text("SELECT hash FROM audit.leaf WHERE idx >= :first AND idx < :last ORDER BY idx")
_ROOTS: Final = text("SELECT root FROM audit.tile WHERE level = :level AND n >= :first AND n < :last ORDER BY n")
_TILES: Final = text(
    "SELECT t.level, t.n, t.hashes FROM audit.tile t"
    " JOIN unnest(CAST(:levels AS smallint[]), CAST(:numbers AS bigint[])) AS w (level, n)"
    " ON w.level = t.level AND w.n = t.n"
)
_COUNTER: Final = text("SELECT CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS bigint)")


@contextmanager
def as_reader(tx: Reading) -> Generator[None]:
    """The right to read events instead of the application's rights, for a part of a transaction, which must be undone
    where the block raises.
    """
    tx.connection.execute(_READER)
    yield
    tx.connection.execute(_LEAVE_ROLE)


@contextmanager
def as_sealer(tx: Writing) -> Generator[None]:
    """Likewise the right to seal."""
    tx.connection.execute(_SEALER)
    yield
    tx.connection.execute(_LEAVE_ROLE)


def lead(tx: Writing) -> bool:
    """Whether this transaction is the one that seals; another one may be at it."""
    return bool(tx.connection.execute(_LEAD).scalar_one())


def last_checkpoint(tx: Reading) -> StoredCheckpoint | None:
    row = tx.connection.execute(_LAST).one_or_none()
    return None if row is None else StoredCheckpoint(*row)


def checkpoint_at(tx: Reading, size: int) -> StoredCheckpoint | None:
    row = tx.connection.execute(_AT_SIZE, {"size": size}).one_or_none()
    return None if row is None else StoredCheckpoint(*row)


def seal_next(tx: Writing, last: StoredCheckpoint | None, most: int) -> Leaves | None:
    """Gives the next events their place, in the order of (transaction, id); None where there are none. Needs
    `as_sealer`. They come back as one value: row by row they would take longer to read than to seal.
    """
    size, xid, id_ = (0, 0, 0) if last is None else (last.size, last.last_xid, last.last_id)
    row = tx.connection.execute(_SEAL, {"size": size, "xid": str(xid), "id": id_, "most": most}).one()
    return None if row[0] is None else Leaves(_split(row[0]), row[1], row[2])


def add_tiles(tx: Writing, tiles: Sequence[FullTile]) -> None:
    if tiles:
        tx.connection.execute(
            _ADD_TILES,
            {
                "levels": plain_array(one.tile.level for one in tiles),
                "numbers": plain_array(one.tile.index for one in tiles),
                "hashes": bytes_array(b"".join(one.hashes) for one in tiles),
                "roots": bytes_array(one.root for one in tiles),
            },
        )


def add_checkpoint(tx: Writing, size: int, root: bytes, leaves: Leaves, note: str) -> None:
    """leaves: those that the tree of this size ends with."""
    parameters = {"size": size, "root": root, "xid": str(leaves.last_xid), "id": leaves.last_id, "note": note}
    tx.connection.execute(_ADD_CHECKPOINT, parameters)


def edge(tx: Reading, size: int) -> Edge:
    """The right edge of the tree of this size, from stored leaves and tiles. ValueError where some are missing."""
    partial = [
        _partial(tx, level, full * TILE_WIDTH, full * TILE_WIDTH + count) for level, full, count in tile_sizes(size)
    ]
    return Edge(size, partial)


def tile_hashes(tx: Reading, level: int, index: int, count: int) -> list[bytes] | None:
    """The first so many hashes of a tile; None where the log does not reach that far."""
    if count == TILE_WIDTH:
        rows = tx.connection.execute(_TILES, {"levels": f"{{{level}}}", "numbers": f"{{{index}}}"}).all()
        return _split(rows[0][2]) if rows else None
    found = _partial(tx, level, index * TILE_WIDTH, index * TILE_WIDTH + count)
    return found if len(found) == count else None


def node_hashes(tx: Reading, size: int, nodes: Sequence[Node]) -> list[bytes]:
    """The hashes of complete subtrees of the tree of this size, in their order: two statements, whatever the size."""
    wanted = [tile_of(node) for node in nodes]
    full = sorted({tile for tile, _, _ in wanted if (tile.index + 1) << TILE_HEIGHT * (tile.level + 1) <= size})
    parameters = {
        "levels": plain_array(tile.level for tile in full),
        "numbers": plain_array(tile.index for tile in full),
    }
    rows: Sequence[AnyRow] = tx.connection.execute(_TILES, parameters).all() if full else []
    known = {(int(row[0]), int(row[1])): _split(row[2]) for row in rows}
    found: list[bytes] = []
    for tile, first, count in wanted:
        place = (tile.level, tile.index)
        if place not in known:
            start = tile.index * TILE_WIDTH
            end = min(start + TILE_WIDTH, size >> TILE_HEIGHT * tile.level)
            known[place] = _partial(tx, tile.level, start, end)
        found.append(root_of(known[place][first : first + count]))
    return found


def next_transaction(tx: Reading) -> int:
    """The number that the database's next transaction gets."""
    return int(tx.connection.execute(_COUNTER).scalar_one())


def _partial(tx: Reading, level: int, first: int, last: int) -> list[bytes]:
    """Hashes of one level of tiles: leaves, or the roots of the tiles below."""
    if first == last:
        return []
    if level == 0:
        return list(tx.connection.execute(_LEAVES, {"first": first, "last": last}).scalars())
    return list(tx.connection.execute(_ROOTS, {"level": level - 1, "first": first, "last": last}).scalars())


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[start : start + 32] for start in range(0, len(hashes), 32)]
