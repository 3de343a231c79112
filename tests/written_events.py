"""Event bodies as the registry writes them, for tests that write them straight into the table."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from registry.domain.audit import Actor, Event, Requested


def written_event(organisation: UUID | None = None, operation: str = "look_up") -> bytes:
    event = Event(
        id=uuid4(),
        time=datetime(2026, 11, 15, 12, 0, tzinfo=UTC),
        operation=operation,
        result="ok",
        actor=Actor(organisation=organisation),
        request=Requested(uuid4(), "POST /v1/lookups"),
        nonce=uuid4().bytes,
    )
    return event.body()
