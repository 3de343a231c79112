"""Quarantine of a decoy by its owner or the operator: until it is released none of its contacts counts, those before
included.

Both may be asked again: what is so already stays as it is, and the answer is the same. What the operator has put into
quarantine it alone releases.
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
from registry.operations.manage_exclusions import side_of
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_decoy
from registry.operations.registry import Registry


class QuarantineReason(StrEnum):
    """manual: its owner asked for it. flood: it had far more contacts than usual. operator: the operator asked for it,
    and alone may release it.
    """

    MANUAL = "manual"
    FLOOD = "flood"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class QuarantineDecoy(WriteOperation[None, Decoy]):
    """One that is in quarantine already keeps its date; and its reason, unless the operator takes it over."""

    name = "quarantine_decoy"
    decoy_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Decoy]:
        side = side_of(caller)
        _seen(tx, side, self.decoy_id)
        reason = QuarantineReason.OPERATOR if side is None else QuarantineReason.MANUAL
        changed = decoys.quarantine(tx, self.decoy_id, reason.value)
        if changed:
            _refresh(tx, registry, self.decoy_id)
        elif side is None:
            changed = decoys.take_over(tx, self.decoy_id, reason.value)
            _refresh(tx, registry, self.decoy_id)
        count = {"quarantined": int(changed)}
        return Done(_seen(tx, side, self.decoy_id), count=count, policy=registry.policy.name)


@dataclass(frozen=True, slots=True)
class ReleaseDecoy(WriteOperation[None, Decoy]):
    """Its contacts count again, those of the quarantine too: whoever doubts some of them retracts them.

    What has come until now does not send it into quarantine a second time. Refused(quarantined_by_operator) for an
    owner whose line is in the operator's.
    """

    name = "release_decoy"
    decoy_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Decoy]:
        side = side_of(caller)
        _seen(tx, side, self.decoy_id)
        changed = decoys.release(tx, self.decoy_id, kept=None if side is None else QuarantineReason.OPERATOR.value)
        decoy = _seen(tx, side, self.decoy_id)
        if decoy.quarantine_reason is not None:
            detail = "The registry's operator has put this line into quarantine, and it alone releases it."
            raise Refused(Code.QUARANTINED_BY_OPERATOR, detail)
        if changed:
            _refresh(tx, registry, self.decoy_id)
            decoy_days.forgive(tx, self.decoy_id, day_of(guard_of(registry).watched_since(registry.clock())))
        return Done(decoy, count={"released": int(changed)}, policy=registry.policy.name)


def _seen(tx: Writing, side: UUID | None, decoy_id: UUID) -> Decoy:
    """Refused(not_found) for a decoy that is not this organisation's. side: None for the operator, who sees all."""
    decoy = decoys.get(tx, side, decoy_id)
    if decoy is None:
        raise Refused(Code.NOT_FOUND, "There is no such decoy.")
    return decoy


def _refresh(tx: Writing, registry: Registry, decoy_id: UUID) -> None:
    """Also what the line covers, its own number, which depends on whose quarantine it is in."""
    generation, own = registry.generations.current, decoys.own_tag(tx, decoy_id)
    refresh_decoy(tx, decoy_id, policy=registry.policy, generation=generation, now=registry.clock(), also=own)
