"""Numbers that may be flooding the decoys: when their contacts came, and what they are held by."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import AnyRow, Reading, Writing

REASON: Final = "flood"
"""Of an exclusion and of a quarantine."""

# Where somebody let go of a hold before its time, what had been recorded until then counts against its number no more.
_LET_GO: Final = (
    "(SELECT max(e.removed_at) FROM registry.exclusions e WHERE e.tag = t.tag AND e.reason = :reason"
    " AND (e.mistaken OR e.removed_at <> e.expires_at))"
)
_RECENT: Final = text(
    f"WITH n AS (SELECT t.tag, {_LET_GO} AS let_go"  # noqa: S608 - a constant
    " FROM unnest(CAST(:tags AS bytea[])) AS t (tag)"
    " WHERE NOT EXISTS (SELECT FROM registry.exclusions e WHERE e.tag = t.tag AND e.organisation_id IS NULL"
    " AND e.removed_at IS NULL AND (e.expires_at IS NULL OR e.expires_at > :now)))"
    " SELECT h.tag, h.occurred_at FROM n JOIN registry.hits h ON h.tag = n.tag"
    " WHERE h.retracted_at IS NULL AND h.occurred_at >= :since AND (n.let_go IS NULL OR h.recorded_at > n.let_go)"
    " ORDER BY h.tag, h.occurred_at"
)
_HOLDS: Final = text(
    "SELECT e.tag, e.id, e.covers_since, e.removed_at IS NOT NULL OR e.expires_at <= :now FROM registry.exclusions e"
    " WHERE e.tag = ANY (CAST(:tags AS bytea[])) AND e.reason = :reason AND NOT e.mistaken"
    " AND (e.removed_at IS NULL OR e.removed_at = e.expires_at) AND e.covers_since IS NOT NULL"
)
_BETWEEN: Final = text(
    f"WITH n AS (SELECT t.*, {_LET_GO} AS let_go"  # noqa: S608 - a constant
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:sinces AS timestamptz[]), CAST(:untils AS timestamptz[]))"
    " AS t (tag, since, until))"
    " SELECT h.tag, h.occurred_at FROM n JOIN registry.hits h ON h.tag = n.tag"
    " WHERE h.retracted_at IS NULL AND h.occurred_at >= n.since AND h.occurred_at <= n.until"
    " AND (n.let_go IS NULL OR h.recorded_at > n.let_go) ORDER BY h.tag, h.occurred_at"
)
_COVER_SINCE: Final = text(
    "UPDATE registry.exclusions AS e SET covers_since = n.since"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:sinces AS timestamptz[])) AS n (id, since)"
    " WHERE e.id = n.id AND e.covers_since > n.since"
)


@dataclass(frozen=True, slots=True)
class Hold:
    """One that covers its flood, or will when it ends by itself. ended: it does not stand any more."""

    id: UUID
    covers_since: datetime
    ended: bool


@dataclass(frozen=True, slots=True)
class Span:
    """Both moments are in it."""

    since: datetime
    until: datetime


def recent_contacts(
    tx: Reading, tags: Sequence[bytes], *, since: datetime, now: datetime
) -> dict[bytes, list[datetime]]:
    """Tag -> when its contacts occurred, oldest first: those since then which are not retracted. None of a number that
    the operator excludes.
    """
    if not tags:
        return {}
    return _moments(
        tx.connection.execute(_RECENT, {"tags": bytes_array(tags), "since": since, "now": now, "reason": REASON})
    )


def contacts_between(tx: Reading, spans: Mapping[bytes, Span]) -> dict[bytes, list[datetime]]:
    """Like `recent_contacts`, of each number those in a span of its own, whether or not it is excluded."""
    if not spans:
        return {}
    parameters = {
        "tags": bytes_array(spans),
        "sinces": plain_array(span.since for span in spans.values()),
        "untils": plain_array(span.until for span in spans.values()),
        "reason": REASON,
    }
    return _moments(tx.connection.execute(_BETWEEN, parameters))


def holds(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, list[Hold]]:
    """Tag -> the holds of which it is known when their floods began, but for those that somebody let go of."""
    found: dict[bytes, list[Hold]] = {}
    if tags:
        for tag, *hold in tx.connection.execute(_HOLDS, {"tags": bytes_array(tags), "now": now, "reason": REASON}):
            found.setdefault(tag, []).append(Hold(*hold))
    return found


def cover_since(tx: Writing, began: Mapping[UUID, datetime]) -> None:
    """Lets holds cover their floods from when these are now known to have begun. The listings of those that have ended
    must be refreshed in the same transaction.
    """
    if began:
        ids = sorted(began)
        tx.connection.execute(_COVER_SINCE, {"ids": plain_array(ids), "sinces": plain_array(began[id_] for id_ in ids)})


def _moments(rows: Iterable[AnyRow]) -> dict[bytes, list[datetime]]:
    found: dict[bytes, list[datetime]] = {}
    for tag, occurred_at in rows:
        found.setdefault(tag, []).append(occurred_at)
    return found
