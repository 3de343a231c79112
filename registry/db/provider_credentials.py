"""Provider credentials as the database keeps them: sealed, and within their organisation only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, insert, or_, select, update

from registry.db.database import Reading, Writing
from registry.db.schema import organisations, provider_credentials


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """verifies_until: of a retired one, how long requests that are signed with it are taken."""

    id: UUID
    provider: str
    label: str | None
    created_at: datetime
    retired_at: datetime | None
    verifies_until: datetime | None


@dataclass(frozen=True, slots=True)
class KeptCredential:
    """As it is kept. verifies: requests that are signed with it are taken: it is in use, or its grace goes on."""

    id: UUID
    provider: str
    sealed: bytes = field(repr=False)
    retired: bool
    verifies: bool


MOST_COMPARED: Final = 500
"""Of one organisation and provider, those that were retired last: more would hold a signer for too long."""

_COLUMNS: Final = (
    provider_credentials.c.id,
    provider_credentials.c.provider,
    provider_credentials.c.label,
    provider_credentials.c.created_at,
    provider_credentials.c.retired_at,
    provider_credentials.c.verifies_until,
)
_MINE: Final = provider_credentials.c.organisation_id == bindparam("owner")
_ADD: Final = insert(provider_credentials).returning(*_COLUMNS)
_ALL: Final = select(*_COLUMNS).where(_MINE).order_by(provider_credentials.c.id)
_KEPT: Final = select(
    provider_credentials.c.id,
    provider_credentials.c.provider,
    provider_credentials.c.sealed,
    provider_credentials.c.retired_at.is_not(None),
    or_(
        provider_credentials.c.verifies_until.is_(None),
        provider_credentials.c.verifies_until > func.clock_timestamp(),
    ),
).where(_MINE)
_KEPT_ONE: Final = _KEPT.where(provider_credentials.c.id == bindparam("wanted"))
_KEPT_OF: Final = (
    _KEPT.where(provider_credentials.c.provider == bindparam("of"))
    .order_by(provider_credentials.c.retired_at.desc().nulls_first(), provider_credentials.c.id.desc())
    .limit(MOST_COMPARED)
)
_HOLD: Final = (
    select(organisations.c.id).where(organisations.c.id == bindparam("owner")).with_for_update(key_share=True)
)
_RETIRE: Final = (
    update(provider_credentials)
    .where(_MINE, provider_credentials.c.id.in_(bindparam("wanted", expanding=True)))
    .values(
        retired_at=func.coalesce(provider_credentials.c.retired_at, func.clock_timestamp()),
        # Never later than what was said before: retired at once, it stays so.
        verifies_until=func.least(
            provider_credentials.c.verifies_until, func.clock_timestamp() + bindparam("grace", type_=Interval())
        ),
    )
    .returning(*_COLUMNS)
)


def add(
    tx: Writing, organisation_id: UUID, id_: UUID, provider: str, sealed: bytes, label: str | None
) -> StoredCredential:
    values = {"id": id_, "organisation_id": organisation_id, "provider": provider, "sealed": sealed, "label": label}
    return StoredCredential(*tx.connection.execute(_ADD, values).one())


def hold(tx: Writing, organisation_id: UUID) -> None:
    """Whoever else adds or retires one of the organisation's waits until this transaction ends."""
    tx.connection.execute(_HOLD, {"owner": organisation_id})


def kept(tx: Reading, organisation_id: UUID, id_: UUID) -> KeptCredential | None:
    row = tx.connection.execute(_KEPT_ONE, {"owner": organisation_id, "wanted": id_}).one_or_none()
    return None if row is None else KeptCredential(*row)


def kept_of(tx: Reading, organisation_id: UUID, provider: str) -> Sequence[KeptCredential]:
    """The organisation's for this provider: those in use, newest first, then retired ones, the last retired first."""
    rows = tx.connection.execute(_KEPT_OF, {"owner": organisation_id, "of": provider})
    return [KeptCredential(*row) for row in rows]


def all_of(tx: Reading, organisation_id: UUID) -> Sequence[StoredCredential]:
    """Oldest first, retired ones too."""
    return [StoredCredential(*row) for row in tx.connection.execute(_ALL, {"owner": organisation_id})]


def retire(
    tx: Writing, organisation_id: UUID, ids: Sequence[UUID], grace: timedelta
) -> Mapping[UUID, StoredCredential]:
    """By id; without those that the organisation does not have. Retired again, one keeps its first moment."""
    parameters = {"owner": organisation_id, "wanted": ids, "grace": grace}
    return {row[0]: StoredCredential(*row) for row in tx.connection.execute(_RETIRE, parameters)}
