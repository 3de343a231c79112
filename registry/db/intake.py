"""What a provider's request meets in the database: the line that its address leads to, the limit on it, and the count
of callers that withheld their number.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, text

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import Writing
from registry.db.driver import DriverStatement

PER_MINUTE: Final = 600
"""Signed requests to one line, all of which may come at once. No line that people call has so many."""

Address = tuple[bytes, str]
"""SHA-256 of the token in a line's address, and the provider."""


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
        "SELECT n.token, n.provider, d.id, d.region, d.tag, o.id, o.kind, o.name, coalesce(c.ids, '{}'),"
        " coalesce(c.sealed, '{}')"
        " FROM unnest(CAST(:tokens AS bytea[]), CAST(:providers AS text[])) AS n (token, provider)"
        " JOIN registry.decoys d ON d.intake_token = n.token JOIN registry.organisations o ON o.id = d.organisation_id"
        " CROSS JOIN LATERAL (SELECT array_agg(p.id ORDER BY p.id DESC) AS ids,"
        " array_agg(p.sealed ORDER BY p.id DESC) AS sealed FROM registry.provider_credentials p"
        " WHERE p.organisation_id = d.organisation_id AND p.provider = n.provider"
        " AND (p.verifies_until IS NULL OR p.verifies_until > clock_timestamp())) c"
        " WHERE o.suspended_at IS NULL"
    )
)
_SPEND: Final = DriverStatement(text("SELECT registry.spend_addresses(CAST(:lines AS bytea[]), :per_minute)"))
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


def find_lines(connection: Connection, addresses: Collection[Address]) -> dict[Address, Line]:
    """Those of the addresses that lead to a line whose organisation is not suspended."""
    wanted = sorted(set(addresses))
    if not wanted:
        return {}
    tokens, providers = zip(*wanted, strict=True)
    rows = _FIND.rows(connection, {"tokens": bytes_array(tokens), "providers": plain_array(providers)})
    return {(row[0], row[1]): Line(*row[2:]) for row in rows}


def spend_lines(connection: Connection, decoy_ids: Sequence[UUID]) -> list[float]:
    """Spends one request of each line's, of one named several times so many. In autocommit. Returns the seconds to wait
    for each, in order; 0 where it was still allowed.
    """
    if not decoy_ids:
        return []
    lines = bytes_array(line_key(decoy_id) for decoy_id in decoy_ids)
    rows = _SPEND.rows(connection, {"lines": lines, "per_minute": PER_MINUTE})
    return [int(wait) / 1_000_000 for wait in rows[0][0]]


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
