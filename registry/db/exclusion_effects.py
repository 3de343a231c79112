"""What a tag's exclusions do to it: those that stand keep it out of every answer, and those that have ended keep out
what happened before. A registered line excludes its own number in the same way, until its `live_until`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import DateTime, and_, any_, bindparam, case, cast, func, not_, null, or_, select, union_all
from sqlalchemy.dialects.postgresql import array

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import AnyRow, Reading
from registry.db.schema import decoys, exclusions
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
_LIVES: Final = or_(decoys.c.live_until.is_(None), decoys.c.live_until > bindparam("now"))
# covered_since: null: from ever.
_EACH: Final = union_all(
    select(
        exclusions.c.tag.label("tag"),
        _STANDS.label("stands"),
        exclusions.c.expires_at.label("ends_at"),
        case((and_(not_(_STANDS), COVERING), ENDED_AT)).label("covered_until"),
        case((IS_HOLD, FLOOD_BEGAN)).label("covered_since"),
    ).where(exclusions.c.tag == any_(tags_parameter("tags"))),
    select(
        decoys.c.tag,
        _LIVES,
        decoys.c.live_until,
        case((not_(_LIVES), decoys.c.live_until)),
        cast(null(), DateTime(timezone=True)),
    ).where(decoys.c.tag == any_(tags_parameter("tags"))),
).subquery()
_FIND: Final = select(
    _EACH.c.tag,
    func.bool_or(_EACH.c.stands),
    case(
        (func.bool_or(and_(_EACH.c.stands, _EACH.c.ends_at.is_(None))), null()),
        else_=func.max(_EACH.c.ends_at).filter(_EACH.c.stands),
    ),
    func.max(_EACH.c.covered_until).filter(_EACH.c.covered_since.is_(None)),
    func.array_agg(array([_EACH.c.covered_since, _EACH.c.covered_until])).filter(
        _EACH.c.covered_since.is_not(None), _EACH.c.covered_until.is_not(None)
    ),
).group_by(_EACH.c.tag)


def find(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, Effect]:
    """Tag -> what its exclusions and lines do at this moment, for those that have or had one."""
    if not tags:
        return {}
    rows = tx.connection.execute(_FIND, {"tags": bytes_array(tags), "now": now})
    return {row[0]: _effect(row) for row in rows}


def _effect(row: AnyRow) -> Effect:
    """ended: the last end of a line, or of an exclusion that is no hold. floods: of each hold, when its flood began and
    when it ended.
    """
    _, excluded, excluded_until, ended, floods = row
    covers = [] if ended is None else [Cover(ended)]
    covers += (Cover(until, since) for since, until in floods or ())
    return Effect(excluded, excluded_until, tuple(covers))
