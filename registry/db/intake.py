"""What a provider's request meets in the database: the line that its address leads to, the limit on it, and the count
of callers that withheld their number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from registry.db.database import Writing
from registry.db.driver import DriverStatement

PER_MINUTE: Final = 600
"""Signed requests to one line, all of which may come at once. No line that people call has so many."""


@dataclass(frozen=True, slots=True)
class Line:
    """A decoy that takes requests, its organisation, and the credentials that may have signed one: ids and what is
    sealed, newest first.
    """

    decoy_id: UUID
    region: str | None
    tag: bytes = field(repr=False)
    organisation_id: UUID
    organisation_kind: str
    organisation_name: str
    credential_ids: Sequence[UUID]
    sealed: Sequence[bytes] = field(repr=False)


_FIND: Final = DriverStatement(
    text(
        "SELECT d.id, d.region, d.tag, o.id, o.kind, o.name, coalesce(c.ids, '{}'), coalesce(c.sealed, '{}')"
        " FROM registry.decoys d JOIN registry.organisations o ON o.id = d.organisation_id"
        " CROSS JOIN LATERAL (SELECT array_agg(p.id ORDER BY p.id DESC) AS ids,"
        " array_agg(p.sealed ORDER BY p.id DESC) AS sealed FROM registry.provider_credentials p"
        " WHERE p.organisation_id = d.organisation_id AND p.provider = :provider"
        " AND (p.verifies_until IS NULL OR p.verifies_until > clock_timestamp())) c"
        " WHERE d.intake_token = CAST(:token AS bytea) AND o.suspended_at IS NULL"
    )
)
_SPEND: Final = DriverStatement(text("SELECT registry.spend_address(:line, :per_minute)"))
_SET_TOKEN: Final = text(
    "UPDATE registry.decoys SET intake_token = CAST(:token AS bytea)"
    " WHERE organisation_id = :owner AND id = :decoy RETURNING 1"
)
_CLAIM_WITHHELD: Final = text(
    "INSERT INTO registry.withheld_sources (organisation_id, source_key) VALUES (:owner, :source)"
    " ON CONFLICT DO NOTHING RETURNING 1"
)
_COUNT_WITHHELD: Final = text(
    "INSERT INTO registry.withheld_contacts AS w (decoy_id, day, contacts) VALUES (:decoy, :day, 1)"
    " ON CONFLICT (decoy_id, day) DO UPDATE SET contacts = w.contacts + 1"
)


def line_key(decoy_id: UUID) -> bytes:
    """What a line's limit is kept under, beside those of client addresses. 32 bytes."""
    return sha256(b"intake:" + decoy_id.bytes).digest()


def find_line(connection: Connection, token: bytes, provider: str) -> Line | None:
    """token: SHA-256 of the address's. None where no line has it, or its organisation is suspended."""
    rows = _FIND.rows(connection, {"token": token, "provider": provider})
    return Line(*rows[0]) if rows else None


def spend_line(connection: Connection, decoy_id: UUID) -> float:
    """Spends one request of the line's; returns the seconds to wait, 0 where it was still allowed. In autocommit."""
    rows = _SPEND.rows(connection, {"line": line_key(decoy_id), "per_minute": PER_MINUTE})
    return int(rows[0][0]) / 1_000_000


def set_token(tx: Writing, organisation_id: UUID, decoy_id: UUID, token: bytes | None) -> bool:
    """Replaces or, with None, removes what a line's address is recognised by; False for a line it does not have."""
    parameters = {"owner": organisation_id, "decoy": decoy_id, "token": token}
    return tx.connection.execute(_SET_TOKEN, parameters).one_or_none() is not None


def count_withheld(tx: Writing, organisation_id: UUID, decoy_id: UUID, source: bytes, day: date) -> bool:
    """Counts a contact without a number once; False where its event was counted before. source: 32 bytes."""
    claimed = tx.connection.execute(_CLAIM_WITHHELD, {"owner": organisation_id, "source": source}).one_or_none()
    if claimed is None:
        return False
    tx.connection.execute(_COUNT_WITHHELD, {"decoy": decoy_id, "day": day})
    return True
