"""Decoys: registered lines, found by id or by the tag of their number, within their organisation only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import BigInteger, Date, any_, bindparam, cast, exists, func, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from registry.db.arrays import bytes_array
from registry.db.database import AnyRow, Reading, Writing
from registry.db.schema import decoy_days, decoys, hits, organisations, submissions, withheld_contacts


@dataclass(frozen=True, slots=True)
class Decoy:
    id: UUID
    organisation_id: UUID
    label: str
    role: str
    region: str | None
    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    created_at: datetime
    updated_at: datetime
    quarantined_at: datetime | None
    quarantine_reason: str | None


@dataclass(frozen=True, slots=True)
class ListedDecoy(Decoy):
    """organisation: its owner's name. withheld_contacts: from callers that withheld their number, since the day asked
    for. last_intake_day: the UTC day of the last contact that a provider told of, be it retracted or withheld.
    """

    organisation: str
    withheld_contacts: int
    last_intake_day: date | None


@dataclass(frozen=True, slots=True)
class Line:
    """What a change of a decoy has to know of what it was. tag, generation: of its number."""

    tag: bytes = field(repr=False)
    generation: int
    role: str
    live_until: datetime | None


_COLUMNS: Final = (
    decoys.c.id,
    decoys.c.organisation_id,
    decoys.c.label,
    decoys.c.role,
    decoys.c.region,
    decoys.c.live_from,
    decoys.c.live_until,
    decoys.c.acquired_on,
    decoys.c.created_at,
    decoys.c.updated_at,
    decoys.c.quarantined_at,
    decoys.c.quarantine_reason,
)
_ADD: Final = insert(decoys).returning(*_COLUMNS)
_OWNED: Final = decoys.c.organisation_id == bindparam("owner")
_GET_ANY: Final = select(*_COLUMNS).where(decoys.c.id == bindparam("wanted"))
_GET: Final = _GET_ANY.where(_OWNED)
_LINE_ALONE: Final = (
    select(decoys.c.tag, decoys.c.generation, decoys.c.role, decoys.c.live_until)
    .where(decoys.c.id == bindparam("wanted"), _OWNED)
    .with_for_update(key_share=True)
)
# Not where its organisation has the newer tag already, or would get it twice: a number is one line of an organisation.
_CARRY: Final = text(
    "WITH found AS (SELECT DISTINCT ON (d.organisation_id, n.newer) d.id, n.older, n.newer"
    " FROM unnest(CAST(:older AS bytea[]), CAST(:newer AS bytea[])) AS n (older, newer)"
    " JOIN registry.decoys d ON d.tag = n.older"
    " WHERE NOT EXISTS (SELECT FROM registry.decoys o WHERE o.organisation_id = d.organisation_id AND o.tag = n.newer)"
    " ORDER BY d.organisation_id, n.newer, d.id)"
    " UPDATE registry.decoys AS d SET tag = f.newer, generation = :generation"
    " FROM found f WHERE d.id = f.id AND d.tag = f.older RETURNING f.older, f.newer"
)
_HAS_CONTACTS: Final = select(
    exists()
    .where(submissions.c.decoy_id == bindparam("wanted"))
    .where(tuple_(hits.c.tag, hits.c.id) == tuple_(submissions.c.tag, submissions.c.hit_id))
    .where(hits.c.retracted_at.is_(None))
)
_OF_IDS: Final = select(decoys.c.id).where(_OWNED, decoys.c.id == any_(bindparam("ids", type_=ARRAY(PG_UUID()))))
_OF_TAGS: Final = select(decoys.c.tag, decoys.c.id).where(
    _OWNED, decoys.c.tag == any_(bindparam("tags", type_=ARRAY(BYTEA())))
)
_IN_ORDER: Final = (
    select(decoys.c.id).where(decoys.c.id == any_(bindparam("ids", type_=ARRAY(PG_UUID())))).order_by(decoys.c.id)
)
_HOLD: Final = _IN_ORDER.with_for_update(read=True)
_HOLD_FREE: Final = _IN_ORDER.with_for_update(read=True, skip_locked=True)
_HOLD_ALONE: Final = _IN_ORDER.with_for_update(key_share=True)
_QUARANTINE: Final = (
    update(decoys)
    .where(decoys.c.id == bindparam("wanted"), decoys.c.quarantined_at.is_(None))
    .values(quarantined_at=func.clock_timestamp(), quarantine_reason=bindparam("why"))
)
_TAKE_OVER: Final = (
    update(decoys)
    .where(decoys.c.id == bindparam("wanted"), decoys.c.quarantine_reason != bindparam("why"))
    .values(quarantine_reason=bindparam("why"))
)
_RELEASE: Final = (
    update(decoys)
    .where(decoys.c.id == bindparam("wanted"), decoys.c.quarantined_at.is_not(None))
    .values(quarantined_at=None, quarantine_reason=None)
)
_RELEASE_BUT: Final = _RELEASE.where(decoys.c.quarantine_reason != bindparam("kept"))
_WITHHELD: Final = (
    select(cast(func.coalesce(func.sum(withheld_contacts.c.contacts), 0), BigInteger))
    .where(
        withheld_contacts.c.decoy_id == decoys.c.id,
        withheld_contacts.c.day >= bindparam("withheld_since", type_=Date()),
    )
    .scalar_subquery()
)
# A row stays when its contacts are retracted. The greatest of a day and nothing is the day.
_LAST_INTAKE: Final = func.greatest(
    select(func.max(decoy_days.c.day))
    .where(decoy_days.c.decoy_id == decoys.c.id, decoy_days.c.provider != "")
    .scalar_subquery(),
    select(func.max(withheld_contacts.c.day)).where(withheld_contacts.c.decoy_id == decoys.c.id).scalar_subquery(),
)
_NAME: Final = select(organisations.c.name).where(organisations.c.id == decoys.c.organisation_id).scalar_subquery()
_PAGE: Final = select(*_COLUMNS, _NAME, _WITHHELD, _LAST_INTAKE).order_by(decoys.c.id.desc())


def add(tx: Writing, values: Mapping[str, object]) -> Decoy:
    """values: every column but the two dates of the row. Refused(decoy_number_taken) for a number it has already."""
    return _decoy(tx.connection.execute(_ADD, values).one())


def get(tx: Reading, organisation_id: UUID | None, id_: UUID) -> Decoy | None:
    """organisation_id: only if it is this one's; None: whosever it is."""
    if organisation_id is None:
        return _optional(tx.connection.execute(_GET_ANY, {"wanted": id_}).one_or_none())
    return _optional(tx.connection.execute(_GET, {"owner": organisation_id, "wanted": id_}).one_or_none())


def line_alone(tx: Writing, organisation_id: UUID, id_: UUID) -> Line | None:
    """The line of this organisation. Until the transaction ends nobody else changes it or adds a hit to it; waits for
    those that do now.
    """
    row = tx.connection.execute(_LINE_ALONE, {"owner": organisation_id, "wanted": id_}).one_or_none()
    return None if row is None else Line(*row)


def has_contacts(tx: Reading, id_: UUID) -> bool:
    """Whether it has any that is not retracted. A caller that withheld its number is no contact."""
    return bool(tx.connection.execute(_HAS_CONTACTS, {"wanted": id_}).scalar_one())


def change(tx: Writing, organisation_id: UUID, id_: UUID, values: Mapping[str, object]) -> Decoy | None:
    """values: the columns to change, at least one."""
    statement = (
        update(decoys)
        .where(decoys.c.organisation_id == organisation_id, decoys.c.id == id_)
        .values({**values, "updated_at": func.clock_timestamp()})
        .returning(*_COLUMNS)
    )
    return _optional(tx.connection.execute(statement).one_or_none())


def owned(tx: Reading, organisation_id: UUID, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the ids that are this organisation's."""
    if not ids:
        return frozenset()
    rows = tx.connection.execute(_OF_IDS, {"owner": organisation_id, "ids": list(ids)})
    return frozenset(row[0] for row in rows)


def hold(tx: Writing, ids: Sequence[UUID], *, alone: bool = False) -> None:
    """Keeps these decoys as they are until the transaction ends, so that a change of one sees the hits added in it.

    alone: so that meanwhile nobody else adds a hit to them, and they can be put into quarantine. Whoever holds them so
    waits for those that add hits to them now. Both ways hold in the order of the ids.
    """
    if ids:
        tx.connection.execute(_HOLD_ALONE if alone else _HOLD, {"ids": list(ids)}).all()


def hold_free(tx: Writing, ids: Sequence[UUID]) -> frozenset[UUID]:
    """`hold` for those that nobody is changing at this moment; returns them. Waits for nobody."""
    return frozenset(row[0] for row in tx.connection.execute(_HOLD_FREE, {"ids": list(ids)}).all())


def quarantine(tx: Writing, id_: UUID, reason: str) -> bool:
    """False where it is in quarantine already, which then keeps its reason. Waits for those that add hits to it; the
    listings of its tags must be refreshed in the same transaction.
    """
    return tx.connection.execute(_QUARANTINE, {"wanted": id_, "why": reason}).rowcount == 1


def take_over(tx: Writing, id_: UUID, reason: str) -> bool:
    """Gives the quarantine that it is in this reason; its date stays. False where it is in none, or has it already."""
    return tx.connection.execute(_TAKE_OVER, {"wanted": id_, "why": reason}).rowcount == 1


def release(tx: Writing, id_: UUID, *, kept: str | None = None) -> bool:
    """False where it is in no quarantine, or in one for the reason that is kept. Otherwise as for `quarantine`."""
    if kept is None:
        return tx.connection.execute(_RELEASE, {"wanted": id_}).rowcount == 1
    return tx.connection.execute(_RELEASE_BUT, {"wanted": id_, "kept": kept}).rowcount == 1


def carry(tx: Writing, pairs: Mapping[bytes, bytes], generation: int) -> list[bytes]:
    """Gives lines their number's tag of a newer generation, so that they exclude their own number under that one too.

    pairs: older tag -> newer. Waits for those that add hits to such a line now. Returns the tags of both kinds whose
    listings must be refreshed in the same transaction.
    """
    if not pairs:
        return []
    older = sorted(pairs)
    parameters = {
        "older": bytes_array(older),
        "newer": bytes_array(pairs[tag] for tag in older),
        "generation": generation,
    }
    return [tag for row in tx.connection.execute(_CARRY, parameters) for tag in row]


def by_tag(tx: Reading, organisation_id: UUID, tags: Sequence[bytes]) -> dict[bytes, UUID]:
    """Tag of a decoy's number -> its id, for those of this organisation."""
    if not tags:
        return {}
    rows = tx.connection.execute(_OF_TAGS, {"owner": organisation_id, "tags": list(tags)})
    return {row[0]: row[1] for row in rows}


def page(
    tx: Reading,
    organisation_id: UUID | None,
    *,
    quarantined: bool | None,
    before: UUID | None,
    most: int,
    withheld_since: date,
) -> list[ListedDecoy]:
    """Newest first. organisation_id: an organisation's own; None: everybody's. quarantined: None for either."""
    statement = _PAGE.limit(most)
    if organisation_id is not None:
        statement = statement.where(decoys.c.organisation_id == organisation_id)
    if quarantined is not None:
        statement = statement.where(decoys.c.quarantined_at.is_not(None) == quarantined)
    if before is not None:
        statement = statement.where(decoys.c.id < before)
    return [_listed(row) for row in tx.connection.execute(statement, {"withheld_since": withheld_since})]


def _optional(row: AnyRow | None) -> Decoy | None:
    return None if row is None else Decoy(*row)


def _decoy(row: AnyRow) -> Decoy:
    return Decoy(*row)


def _listed(row: AnyRow) -> ListedDecoy:
    return ListedDecoy(*row)
