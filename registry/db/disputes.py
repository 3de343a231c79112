"""Disputes: while one is open, the answer about its number is indeterminate. A row for each generation, one id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import any_, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import Reading, Writing
from registry.db.schema import disputes


@dataclass(frozen=True, slots=True)
class Dispute:
    id: UUID
    opened_at: datetime
    due_on: date
    closed_at: datetime | None
    resolution: str | None


_TAGS: Final = tags_parameter("tags")
_ADD: Final = insert(disputes)
_CARRY: Final = upsert(disputes).on_conflict_do_nothing()
_OPEN: Final = select(disputes.c.tag, disputes.c.id, disputes.c.due_on).where(
    disputes.c.tag == any_(_TAGS), disputes.c.closed_at.is_(None)
)
_OPEN_FIRMLY: Final = _OPEN.with_for_update(read=True)
_OF_ID: Final = select(disputes.c.tag).where(disputes.c.id == bindparam("wanted")).order_by(disputes.c.tag)
_CLOSE: Final = (
    update(disputes)
    .where(disputes.c.tag == any_(_TAGS), disputes.c.id == bindparam("wanted"), disputes.c.closed_at.is_(None))
    .values(closed_at=func.clock_timestamp(), resolution=bindparam("how"))
)
_COLUMNS: Final = (
    disputes.c.id,
    func.min(disputes.c.opened_at),
    func.min(disputes.c.due_on),
    func.min(disputes.c.closed_at),
    func.min(disputes.c.resolution),
)
_PAGE: Final = select(*_COLUMNS).group_by(disputes.c.id).order_by(disputes.c.id.desc()).limit(bindparam("most"))
_PAGE_BEFORE: Final = _PAGE.where(disputes.c.id < bindparam("before"))
_GET: Final = select(*_COLUMNS).where(disputes.c.id == bindparam("wanted")).group_by(disputes.c.id)


def add(tx: Writing, *, id_: UUID, tags: Mapping[int, bytes], due_on: date) -> Dispute:
    """tags: generation -> tag. Refused(already_disputed) where one is open."""
    tx.connection.execute(
        _ADD,
        [
            {"tag": tag, "id": id_, "generation": generation, "due_on": due_on}
            for generation, tag in sorted(tags.items())
        ],
    )
    return Dispute(*tx.connection.execute(_GET, {"wanted": id_}).one())


def open_tags(tx: Reading, tags: Sequence[bytes]) -> frozenset[bytes]:
    """Those of the tags that have an open dispute."""
    if not tags:
        return frozenset()
    return frozenset(row[0] for row in tx.connection.execute(_OPEN, {"tags": bytes_array(tags)}))


def carry(tx: Writing, pairs: Mapping[bytes, bytes], generation: int) -> list[bytes]:
    """Copies open disputes to a number's tag of a newer generation. pairs: older tag -> newer tag.

    None of those copied is closed before this transaction ends. Returns the newer tags that it was missing for, whose
    listings must be refreshed in the same transaction.
    """
    if not pairs:
        return []
    rows = tx.connection.execute(_OPEN_FIRMLY, {"tags": bytes_array(pairs)}).all()
    present = open_tags(tx, [pairs[row[0]] for row in rows])
    missing = [
        {"tag": pairs[tag], "id": id_, "generation": generation, "due_on": due_on}
        for tag, id_, due_on in rows
        if pairs[tag] not in present
    ]
    if missing:
        # Two contacts of the number at once may both have found it missing.
        tx.connection.execute(_CARRY, missing)
    return [pairs[row[0]] for row in rows if pairs[row[0]] not in present]


def tags_of(tx: Reading, id_: UUID) -> list[bytes]:
    """The tags of a dispute, in byte order; empty where there is none."""
    return [row[0] for row in tx.connection.execute(_OF_ID, {"wanted": id_})]


def close(tx: Writing, id_: UUID, tags: Sequence[bytes], resolution: str) -> Dispute | None:
    """None where it was closed already."""
    closed = tx.connection.execute(_CLOSE, {"tags": bytes_array(tags), "wanted": id_, "how": resolution}).rowcount
    return Dispute(*tx.connection.execute(_GET, {"wanted": id_}).one()) if closed else None


def page(tx: Reading, *, before: UUID | None, most: int) -> list[Dispute]:
    """Newest first, closed ones too, without numbers or tags."""
    if before is None:
        rows = tx.connection.execute(_PAGE, {"most": most})
    else:
        rows = tx.connection.execute(_PAGE_BEFORE, {"most": most, "before": before})
    return [Dispute(*row) for row in rows]
