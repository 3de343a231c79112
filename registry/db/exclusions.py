"""Exclusions: tags that are never listed. One exclusion has a row for each generation, under one id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, and_, any_, bindparam, case, func, insert, not_, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.db.arrays import bytes_array, plain_array, tags_parameter
from registry.db.database import AnyRow, Reading, Writing
from registry.db.exclusion_effects import COVERING, FLOOD_BEGAN, IS_HOLD
from registry.db.schema import exclusions, organisations


@dataclass(frozen=True, slots=True)
class Exclusion:
    """organisation_id, organisation: whose it is, and that one's name; None: the operator's side.

    mistaken: contacts from before its end count again. covers_since: of a flood's hold, when the flood began: what
    happened before counts once it has ended.
    """

    id: UUID
    reason: str
    expires_at: datetime | None
    created_at: datetime
    removed_at: datetime | None
    mistaken: bool
    covers_since: datetime | None
    organisation_id: UUID | None
    organisation: str | None

    def expired(self, now: datetime) -> bool:
        """Whether its own time has ended it, and nobody did so before."""
        ended = self.expires_at is not None and self.expires_at <= now
        return ended and (self.removed_at is None or self.removed_at == self.expires_at)


@dataclass(frozen=True, slots=True)
class NewExclusion:
    """One number of many. tags: generation -> its tag under it. reason: one of the table's closed list.

    covers_since: of a flood's hold, when the flood began.
    """

    id: UUID
    tags: Mapping[int, bytes]
    reason: str
    expires_at: datetime | None
    covers_since: datetime | None = None


_TAGS: Final = tags_parameter("tags")
_ADD: Final = insert(exclusions)
_CARRY: Final = upsert(exclusions).on_conflict_do_nothing()
_NOT_REMOVED: Final = exclusions.c.removed_at.is_(None)
_CARRIED: Final = select(
    exclusions.c.tag,
    exclusions.c.id,
    exclusions.c.organisation_id,
    exclusions.c.reason,
    exclusions.c.expires_at,
    exclusions.c.removed_at,
    exclusions.c.mistaken,
    case((IS_HOLD, FLOOD_BEGAN)),
).where(exclusions.c.tag == any_(_TAGS), or_(_NOT_REMOVED, COVERING, IS_HOLD))
_CARRIED_HELD: Final = _CARRIED.with_for_update(read=True)
_PRESENT: Final = select(exclusions.c.tag, exclusions.c.id).where(exclusions.c.tag == any_(_TAGS))
_EXPIRED: Final = (
    update(exclusions)
    .where(
        exclusions.c.tag == any_(_TAGS), exclusions.c.removed_at.is_(None), exclusions.c.expires_at <= bindparam("now")
    )
    .values(removed_at=exclusions.c.expires_at)
)
# What the operator says itself takes the place of what the registry holds for a few days on its side. Nobody has let go
# of the flood by that: removed with its own end, the hold goes on covering it until then.
_MAKE_ROOM: Final = text(
    "UPDATE registry.exclusions SET removed_at = expires_at"
    " WHERE tag = ANY (CAST(:tags AS bytea[])) AND removed_at IS NULL"
    " AND (expires_at <= :now OR organisation_id IS NULL AND reason = 'flood')"
)
# In the order of the tags: of two that add the same numbers at once, one waits for the other and never both.
_ADD_ALL: Final = text(
    "INSERT INTO registry.exclusions (tag, id, generation, organisation_id, reason, expires_at, covers_since)"
    " SELECT e.tag, e.id, e.generation, CAST(:owner AS uuid), e.reason, e.expires_at, e.covers_since"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:ids AS uuid[]), CAST(:generations AS smallint[]),"
    " CAST(:reasons AS text[]), CAST(:ends AS timestamptz[]), CAST(:sinces AS timestamptz[]))"
    " AS e (tag, id, generation, reason, expires_at, covers_since)"
    " ON CONFLICT DO NOTHING RETURNING tag"
)
# An end is only ever moved away: a file that names an earlier one, or none, changes nothing.
_EXTEND: Final = text(
    "UPDATE registry.exclusions AS e SET expires_at = n.expires_at"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:ends AS timestamptz[])) AS n (tag, expires_at)"
    " WHERE e.tag = n.tag AND e.organisation_id IS NOT DISTINCT FROM CAST(:owner AS uuid) AND e.removed_at IS NULL"
    " AND e.reason <> 'flood' AND e.expires_at < n.expires_at RETURNING e.tag"
)
_EXTENDABLE: Final = text(
    "SELECT e.tag FROM registry.exclusions e"
    " JOIN unnest(CAST(:tags AS bytea[]), CAST(:ends AS timestamptz[])) AS n (tag, expires_at) ON e.tag = n.tag"
    " WHERE e.organisation_id IS NOT DISTINCT FROM CAST(:owner AS uuid) AND e.removed_at IS NULL"
    " AND e.reason <> 'flood' AND e.expires_at > :now AND e.expires_at < n.expires_at"
)
_OF_SIDE: Final = exclusions.c.organisation_id.is_not_distinct_from(bindparam("owner"))
_HELD: Final = select(exclusions.c.tag).where(
    exclusions.c.tag == any_(_TAGS),
    _NOT_REMOVED,
    _OF_SIDE,
    exclusions.c.reason != "flood",
    or_(exclusions.c.expires_at.is_(None), exclusions.c.expires_at > bindparam("now")),
)
_PAGE: Final = (
    select(
        exclusions.c.id,
        func.min(exclusions.c.reason),
        func.min(exclusions.c.expires_at),
        func.min(exclusions.c.created_at),
        func.min(exclusions.c.removed_at),
        func.bool_or(exclusions.c.mistaken),
        func.min(exclusions.c.covers_since),
        exclusions.c.organisation_id,
        select(organisations.c.name).where(organisations.c.id == exclusions.c.organisation_id).scalar_subquery(),
    )
    .group_by(exclusions.c.id, exclusions.c.organisation_id)
    .order_by(exclusions.c.id.desc())
)
# By what the list shows of one, so that none is called active that is shown to have ended.
_IN_FORCE: Final = and_(
    func.min(exclusions.c.removed_at).is_(None),
    or_(func.min(exclusions.c.expires_at).is_(None), func.min(exclusions.c.expires_at) > bindparam("now")),
)


def add(
    tx: Writing,
    *,
    id_: UUID,
    tags: Mapping[int, bytes],
    organisation_id: UUID | None,
    reason: str,
    expires_at: datetime | None,
    now: datetime,
) -> None:
    """tags: generation -> the number's tag under it. Refused(already_excluded) where this side excludes it already.

    An exclusion that has expired is closed first, so that it does not stand in the way of a new one.
    """
    make_room(tx, organisation_id, list(tags.values()), now)
    tx.connection.execute(
        _ADD,
        [
            {
                "tag": tag,
                "id": id_,
                "generation": generation,
                "organisation_id": organisation_id,
                "reason": reason,
                "expires_at": expires_at,
            }
            for generation, tag in sorted(tags.items())
        ],
    )


def close_expired(tx: Writing, tags: Sequence[bytes], now: datetime) -> None:
    """Puts away what has expired, so that it does not stand in the way of `add_all`."""
    tx.connection.execute(_EXPIRED, {"tags": bytes_array(tags), "now": now})


def make_room(tx: Writing, organisation_id: UUID | None, tags: Sequence[bytes], now: datetime) -> None:
    """Like `close_expired`; and for the operator's side it ends floods' holds, which would end by themselves and leave
    the number that the operator meant to exclude without any.
    """
    statement = _MAKE_ROOM if organisation_id is None else _EXPIRED
    tx.connection.execute(statement, {"tags": bytes_array(tags), "now": now})


def add_all(tx: Writing, organisation_id: UUID | None, new: Sequence[NewExclusion]) -> frozenset[bytes]:
    """Adds many at once, for one side. Returns the tags that it was missing for; one that this side excludes already
    stays as it is. The listings of those returned must be refreshed in the same transaction.
    """
    rows = [(tag, one, generation) for one in new for generation, tag in one.tags.items()]
    rows.sort(key=itemgetter(0))
    if not rows:
        return frozenset()
    parameters = {
        "owner": organisation_id,
        "tags": bytes_array(tag for tag, _, _ in rows),
        "ids": plain_array(one.id for _, one, _ in rows),
        "generations": plain_array(generation for _, _, generation in rows),
        "reasons": plain_array(one.reason for _, one, _ in rows),
        "ends": plain_array(one.expires_at for _, one, _ in rows),
        "sinces": plain_array(one.covers_since for _, one, _ in rows),
    }
    return frozenset(row[0] for row in tx.connection.execute(_ADD_ALL, parameters))


def extend(tx: Writing, organisation_id: UUID | None, wanted: Sequence[NewExclusion]) -> frozenset[bytes]:
    """Moves the ends of what this side excludes to later ones. Returns the tags of those whose end was earlier, whose
    listings must be refreshed in the same transaction.
    """
    if not wanted:
        return frozenset()
    parameters = {"owner": organisation_id, **_ends(wanted)}
    found = frozenset(row[0] for row in tx.connection.execute(_EXTEND, parameters))
    if not found:
        return found
    # This may have waited for a contact that copied one to a newer generation: only now is the copy to be seen.
    return found | frozenset(row[0] for row in tx.connection.execute(_EXTEND, parameters))


def extendable(
    tx: Reading, organisation_id: UUID | None, wanted: Sequence[NewExclusion], now: datetime
) -> frozenset[bytes]:
    """Those tags for which `extend` would move an end."""
    if not wanted:
        return frozenset()
    rows = tx.connection.execute(_EXTENDABLE, {"owner": organisation_id, "now": now, **_ends(wanted)})
    return frozenset(row[0] for row in rows)


def _ends(wanted: Sequence[NewExclusion]) -> dict[str, str]:
    rows = sorted((tag, one.expires_at) for one in wanted for tag in one.tags.values())
    return {"tags": bytes_array(tag for tag, _ in rows), "ends": plain_array(at for _, at in rows)}


def held(tx: Reading, organisation_id: UUID | None, tags: Sequence[bytes], now: datetime) -> frozenset[bytes]:
    """Those of the tags that this side excludes at this moment, by its own word."""
    parameters = {"tags": bytes_array(tags), "owner": organisation_id, "now": now}
    return frozenset(row[0] for row in tx.connection.execute(_HELD, parameters))


def carry(tx: Writing, pairs: Mapping[bytes, bytes], generation: int) -> list[bytes]:
    """Copies exclusions to a number's tag of a newer generation, those that have ended too. pairs: older tag -> newer.

    Without this a number that was excluded before the newer key existed would be listed under it, and so would what it
    did before its exclusion ended; and what was let go of would be held again. None of those copied changes before this
    transaction ends. Returns the newer tags that it was missing for, whose listings must be refreshed in the same
    transaction.
    """
    # Held only where something is missing: every contact of the number comes by here.
    lacking = {row[0] for row in _missing(tx, _CARRIED, pairs)}
    missing = _missing(tx, _CARRIED_HELD, {tag: newer for tag, newer in pairs.items() if tag in lacking})
    if missing:
        # Two contacts of the number at once may both have found it missing.
        tx.connection.execute(
            _CARRY,
            [
                {
                    "tag": pairs[tag],
                    "id": id_,
                    "generation": generation,
                    "organisation_id": organisation_id,
                    "reason": reason,
                    "expires_at": expires_at,
                    "removed_at": removed_at,
                    "mistaken": mistaken,
                    "covers_since": covers_since,
                }
                for tag, id_, organisation_id, reason, expires_at, removed_at, mistaken, covers_since in missing
            ],
        )
    return [pairs[row[0]] for row in missing]


def _missing(tx: Writing, carried: Executable, pairs: Mapping[bytes, bytes]) -> list[AnyRow]:
    """What the newer tags lack of the older ones'."""
    if not pairs:
        return []
    rows = tx.connection.execute(carried, {"tags": bytes_array(pairs)}).all()
    if not rows:
        return []
    newer = bytes_array(pairs[row[0]] for row in rows)
    present = {(row[0], row[1]) for row in tx.connection.execute(_PRESENT, {"tags": newer})}
    return [row for row in rows if (pairs[row[0]], row[1]) not in present]


def page(
    tx: Reading,
    *,
    before: UUID | None,
    most: int,
    now: datetime,
    only_of: UUID | None = None,
    active: bool | None = None,
) -> list[Exclusion]:
    """Newest first, without numbers or tags. only_of: an organisation's own; None: everybody's. active: only those that
    are in force, or only those that have ended.
    """
    statement = _PAGE.limit(most)
    if before is not None:
        statement = statement.where(exclusions.c.id < before)
    if only_of is not None:
        statement = statement.where(exclusions.c.organisation_id == only_of)
    if active is not None:
        statement = statement.having(_IN_FORCE if active else not_(_IN_FORCE))
    parameters = {} if active is None else {"now": now}
    return [Exclusion(*row) for row in tx.connection.execute(statement, parameters)]
