"""Provider credentials: added, listed, retired. What a provider signs with is sealed by whoever holds the keys, before
anything is stored, and nobody is ever shown it again.

An organisation has a secret in use once: if it leaks, retiring it must leave no other that bears the same requests out.
Only whoever holds the keys can tell that two sealed ones are the same, and is asked while the organisation is held.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from registry.db import provider_credentials
from registry.db.database import Writing
from registry.db.provider_credentials import KeptCredential, StoredCredential
from registry.domain.errors import Code, Refused
from registry.domain.intake.credentials import MOST_IN_USE, provider_secret, sealing_context
from registry.domain.policy import Provider
from registry.domain.references import label
from registry.operations.fields import at_field
from registry.operations.manage_decoys import LABEL_LENGTH
from registry.operations.operation import Caller, Done, ReadOperation, WriteOperation
from registry.operations.registry import Registry
from registry.tagging import SealedSecret

GRACE: Final = timedelta(hours=1)
"""How long a retired credential still bears requests out: those that were signed while the new one was on its way."""


@dataclass(frozen=True, slots=True)
class _Sealed:
    id: UUID
    secret: SealedSecret = field(repr=False)
    label: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class AddProviderCredential(WriteOperation[_Sealed, StoredCredential]):
    """members: what the provider's credential has, by name. organisation_id: of the command line's choice. label: the
    organisation's own, to tell several apart. again: also where the organisation has retired the same secret before.

    Refused(credential_in_use) where the organisation has the same secret in use, and Refused(credential_retired) where
    it has retired it: what may have leaked must not come back without anybody's saying so.
    """

    name = "add_provider_credential"
    holds_generations = False
    provider: Provider
    members: Mapping[str, str] = field(repr=False)
    organisation_id: UUID | None = None
    label: str | None = field(default=None, repr=False)
    again: bool = False

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
        context = sealing_context(id_, self.provider)
        return _Sealed(id_, SealedSecret(context, registry.tagging.seal(context, secret)), text)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _Sealed) -> Done[StoredCredential]:
        owner = self.organisation_id or caller.organisation()
        provider_credentials.hold(tx, owner)
        kept = provider_credentials.kept_of(tx, owner, self.provider.value)
        self._require_new(_twins(registry, prepared.secret, kept))
        if sum(not one.retired for one in kept) >= MOST_IN_USE:
            detail = f"{MOST_IN_USE} credentials of this provider are in use already. Retire one first."
            raise Refused(Code.INVALID_REQUEST, detail)
        sealed = prepared.secret.sealed
        added = provider_credentials.add(tx, owner, prepared.id, self.provider.value, sealed, prepared.label)
        return Done(added, count={"added": 1})

    def _require_new(self, twins: Sequence[KeptCredential]) -> None:
        """twins: those in use first."""
        if not twins:
            return
        if not twins[0].retired:
            detail = f"The organisation has this credential in use already, with the id {twins[0].id}."
            raise Refused(Code.CREDENTIAL_IN_USE, detail)
        if not self.again:
            detail = (
                f"The organisation has retired this credential, which had the id {twins[0].id}. If it has not leaked, "
                "register it with `again`."
            )
            raise Refused(Code.CREDENTIAL_RETIRED, detail)


@dataclass(frozen=True, slots=True)
class Retired:
    """also: ids of those that were retired along with it, because they are the same secret."""

    credential: StoredCredential
    also: Sequence[UUID] = ()


@dataclass(frozen=True, slots=True)
class RetireProviderCredential(WriteOperation[None, Retired]):
    """at_once: without the grace, for a secret that has leaked, and with all that are the same secret."""

    name = "retire_provider_credential"
    holds_generations = False
    credential_id: UUID
    at_once: bool = False
    organisation_id: UUID | None = None

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Retired]:
        owner = self.organisation_id or caller.organisation()
        provider_credentials.hold(tx, owner)
        found = provider_credentials.kept(tx, owner, self.credential_id)
        if found is None:
            raise Refused(Code.NOT_FOUND, "There is no such credential.")
        also = self._same(tx, registry, owner, found) if self.at_once else []
        grace = timedelta() if self.at_once else GRACE
        retired = provider_credentials.retire(tx, owner, [found.id, *also], grace)
        return Done(Retired(retired[found.id], also), count={"retired": len(retired)})

    def _same(self, tx: Writing, registry: Registry, owner: UUID, found: KeptCredential) -> list[UUID]:
        """Those that would still bear out what is signed with it."""
        kept = provider_credentials.kept_of(tx, owner, found.provider)
        others = [one for one in kept if one.verifies and one.id != found.id]
        return [one.id for one in _twins(registry, _sealed(found), others)]


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


def _twins(registry: Registry, secret: SealedSecret, others: Sequence[KeptCredential]) -> list[KeptCredential]:
    """Those of the others that are the same secret, in order."""
    same = registry.tagging.twins(secret, [_sealed(one) for one in others])
    return [one for one, is_same in zip(others, same, strict=True) if is_same]


def _sealed(kept: KeptCredential) -> SealedSecret:
    return SealedSecret(sealing_context(kept.id, Provider(kept.provider)), kept.sealed)
