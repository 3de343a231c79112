"""Exclusions: tags that are never listed. One exclusion has a row for each generation, under one id."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import any_, bindparam, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import Reading, Writing
from registry.db.schema import exclusions


@dataclass(frozen=True, slots=True)
class Exclusion:
    id: UUID
    reason: str
    expires_at: datetime | None
    created_at: datetime
    removed_at: datetime | None


@dataclass(frozen=True, slots=True)
class ActiveExclusion:
    """What stands against a tag now. expires_at: the last of them to end; None where one never does."""

    expires_at: datetime | None


_TAGS: Final = tags_parameter("tags")
_ADD: Final = insert(exclusions)
_CARRY: Final = upsert(exclusions).on_conflict_do_nothing()
_ACTIVE: Final = select(exclusions.c.tag, exclusions.c.expires_at).where(
    exclusions.c.tag == any_(_TAGS),
    exclusions.c.removed_at.is_(None),
    or_(exclusions.c.expires_at.is_(None), exclusions.c.expires_at > bindparam("now")),
)
_CARRIED: Final = select(
    exclusions.c.tag, exclusions.c.id, exclusions.c.organisation_id, exclusions.c.reason, exclusions.c.expires_at
).where(exclusions.c.tag == any_(_TAGS), exclusions.c.removed_at.is_(None))
_EXPIRED: Final = (
    update(exclusions)
    .where(
        exclusions.c.tag == any_(_TAGS), exclusions.c.removed_at.is_(None), exclusions.c.expires_at <= bindparam("now")
    )
    .values(removed_at=exclusions.c.expires_at)
)
_CARRIED_FIRMLY: Final = _CARRIED.with_for_update(read=True)
_REMOVE: Final = (
    update(exclusions)
    .where(
        exclusions.c.tag == any_(_TAGS),
        exclusions.c.removed_at.is_(None),
        exclusions.c.organisation_id.is_not_distinct_from(bindparam("owner")),
    )
    .values(removed_at=func.clock_timestamp())
    .returning(exclusions.c.id)
)
_PAGE: Final = (
    select(
        exclusions.c.id,
        func.min(exclusions.c.reason),
        func.min(exclusions.c.expires_at),
        func.min(exclusions.c.created_at),
        func.min(exclusions.c.removed_at),
    )
    .group_by(exclusions.c.id)
    .order_by(exclusions.c.id.desc())
    .limit(bindparam("most"))
)
_PAGE_BEFORE: Final = _PAGE.where(exclusions.c.id < bindparam("before"))


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
    tx.connection.execute(_EXPIRED, {"tags": bytes_array(tags.values()), "now": now})
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


def active(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, ActiveExclusion]:
    """Tag -> what excludes it at this moment."""
    found: dict[bytes, ActiveExclusion] = {}
    if not tags:
        return found
    for tag, expires_at in tx.connection.execute(_ACTIVE, {"tags": bytes_array(tags), "now": now}):
        known = found.get(tag)
        if known is None:
            found[tag] = ActiveExclusion(expires_at)
        elif known.expires_at is not None:
            found[tag] = ActiveExclusion(None if expires_at is None else max(known.expires_at, expires_at))
    return found


def carry(tx: Writing, pairs: Mapping[bytes, bytes], generation: int) -> list[bytes]:
    """Copies exclusions to a number's tag of a newer generation. pairs: older tag -> newer tag.

    Without this a number that was excluded before the newer key existed would be listed under it. None of those copied
    ends before this transaction does. Returns the newer tags that it was missing for, whose listings must be refreshed
    in the same transaction.
    """
    if not pairs:
        return []
    rows = tx.connection.execute(_CARRIED_FIRMLY, {"tags": bytes_array(pairs)}).all()
    if not rows:
        return []
    present = {
        (row[0], row[1])
        for row in tx.connection.execute(_CARRIED, {"tags": bytes_array(pairs[row[0]] for row in rows)})
    }
    missing = [
        {
            "tag": pairs[tag],
            "id": id_,
            "generation": generation,
            "organisation_id": organisation_id,
            "reason": reason,
            "expires_at": expires_at,
        }
        for tag, id_, organisation_id, reason, expires_at in rows
        if (pairs[tag], id_) not in present
    ]
    if missing:
        # Two contacts of the number at once may both have found it missing.
        tx.connection.execute(_CARRY, missing)
    return [pairs[row[0]] for row in rows if (pairs[row[0]], row[1]) not in present]


def remove(tx: Writing, tags: Sequence[bytes], organisation_id: UUID | None) -> UUID | None:
    """Ends the exclusion that this side made; None where there is none."""
    parameters = {"tags": bytes_array(tags), "owner": organisation_id}
    ids = [row[0] for row in tx.connection.execute(_REMOVE, parameters)]
    if ids:
        # This may have waited for a contact that copied it to a newer generation: only now is the copy to be seen.
        tx.connection.execute(_REMOVE, parameters)
    return ids[0] if ids else None


def page(tx: Reading, *, before: UUID | None, most: int) -> list[Exclusion]:
    """Newest first, ended ones too, without numbers or tags."""
    if before is None:
        rows = tx.connection.execute(_PAGE, {"most": most})
    else:
        rows = tx.connection.execute(_PAGE_BEFORE, {"most": most, "before": before})
    return [Exclusion(*row) for row in rows]
