"""Audit events as the log's entries: their exact bytes and their places. Needs `sealed_log.as_reader`."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from registry.db.arrays import plain_array
from registry.db.database import Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """One event. index: its place in the log, None until it is sealed. body: the bytes that its leaf hashes."""

    event: UUID
    organisation: UUID | None
    index: int | None
    body: bytes


_FIND: Final = text(
    "SELECT e.event_id, e.organisation, l.idx, e.body FROM audit.event e"
    " LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
    " WHERE e.event_id = ANY (CAST(:events AS uuid[]))"
)


def find(tx: Reading, events: Collection[UUID]) -> dict[UUID, Entry]:
    """By event. What is not there, or was dropped, is left out."""
    rows = tx.connection.execute(_FIND, {"events": plain_array(events)})
    return {row[0]: Entry(*row) for row in rows}
