"""Provider credentials as the database keeps them: sealed, and within their organisation only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import Interval, bindparam, func, insert, select, update

from registry.db.database import Reading, Writing
from registry.db.schema import provider_credentials


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """verifies_until: of a retired one, how long requests that are signed with it are taken."""

    id: UUID
    provider: str
    label: str | None
    created_at: datetime
    retired_at: datetime | None
    verifies_until: datetime | None


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
_IN_USE: Final = select(func.count()).where(
    _MINE, provider_credentials.c.provider == bindparam("of"), provider_credentials.c.retired_at.is_(None)
)
_RETIRE: Final = (
    update(provider_credentials)
    .where(_MINE, provider_credentials.c.id == bindparam("wanted"))
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


def in_use(tx: Reading, organisation_id: UUID, provider: str) -> int:
    """How many of the organisation's for this provider are not retired."""
    return int(tx.connection.execute(_IN_USE, {"owner": organisation_id, "of": provider}).scalar_one())


def all_of(tx: Reading, organisation_id: UUID) -> Sequence[StoredCredential]:
    """Oldest first, retired ones too."""
    return [StoredCredential(*row) for row in tx.connection.execute(_ALL, {"owner": organisation_id})]


def retire(tx: Writing, organisation_id: UUID, id_: UUID, grace: timedelta) -> StoredCredential | None:
    """None where the organisation has no such credential. Retired again it keeps its first moment."""
    parameters = {"owner": organisation_id, "wanted": id_, "grace": grace}
    row = tx.connection.execute(_RETIRE, parameters).one_or_none()
    return None if row is None else StoredCredential(*row)
