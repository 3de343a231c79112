"""Proving that an event is in the log: a receipt that anybody can verify offline with the log's public key alone."""

from dataclasses import dataclass
from uuid import UUID

from registry.db import audit_entries, sealed_log
from registry.db.database import Writing
from registry.domain.errors import Code, Refused
from registry.domain.signed_notes import Receipt
from registry.operations.list_events import sees_every_event
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.receipts import receipt_of
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class ProveEvent(ReadOperation[None, Receipt]):
    """Refused(not_found) alike for an event that there is not, that was dropped, and that is another organisation's;
    Refused(not_sealed) for one that no checkpoint holds yet.
    """

    name = "prove_event"
    event_id: UUID

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Receipt]:
        with sealed_log.as_reader(tx):
            entry = audit_entries.find(tx, [self.event_id]).get(self.event_id)
        if entry is None or not (sees_every_event(caller) or entry.organisation == caller.organisation()):
            raise Refused(Code.NOT_FOUND, "There is no such event.")
        return Done(receipt_of(tx, entry), count={"proved": 1})
