"""Reading the whole audit log as it was at one moment, piece by piece, for holding it against itself.

Needs a login that may read the schema `audit`, or the application's, which takes on the log reader's role for it.
Changes nothing, and believes nothing: whatever is stored twice is read twice. `private` rows are read where the login
may.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text

from registry.db.arrays import plain_array
from registry.db.database import Reading
from registry.db.sealed_log import StoredCheckpoint
from registry.domain.merkle import TILE_HEIGHT, tile_sizes

DROP_BODIES: Final = "drop_event_bodies"
REWRITING: Final = ("rekey_generation", DROP_BODIES)
"""Operations that rewrite the index of disclosures, and bind the whole of it by their own event."""


@dataclass(frozen=True, slots=True)
class SealedEvent:
    """A leaf and, where it is still there, its event: whose columns are None together."""

    index: int
    xid: int
    id: int
    hash: bytes
    body: bytes | None
    leaf: bytes | None
    event: str | None
    organisation: str | None
    operation: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class RewritingEvent:
    """An event that rewrote the index of disclosures. index: None until it is sealed."""

    index: int | None
    xid: int
    id: int
    at: datetime
    event: str
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredTile:
    hashes: bytes
    root: bytes


@dataclass(frozen=True, slots=True)
class PrivateRow:
    """address, user_agent: as they are stored."""

    nonce: bytes
    address: str | None
    user_agent: str | None


_AT_ONE_MOMENT: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
_WITHOUT_LIMIT: Final = text("SET LOCAL statement_timeout = 0")
_IS_THERE: Final = text("SELECT to_regclass('audit.checkpoint') IS NOT NULL")
_MAY_READ: Final = text(
    "SELECT bool_and(has_table_privilege(t, 'SELECT')) FROM unnest(ARRAY['audit.event', 'audit.leaf', 'audit.tile',"
    " 'audit.checkpoint', 'audit.subject']) AS t"
)
_MAY_READ_PRIVATE: Final = text("SELECT has_table_privilege('audit.private', 'SELECT')")
_TAKE_ROLE: Final = text("SET LOCAL ROLE registry_log_reader")
# Each piece is looked up through indexes, however large the tables are and however old their statistics.
_BY_INDEXES: Final = text(
    "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_hashjoin', :whole, true),"
    " set_config('enable_mergejoin', :whole, true)"
)
_EVENTS: Final = text(
    "SELECT l.idx, CAST(CAST(l.xid AS text) AS bigint), l.id, l.hash, e.body, e.leaf, CAST(e.event_id AS text),"
    " CAST(e.organisation AS text), e.operation, e.at"
    " FROM audit.leaf l LEFT JOIN audit.event e ON e.xid = l.xid AND e.id = l.id"
    " WHERE l.idx >= :first AND l.idx < :end ORDER BY l.idx"
)
_NEXT_LEAF: Final = text("SELECT min(idx) FROM audit.leaf WHERE idx >= :first")
_EVENT_AT: Final = text(
    "SELECT CAST(e.event_id AS text) FROM audit.leaf l JOIN audit.event e ON e.xid = l.xid AND e.id = l.id"
    " WHERE l.idx = :index"
)
_WITH_HASH: Final = text("SELECT min(idx) FROM audit.leaf WHERE hash = :hash")
_TILES: Final = text("SELECT n, hashes, root FROM audit.tile WHERE level = :level AND n >= :first AND n < :end")
_TILES_BEYOND: Final = text(
    "SELECT level, n FROM audit.tile WHERE (n + 1) * power(CAST(256 AS numeric), level + 1) > CAST(:size AS bigint)"
    " ORDER BY level, n LIMIT 1"
)
_CHECKPOINTS: Final = text(
    "SELECT size, root, CAST(CAST(last_xid AS text) AS bigint), last_id, at, note FROM audit.checkpoint"
    " WHERE size > :above AND size <= :most ORDER BY size"
)
_PLACE: Final = "(CAST(CAST(:xid AS text) AS xid8), CAST(:id AS bigint))"
_COUNT_TO: Final = text(f"SELECT count(*) FROM audit.event e WHERE (e.xid, e.id) <= {_PLACE}")  # noqa: S608 - a constant
_COUNT_AFTER: Final = text(f"SELECT count(*) FROM audit.event e WHERE (e.xid, e.id) > {_PLACE}")  # noqa: S608 - a constant
_INSERTED: Final = text(
    "SELECT CAST(e.event_id AS text), (SELECT l.idx FROM audit.leaf l WHERE (l.xid, l.id) > (e.xid, e.id)"  # noqa: S608 - a constant
    " ORDER BY l.xid, l.id LIMIT 1) FROM audit.event e"
    f" WHERE (e.xid, e.id) <= {_PLACE} AND NOT EXISTS"
    " (SELECT FROM audit.leaf l WHERE l.xid = e.xid AND l.id = e.id) ORDER BY e.xid, e.id LIMIT 1"
)
_TAGS: Final = text(
    "SELECT CAST(s.event AS text), s.tag FROM audit.subject s WHERE s.event = ANY (CAST(:events AS uuid[]))"
    " ORDER BY s.event, s.tag"
)
_PRIVATE: Final = text(
    "SELECT CAST(p.event AS text), p.nonce, p.address, p.user_agent FROM audit.private p"
    " WHERE p.event = ANY (CAST(:events AS uuid[]))"
)
_WITHOUT_EVENT: Final = text(
    "SELECT CAST(s.event AS text) FROM audit.subject s WHERE NOT EXISTS"
    " (SELECT FROM audit.event e WHERE e.event_id = s.event) ORDER BY s.event LIMIT 1"
)
_REWRITING: Final = text(
    "SELECT l.idx, CAST(CAST(e.xid AS text) AS bigint), e.id, e.at, CAST(e.event_id AS text), e.body"
    " FROM audit.event e LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
    " WHERE e.operation = ANY (CAST(:operations AS text[])) ORDER BY e.at, e.id"
)
_INDEX_BY_TIME: Final = text(
    "SELECT s.event, s.tag FROM audit.subject s JOIN audit.event e ON e.event_id = s.event"
    " WHERE e.at < :at ORDER BY s.event, s.tag"
)
_INDEX_BY_PLACE: Final = text(
    "SELECT s.event, s.tag FROM audit.subject s JOIN audit.event e ON e.event_id = s.event"  # noqa: S608 - a constant
    f" WHERE (e.xid, e.id) < {_PLACE} OR e.event_id = ANY (CAST(:events AS uuid[])) ORDER BY s.event, s.tag"
)
_PIECE: Final = 5_000


def begin(tx: Reading) -> bool:
    """Everything is read as it is now, and nothing can be changed. False where there is no log in this database.

    The first call of a transaction. The application's login takes on the log reader's role for it.
    """
    tx.connection.execute(_AT_ONE_MOMENT)
    tx.connection.execute(_WITHOUT_LIMIT)
    if not tx.connection.execute(_IS_THERE).scalar_one():
        return False
    if not tx.connection.execute(_MAY_READ).scalar_one():
        tx.connection.execute(_TAKE_ROLE)
    read_by_pieces(tx)
    return True


def read_by_pieces(tx: Reading) -> None:
    tx.connection.execute(_BY_INDEXES, {"whole": "off"})


def read_as_a_whole(tx: Reading) -> None:
    """For the statements that look at all of a table."""
    tx.connection.execute(_BY_INDEXES, {"whole": "on"})


def may_read_private(tx: Reading) -> bool:
    return bool(tx.connection.execute(_MAY_READ_PRIVATE).scalar_one())


def events(tx: Reading, first: int, end: int) -> list[SealedEvent]:
    """Those of leaves with an index from first to before end, in their order; what is missing is left out."""
    return [SealedEvent(*row) for row in tx.connection.execute(_EVENTS, {"first": first, "end": end}).all()]


def next_leaf(tx: Reading, first: int) -> int | None:
    """The first index that there is, from this one on."""
    found: int | None = tx.connection.execute(_NEXT_LEAF, {"first": first}).scalar_one()
    return found


def event_at(tx: Reading, index: int) -> str | None:
    """The id of the event that has this place."""
    return tx.connection.execute(_EVENT_AT, {"index": index}).scalar_one_or_none()


def leaf_with(tx: Reading, hash_: bytes) -> int | None:
    """Where the log has this leaf hash. Looks at all of them."""
    found: int | None = tx.connection.execute(_WITH_HASH, {"hash": hash_}).scalar_one()
    return found


def tiles(tx: Reading, first: int, end: int) -> dict[tuple[int, int], StoredTile]:
    """By level and number, those that leaves with an index from first to before end fill."""
    found: dict[tuple[int, int], StoredTile] = {}
    for level, full, _ in tile_sizes(end):
        parameters = {"level": level, "first": first >> TILE_HEIGHT * (level + 1), "end": full}
        for number, hashes, root in tx.connection.execute(_TILES, parameters):
            found[level, number] = StoredTile(hashes, root)
    return found


def tile_beyond(tx: Reading, size: int) -> tuple[int, int] | None:
    """Level and number of the first stored tile that a tree of this size does not fill."""
    row = tx.connection.execute(_TILES_BEYOND, {"size": size}).one_or_none()
    return None if row is None else (int(row[0]), int(row[1]))


def checkpoints(tx: Reading, above: int, most: int) -> list[StoredCheckpoint]:
    """Those of more leaves than `above` and no more than `most`."""
    return [StoredCheckpoint(*row) for row in tx.connection.execute(_CHECKPOINTS, {"above": above, "most": most})]


def count_events(tx: Reading, last: tuple[int, int]) -> tuple[int, int]:
    """Events up to this place (transaction, id), and after it."""
    place = {"xid": str(last[0]), "id": last[1]}
    return (
        int(tx.connection.execute(_COUNT_TO, place).scalar_one()),
        int(tx.connection.execute(_COUNT_AFTER, place).scalar_one()),
    )


def inserted(tx: Reading, last: tuple[int, int]) -> tuple[str, int | None] | None:
    """The first event up to this place that has no leaf, and the index of the leaf after it."""
    row = tx.connection.execute(_INSERTED, {"xid": str(last[0]), "id": last[1]}).one_or_none()
    return None if row is None else (row[0], row[1])


def tags_of(tx: Reading, of: Sequence[str]) -> dict[str, list[bytes]]:
    """Event id -> the tags that the index has for it, in byte order. of: ids as the database wrote them."""
    found: dict[str, list[bytes]] = {}
    for event, tag in tx.connection.execute(_TAGS, {"events": plain_array(of)}).all():
        found.setdefault(event, []).append(tag)
    return found


def private_parts(tx: Reading, of: Sequence[str]) -> dict[str, PrivateRow]:
    """Event id -> its private part, where it is still kept. of: ids as the database wrote them."""
    rows = tx.connection.execute(_PRIVATE, {"events": plain_array(of)}).all()
    return {event: PrivateRow(*rest) for event, *rest in rows}


def disclosure_without_event(tx: Reading) -> str | None:
    """The id that a row of the index names, and that no event has."""
    return tx.connection.execute(_WITHOUT_EVENT).scalar_one_or_none()


def rewriting_events(tx: Reading) -> list[RewritingEvent]:
    """Events that say to have rewritten the index of disclosures, in the order of their time. Looks at all events."""
    rows = tx.connection.execute(_REWRITING, {"operations": plain_array(REWRITING)})
    return [RewritingEvent(*row) for row in rows]


def index_before(tx: Reading, rewriting: RewritingEvent) -> Iterator[tuple[UUID, bytes]]:
    """The index of disclosures of all events that were written down before this one, in the order of its digest."""
    return _streamed(tx, _INDEX_BY_TIME, {"at": rewriting.at})


def index_with(tx: Reading, rewriting: RewritingEvent, others: Sequence[str]) -> Iterator[tuple[UUID, bytes]]:
    """That of all events in front of this one in the log's order, and of these others."""
    parameters = {"xid": str(rewriting.xid), "id": rewriting.id, "events": plain_array(others)}
    return _streamed(tx, _INDEX_BY_PLACE, parameters)


def _streamed(tx: Reading, statement: TextClause, parameters: Mapping[str, object]) -> Iterator[tuple[UUID, bytes]]:
    for row in tx.connection.execute(statement, parameters, execution_options={"yield_per": _PIECE}):
        yield row[0], row[1]
