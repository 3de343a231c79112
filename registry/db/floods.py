"""Numbers that may be flooding the decoys: when their contacts came."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy import text

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import Reading

REASON: Final = "flood"
"""Of an exclusion and of a quarantine."""

# What a number did before it was last released counts against it no more.
_RECENT: Final = text(
    "SELECT h.tag, h.occurred_at"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:firsts AS timestamptz[])) AS n (tag, first)"
    " JOIN registry.hits h ON h.tag = n.tag"
    " WHERE h.retracted_at IS NULL AND h.occurred_at >= :since"
    " AND NOT EXISTS (SELECT FROM registry.exclusions e WHERE e.tag = h.tag AND e.organisation_id IS NULL"
    " AND (e.removed_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > :now)"
    " AND (e.reason <> :reason OR e.covers_since IS NULL OR e.covers_since <= n.first)"
    " OR e.reason = :reason AND e.removed_at >= h.recorded_at))"
    " ORDER BY h.tag, h.occurred_at"
)


def recent_contacts(
    tx: Reading, firsts: Mapping[bytes, datetime], *, since: datetime, now: datetime
) -> dict[bytes, list[datetime]]:
    """Tag -> when its contacts occurred, oldest first: those since then which are not retracted.

    firsts: tag -> its oldest contact of those that are being recorded. None are found of a number that the operator
    excludes, unless it is a hold whose flood may turn out to have begun before.
    """
    found: dict[bytes, list[datetime]] = {}
    if firsts:
        parameters = {
            "tags": bytes_array(firsts),
            "firsts": plain_array(firsts.values()),
            "since": since,
            "now": now,
            "reason": REASON,
        }
        for tag, occurred_at in tx.connection.execute(_RECENT, parameters):
            found.setdefault(tag, []).append(occurred_at)
    return found
