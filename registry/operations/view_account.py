"""Who am I: what a key belongs to and may do."""

from dataclasses import dataclass

from registry.db.database import Writing
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class ViewAccount(ReadOperation[None, Caller]):
    name = "view_account"

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Caller]:
        return Done(caller)
