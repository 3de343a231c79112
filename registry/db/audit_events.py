"""Audit events as their organisations read them: page by page, newest first. Needs `sealed_log.as_reader`.

It reads what events say and nothing of who was behind a request: addresses and user agents are kept elsewhere, and
nobody lists them.
"""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import text

from registry.db.database import Reading


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """id: the receipt. index: its place in the log, None until it is sealed. body: the exact bytes."""

    id: UUID
    index: int | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events. first, end: receipts between which theirs lie, the first included and the end not.

    An event's receipt begins with the millisecond in which it was made, so that these bound the time.
    """

    organisation: UUID | None = None
    operation: str | None = None
    first: UUID | None = None
    end: UUID | None = None


_CONDITIONS: Final = {
    "organisation": "e.organisation = :organisation",
    "operation": "e.operation = :operation",
    "first": "e.event_id >= :first",
    "end": "e.event_id < :end",
}
_PAGE: Final = (
    "SELECT e.event_id, l.idx, e.body FROM audit.event e LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
    " {where} ORDER BY e.event_id DESC LIMIT :most"
)


def page(tx: Reading, wanted: Wanted, most: int) -> list[ListedEvent]:
    """Newest first. Conditions that are not wanted are left out, so that an index serves those that are."""
    given = {name: value for name in _CONDITIONS if (value := getattr(wanted, name)) is not None}
    where = f"WHERE {' AND '.join(_CONDITIONS[name] for name in given)}" if given else ""
    rows = tx.connection.execute(text(_PAGE.format(where=where)), {**given, "most": most})
    return [ListedEvent(*row) for row in rows]
