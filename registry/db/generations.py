"""Generations: which OPRF keys exist and which are evaluated. Their secrets are in the key file."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, and_, bindparam, exists, false, func, insert, not_, or_, select, update

from registry.db.database import Reading, Writing
from registry.db.driver import DriverStatement
from registry.db.exclusion_effects import COVERING, ENDED_AT
from registry.db.schema import decoys, disputes, exclusions, generations, hits
from registry.domain import generations as domain
from registry.domain.generations import Generations


@dataclass(frozen=True, slots=True)
class Generation:
    number: int
    public_key: bytes
    parent: int | None
    created_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Dependants:
    """What would stop working if a generation were retired."""

    unexpired_hits: bool
    exclusions: bool
    ended_exclusions: bool
    disputes: bool
    decoys: bool


_ALL: Final = select(
    generations.c.number,
    generations.c.public_key,
    generations.c.parent,
    generations.c.created_at,
    generations.c.retired_at,
).order_by(generations.c.number)
_ADD: Final = insert(generations)
_ACTIVE: Final = select(generations.c.number).where(generations.c.retired_at.is_(None))
_HOLD_ACTIVE: Final = DriverStatement(
    _ACTIVE.order_by(generations.c.number.desc()).with_for_update(read=True, key_share=True)
)
_RETIRE: Final = (
    update(generations)
    .where(generations.c.number == bindparam("wanted"), generations.c.retired_at.is_(None))
    .values(retired_at=func.clock_timestamp())
)
_NUMBER: Final[BindParameter[int]] = bindparam("wanted")
_KEPT_SINCE: Final[BindParameter[datetime]] = bindparam("kept_since")
_NOW: Final[BindParameter[datetime]] = bindparam("now")
# What its number's newer tag has too, under a generation that is in use, does not end with this one.
_IN_USE: Final = select(generations.c.number).where(generations.c.retired_at.is_(None), generations.c.number > _NUMBER)
_NEWER: Final = exclusions.alias("newer")
_EXCLUSION_ALONE: Final = and_(
    exclusions.c.generation == _NUMBER,
    not_(exists().where(_NEWER.c.id == exclusions.c.id, _NEWER.c.generation.in_(_IN_USE))),
)
_NEWER_DISPUTE: Final = disputes.alias("newer_dispute")
_DISPUTE_ALONE: Final = and_(
    disputes.c.generation == _NUMBER,
    not_(exists().where(_NEWER_DISPUTE.c.id == disputes.c.id, _NEWER_DISPUTE.c.generation.in_(_IN_USE))),
)
# One that has ended goes on keeping out what happened before.
_ENDED: Final = or_(exclusions.c.removed_at.is_not(None), func.coalesce(exclusions.c.expires_at <= _NOW, false()))
_DEPENDANTS: Final = select(
    exists().where(hits.c.generation == _NUMBER, hits.c.retracted_at.is_(None), hits.c.occurred_at >= _KEPT_SINCE),
    exists().where(_EXCLUSION_ALONE, not_(_ENDED)),
    exists().where(_EXCLUSION_ALONE, _ENDED, COVERING, ENDED_AT >= _KEPT_SINCE),
    exists().where(_DISPUTE_ALONE, disputes.c.closed_at.is_(None)),
    exists().where(decoys.c.generation == _NUMBER),
)


def all_generations(tx: Reading) -> list[Generation]:
    """By number."""
    return [Generation(*row) for row in tx.connection.execute(_ALL)]


def public(tx: Reading) -> Generations:
    """All of them, as everybody may know them."""
    return Generations.of(
        domain.Generation(found.number, found.public_key, found.parent, found.retired_at is not None)
        for found in all_generations(tx)
    )


def hold_active(tx: Writing) -> tuple[int, ...]:
    """Numbers of the active ones, newest first. None of them is replaced by a chained one before this transaction ends.

    Waits for a replacement that is under way.
    """
    return tuple(row[0] for row in _HOLD_ACTIVE.rows(tx.connection, {}))


def add(tx: Writing, number: int, public_key: bytes, parent: int | None = None) -> None:
    """parent: the generation that it is chained from."""
    tx.connection.execute(_ADD, {"number": number, "public_key": public_key, "parent": parent})


def retire(tx: Writing, number: int) -> bool:
    """Whether there was an active one with that number."""
    return tx.connection.execute(_RETIRE, {"wanted": number}).rowcount == 1


def dependants(tx: Reading, number: int, *, kept_since: datetime, now: datetime) -> Dependants:
    """kept_since: hits before it have expired."""
    row = tx.connection.execute(_DEPENDANTS, {"wanted": number, "kept_since": kept_since, "now": now}).one()
    return Dependants(*row)
