"""Who was told about a number: the events that name one of its tags. Needs `sealed_log.as_reader`."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from registry.db.arrays import bytes_array
from registry.db.audit_entries import Entry
from registry.db.database import Reading


@dataclass(frozen=True, slots=True)
class Named:
    """An event and the tags under which it names the number. kind, name: of the organisation; None for none."""

    entry: Entry
    tags: tuple[bytes, ...] = field(repr=False)
    kind: str | None
    name: str | None


# A receipt begins with the moment of its event, so that they are in the order of time.
_PAGE: Final = text(
    "SELECT e.event_id, e.organisation, l.idx, e.body, s.tags, o.kind, o.name FROM ("
    " SELECT event, array_agg(tag ORDER BY tag) AS tags FROM audit.subject"
    " WHERE tag = ANY (CAST(:tags AS bytea[])) AND (CAST(:before AS uuid) IS NULL OR event < CAST(:before AS uuid))"
    " GROUP BY event"
    ") AS s"
    " JOIN audit.event e ON e.event_id = s.event"
    " LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
    " LEFT JOIN registry.organisations o ON o.id = e.organisation"
    " ORDER BY s.event DESC LIMIT :most"
)
# The oldest event has the first leaf, unless those before it were dropped.
_KEPT_SINCE: Final = text(
    "SELECT CAST(audit.field(first.body, 'time') AS timestamptz)"
    " FROM (SELECT e.xid, e.id, e.body FROM audit.event e ORDER BY e.xid, e.id LIMIT 1) AS first"
    " JOIN audit.leaf l ON l.idx = 0 AND (l.xid, l.id) IS DISTINCT FROM (first.xid, first.id)"
)


def page(tx: Reading, tags: Collection[bytes], *, before: UUID | None, most: int) -> list[Named]:
    """Newest first. before: the last event of the page before."""
    rows = tx.connection.execute(_PAGE, {"tags": bytes_array(tags), "before": before, "most": most})
    return [Named(Entry(*row[:4]), tuple(row[4]), row[5], row[6]) for row in rows]


def kept_since(tx: Reading) -> datetime | None:
    """When the oldest event was made that is still kept; None where none was ever dropped."""
    return tx.connection.execute(_KEPT_SINCE).scalar_one_or_none()
