"""How far the log is behind its events: two numbers for whoever watches the sealer. Needs `sealed_log.as_reader`."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from registry.db.database import Reading


@dataclass(frozen=True, slots=True)
class SealingLag:
    """size: sealed events. oldest_unsealed: seconds since the oldest event was written that has no
    place in the log, on the database's clock; None where nothing waits.
    """

    size: int
    oldest_unsealed: float | None


# The first in order is the oldest but for what ran at the same time; an index leads to it.
_LAG: Final = text(
    "WITH last AS MATERIALIZED ("
    " SELECT l.idx, l.xid, l.id FROM audit.leaf l ORDER BY l.idx DESC LIMIT 1"
    ") SELECT coalesce((SELECT l.idx + 1 FROM last l), 0), ("
    " SELECT CAST(extract(epoch FROM clock_timestamp() - e.at) AS double precision) FROM audit.event e"
    " WHERE (e.xid, e.id) > (coalesce((SELECT l.xid FROM last l), CAST('0' AS xid8)),"
    " coalesce((SELECT l.id FROM last l), 0)) ORDER BY e.xid, e.id LIMIT 1)"
)


def sealing_lag(tx: Reading) -> SealingLag:
    size, oldest = tx.connection.execute(_LAG).one()
    return SealingLag(size, None if oldest is None else max(0.0, oldest))
