"""Answers given to writes, so that a request that is repeated after a lost answer gets the same one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import any_, bindparam, delete, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA

from registry.db.database import Writing
from registry.db.schema import idempotency_keys

KEPT_FOR: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """request: the fingerprint of the request it answered."""

    request: bytes
    status: int
    body: bytes


_LOCK: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_MINE: Final = (
    idempotency_keys.c.organisation_id == bindparam("owner"),
    idempotency_keys.c.fingerprint == bindparam("key"),
)
_FIND: Final = select(idempotency_keys.c.request, idempotency_keys.c.status, idempotency_keys.c.body).where(
    *_MINE, idempotency_keys.c.created_at > func.clock_timestamp() - KEPT_FOR
)
_KEEP: Final = insert(idempotency_keys)
_OUTLIVED: Final = delete(idempotency_keys).where(*_MINE)
_OLD: Final = (
    select(idempotency_keys.c.fingerprint)
    .where(idempotency_keys.c.created_at < func.clock_timestamp() - KEPT_FOR)
    .order_by(idempotency_keys.c.created_at)
    .limit(10)
)
_FORGET: Final = delete(idempotency_keys).where(
    idempotency_keys.c.created_at < func.clock_timestamp() - KEPT_FOR,
    idempotency_keys.c.fingerprint == any_(bindparam("keys", type_=ARRAY(BYTEA()))),
)


def take(tx: Writing, fingerprint: bytes) -> bool:
    """Holds the key until the transaction ends, however it ends; False while another transaction holds it."""
    lock = int.from_bytes(fingerprint[:8], "big", signed=True)
    return bool(tx.connection.execute(_LOCK, {"key": lock}).scalar_one())


def find(tx: Writing, organisation_id: UUID, fingerprint: bytes) -> StoredAnswer | None:
    row = tx.connection.execute(_FIND, {"owner": organisation_id, "key": fingerprint}).one_or_none()
    return None if row is None else StoredAnswer(*row)


def keep(tx: Writing, organisation_id: UUID, fingerprint: bytes, answer: StoredAnswer) -> None:
    """Stores an answer for a day, and drops a few that are older, so that no job has to."""
    tx.connection.execute(_OUTLIVED, {"owner": organisation_id, "key": fingerprint})
    old = [row[0] for row in tx.connection.execute(_OLD)]
    if old:
        tx.connection.execute(_FORGET, {"keys": old})
    tx.connection.execute(
        _KEEP,
        {
            "organisation_id": organisation_id,
            "fingerprint": fingerprint,
            "request": answer.request,
            "status": answer.status,
            "body": answer.body,
        },
    )
