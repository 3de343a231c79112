"""Numbers that may be flooding the decoys: when their contacts came."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import text

from registry.db.arrays import bytes_array
from registry.db.database import Reading

REASON: Final = "flood"
"""Of an exclusion and of a quarantine."""

# What a number did before it was last released counts against it no more.
_RECENT: Final = text(
    "SELECT h.tag, h.occurred_at FROM registry.hits h WHERE h.tag = ANY (CAST(:tags AS bytea[]))"
    " AND h.retracted_at IS NULL AND h.occurred_at >= :since"
    " AND NOT EXISTS (SELECT FROM registry.exclusions e WHERE e.tag = h.tag AND e.organisation_id IS NULL"
    " AND (e.removed_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > :now)"
    " OR e.reason = :reason AND e.removed_at >= h.recorded_at))"
    " ORDER BY h.tag, h.occurred_at"
)


def recent_contacts(
    tx: Reading, tags: Sequence[bytes], *, since: datetime, now: datetime
) -> dict[bytes, list[datetime]]:
    """Tag -> when its contacts occurred, oldest first: those since then which are not retracted. None of a number that
    the operator excludes.
    """
    found: dict[bytes, list[datetime]] = {}
    if tags:
        parameters = {"tags": bytes_array(tags), "since": since, "now": now, "reason": REASON}
        for tag, occurred_at in tx.connection.execute(_RECENT, parameters):
            found.setdefault(tag, []).append(occurred_at)
    return found
