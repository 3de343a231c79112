"""Hits and submissions: contacts by the tag of their number, and what each organisation has sent."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import any_, bindparam, select, text, union

from registry.db.arrays import bytes_array, plain_array, tags_parameter
from registry.db.database import Reading, Writing
from registry.db.schema import decoys, disputes, exclusions, hits, listings, submissions
from registry.domain.policy import Attestation, Channel, Contact, Provider, Role, Verification

Source = tuple[UUID, bytes]
"""An organisation, and the 32 bytes by which an event of its is recognised."""


@dataclass(frozen=True, slots=True)
class NewHit:
    """One contact as it is stored. source_key: the 32 bytes by which its organisation's event is recognised."""

    id: UUID
    organisation_id: UUID
    source_key: bytes = field(repr=False)
    tag: bytes = field(repr=False)
    decoy_id: UUID
    channel: Channel
    attestation: Attestation | None
    diverted: bool
    line_type: str
    occurred_at: datetime
    provider: Provider | None = None
    verification: Verification | None = None

    @property
    def source(self) -> Source:
        return self.organisation_id, self.source_key


_TAGS: Final = tags_parameter("tags")

_CLAIM: Final = text(
    "INSERT INTO registry.submissions (organisation_id, source_key, hit_id, tag, decoy_id)"
    " SELECT s.* FROM unnest(CAST(:owners AS uuid[]), CAST(:keys AS bytea[]), CAST(:ids AS uuid[]),"
    " CAST(:tags AS bytea[]), CAST(:decoys AS uuid[])) AS s"
    " ON CONFLICT (organisation_id, source_key) DO NOTHING RETURNING hit_id"
)
_CLAIMED: Final = text(
    "SELECT s.organisation_id, s.source_key, s.hit_id"
    " FROM unnest(CAST(:owners AS uuid[]), CAST(:keys AS bytea[])) AS n (owner, key)"
    " JOIN registry.submissions s ON s.organisation_id = n.owner AND s.source_key = n.key"
)
_ADD: Final = text(
    "INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, attestation, diverted,"
    " line_type, occurred_at, normaliser_version, provider, verification)"
    " SELECT h.tag, h.id, :generation, h.owner, h.decoy, h.channel, h.attestation, h.diverted, h.line_type,"
    " h.occurred_at, :normaliser, h.provider, h.verification"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:ids AS uuid[]), CAST(:owners AS uuid[]), CAST(:decoys AS uuid[]),"
    " CAST(:channels AS text[]), CAST(:attestations AS text[]), CAST(:diverted AS boolean[]),"
    " CAST(:line_types AS text[]), CAST(:moments AS timestamptz[]), CAST(:providers AS text[]),"
    " CAST(:verifications AS text[]))"
    " AS h (tag, id, owner, decoy, channel, attestation, diverted, line_type, occurred_at, provider, verification)"
)
CONTACT_COLUMNS: Final = (
    hits.c.decoy_id,
    hits.c.organisation_id,
    decoys.c.role,
    decoys.c.live_from,
    decoys.c.live_until,
    decoys.c.acquired_on,
    hits.c.occurred_at,
    hits.c.channel,
    hits.c.attestation,
    hits.c.diverted,
    hits.c.line_type,
    hits.c.verification,
    decoys.c.quarantined_at.is_not(None),
)
"""What the policy needs of a hit and its decoy; `contact_of` reads it."""
_CONTACTS: Final = (
    select(hits.c.tag, *CONTACT_COLUMNS)
    .join(decoys, decoys.c.id == hits.c.decoy_id)
    .where(hits.c.tag == any_(_TAGS), hits.c.retracted_at.is_(None))
)
_TAGS_OF_DECOY: Final = (
    select(submissions.c.tag).where(submissions.c.decoy_id == bindparam("decoy")).distinct().order_by(submissions.c.tag)
)
_EVERY_TAG: Final = union(*(select(table.c.tag) for table in (hits, listings, exclusions, disputes, decoys))).order_by(
    "tag"
)
_CARRY: Final = text(
    "SELECT older FROM registry.carry_contacts(CAST(:older AS bytea[]), CAST(:newer AS bytea[]),"
    " CAST(:generation AS smallint))"
)


def claim(tx: Writing, new: Sequence[NewHit]) -> frozenset[UUID]:
    """Claims the source keys for these hits; returns the ids of those whose keys were free. An organisation can claim
    a key once, for ever.

    A concurrent claim of the same key waits for this transaction. Keys are claimed in the order of the primary key, so
    that two batches never wait for each other in a circle.
    """
    if not new:
        return frozenset()
    ordered = sorted(new, key=lambda hit: (hit.organisation_id, hit.source_key))
    rows = tx.connection.execute(
        _CLAIM,
        {
            "owners": plain_array(hit.organisation_id for hit in ordered),
            "keys": bytes_array(hit.source_key for hit in ordered),
            "ids": plain_array(hit.id for hit in ordered),
            "tags": bytes_array(hit.tag for hit in ordered),
            "decoys": plain_array(hit.decoy_id for hit in ordered),
        },
    )
    return frozenset(row[0] for row in rows.all())


def claimed(tx: Reading, sources: Sequence[Source]) -> dict[Source, UUID]:
    """Source -> the id of the hit that was recorded for it."""
    if not sources:
        return {}
    owners, keys = zip(*sources, strict=True)
    rows = tx.connection.execute(_CLAIMED, {"owners": plain_array(owners), "keys": bytes_array(keys)})
    return {(row[0], row[1]): row[2] for row in rows.all()}


def add(tx: Writing, generation: int, normaliser: str, new: Sequence[NewHit]) -> None:
    """Stores claimed hits. The listings of their tags must be refreshed in the same transaction."""
    if not new:
        return
    tx.connection.execute(
        _ADD,
        {
            "generation": generation,
            "normaliser": normaliser,
            "tags": bytes_array(hit.tag for hit in new),
            "ids": plain_array(hit.id for hit in new),
            "owners": plain_array(hit.organisation_id for hit in new),
            "decoys": plain_array(hit.decoy_id for hit in new),
            "channels": plain_array(hit.channel for hit in new),
            "attestations": plain_array(hit.attestation for hit in new),
            "diverted": plain_array(hit.diverted for hit in new),
            "line_types": plain_array(hit.line_type for hit in new),
            "moments": plain_array(hit.occurred_at for hit in new),
            "providers": plain_array(hit.provider for hit in new),
            "verifications": plain_array(hit.verification for hit in new),
        },
    )


def carry(tx: Writing, pairs: Mapping[bytes, bytes], generation: int) -> list[bytes]:
    """Moves a number's hits to its tag of a newer generation, so that one tag answers for all of them.

    pairs: older tag -> newer tag. Returns those older tags that had hits; the listings of both must be refreshed in
    the same transaction.
    """
    if not pairs:
        return []
    older = sorted(pairs)
    parameters = {
        "older": bytes_array(older),
        "newer": bytes_array(pairs[tag] for tag in older),
        "generation": generation,
    }
    return [row[0] for row in tx.connection.execute(_CARRY, parameters)]


def contacts(tx: Reading, tags: Sequence[bytes]) -> dict[bytes, list[Contact]]:
    """Tag -> its hits that are not retracted, each with what the policy needs of its decoy."""
    found: dict[bytes, list[Contact]] = {}
    if not tags:
        return found
    for row in tx.connection.execute(_CONTACTS, {"tags": bytes_array(tags)}).all():
        found.setdefault(row[0], []).append(contact_of(row[1:]))
    return found


def contact_of(row: Sequence[Any]) -> Contact:
    """row: what CONTACT_COLUMNS names."""
    (
        decoy,
        organisation,
        role,
        live_from,
        live_until,
        acquired,
        occurred,
        channel,
        attestation,
        diverted,
        line,
        verification,
        quarantined,
    ) = row
    return Contact(
        decoy,
        organisation,
        Role(role),
        live_from,
        live_until,
        acquired,
        occurred,
        Channel(channel),
        None if attestation is None else Attestation(attestation),
        diverted,
        line,
        retracted=False,
        verification=None if verification is None else Verification(verification),
        quarantined=quarantined,
    )


def tags_of_decoy(tx: Reading, decoy_id: UUID) -> list[bytes]:
    """Every tag with a hit on the decoy, in byte order."""
    return [row[0] for row in tx.connection.execute(_TAGS_OF_DECOY, {"decoy": decoy_id})]


def every_tag(tx: Reading) -> Iterator[bytes]:
    """Every tag that has a hit, a listing, an exclusion or a dispute, in byte order, streamed from a cursor."""
    for row in tx.connection.execute(_EVERY_TAG, execution_options={"yield_per": 2_000}):
        yield row[0]
