"""One contact by itself, in as few ways to the database and back as its order allows: what a provider's request makes.

These statements do what those of `generations`, `decoys`, `hits`, `listings` and `decoy_days` do for many, in the same
order of locks, several in one: generations, decoy, event, listing, day. Whoever changes those changes these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select, text, true

from registry.db.database import Writing
from registry.db.driver import DriverStatement
from registry.db.exclusions import ActiveExclusion
from registry.db.hits import CONTACT_COLUMNS, NewHit, contact_of
from registry.db.listings import Listing
from registry.db.schema import decoys, disputes, exclusions, hits
from registry.domain.policy import Contact, Provider


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a tag: contacts that are not retracted, what excludes it now, whether a dispute is open."""

    contacts: Sequence[Contact]
    exclusion: ActiveExclusion | None
    disputed: bool


# The decoy comes after the generations: it is looked for where these are held.
_HOLD: Final = DriverStatement(
    text(
        "WITH held AS MATERIALIZED (SELECT array_agg(g.number) AS active FROM (SELECT number FROM registry.generations"
        " WHERE retired_at IS NULL ORDER BY number DESC FOR KEY SHARE) AS g)"
        " SELECT held.active FROM held CROSS JOIN LATERAL (SELECT d.id FROM registry.decoys d"
        " WHERE d.id = CAST(:decoy AS uuid) AND held.active IS NOT NULL"
        " AND (d.quarantined_at IS NOT NULL OR CAST(:most AS bigint) IS NULL"
        " OR (SELECT coalesce(sum(greatest(c.contacts - c.forgiven, 0)), 0) FROM registry.decoy_days c"
        " WHERE c.decoy_id = CAST(:decoy AS uuid) AND c.day = CAST(:day AS date)) < CAST(:most AS bigint))"
        " FOR SHARE) AS d"
    )
)
# DO UPDATE holds the row that it meets, and changes nothing where its condition is false.
_RECORD: Final = DriverStatement(
    text(
        "WITH claimed AS (INSERT INTO registry.submissions (organisation_id, source_key, hit_id, tag, decoy_id)"
        " VALUES (CAST(:owner AS uuid), CAST(:source AS bytea), CAST(:id AS uuid), CAST(:tag AS bytea),"
        " CAST(:decoy AS uuid)) ON CONFLICT (organisation_id, source_key) DO NOTHING RETURNING tag),"
        " added AS (INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, attestation,"
        " diverted, line_type, occurred_at, normaliser_version, provider, verification)"
        " SELECT c.tag, CAST(:id AS uuid), CAST(:generation AS smallint), CAST(:owner AS uuid), CAST(:decoy AS uuid),"
        " CAST(:channel AS text), CAST(:attestation AS text), CAST(:diverted AS boolean), CAST(:line_type AS text),"
        " CAST(:at AS timestamptz), CAST(:normaliser AS text), CAST(:provider AS text), CAST(:verification AS text)"
        " FROM claimed c RETURNING tag),"
        " held AS (INSERT INTO registry.listings AS l (tag, generation, contacts, decoys, organisations, channels,"
        " excluded, disputed, policy) SELECT a.tag, coalesce((SELECT h.generation FROM registry.hits h"
        " WHERE h.tag = a.tag LIMIT 1), CAST(:generation AS smallint)), 0, 0, 0, '{}', false, false, '' FROM added a"
        " ON CONFLICT (tag) DO UPDATE SET policy = l.policy WHERE false)"
        " SELECT count(*) FROM added"
    )
)
_EXCLUSION: Final = (
    select(
        func.count().label("many"),
        func.bool_or(exclusions.c.expires_at.is_(None)).label("endless"),
        func.max(exclusions.c.expires_at).label("last"),
    )
    .where(
        exclusions.c.tag == bindparam("of_tag"),
        exclusions.c.removed_at.is_(None),
        exclusions.c.expires_at.is_(None) | (exclusions.c.expires_at > bindparam("now")),
    )
    .subquery("x")
)
_DISPUTED: Final = exists().where(disputes.c.tag == bindparam("of_tag"), disputes.c.closed_at.is_(None))
_BEHIND: Final = DriverStatement(
    select(_EXCLUSION.c.many, _EXCLUSION.c.endless, _EXCLUSION.c.last, _DISPUTED, *CONTACT_COLUMNS)
    .select_from(hits.join(decoys, decoys.c.id == hits.c.decoy_id).join(_EXCLUSION, true()))
    .where(hits.c.tag == bindparam("of_tag"), hits.c.retracted_at.is_(None))
)
_FINISH: Final = DriverStatement(
    text(
        "WITH replaced AS (UPDATE registry.listings SET grade = :grade, contacts = :contacts, decoys = :decoys,"
        " organisations = :organisations, first_contact = :first, last_contact = :last,"
        " channels = string_to_array(:channels, ','), excluded = :excluded, disputed = :disputed, policy = :policy,"
        " changes_at = :changes WHERE tag = CAST(:tag AS bytea))"
        " INSERT INTO registry.decoy_days AS d (decoy_id, day, provider, contacts)"
        " VALUES (:decoy, :day, :provider, 1)"
        " ON CONFLICT (decoy_id, day, provider) DO UPDATE SET contacts = d.contacts + 1"
    )
)


def hold(tx: Writing, decoy_id: UUID, day: date | None, most: int | None) -> tuple[int, ...] | None:
    """Holds the generations and then the decoy, like `generations.hold_active` and `decoys.hold`; returns the numbers
    of the active ones, newest first.

    None, and the decoy is not held, where it had `most` unforgiven contacts on that day already and is in no
    quarantine. most: None for a decoy that nobody watches on that day.
    """
    rows = _HOLD.rows(tx.connection, {"decoy": decoy_id, "day": day, "most": most})
    return tuple(rows[0][0]) if rows else None


def record(tx: Writing, organisation_id: UUID, generation: int, normaliser: str, hit: NewHit) -> bool:
    """Claims the hit's source key, stores it, and holds the row of its listing, which `finish` must then write; like
    `hits.claim`, `hits.add` and `listings.lock`. False, and nothing is done, where the key was claimed before.
    """
    parameters = {
        "owner": organisation_id,
        "source": hit.source_key,
        "id": hit.id,
        "tag": hit.tag,
        "decoy": hit.decoy_id,
        "generation": generation,
        "channel": hit.channel.value,
        "attestation": None if hit.attestation is None else hit.attestation.value,
        "diverted": hit.diverted,
        "line_type": hit.line_type,
        "at": hit.occurred_at,
        "normaliser": normaliser,
        "provider": None if hit.provider is None else hit.provider.value,
        "verification": None if hit.verification is None else hit.verification.value,
    }
    return bool(_RECORD.rows(tx.connection, parameters)[0][0])


def behind(tx: Writing, tag: bytes, now: datetime) -> Behind:
    """Of a tag with at least one contact, whose listing this transaction holds."""
    rows = _BEHIND.rows(tx.connection, {"of_tag": tag, "now": now})
    many, endless, last, disputed = rows[0][:4]
    exclusion = ActiveExclusion(None if endless else last) if many else None
    return Behind([contact_of(row[4:]) for row in rows], exclusion, disputed)


def finish(tx: Writing, listing: Listing, decoy_id: UUID, day: date, provider: Provider | None) -> None:
    """Writes the listing and counts the contact; like `listings.replace` and `decoy_days.add`."""
    evidence = listing.evidence
    parameters = {
        "tag": listing.tag,
        "grade": None if evidence is None else evidence.grade.value,
        "contacts": 0 if evidence is None else evidence.contacts,
        "decoys": 0 if evidence is None else evidence.decoys,
        "organisations": 0 if evidence is None else evidence.organisations,
        "first": None if evidence is None else evidence.first_contact,
        "last": None if evidence is None else evidence.last_contact,
        "channels": "" if evidence is None else ",".join(evidence.channels),
        "excluded": listing.excluded,
        "disputed": listing.disputed,
        "policy": listing.policy,
        "changes": listing.changes_at,
        "decoy": decoy_id,
        "day": day,
        "provider": "" if provider is None else provider.value,
    }
    _FINISH.rows(tx.connection, parameters)
