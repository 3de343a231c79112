"""Quarantine of a decoy by its owner: until it is released none of its contacts counts, those before included.

Both may be asked again: what is so already stays as it is, and the answer is the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.db import decoy_days, decoys
from registry.db.database import Writing
from registry.db.decoys import Decoy
from registry.domain.errors import Code, Refused
from registry.domain.flood import day_of
from registry.operations.flood_guard import guard_of
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_decoy
from registry.operations.registry import Registry


class QuarantineReason(StrEnum):
    """manual: its owner asked for it. flood: it had far more contacts than usual."""

    MANUAL = "manual"
    FLOOD = "flood"


@dataclass(frozen=True, slots=True)
class QuarantineDecoy(WriteOperation[None, Decoy]):
    """One that is in quarantine already keeps its date and its reason."""

    name = "quarantine_decoy"
    decoy_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Decoy]:
        _own(tx, caller, self.decoy_id)
        changed = decoys.quarantine(tx, self.decoy_id, QuarantineReason.MANUAL.value)
        if changed:
            _refresh(tx, registry, self.decoy_id)
        count = {"quarantined": int(changed)}
        return Done(_own(tx, caller, self.decoy_id), count=count, policy=registry.policy.name)


@dataclass(frozen=True, slots=True)
class ReleaseDecoy(WriteOperation[None, Decoy]):
    """Its contacts count again, those of the quarantine too: whoever doubts some of them retracts them.

    What has come until now does not send it into quarantine a second time.
    """

    name = "release_decoy"
    decoy_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Decoy]:
        _own(tx, caller, self.decoy_id)
        changed = decoys.release(tx, self.decoy_id)
        if changed:
            _refresh(tx, registry, self.decoy_id)
            decoy_days.forgive(tx, self.decoy_id, day_of(guard_of(registry).watched_since(registry.clock())))
        count = {"released": int(changed)}
        return Done(_own(tx, caller, self.decoy_id), count=count, policy=registry.policy.name)


def _own(tx: Writing, caller: Caller, decoy_id: UUID) -> Decoy:
    """Refused(not_found) for a decoy that is not the caller's."""
    decoy = decoys.get(tx, caller.organisation(), decoy_id)
    if decoy is None:
        raise Refused(Code.NOT_FOUND, "There is no such decoy.")
    return decoy


def _refresh(tx: Writing, registry: Registry, decoy_id: UUID) -> None:
    refresh_decoy(tx, decoy_id, policy=registry.policy, generation=registry.generations.current, now=registry.clock())
