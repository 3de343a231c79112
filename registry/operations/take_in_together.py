"""Taking in several of providers' contacts in one transaction, each with its own audit event: what `Intake` does with
each, in as many statements as it needs for one. Whatever is unusual about a contact is left to `Intake` itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from registry.db import decoys
from registry.db.database import Writing
from registry.operations import flood_guard
from registry.operations.operation import Answered, Caller, Done, Request, Submitted
from registry.operations.placed_hits import PlacedHit, Recording, distinct, record_placed
from registry.operations.registry import Registry
from registry.operations.take_in import Intake, PreparedIntake, Taken


@dataclass(frozen=True, slots=True)
class WaitingIntake:
    """One that is ready for its transaction."""

    operation: Intake
    caller: Caller
    request: Request
    prepared: PreparedIntake = field(repr=False)

    def placed(self) -> PlacedHit | None:
        """Its contact, where it has nothing else than one to record."""
        if self.prepared.item is None or self.prepared.elsewhere is not None:
            return None
        return PlacedHit.of(self.prepared.item, self.caller.organisation(), self.operation.decoy_id)


def take_in_together(registry: Registry, waiting: Sequence[WaitingIntake]) -> list[Answered[Taken] | None]:
    """None for one that must be run by itself: for what is no contact with a number, for one with another line, and for
    every contact on a decoy that may be flooded or is just being changed, so that nobody waits for somebody else's.

    Raises like `Registry.run_together`.
    """
    placed = {at: one for at, given in enumerate(waiting) if (one := given.placed()) is not None}

    def perform(tx: Writing) -> list[Done[Taken] | None]:
        suspected = flood_guard.suspects(tx, registry, distinct(list(placed.values())))
        free = decoys.hold_free(tx, sorted({one.decoy for one in placed.values()} - suspected))
        held = {at: one for at, one in placed.items() if one.decoy in free}
        batch = list(held.values())
        recording = record_placed(tx, registry, batch, distinct(batch), frozenset())
        return _done(registry, waiting, held, recording)

    if not placed:
        return [None] * len(waiting)
    return registry.run_together([Submitted(one.operation, one.caller, one.request) for one in waiting], perform)


def _done(
    registry: Registry, waiting: Sequence[WaitingIntake], held: Mapping[int, PlacedHit], recording: Recording
) -> list[Done[Taken] | None]:
    # A number is held by what it did last: whoever looks into it finds the request, and the organisation, that it was.
    last = {held[at].item.tags[0]: at for at in held if held[at].item.id in recording.recorded}
    done: list[Done[Taken] | None] = []
    for at, given in enumerate(waiting):
        if at not in held:
            done.append(None)
            continue
        tag = held[at].item.tags[0]
        alarms = [recording.held[tag]] if tag in recording.held and last.get(tag) == at else []
        done.append(given.operation.done(registry, held[at].item, recording, alarms))
    return done
