"""Listing audit events: the operator sees all of them, everybody else their own organisation's. To list is an event."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from registry.db import audit_events, sealed_log
from registry.db.audit_events import ListedEvent, Wanted
from registry.db.database import Writing
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Code, Refused
from registry.domain.identifiers import earliest_uuid7
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class EventPage:
    """next: the id to continue from; None on the last page."""

    items: list[ListedEvent]
    next: UUID | None


@dataclass(frozen=True, slots=True)
class ListEvents(ReadOperation[Wanted, EventPage]):
    """Newest first. since, until: of the moment at which an event's id was made, in milliseconds; `until` is outside of
    the window, so that windows side by side hold every event once.

    after: the last id of the page before. limit: at most so many.
    """

    name = "list_events"
    organisation: UUID | None = None
    operation: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    after: UUID | None = None
    limit: int = 100

    def prepare(self, registry: Registry) -> Wanted:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise Refused(Code.WINDOW_REVERSED, "until is before since.")
        bounds = [end for end in (_bound(self.until), self.after) if end is not None]
        return Wanted(self.organisation, self.operation, _bound(self.since), min(bounds, default=None))

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: Wanted) -> Done[EventPage]:
        """Another organisation's id finds nothing for those who see their own events only, whether it exists or not.

        Asks for one more than wanted, which tells whether there is a next page.
        """
        wanted = prepared
        if not sees_every_event(caller):
            own = caller.organisation()
            if wanted.organisation not in {None, own}:
                return Done(EventPage([], None), count={"listed": 0})
            wanted = Wanted(own, wanted.operation, wanted.first, wanted.end)
        with sealed_log.as_reader(tx):
            found = audit_events.page(tx, wanted, self.limit + 1)
        items = found[: self.limit]
        return Done(EventPage(items, items[-1].id if len(found) > self.limit else None), count={"listed": len(items)})


def sees_every_event(caller: Caller) -> bool:
    """The operator, and the command line, which has the database itself."""
    return caller.organisation_id is None or caller.kind is OrganisationKind.OPERATOR


def _bound(at: datetime | None) -> UUID | None:
    return None if at is None else earliest_uuid7(at)
