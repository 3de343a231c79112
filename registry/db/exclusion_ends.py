"""Ending exclusions, adding one that has ended, and saying of one that it was a mistake. One exclusion has a row for
each generation, under one id; they end together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Executable, any_, bindparam, case, func, insert, not_, select, true, update

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import Reading, Writing
from registry.db.exclusion_effects import COVERING
from registry.db.schema import exclusions
from registry.domain.exclusions import ExclusionReason


@dataclass(frozen=True, slots=True)
class End:
    """at: when, by the clock that contacts are dated by. mistaken: it should never have been, so that contacts from
    before its end count again.
    """

    at: datetime
    mistaken: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """One row of an exclusion that was ended: its listing must be refreshed in the same transaction.

    gives_back: the number's contacts from before its end count again. It was a mistake, or a flood that was let go of.
    """

    id: UUID
    tag: bytes
    generation: int
    gives_back: bool


_NOT_REMOVED: Final = exclusions.c.removed_at.is_(None)
_OF_SIDE: Final = exclusions.c.organisation_id.is_not_distinct_from(bindparam("owner"))
# What a flood's release forgives are contacts recorded until then, which the database dates; any other exclusion's end
# is compared with when contacts occurred. What has expired has ended by itself.
_AT: Final = bindparam("at", type_=exclusions.c.removed_at.type)
_ENDS: Final = case(
    (exclusions.c.expires_at <= _AT, exclusions.c.expires_at),
    (exclusions.c.reason == ExclusionReason.FLOOD.value, func.clock_timestamp()),
    else_=_AT,
)
_ENDED: Final = (exclusions.c.id, exclusions.c.tag, exclusions.c.generation, not_(COVERING))
_END: Final = (
    update(exclusions)
    .values(removed_at=_ENDS, mistaken=bindparam("was_mistaken", type_=exclusions.c.mistaken.type))
    .where(_NOT_REMOVED)
    .returning(*_ENDED)
)
_END_EVERY: Final = _END.where(exclusions.c.tag == any_(tags_parameter("tags")))
_END_OF_SIDE: Final = _END_EVERY.where(_OF_SIDE)
_END_ONE: Final = _END.where(exclusions.c.id == bindparam("exclusion"))
_END_ONE_OF_SIDE: Final = _END_ONE.where(_OF_SIDE)
_MISTAKE_ONE: Final = (
    update(exclusions)
    .values(removed_at=func.coalesce(exclusions.c.removed_at, _ENDS), mistaken=true())
    .where(exclusions.c.id == bindparam("exclusion"), not_(exclusions.c.mistaken))
    .returning(*_ENDED)
)
_MISTAKE_ONE_OF_SIDE: Final = _MISTAKE_ONE.where(_OF_SIDE)
_TAGS_OF_ONE: Final = select(exclusions.c.tag, exclusions.c.generation).where(exclusions.c.id == bindparam("exclusion"))
_ADD_ENDED: Final = insert(exclusions)
_STANDING: Final = select(exclusions.c.tag).where(exclusions.c.tag == any_(tags_parameter("tags")), _NOT_REMOVED)
_STANDING_OF_SIDE: Final = _STANDING.where(_OF_SIDE)


def add_ended(
    tx: Writing, id_: UUID, tag: bytes, generation: int, organisation_id: UUID, reason: ExclusionReason, at: datetime
) -> None:
    """An exclusion that keeps out what happened before this moment, and nothing else."""
    values = {
        "tag": tag,
        "id": id_,
        "generation": generation,
        "organisation_id": organisation_id,
        "reason": reason.value,
        "removed_at": at,
    }
    tx.connection.execute(_ADD_ENDED, values)


def remove(tx: Writing, tags: Sequence[bytes], organisation_id: UUID | None, end: End) -> list[Ended]:
    """Ends the exclusion that this side made; nothing where there is none."""
    return _ended(tx, _END_OF_SIDE, {"tags": bytes_array(tags), "owner": organisation_id}, end)


def remove_every(tx: Writing, tags: Sequence[bytes], end: End) -> list[Ended]:
    """Ends the exclusions of all sides."""
    return _ended(tx, _END_EVERY, {"tags": bytes_array(tags)}, end)


def removable(tx: Reading, tags: Sequence[bytes], organisation_id: UUID | None, *, every: bool) -> frozenset[bytes]:
    """Those of the tags for which `remove`, or with every `remove_every`, would end something."""
    if every:
        return frozenset(row[0] for row in tx.connection.execute(_STANDING, {"tags": bytes_array(tags)}))
    parameters = {"tags": bytes_array(tags), "owner": organisation_id}
    return frozenset(row[0] for row in tx.connection.execute(_STANDING_OF_SIDE, parameters))


def tags_of(tx: Reading, id_: UUID) -> dict[bytes, int]:
    """Tag -> generation of one exclusion, whoever made it, whether or not it has ended."""
    return {row[0]: row[1] for row in tx.connection.execute(_TAGS_OF_ONE, {"exclusion": id_})}


def remove_one(tx: Writing, id_: UUID, end: End, *, only_of: UUID | None) -> list[Ended]:
    """Ends one exclusion; as a mistake also one that has ended already. only_of: and only if it is this organisation's;
    None for the operator, who may end any.
    """
    if only_of is None:
        return _ended(tx, _MISTAKE_ONE if end.mistaken else _END_ONE, {"exclusion": id_}, end)
    statement = _MISTAKE_ONE_OF_SIDE if end.mistaken else _END_ONE_OF_SIDE
    return _ended(tx, statement, {"exclusion": id_, "owner": only_of}, end)


def _ended(tx: Writing, statement: Executable, parameters: dict[str, object], end: End) -> list[Ended]:
    parameters |= {"at": end.at, "was_mistaken": end.mistaken}

    def run() -> list[Ended]:
        return [Ended(*row) for row in tx.connection.execute(statement, parameters)]

    found = run()
    # This may have waited for a contact that copied it to a newer generation: only now is the copy to be seen.
    return [*found, *run()] if found else []
