"""Audit events as they are handed out: a range of them, streamed from one snapshot. Needs `sealed_log.as_reader`.

Never reads `audit.private` or `audit.subject`: addresses and tags are not exported.
"""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from registry.db.database import Reading
from registry.domain.identifiers import earliest_uuid7


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events. since is part of it, until is not; both by the moment that an event's id was made. None: no bound.

    organisation: only what this one did.
    """

    since: datetime | None = None
    until: datetime | None = None
    organisation: UUID | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """One event. index: its place in the log, None until it is sealed. body: the bytes that its leaf hashes."""

    index: int | None
    body: bytes


_AFTER_EVERY_ID: Final = UUID(int=2**128 - 1)
_ROWS_AT_ONCE: Final = 1_000
_HOLD_STILL: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
# Counting may take longer than any request may, and so may whoever reads what is written, a pager for example.
_TAKE_TIME: Final = text(
    "SELECT set_config('statement_timeout', '0', true), set_config('idle_in_transaction_session_timeout', '600s', true)"
)
_RANGE: Final = " WHERE e.event_id >= :first AND e.event_id < :last"
_THEIRS: Final = " AND e.organisation = :organisation"
_COUNT: Final = f"SELECT count(*) FROM audit.event e{_RANGE}"  # noqa: S608 - a constant
_LIST: Final = (
    "SELECT l.idx, e.body FROM audit.event e LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"  # noqa: S608 - constant
    f"{_RANGE}"
)
_IN_ORDER: Final = " ORDER BY e.event_id"
_COUNT_ALL: Final = text(_COUNT)
_COUNT_THEIRS: Final = text(_COUNT + _THEIRS)
_LIST_ALL: Final = text(_LIST + _IN_ORDER)
_LIST_THEIRS: Final = text(_LIST + _THEIRS + _IN_ORDER)


def hold_still(tx: Reading) -> None:
    """Lets every statement of this transaction see the database as it is now. Must be the transaction's first.

    It may then take as long as it needs, as long as what is streamed is taken within ten minutes each time.
    """
    tx.connection.execute(_HOLD_STILL)
    tx.connection.execute(_TAKE_TIME)


def count(tx: Reading, selection: Selection) -> int:
    statement = _COUNT_ALL if selection.organisation is None else _COUNT_THEIRS
    return int(tx.connection.execute(statement, _parameters(selection)).scalar_one())


def stream(tx: Reading, selection: Selection) -> Generator[Exported]:
    """In the order of their ids, which begin with the moment each was made. Memory stays flat. To be closed."""
    statement = _LIST_ALL if selection.organisation is None else _LIST_THEIRS
    options = {"yield_per": _ROWS_AT_ONCE}
    with tx.connection.execute(statement, _parameters(selection), execution_options=options) as rows:
        for row in rows:
            yield Exported(row[0], row[1])


def _parameters(selection: Selection) -> dict[str, object]:
    bounds: dict[str, object] = {
        "first": UUID(int=0) if selection.since is None else earliest_uuid7(selection.since),
        "last": _AFTER_EVERY_ID if selection.until is None else earliest_uuid7(selection.until),
    }
    return bounds if selection.organisation is None else {**bounds, "organisation": selection.organisation}
