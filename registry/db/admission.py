"""Authentication and limits: what is decided before an operation's transaction, and is not undone by its rollback."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, select, text

from registry.db.driver import DriverStatement
from registry.db.schema import api_keys

_ADMIT: Final = DriverStatement(
    text(
        "SELECT organisation_id, organisation_kind, organisation_name, scopes, usable, key_allowed, day_allowed,"
        " requests_per_minute, numbers_per_day, at_us, tat_us, used, generations"
        " FROM registry.admit(:key, :scope, :requests, :numbers)"
    )
)
_CHARGE_ONCE: Final = DriverStatement(
    text(
        "SELECT organisation_id, organisation_kind, organisation_name, scopes, usable, key_allowed, day_allowed,"
        " requests_per_minute, numbers_per_day, at_us, tat_us, used, generations, paid, reused"
        " FROM registry.charge_once(:key, :scope, :organisation, :fingerprint, :request, :numbers)"
    )
)
_SPEND_ADDRESS: Final = text("SELECT registry.spend_address(:address, :per_minute)")


@dataclass(frozen=True, slots=True)
class Admission:
    """What `registry.admit` found and spent. Moments are microseconds since 1970 UTC on the database's clock."""

    organisation_id: UUID
    organisation_kind: str
    organisation_name: str
    scopes: tuple[str, ...]
    usable: bool
    """False for a key that is revoked or expired, lacks the scope, or whose organisation is suspended."""
    key_allowed: bool
    day_allowed: bool
    requests_per_minute: int
    numbers_per_day: int
    at_us: int
    tat_us: int
    used: int
    """Numbers this organisation has used today, these included where they were allowed."""
    generations: tuple[int, ...]
    """The database's active generations, newest first."""


def secret_hash(connection: Connection, key_id: str) -> str | None:
    """The Argon2id hash of a key's secret; None where there is no such key."""
    statement = select(api_keys.c.secret_hash).where(api_keys.c.id == key_id)
    return connection.execute(statement).scalar_one_or_none()


def admit(connection: Connection, key_id: str, scope: str | None, *, requests: int, numbers: int) -> Admission | None:
    """Spends both limits of a key, all or nothing; None where there is no such key. Must run in autocommit."""
    parameters = {"key": key_id, "scope": scope, "requests": requests, "numbers": numbers}
    rows = _ADMIT.rows(connection, parameters)
    return _admission(rows[0]) if rows else None


@dataclass(frozen=True, slots=True)
class Charge:
    """What `registry.charge_once` did. paid: the question was charged before, so that this time nothing was.
    reused: under its Idempotency-Key it was another question.
    """

    admission: Admission
    paid: bool
    reused: bool


def charge_once(
    connection: Connection,
    key_id: str,
    scope: str | None,
    *,
    organisation_id: UUID,
    fingerprint: bytes,
    request: bytes,
    numbers: int,
) -> Charge | None:
    """Spends numbers for a question under an Idempotency-Key, unless it was paid within the last day; None where there
    is no such API key any more. Must run in autocommit. fingerprint, request: 32 bytes, keyed.
    """
    parameters = {
        "key": key_id,
        "scope": scope,
        "organisation": organisation_id,
        "fingerprint": fingerprint,
        "request": request,
        "numbers": numbers,
    }
    rows = _CHARGE_ONCE.rows(connection, parameters)
    return Charge(_admission(rows[0][:-2]), *rows[0][-2:]) if rows else None


def _admission(row: tuple[Any, ...]) -> Admission:
    id_, kind, name, scopes, usable, key_allowed, day_allowed, rate, quota, at, tat, used, generations = row
    return Admission(
        id_,
        kind,
        name,
        tuple(scopes),
        usable,
        key_allowed,
        day_allowed,
        rate,
        quota,
        at,
        tat,
        used,
        tuple(generations or ()),
    )


def spend_address(connection: Connection, address: bytes, per_minute: int) -> float:
    """Spends one failed authentication; returns the seconds to wait, 0 where it was still allowed."""
    waited: int = connection.execute(_SPEND_ADDRESS, {"address": address, "per_minute": per_minute}).scalar_one()
    return waited / 1_000_000
