"""Disputes: a subject challenges a listing, and until the operator has decided the answer is indeterminate."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from registry.db import disputes
from registry.db.database import Writing
from registry.db.disputes import Dispute
from registry.domain.errors import Code, Refused
from registry.operations.manage_exclusions import refresh_all, tags_by_generation
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry


class Resolution(StrEnum):
    """confirmed: the listing stands. corrected: it was wrong, and the operator retracted or excluded. withdrawn: by
    the subject.
    """

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class OpenDispute(WriteOperation[dict[int, bytes], Dispute]):
    """A number without any hit can be disputed too: the answer to the subject must not tell whether there are some."""

    name = "open_dispute"
    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        return tags_by_generation(registry, self.number, self.region)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]) -> Done[Dispute]:
        due_on = (registry.clock() + timedelta(days=registry.settings.dispute_days)).date()
        dispute = disputes.add(tx, id_=registry.new_id(), tags=prepared, due_on=due_on)
        refresh_all(tx, registry, prepared)
        return Done(dispute, count={"opened": 1}, generation=registry.generations.current)


@dataclass(frozen=True, slots=True)
class CloseDispute(WriteOperation[None, Dispute]):
    name = "close_dispute"
    dispute_id: UUID
    resolution: Resolution

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Dispute]:
        tags = disputes.tags_of(tx, self.dispute_id)
        if not tags:
            raise Refused(Code.NOT_FOUND, "There is no such dispute.")
        closed = disputes.close(tx, self.dispute_id, tags, self.resolution)
        if closed is None:
            raise Refused(Code.ALREADY_CLOSED, "The dispute was closed already.")
        # This may have waited for a contact that copied it to a newer generation: only now is the copy to be seen.
        tags = disputes.tags_of(tx, self.dispute_id)
        disputes.close(tx, self.dispute_id, tags, self.resolution)
        refresh_listings(
            tx, tags, policy=registry.policy, generation=registry.generations.current, now=registry.clock()
        )
        return Done(closed, count={"closed": 1})
