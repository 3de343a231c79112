"""One sealed event, read from its bytes, and what the database has computed from them."""

import json
from dataclasses import dataclass
from typing import Any

from registry.db.log_walk import SealedEvent
from registry.domain.contradictions import Contradiction, Kind, named


@dataclass(frozen=True, slots=True)
class ReadEvent:
    """subjects, private: digests in hexadecimal."""

    id: str
    subjects: str | None
    private: str | None


def read_event(event: SealedEvent, body: bytes, hash_: bytes) -> ReadEvent:
    """body: the event's, found to be the sealed one. hash_: its leaf hash.

    Raises Contradiction where a column does not say what the body does. Queries look at the columns.
    """
    try:
        content: dict[str, Any] = json.loads(body.decode())
        expected = {
            "leaf": hash_,
            "event_id": content["id"],
            "organisation": content["actor"]["organisation"],
            "operation": content["operation"],
        }
        read = ReadEvent(content["id"], content["subjects"], content["private"])
    except (ValueError, KeyError, TypeError):
        said = f"The body of {named(event.index, event.event)} is sealed, and is not one that this registry writes."
        raise Contradiction(Kind.NOT_AN_EVENT, said, index=event.index, event=event.event) from None
    stored = {
        "leaf": event.leaf,
        "event_id": event.event,
        "organisation": event.organisation,
        "operation": event.operation,
    }
    if stored != expected:
        wrong = next(name for name, value in stored.items() if value != expected[name])
        raise Contradiction(
            Kind.COLUMN_CHANGED,
            f"The column {wrong} of {named(event.index, read.id)} does not say what its sealed body says.",
            index=event.index,
            event=read.id,
        )
    return read
