"""What a tag's exclusions do to it: those that stand keep it out of every answer, and those that have ended keep out
what happened before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, any_, bindparam, case, func, not_, null, or_, select
from sqlalchemy.dialects.postgresql import array

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import AnyRow, Reading
from registry.db.schema import exclusions
from registry.domain.exclusions import Cover, ExclusionReason
from registry.domain.flood import WATCHED


@dataclass(frozen=True, slots=True)
class Effect:
    """excluded: whether one stands; excluded_until: when the last of these ends, None where one never does.

    covers: what those that have ended keep out.
    """

    excluded: bool = False
    excluded_until: datetime | None = None
    covers: tuple[Cover, ...] = ()


NO_EFFECT: Final = Effect()
IS_HOLD: Final = exclusions.c.reason == ExclusionReason.FLOOD.value
ENDED_AT: Final = func.least(exclusions.c.expires_at, exclusions.c.removed_at)
"""The earlier of the two; null where it has neither."""
COVERING: Final = and_(
    not_(exclusions.c.mistaken),
    or_(
        not_(IS_HOLD),
        exclusions.c.removed_at.is_(None),
        exclusions.c.removed_at == exclusions.c.expires_at,
    ),
)
"""Those that, once ended, keep out what happened before. A flood's hold does where it ended by itself; where somebody
let go of it before, all counts (docs/adr/0028).
"""
# Holds from before it was noted when their flood began: as far back as the guard looks.
FLOOD_BEGAN: Final = func.coalesce(exclusions.c.covers_since, exclusions.c.created_at - WATCHED)
_STANDS: Final = and_(
    exclusions.c.removed_at.is_(None),
    or_(exclusions.c.expires_at.is_(None), exclusions.c.expires_at > bindparam("now")),
)
_FIND: Final = (
    select(
        exclusions.c.tag,
        func.bool_or(_STANDS),
        case(
            (func.bool_or(and_(_STANDS, exclusions.c.expires_at.is_(None))), null()),
            else_=func.max(exclusions.c.expires_at).filter(_STANDS),
        ),
        func.max(ENDED_AT).filter(not_(_STANDS), COVERING, not_(IS_HOLD)),
        func.array_agg(array([FLOOD_BEGAN, exclusions.c.expires_at])).filter(not_(_STANDS), COVERING, IS_HOLD),
    )
    .where(exclusions.c.tag == any_(tags_parameter("tags")))
    .group_by(exclusions.c.tag)
)


def find(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, Effect]:
    """Tag -> what its exclusions do at this moment, for those that have or had one."""
    if not tags:
        return {}
    rows = tx.connection.execute(_FIND, {"tags": bytes_array(tags), "now": now})
    return {row[0]: _effect(row) for row in rows}


def _effect(row: AnyRow) -> Effect:
    """ended: the last end of any exclusion but a hold. floods: of each hold, when its flood began and when it ended."""
    _, excluded, excluded_until, ended, floods = row
    covers = [] if ended is None else [Cover(ended)]
    covers += (Cover(until, since) for since, until in floods or ())
    return Effect(excluded, excluded_until, tuple(covers))
