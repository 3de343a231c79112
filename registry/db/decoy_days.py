"""Contacts counted by decoy, day and provider: for statistics, and for seeing that a decoy is flooded. Never by tag.

Whoever writes hits writes here last of all, in the order of the key, so that transactions never wait in a circle and
hold a busy decoy's row for as short as can be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Date, bindparam, func, select, text, update

from registry.db.arrays import plain_array
from registry.db.database import Reading, Writing
from registry.db.schema import decoy_days, decoys
from registry.domain.policy import Provider, Role

Day = tuple[UUID, date]
"""A decoy and a UTC date."""
Key = tuple[UUID, date, Provider | None]

_ADD: Final = text(
    "INSERT INTO registry.decoy_days AS d (decoy_id, day, provider, contacts)"
    " SELECT n.* FROM unnest(CAST(:decoys AS uuid[]), CAST(:days AS date[]), CAST(:providers AS text[]),"
    " CAST(:contacts AS integer[])) AS n"
    " ON CONFLICT (decoy_id, day, provider) DO UPDATE SET contacts = d.contacts + excluded.contacts"
)
# A contact that an older version of the registry recorded was counted nowhere.
_SUBTRACT: Final = text(
    "UPDATE registry.decoy_days AS d SET contacts = d.contacts - 1 FROM registry.hits h"
    " WHERE h.tag = :of_tag AND h.id = :hit AND d.decoy_id = h.decoy_id AND d.contacts > 0"
    " AND d.day = CAST(h.occurred_at AT TIME ZONE 'UTC' AS date) AND d.provider = coalesce(h.provider, '')"
)
_SUBTRACT_ALL: Final = text(
    "WITH held AS ("
    " SELECT d.day, d.provider, n.contacts FROM unnest(CAST(:days AS date[]), CAST(:providers AS text[]),"
    " CAST(:contacts AS integer[])) AS n (day, provider, contacts)"
    " JOIN registry.decoy_days d ON d.decoy_id = :decoy AND d.day = n.day AND d.provider = n.provider"
    ' ORDER BY d.day, d.provider COLLATE "C" FOR UPDATE OF d'
    ") UPDATE registry.decoy_days AS d SET contacts = greatest(d.contacts - held.contacts, 0)"
    " FROM held WHERE d.decoy_id = :decoy AND d.day = held.day AND d.provider = held.provider"
)
_UNFORGIVEN: Final = text(
    "SELECT d.id, n.day, coalesce((SELECT sum(greatest(c.contacts - c.forgiven, 0)) FROM registry.decoy_days c"
    " WHERE c.decoy_id = n.decoy AND c.day = n.day), 0)"
    " FROM unnest(CAST(:decoys AS uuid[]), CAST(:days AS date[])) AS n (decoy, day)"
    " JOIN registry.decoys d ON d.id = n.decoy AND d.quarantined_at IS NULL"
)
_COUNT: Final = func.sum(func.greatest(decoy_days.c.contacts - decoy_days.c.forgiven, 0))
_BEFORE: Final = (
    select(_COUNT)
    .where(decoy_days.c.decoy_id == bindparam("decoy"), decoy_days.c.day < bindparam("before"))
    .group_by(decoy_days.c.day)
    .having(_COUNT > 0)
    .order_by(decoy_days.c.day.desc())
    .limit(bindparam("most"))
)
_FORGIVE: Final = (
    update(decoy_days)
    .where(decoy_days.c.decoy_id == bindparam("decoy"), decoy_days.c.day >= bindparam("since", type_=Date()))
    .values(forgiven=decoy_days.c.contacts)
)
_FIRST_DAY: Final = (
    select(func.min(decoy_days.c.day))
    .where(decoy_days.c.decoy_id == decoys.c.id, decoy_days.c.contacts > 0)
    .scalar_subquery()
)
# A row stays when its contacts are retracted: a call that only tested the line still says whose it is.
_PROVIDERS: Final = (
    select(func.array_agg(decoy_days.c.provider.distinct()))
    .where(decoy_days.c.decoy_id == decoys.c.id)
    .scalar_subquery()
)
_LINES: Final = select(
    decoys.c.id,
    decoys.c.role,
    decoys.c.region,
    decoys.c.live_from,
    decoys.c.live_until,
    decoys.c.acquired_on,
    decoys.c.created_at,
    _FIRST_DAY,
    func.coalesce(_PROVIDERS, []),
).where(
    decoys.c.role.in_([Role.ADVERTISEMENT.value, Role.CONTROL.value]),
    decoys.c.quarantined_at.is_(None),
)
_SEEN: Final = text(
    "SELECT d.decoy_id, CASE WHEN grouping(d.provider) = 0 THEN d.provider END, sum(d.contacts),"
    " count(DISTINCT d.day)"
    " FROM unnest(CAST(:decoys AS uuid[]), CAST(:since AS date[]), CAST(:until AS date[])) AS n (decoy, since, until)"
    " JOIN registry.decoy_days d ON d.decoy_id = n.decoy AND d.day BETWEEN n.since AND n.until AND d.contacts > 0"
    " GROUP BY GROUPING SETS ((d.decoy_id, d.provider), (d.decoy_id))"
)


@dataclass(frozen=True, slots=True)
class Line:
    """A decoy as the statistics see it. first_day: of its first contact. providers: whose webhooks any contact on it
    ever came by, '' among them where one was submitted; those that were retracted included.
    """

    id: UUID
    role: Role
    region: str | None
    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    created_at: datetime
    first_day: date | None
    providers: Sequence[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """Contacts on one line within the days asked for, and the number of days that had some.

    provider: whose contacts these are, '' for those that the organisation submitted; None for all together.
    """

    line: UUID
    provider: str | None
    contacts: int
    days: int


def add(tx: Writing, contacts: Mapping[Key, int]) -> None:
    """Counts contacts that were recorded in this transaction."""
    if not contacts:
        return
    ordered = sorted((decoy, day, provider or "", many) for (decoy, day, provider), many in contacts.items())
    decoys_, days, providers, counts = zip(*ordered, strict=True)
    tx.connection.execute(
        _ADD,
        {
            "decoys": plain_array(decoys_),
            "days": plain_array(days),
            "providers": plain_array(providers),
            "contacts": plain_array(counts),
        },
    )


def subtract(tx: Writing, tag: bytes, hit_id: UUID) -> None:
    """Counts a hit no more that was retracted in this transaction."""
    tx.connection.execute(_SUBTRACT, {"of_tag": tag, "hit": hit_id})


def subtract_all(tx: Writing, decoy: UUID, contacts: Mapping[tuple[date, str], int]) -> None:
    """Counts hits on one decoy no more that were retracted in this transaction, by day and provider."""
    if not contacts:
        return
    days, providers = zip(*contacts, strict=True)
    parameters = {
        "decoy": decoy,
        "days": plain_array(days),
        "providers": plain_array(providers),
        "contacts": plain_array(contacts.values()),
    }
    tx.connection.execute(_SUBTRACT_ALL, parameters)


def unforgiven(tx: Reading, days: Sequence[Day]) -> dict[Day, int]:
    """Contacts of each of these days that the decoy's last release did not forgive. None of one in quarantine."""
    if not days:
        return {}
    parameters = {"decoys": plain_array(decoy for decoy, _ in days), "days": plain_array(day for _, day in days)}
    return {(row[0], row[1]): int(row[2]) for row in tx.connection.execute(_UNFORGIVEN, parameters)}


def days_before(tx: Reading, decoy: UUID, day: date, *, most: int) -> list[int]:
    """How many contacts the decoy had on its last days with contacts before that day, newest first."""
    rows = tx.connection.execute(_BEFORE, {"decoy": decoy, "before": day, "most": most})
    return [int(row[0]) for row in rows]


def forgive(tx: Writing, decoy: UUID, since: date) -> None:
    """What was counted on that day or later is no reason any more to quarantine the decoy."""
    tx.connection.execute(_FORGIVE, {"decoy": decoy, "since": since})


def lines(tx: Reading, organisation_id: UUID | None, region: str | None) -> list[Line]:
    """Control and advertised lines that are in no quarantine; None: of all organisations, of all regions."""
    statement = _LINES
    if organisation_id is not None:
        statement = statement.where(decoys.c.organisation_id == organisation_id)
    if region is not None:
        statement = statement.where(decoys.c.region == region)
    rows = tx.connection.execute(statement.order_by(decoys.c.id)).all()
    return [Line(row[0], Role(row[1]), *row[2:]) for row in rows]


def seen(tx: Reading, days: Mapping[UUID, tuple[date, date]]) -> list[Seen]:
    """What was seen on each line from its first to its last day, by provider and together. No line without contacts."""
    if not days:
        return []
    parameters = {
        "decoys": plain_array(days),
        "since": plain_array(since for since, _ in days.values()),
        "until": plain_array(until for _, until in days.values()),
    }
    return [Seen(row[0], row[1], int(row[2]), row[3]) for row in tx.connection.execute(_SEEN, parameters)]
