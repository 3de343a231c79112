"""The address at which a line takes its provider's requests: issued, replaced, removed.

The token in it is shown once and stored as its SHA-256 alone: it is random, so that nothing can be tried against that.
"""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from registry.db import intake
from registry.db.database import Writing
from registry.domain.confidential import Confidential
from registry.domain.errors import Code, Refused
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.registry import Registry

TOKEN_BYTES: Final = 32
TOKEN_LENGTH: Final = 43
"""Characters of base64url, without padding."""


@dataclass(frozen=True, slots=True)
class IssuedToken(Confidential):
    """text: it exists nowhere else, and never again."""

    decoy_id: UUID
    text: str = field(repr=False)


def token_digest(token: str) -> bytes | None:
    """What a line is found by; None for what cannot be a token."""
    if len(token) != TOKEN_LENGTH or not token.isascii():
        return None
    return hashlib.sha256(token.encode()).digest()


@dataclass(frozen=True, slots=True)
class IssueIntakeToken(WriteOperation[str, IssuedToken]):
    """A token that the line had before is none from then on."""

    name = "issue_intake_token"
    holds_generations = False
    decoy_id: UUID

    def prepare(self, registry: Registry) -> str:
        del registry
        return base64.urlsafe_b64encode(secrets.token_bytes(TOKEN_BYTES)).decode().rstrip("=")

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: str) -> Done[IssuedToken]:
        del registry
        _set(tx, caller, self.decoy_id, token_digest(prepared))
        return Done(IssuedToken(self.decoy_id, prepared), count={"issued": 1})


@dataclass(frozen=True, slots=True)
class RemoveIntakeToken(WriteOperation[None, UUID]):
    name = "remove_intake_token"
    holds_generations = False
    decoy_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[UUID]:
        del registry
        _set(tx, caller, self.decoy_id, None)
        return Done(self.decoy_id, count={"removed": 1})


def _set(tx: Writing, caller: Caller, decoy_id: UUID, digest: bytes | None) -> None:
    if not intake.set_token(tx, caller.organisation(), decoy_id, digest):
        raise Refused(Code.NOT_FOUND, "There is no such decoy.")
