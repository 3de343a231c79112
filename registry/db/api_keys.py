"""API keys as the database keeps them: an id, an Argon2id hash, scopes and dates. Never a secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from registry.db.database import AnyRow, Reading, Writing
from registry.db.schema import api_keys


@dataclass(frozen=True, slots=True)
class StoredKey:
    id: str
    organisation_id: UUID
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


_COLUMNS: Final = (
    api_keys.c.id,
    api_keys.c.organisation_id,
    api_keys.c.scopes,
    api_keys.c.created_at,
    api_keys.c.expires_at,
    api_keys.c.revoked_at,
    api_keys.c.last_used_at,
)
_ADD: Final = insert(api_keys).returning(*_COLUMNS)
_GET: Final = select(*_COLUMNS).where(api_keys.c.id == bindparam("wanted"))
_OF_ORGANISATION: Final = (
    select(*_COLUMNS)
    .where(api_keys.c.organisation_id == bindparam("owner"))
    .order_by(api_keys.c.created_at, api_keys.c.id)
)
_REVOKE: Final = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("wanted"))
    .values(revoked_at=func.coalesce(api_keys.c.revoked_at, func.clock_timestamp()))
    .returning(*_COLUMNS)
)
_EXPIRE: Final = (
    update(api_keys)
    .where(api_keys.c.id == bindparam("wanted"))
    .values(expires_at=bindparam("moment"))
    .returning(*_COLUMNS)
)


def add(
    tx: Writing,
    *,
    id_: str,
    organisation_id: UUID,
    secret_hash: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> StoredKey:
    values = {
        "id": id_,
        "organisation_id": organisation_id,
        "secret_hash": secret_hash,
        "scopes": list(scopes),
        "expires_at": expires_at,
    }
    return _key(tx.connection.execute(_ADD, values).one())


def get(tx: Reading, id_: str) -> StoredKey | None:
    return _optional(tx.connection.execute(_GET, {"wanted": id_}).one_or_none())


def of_organisation(tx: Reading, organisation_id: UUID) -> list[StoredKey]:
    """Oldest first, revoked and expired ones too."""
    return [_key(row) for row in tx.connection.execute(_OF_ORGANISATION, {"owner": organisation_id})]


def revoke(tx: Writing, id_: str) -> StoredKey | None:
    """Keeps the first moment when run again."""
    return _optional(tx.connection.execute(_REVOKE, {"wanted": id_}).one_or_none())


def expire(tx: Writing, id_: str, moment: datetime | None) -> StoredKey | None:
    """Sets or, with None, lifts the expiry."""
    return _optional(tx.connection.execute(_EXPIRE, {"wanted": id_, "moment": moment}).one_or_none())


def _key(row: AnyRow) -> StoredKey:
    id_, organisation_id, scopes, created_at, expires_at, revoked_at, last_used_at = row
    return StoredKey(id_, organisation_id, tuple(scopes), created_at, expires_at, revoked_at, last_used_at)


def _optional(row: AnyRow | None) -> StoredKey | None:
    return None if row is None else _key(row)
