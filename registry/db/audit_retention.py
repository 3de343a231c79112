"""Dropping what the audit log need not keep: the bodies of old events, and who was behind them.

For the schema's owner alone; the application has no right to any of it. Leaves, tiles and checkpoints are never
touched: every proof that was or will be made of what stays needs them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text

from registry.db.database import Reading, Writing
from registry.domain.identifiers import earliest_uuid7


@dataclass(frozen=True, slots=True)
class Prefix:
    """What a drop takes along. minimum_index: of the first event that stays, as far as the log is sealed.

    events, subjects: how many bodies and disclosures lie before it.
    """

    minimum_index: int
    events: int
    subjects: int


# By both clocks: the one that the application took the event's id from, and the database's own, which it cannot set.
_FIRST_KEPT: Final = text(
    "SELECT l.idx FROM audit.leaf l JOIN audit.event e ON e.xid = l.xid AND e.id = l.id"
    " WHERE e.event_id >= :bound OR e.at >= :before ORDER BY l.idx LIMIT 1"
)
# What a rekeying rewrote is held against its event alone: that must stay as long as any event which was written before
# it, and has its place behind it, stays.
_CUT_REKEYING: Final = text(
    "SELECT min(l.idx) FROM audit.event r JOIN audit.leaf l ON l.xid = r.xid AND l.id = r.id"
    " WHERE r.operation = 'rekey_generation' AND l.idx < CAST(:minimum AS bigint) AND EXISTS ("
    "SELECT FROM audit.event e LEFT JOIN audit.leaf k ON k.xid = e.xid AND k.id = e.id"
    " WHERE (e.xid, e.id) > (r.xid, r.id) AND e.at < r.at AND coalesce(k.idx >= CAST(:minimum AS bigint), true))"
)
_SIZE: Final = text("SELECT coalesce(max(size), 0) FROM audit.checkpoint")
_EVENTS: Final = text(
    "SELECT count(*) FROM audit.leaf l JOIN audit.event e ON e.xid = l.xid AND e.id = l.id"
    " WHERE l.idx < CAST(:minimum AS bigint)"
)
_SUBJECTS: Final = text(
    "SELECT count(*) FROM audit.leaf l JOIN audit.event e ON e.xid = l.xid AND e.id = l.id"
    " JOIN audit.subject s ON s.event = e.event_id WHERE l.idx < CAST(:minimum AS bigint)"
)
# Keeps out whoever rewrites or cleans the index, and other drops, and lets everybody record.
_HOLD_INDEX: Final = text("LOCK TABLE audit.subject IN SHARE UPDATE EXCLUSIVE MODE")
_INDEX_LEFT: Final = text(
    "SELECT s.event, s.tag FROM audit.subject s WHERE s.event < :bound AND NOT EXISTS ("
    "SELECT FROM audit.event e JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
    " WHERE e.event_id = s.event AND l.idx < CAST(:minimum AS bigint)) ORDER BY s.event, s.tag"
)
_INDEX_BEFORE: Final = text("SELECT count(*) FROM audit.subject s WHERE s.event < :bound")
_INDEX_FROM: Final = text("SELECT s.event, s.tag FROM audit.subject s WHERE s.event >= :bound ORDER BY s.event, s.tag")
# Whoever records an answer writes to subjects first and to events last, and must not be waited for in a circle.
_HOLD: Final = (
    text("LOCK TABLE audit.subject IN SHARE ROW EXCLUSIVE MODE"),
    text("LOCK TABLE audit.event IN SHARE ROW EXCLUSIVE MODE"),
)
_UNGUARD: Final = (
    text("ALTER TABLE audit.subject DISABLE TRIGGER subject_append_only"),
    text("ALTER TABLE audit.event DISABLE TRIGGER event_append_only"),
)
_GUARD: Final = (
    text("ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only"),
    text("ALTER TABLE audit.event ENABLE ALWAYS TRIGGER event_append_only"),
)
_DROP_PRIVATE: Final = text(
    "DELETE FROM audit.private p USING audit.leaf l, audit.event e"
    " WHERE e.xid = l.xid AND e.id = l.id AND l.idx < CAST(:minimum AS bigint) AND p.event = e.event_id"
)
_DROP_SUBJECTS: Final = text(
    "DELETE FROM audit.subject s USING audit.leaf l, audit.event e"
    " WHERE e.xid = l.xid AND e.id = l.id AND l.idx < CAST(:minimum AS bigint) AND s.event = e.event_id"
)
_DROP_EVENTS: Final = text(
    "DELETE FROM audit.event e USING audit.leaf l"
    " WHERE e.xid = l.xid AND e.id = l.id AND l.idx < CAST(:minimum AS bigint)"
)
_DROP_PRIVATE_BY_AGE: Final = text("DELETE FROM audit.private WHERE at < :before")


def prefix(tx: Reading, before: datetime) -> Prefix | None:
    """The longest run of events from the log's beginning that are all older; None where nothing is sealed.

    It never ends between a rekeying and an event that this has rewritten.
    """
    size = int(tx.connection.execute(_SIZE).scalar_one())
    if size == 0:
        return None
    bounds = {"bound": earliest_uuid7(before), "before": before}
    first = tx.connection.execute(_FIRST_KEPT, bounds).scalar_one_or_none()
    minimum = {"minimum": size if first is None else int(first)}
    while (cut := tx.connection.execute(_CUT_REKEYING, minimum).scalar_one()) is not None:
        minimum = {"minimum": int(cut)}
    events, subjects = (int(tx.connection.execute(one, minimum).scalar_one()) for one in (_EVENTS, _SUBJECTS))
    return Prefix(minimum["minimum"], events, subjects)


def hold_index(tx: Writing) -> None:
    """Until the transaction ends the index of disclosures can only grow."""
    tx.connection.execute(_HOLD_INDEX)


def index_left(tx: Reading, minimum_index: int, until: datetime) -> Iterator[tuple[UUID, bytes]]:
    """Event and tag of what a drop will leave, of events that were begun before `until`: in byte order, streamed."""
    yield from _rows(tx, _INDEX_LEFT, {"minimum": minimum_index, "bound": earliest_uuid7(until)})


def count_index(tx: Reading, until: datetime) -> int:
    """How many rows the index has of events that were begun before `until`."""
    return int(tx.connection.execute(_INDEX_BEFORE, {"bound": earliest_uuid7(until)}).scalar_one())


def index_from(tx: Reading, since: datetime) -> Iterator[tuple[UUID, bytes]]:
    """Event and tag of events that were begun then or later: in byte order, streamed."""
    yield from _rows(tx, _INDEX_FROM, {"bound": earliest_uuid7(since)})


def drop(tx: Writing, minimum_index: int) -> Mapping[str, int]:
    """Deletes the events before this index with all that hangs on them, and returns how many rows of what.

    From its second statement until the transaction ends nobody can record anything. For as long as its deletions take,
    neither table is append only; nobody else can write to them.
    """
    run, minimum = tx.connection.execute, {"minimum": minimum_index}
    run(_DROP_PRIVATE, minimum)
    for statement in (*_HOLD, *_UNGUARD):
        run(statement)
    subjects = run(_DROP_SUBJECTS, minimum).rowcount
    events = run(_DROP_EVENTS, minimum).rowcount
    for statement in _GUARD:
        run(statement)
    return {"dropped": events, "subjects": subjects}


def drop_private(tx: Writing, before: datetime) -> int:
    """Deletes the private parts that were written before this moment, whatever becomes of their events."""
    return tx.connection.execute(_DROP_PRIVATE_BY_AGE, {"before": before}).rowcount


def _rows(tx: Reading, statement: TextClause, parameters: Mapping[str, object]) -> Iterator[tuple[UUID, bytes]]:
    for row in tx.connection.execute(statement, parameters, execution_options={"yield_per": 10_000}):
        yield row[0], row[1]
