"""API keys: issued, revoked, expired. A key's text is shown once, by the operation that issues it."""

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher

from registry.db import api_keys
from registry.db.api_keys import StoredKey
from registry.db.database import Writing
from registry.domain.confidential import Confidential
from registry.domain.credentials import (
    RANDOM_BYTES,
    ApiKey,
    OrganisationKind,
    Scope,
    compose,
    from_random,
    scopes_for,
)
from registry.domain.errors import Code, FieldProblem, Refused
from registry.operations.fields import at_field
from registry.operations.list_records import find_organisation
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.registry import Registry

HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
"""OWASP's first recommendation for Argon2id. The secret has 190 random bits, so this is depth, not the wall."""


@dataclass(frozen=True, slots=True)
class IssuedKey(Confidential):
    """text: the whole key. It exists nowhere else, and never again."""

    stored: StoredKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _NewKey:
    key: ApiKey = field(repr=False)
    secret_hash: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class IssueKey(WriteOperation[_NewKey, IssuedKey]):
    """scopes: None for those that the organisation's kind gets by default."""

    name = "issue_key"
    organisation_id: UUID
    scopes: frozenset[Scope] | None = None
    expires_at: datetime | None = None

    def prepare(self, registry: Registry) -> _NewKey:
        if self.expires_at is not None and self.expires_at <= registry.clock():
            detail = "The key would have expired already."
            raise Refused(Code.INVALID_VALUE, detail, (FieldProblem("/expires_at", Code.INVALID_VALUE, detail),))
        key = from_random(registry.settings.mode, secrets.token_bytes(RANDOM_BYTES))
        return _NewKey(key, HASHER.hash(key.secret))

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _NewKey) -> Done[IssuedKey]:
        organisation = find_organisation(tx, self.organisation_id)
        with at_field("/scopes"):
            scopes = scopes_for(OrganisationKind(organisation.kind), self.scopes)
        key = prepared.key
        stored = api_keys.add(
            tx,
            id_=key.id,
            organisation_id=organisation.id,
            secret_hash=prepared.secret_hash,
            scopes=sorted(scope.value for scope in scopes),
            expires_at=self.expires_at,
        )
        return Done(IssuedKey(stored, compose(key.mode, key.id, key.secret)), count={"issued": 1})


@dataclass(frozen=True, slots=True)
class RevokeKey(WriteOperation[None, StoredKey]):
    name = "revoke_key"
    key_id: str

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[StoredKey]:
        return _changed(api_keys.revoke(tx, self.key_id))


@dataclass(frozen=True, slots=True)
class ExpireKey(WriteOperation[None, StoredKey]):
    """expires_at: None lifts the expiry."""

    name = "expire_key"
    key_id: str
    expires_at: datetime | None

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[StoredKey]:
        return _changed(api_keys.expire(tx, self.key_id, self.expires_at))


def _changed(found: StoredKey | None) -> Done[StoredKey]:
    if found is None:
        raise Refused(Code.NOT_FOUND, "There is no such key.")
    return Done(found, count={"changed": 1})
