"""Organisations: who asks and who submits, and their limits."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BindParameter, bindparam, func, insert, select, update

from registry.db.database import AnyRow, Reading, Writing
from registry.db.schema import organisations


@dataclass(frozen=True, slots=True)
class Organisation:
    id: UUID
    kind: str
    name: str
    requests_per_minute: int
    numbers_per_day: int
    created_at: datetime
    suspended_at: datetime | None


_COLUMNS: Final = (
    organisations.c.id,
    organisations.c.kind,
    organisations.c.name,
    organisations.c.requests_per_minute,
    organisations.c.numbers_per_day,
    organisations.c.created_at,
    organisations.c.suspended_at,
)
_ADD: Final = insert(organisations).returning(*_COLUMNS)
_GET: Final = select(*_COLUMNS).where(organisations.c.id == bindparam("wanted"))
_BY_NAME: Final = select(*_COLUMNS).where(organisations.c.name == bindparam("wanted"))
_PAGE: Final = select(*_COLUMNS).order_by(organisations.c.id).limit(bindparam("most"))
_PAGE_AFTER: Final = _PAGE.where(organisations.c.id > bindparam("after"))
_SUSPEND: Final = (
    update(organisations)
    .where(organisations.c.id == bindparam("wanted"))
    .values(suspended_at=func.coalesce(organisations.c.suspended_at, func.clock_timestamp()))
    .returning(*_COLUMNS)
)
_RESUME: Final = (
    update(organisations)
    .where(organisations.c.id == bindparam("wanted"))
    .values(suspended_at=None)
    .returning(*_COLUMNS)
)
_RPM: Final[BindParameter[int | None]] = bindparam("rpm")
_NPD: Final[BindParameter[int | None]] = bindparam("npd")
_SET_LIMITS: Final = (
    update(organisations)
    .where(organisations.c.id == bindparam("wanted"))
    .values(
        requests_per_minute=func.coalesce(_RPM, organisations.c.requests_per_minute),
        numbers_per_day=func.coalesce(_NPD, organisations.c.numbers_per_day),
    )
    .returning(*_COLUMNS)
)


def add(
    tx: Writing, *, id_: UUID, kind: str, name: str, requests_per_minute: int, numbers_per_day: int
) -> Organisation:
    """Refused(name_taken) where another one has the name."""
    values = {
        "id": id_,
        "kind": kind,
        "name": name,
        "requests_per_minute": requests_per_minute,
        "numbers_per_day": numbers_per_day,
    }
    return _organisation(tx.connection.execute(_ADD, values).one())


def get(tx: Reading, id_: UUID) -> Organisation | None:
    return _optional(tx.connection.execute(_GET, {"wanted": id_}).one_or_none())


def by_name(tx: Reading, name: str) -> Organisation | None:
    return _optional(tx.connection.execute(_BY_NAME, {"wanted": name}).one_or_none())


def page(tx: Reading, *, after: UUID | None, most: int) -> list[Organisation]:
    """In the order of their making."""
    if after is None:
        rows = tx.connection.execute(_PAGE, {"most": most})
    else:
        rows = tx.connection.execute(_PAGE_AFTER, {"most": most, "after": after})
    return [_organisation(row) for row in rows]


def suspend(tx: Writing, id_: UUID) -> Organisation | None:
    """Keeps the first moment when run again."""
    return _optional(tx.connection.execute(_SUSPEND, {"wanted": id_}).one_or_none())


def resume(tx: Writing, id_: UUID) -> Organisation | None:
    return _optional(tx.connection.execute(_RESUME, {"wanted": id_}).one_or_none())


def set_limits(
    tx: Writing, id_: UUID, *, requests_per_minute: int | None, numbers_per_day: int | None
) -> Organisation | None:
    """None leaves a limit as it is."""
    values = {"wanted": id_, "rpm": requests_per_minute, "npd": numbers_per_day}
    return _optional(tx.connection.execute(_SET_LIMITS, values).one_or_none())


def _organisation(row: AnyRow) -> Organisation:
    return Organisation(*row)


def _optional(row: AnyRow | None) -> Organisation | None:
    return None if row is None else Organisation(*row)
