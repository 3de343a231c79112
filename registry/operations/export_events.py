"""Exporting audit events: what `demand-registry audit export` does.

What leaves is recorded before it leaves: the events are counted, the export's own event is committed with that number,
and only then is the first one handed on, from the snapshot in which they were counted. So the log never knows of less
than was disclosed, also where the reader goes away in the middle; where he does, it says more than he got.
"""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from registry.db import audit_export
from registry.db.audit_export import Exported, Selection
from registry.db.database import Writing
from registry.db.sealed_log import as_reader
from registry.domain.errors import Code, Refused
from registry.operations.operation import Answered, Caller, Done, ReadOperation, Request
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class ExportEvents(ReadOperation[None, int]):
    """The record that events were exported. counted: how many there are in the export's own snapshot."""

    name = "export_events"
    counted: int

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[int]:
        return Done(self.counted, count={"exported": self.counted})


def export_events(
    registry: Registry, caller: Caller, request: Request, selection: Selection, take: Callable[[Exported], None]
) -> Answered[int]:
    """Hands every event of a selection to `take`, in the order of their ids; returns how many there were.

    What `take` raises ends it. Raises Refused: then `take` may have had a part of them.
    """
    begun = False

    def work(tx: Writing) -> Answered[int]:
        nonlocal begun
        if begun:  # the connection was lost on the way: what was handed on cannot be taken back
            raise Refused(Code.DATABASE_UNAVAILABLE, "The connection to the database was lost in the middle.")
        audit_export.hold_still(tx)
        with as_reader(tx):
            counted = audit_export.count(tx, selection)
            begun = True
            answered = registry.run(ExportEvents(counted), caller, request)
            with closing(audit_export.stream(tx, selection)) as stream:
                for exported in stream:
                    take(exported)
        return answered

    return registry.database.transaction(work)
