"""Provider credentials: added, listed, retired. What a provider signs with is sealed by whoever holds the keys, before
anything is stored, and nobody is ever shown it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from registry.db import provider_credentials
from registry.db.database import Writing
from registry.db.provider_credentials import StoredCredential
from registry.domain.errors import Code, Refused
from registry.domain.intake.credentials import MOST_IN_USE, provider_secret, sealing_context
from registry.domain.policy import Provider
from registry.domain.references import label
from registry.operations.fields import at_field
from registry.operations.manage_decoys import LABEL_LENGTH
from registry.operations.operation import Caller, Done, ReadOperation, WriteOperation
from registry.operations.registry import Registry

GRACE: Final = timedelta(hours=1)
"""How long a retired credential still bears requests out: those that were signed while the new one was on its way."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    id: UUID
    content: bytes = field(repr=False)
    label: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddProviderCredential(WriteOperation[_Sealed, StoredCredential]):
    """members: what the provider's credential has, by name. organisation_id: of the command line's choice. label: the
    organisation's own, to tell several apart.
    """

    name = "add_provider_credential"
    holds_generations = False
    provider: Provider
    members: Mapping[str, str] = field(repr=False)
    organisation_id: UUID | None = None
    label: str | None = field(default=None, repr=False)

    def prepare(self, registry: Registry) -> _Sealed:
        secret = provider_secret(self.provider, self.members)
        text = None
        if self.label is not None:
            with at_field("/label"):
                text = label(self.label, LABEL_LENGTH)
                if any(value in text for value in self.members.values()):
                    raise Refused(
                        Code.INVALID_VALUE, "The label holds a part of the credential, which nobody may read."
                    )
        id_ = registry.new_id()
        return _Sealed(id_, registry.tagging.seal(sealing_context(id_, self.provider), secret), text)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _Sealed) -> Done[StoredCredential]:
        del registry
        owner = self.organisation_id or caller.organisation()
        if provider_credentials.in_use(tx, owner, self.provider.value) >= MOST_IN_USE:
            detail = f"{MOST_IN_USE} credentials of this provider are in use already. Retire one first."
            raise Refused(Code.INVALID_REQUEST, detail)
        added = provider_credentials.add(tx, owner, prepared.id, self.provider.value, prepared.content, prepared.label)
        return Done(added, count={"added": 1})


@dataclass(frozen=True, slots=True)
class RetireProviderCredential(WriteOperation[None, StoredCredential]):
    """at_once: without the grace, for a secret that has leaked."""

    name = "retire_provider_credential"
    holds_generations = False
    credential_id: UUID
    at_once: bool = False
    organisation_id: UUID | None = None

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[StoredCredential]:
        del registry
        owner = self.organisation_id or caller.organisation()
        grace = timedelta() if self.at_once else GRACE
        retired = provider_credentials.retire(tx, owner, self.credential_id, grace)
        if retired is None:
            raise Refused(Code.NOT_FOUND, "There is no such credential.")
        return Done(retired, count={"retired": 1})


@dataclass(frozen=True, slots=True)
class ListProviderCredentials(ReadOperation[None, Sequence[StoredCredential]]):
    name = "list_provider_credentials"
    organisation_id: UUID | None = None

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: None
    ) -> Done[Sequence[StoredCredential]]:
        del registry
        found = provider_credentials.all_of(tx, self.organisation_id or caller.organisation())
        return Done(found, count={"listed": len(found)})
