"""Every table the application's statements name. The migrations make them, with constraints, comments and grants.

`alembic check` holds the columns of this file against the migrated database; a committed schema dump holds the rest.
"""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    Integer,
    LargeBinary,
    MetaData,
    Named,
    SmallInteger,
    Table,
    Text,
    TypedColumns,
    Uuid,
)
from sqlalchemy.dialects.postgresql import TIMESTAMP

metadata = MetaData(schema="registry")
_MOMENT = TIMESTAMP(timezone=True)


class OrganisationColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    kind: Named[str] = Column(Text)
    name: Named[str] = Column(Text, unique=True)
    requests_per_minute: Named[int] = Column(Integer)
    numbers_per_day: Named[int] = Column(BigInteger)
    created_at: Named[datetime] = Column(_MOMENT)
    suspended_at: Named[datetime | None] = Column(_MOMENT)


class ApiKeyColumns(TypedColumns):
    id: Named[str] = Column(Text, primary_key=True)
    organisation_id: Named[UUID] = Column(Uuid)
    secret_hash: Named[str] = Column(Text)
    scopes: Named[list[str]] = Column(ARRAY(Text))
    created_at: Named[datetime] = Column(_MOMENT)
    expires_at: Named[datetime | None] = Column(_MOMENT)
    revoked_at: Named[datetime | None] = Column(_MOMENT)
    last_used_at: Named[datetime | None] = Column(_MOMENT)


class GenerationColumns(TypedColumns):
    number: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    public_key: Named[bytes] = Column(LargeBinary, unique=True)
    parent: Named[int | None] = Column(SmallInteger)
    created_at: Named[datetime] = Column(_MOMENT)
    retired_at: Named[datetime | None] = Column(_MOMENT)


class DecoyColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    organisation_id: Named[UUID] = Column(Uuid)
    label: Named[str] = Column(Text)
    tag: Named[bytes] = Column(LargeBinary)
    generation: Named[int] = Column(SmallInteger)
    role: Named[str] = Column(Text)
    region: Named[str | None] = Column(Text)
    live_from: Named[datetime | None] = Column(_MOMENT)
    live_until: Named[datetime | None] = Column(_MOMENT)
    acquired_on: Named[date | None] = Column(Date)
    created_at: Named[datetime] = Column(_MOMENT)
    updated_at: Named[datetime] = Column(_MOMENT)
    quarantined_at: Named[datetime | None] = Column(_MOMENT)
    quarantine_reason: Named[str | None] = Column(Text)
    intake_token: Named[bytes | None] = Column(LargeBinary, unique=True)


class DecoyDayColumns(TypedColumns):
    decoy_id: Named[UUID] = Column(Uuid, primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    provider: Named[str] = Column(Text, primary_key=True)
    contacts: Named[int] = Column(Integer)
    forgiven: Named[int] = Column(Integer)


class HitColumns(TypedColumns):
    tag: Named[bytes] = Column(LargeBinary, primary_key=True)
    id: Named[UUID] = Column(Uuid, primary_key=True)
    generation: Named[int] = Column(SmallInteger)
    organisation_id: Named[UUID] = Column(Uuid)
    decoy_id: Named[UUID] = Column(Uuid)
    channel: Named[str] = Column(Text)
    attestation: Named[str | None] = Column(Text)
    diverted: Named[bool] = Column(Boolean)
    line_type: Named[str] = Column(Text)
    occurred_at: Named[datetime] = Column(_MOMENT)
    recorded_at: Named[datetime] = Column(_MOMENT)
    normaliser_version: Named[str] = Column(Text)
    retracted_at: Named[datetime | None] = Column(_MOMENT)
    retraction_reason: Named[str | None] = Column(Text)
    provider: Named[str | None] = Column(Text)
    verification: Named[str | None] = Column(Text)


class SubmissionColumns(TypedColumns):
    organisation_id: Named[UUID] = Column(Uuid, primary_key=True)
    source_key: Named[bytes] = Column(LargeBinary, primary_key=True)
    hit_id: Named[UUID] = Column(Uuid)
    tag: Named[bytes] = Column(LargeBinary)
    decoy_id: Named[UUID] = Column(Uuid)


class ProviderCredentialColumns(TypedColumns):
    id: Named[UUID] = Column(Uuid, primary_key=True)
    organisation_id: Named[UUID] = Column(Uuid)
    provider: Named[str] = Column(Text)
    sealed: Named[bytes] = Column(LargeBinary)
    label: Named[str | None] = Column(Text)
    created_at: Named[datetime] = Column(_MOMENT)
    retired_at: Named[datetime | None] = Column(_MOMENT)
    verifies_until: Named[datetime | None] = Column(_MOMENT)


class WithheldContactColumns(TypedColumns):
    decoy_id: Named[UUID] = Column(Uuid, primary_key=True)
    day: Named[date] = Column(Date, primary_key=True)
    contacts: Named[int] = Column(BigInteger)


class WithheldSourceColumns(TypedColumns):
    organisation_id: Named[UUID] = Column(Uuid, primary_key=True)
    source_key: Named[bytes] = Column(LargeBinary, primary_key=True)


class ListingColumns(TypedColumns):
    tag: Named[bytes] = Column(LargeBinary, primary_key=True)
    generation: Named[int] = Column(SmallInteger)
    grade: Named[str | None] = Column(Text)
    contacts: Named[int] = Column(Integer)
    decoys: Named[int] = Column(Integer)
    organisations: Named[int] = Column(Integer)
    first_contact: Named[date | None] = Column(Date)
    last_contact: Named[date | None] = Column(Date)
    channels: Named[list[str]] = Column(ARRAY(Text))
    excluded: Named[bool] = Column(Boolean)
    disputed: Named[bool] = Column(Boolean)
    policy: Named[str] = Column(Text)
    changes_at: Named[datetime | None] = Column(_MOMENT)


class ExclusionColumns(TypedColumns):
    tag: Named[bytes] = Column(LargeBinary, primary_key=True)
    id: Named[UUID] = Column(Uuid, primary_key=True)
    generation: Named[int] = Column(SmallInteger)
    organisation_id: Named[UUID | None] = Column(Uuid[UUID]())
    reason: Named[str] = Column(Text)
    expires_at: Named[datetime | None] = Column(_MOMENT)
    created_at: Named[datetime] = Column(_MOMENT)
    removed_at: Named[datetime | None] = Column(_MOMENT)
    mistaken: Named[bool] = Column(Boolean)
    covers_since: Named[datetime | None] = Column(_MOMENT)


class DisputeColumns(TypedColumns):
    tag: Named[bytes] = Column(LargeBinary, primary_key=True)
    id: Named[UUID] = Column(Uuid, primary_key=True)
    generation: Named[int] = Column(SmallInteger)
    opened_at: Named[datetime] = Column(_MOMENT)
    due_on: Named[date] = Column(Date)
    closed_at: Named[datetime | None] = Column(_MOMENT)
    resolution: Named[str | None] = Column(Text)


class IdempotencyKeyColumns(TypedColumns):
    organisation_id: Named[UUID] = Column(Uuid, primary_key=True)
    fingerprint: Named[bytes] = Column(LargeBinary, primary_key=True)
    request: Named[bytes] = Column(LargeBinary)
    status: Named[int] = Column(SmallInteger)
    body: Named[bytes] = Column(LargeBinary)
    created_at: Named[datetime] = Column(_MOMENT)


class PrivateSetColumns(TypedColumns):
    generation: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    epoch: Named[datetime] = Column(_MOMENT)
    built_for: Named[str] = Column(Text)
    entries: Named[int] = Column(BigInteger)
    prefix_bits: Named[int] = Column(SmallInteger)
    bucket_entries: Named[int] = Column(BigInteger)
    digest: Named[bytes] = Column(LargeBinary)


class PrivateSetSlotColumns(TypedColumns):
    generation: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    slot: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    ids: Named[bytes] = Column(LargeBinary)


class RekeyingColumns(TypedColumns):
    generation: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    successor: Named[int] = Column(SmallInteger)
    public_key: Named[bytes] = Column(LargeBinary)
    begun_at: Named[datetime] = Column(_MOMENT)
    switched_in: Named[int | None] = Column(BigInteger)


class RekeyedTagColumns(TypedColumns):
    generation: Named[int] = Column(SmallInteger, primary_key=True, autoincrement=False)
    tag: Named[bytes] = Column(LargeBinary, primary_key=True)
    successor: Named[bytes] = Column(LargeBinary)


organisations = Table("organisations", metadata, OrganisationColumns)
api_keys = Table("api_keys", metadata, ApiKeyColumns)
generations = Table("generations", metadata, GenerationColumns)
decoys = Table("decoys", metadata, DecoyColumns)
decoy_days = Table("decoy_days", metadata, DecoyDayColumns)
hits = Table("hits", metadata, HitColumns)
submissions = Table("submissions", metadata, SubmissionColumns)
provider_credentials = Table("provider_credentials", metadata, ProviderCredentialColumns)
withheld_contacts = Table("withheld_contacts", metadata, WithheldContactColumns)
withheld_sources = Table("withheld_sources", metadata, WithheldSourceColumns)
listings = Table("listings", metadata, ListingColumns)
exclusions = Table("exclusions", metadata, ExclusionColumns)
disputes = Table("disputes", metadata, DisputeColumns)
idempotency_keys = Table("idempotency_keys", metadata, IdempotencyKeyColumns)
private_sets = Table("private_sets", metadata, PrivateSetColumns)
private_set_slots = Table("private_set_slots", metadata, PrivateSetSlotColumns)
rekeyings = Table("rekeyings", metadata, RekeyingColumns)
rekeyed_tags = Table("rekeyed_tags", metadata, RekeyedTagColumns)
