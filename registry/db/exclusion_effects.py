"""What a tag's exclusions do to it: those that stand keep it out of every answer, and those that have ended keep out
what happened before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import and_, any_, bindparam, case, func, not_, null, or_, select

from registry.db.arrays import bytes_array, tags_parameter
from registry.db.database import Reading
from registry.db.schema import exclusions
from registry.domain.exclusions import ExclusionReason


@dataclass(frozen=True, slots=True)
class Effect:
    """excluded: whether one stands; excluded_until: when the last of these ends, None where one never does.

    covered_until: contacts before it never count; None where no exclusion has ended.
    """

    excluded: bool = False
    excluded_until: datetime | None = None
    covered_until: datetime | None = None


NO_EFFECT: Final = Effect()
ENDED_AT: Final = func.least(exclusions.c.expires_at, exclusions.c.removed_at)
"""The earlier of the two; null where it has neither."""
COVERING: Final = and_(not_(exclusions.c.mistaken), exclusions.c.reason != ExclusionReason.FLOOD.value)
"""Those that, once ended, keep out what happened before. A flood's hold only delays: else somebody who is listed could
hide that for good by flooding (docs/adr/0021).
"""
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
        func.max(ENDED_AT).filter(not_(_STANDS), COVERING),
    )
    .where(exclusions.c.tag == any_(tags_parameter("tags")))
    .group_by(exclusions.c.tag)
)


def find(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, Effect]:
    """Tag -> what its exclusions do at this moment, for those that have or had one."""
    if not tags:
        return {}
    rows = tx.connection.execute(_FIND, {"tags": bytes_array(tags), "now": now})
    return {row[0]: Effect(*row[1:]) for row in rows}
