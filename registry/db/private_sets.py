"""Private sets: built by the database from the listings, once an epoch, in 4,096 slots.

Reading the listings blocks nobody who writes them; only slots that have changed are written.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, or_, select, text

from registry.db.database import Reading, Writing
from registry.db.schema import listings, private_set_slots, private_sets
from registry.domain.tags import SET_ID_BYTES


@dataclass(frozen=True, slots=True)
class PrivateSet:
    """One generation's set. epoch: the start of the epoch that it is of. digest: 32 bytes over its ids."""

    generation: int
    epoch: datetime
    built_for: str
    entries: int
    prefix_bits: int
    bucket_entries: int
    digest: bytes

    @property
    def etag(self) -> str:
        """The entity tag of the whole set: other content, other tag."""
        return f'"{self.generation}-{self.digest.hex()[:32]}"'


_COLUMNS: Final = (
    private_sets.c.generation,
    private_sets.c.epoch,
    private_sets.c.built_for,
    private_sets.c.entries,
    private_sets.c.prefix_bits,
    private_sets.c.bucket_entries,
    private_sets.c.digest,
)
_ALL: Final = select(*_COLUMNS)
_FIND: Final = select(*_COLUMNS).where(private_sets.c.generation == bindparam("of"))
# Both limits are lifted for this transaction, which may be long: by a statement of its own, since they are set for each
# statement when it begins.
_PATIENCE: Final = text(
    "SELECT set_config('statement_timeout', '600000', true), set_config('lock_timeout', '600000', true)"
)
# One key for whoever builds: 'private' as a number.
_LOCK: Final = text("SELECT pg_advisory_xact_lock(31647034720904293)")
_STALE: Final = (
    select(listings.c.tag)
    .where(or_(listings.c.policy != bindparam("policy"), listings.c.changes_at <= bindparam("now")))
    .limit(bindparam("most"))
)
_BUILD: Final = text(
    "WITH ids AS MATERIALIZED ("
    " SELECT substring(sha256(CAST(:prefix AS bytea) || l.tag) FOR 8) AS id FROM registry.listings l"
    " WHERE l.generation = :generation AND l.grade IS NOT NULL AND NOT l.excluded AND l.policy = :policy"
    " AND (l.changes_at IS NULL OR l.changes_at > :now)"
    "), slots AS MATERIALIZED ("
    " SELECT CAST(get_byte(id, 0) * 16 + get_byte(id, 1) / 16 AS smallint) AS slot,"
    " string_agg(id, ''::bytea ORDER BY id) AS ids FROM ids GROUP BY 1"
    "), gone AS ("
    " DELETE FROM registry.private_set_slots s WHERE s.generation = :generation"
    " AND NOT EXISTS (SELECT FROM slots n WHERE n.slot = s.slot)"
    "), written AS ("
    " INSERT INTO registry.private_set_slots AS s (generation, slot, ids)"
    " SELECT :generation, n.slot, n.ids FROM slots n"
    " ON CONFLICT (generation, slot) DO UPDATE SET ids = EXCLUDED.ids WHERE s.ids <> EXCLUDED.ids"
    ") SELECT CAST(coalesce(sum(octet_length(n.ids)) / 8, 0) AS bigint),"
    " sha256(coalesce(string_agg(sha256(n.ids), ''::bytea ORDER BY n.slot), ''::bytea)) FROM slots n"
)
_LARGEST: Final = text(
    "SELECT coalesce(max(b.entries), 0) FROM (SELECT sum(octet_length(s.ids)) / 8 AS entries"
    " FROM registry.private_set_slots s WHERE s.generation = :generation GROUP BY s.slot >> :shift) b"
)
_KEEP: Final = text(
    "INSERT INTO registry.private_sets (generation, epoch, built_for, entries, prefix_bits, bucket_entries, digest)"
    " VALUES (:generation, :epoch, :built_for, :entries, :prefix_bits, :bucket_entries, :digest)"
    " ON CONFLICT (generation) DO UPDATE SET epoch = EXCLUDED.epoch, built_for = EXCLUDED.built_for,"
    " entries = EXCLUDED.entries, prefix_bits = EXCLUDED.prefix_bits, bucket_entries = EXCLUDED.bucket_entries,"
    " digest = EXCLUDED.digest"
)
_SLOTS: Final = (
    select(private_set_slots.c.ids)
    .where(
        private_set_slots.c.generation == bindparam("of"),
        private_set_slots.c.slot.between(bindparam("first"), bindparam("last")),
    )
    .order_by(private_set_slots.c.slot)
)


def find(tx: Reading, generation: int) -> PrivateSet | None:
    row = tx.connection.execute(_FIND, {"of": generation}).one_or_none()
    return None if row is None else PrivateSet(*row)


def find_all(tx: Reading) -> dict[int, PrivateSet]:
    """Generation -> its set as it was last built."""
    return {row[0]: PrivateSet(*row) for row in tx.connection.execute(_ALL)}


def take_turn(tx: Writing) -> None:
    """Waits until nobody else builds a set, and keeps others waiting until this transaction ends."""
    tx.connection.execute(_PATIENCE)
    tx.connection.execute(_LOCK)


def stale_listings(tx: Reading, *, policy: str, now: datetime, most: int) -> list[bytes]:
    """Tags whose listings no longer say what their hits say: another policy, or a date has passed that changes them."""
    return list(tx.connection.execute(_STALE, {"policy": policy, "now": now, "most": most}).scalars())


def build(tx: Writing, generation: int, *, policy: str, now: datetime) -> tuple[int, bytes]:
    """Writes the slots of everything that a check would not answer `none` to; returns how many ids, and a digest."""
    prefix = b"demand-registry|set|v1|%d|" % generation
    entries, digest = tx.connection.execute(
        _BUILD, {"prefix": prefix, "generation": generation, "policy": policy, "now": now}
    ).one()
    return entries, digest


def largest_bucket(tx: Reading, generation: int, shift: int) -> int:
    """Entries in the fullest bucket. shift: bits of a slot's number that are not of the bucket's prefix."""
    return int(tx.connection.execute(_LARGEST, {"generation": generation, "shift": shift}).scalar_one())


def keep(tx: Writing, built: PrivateSet) -> None:
    """Publishes a set whose slots were written in this transaction."""
    values = {name: getattr(built, name) for name in PrivateSet.__slots__}
    tx.connection.execute(_KEEP, values)


def slots(tx: Reading, generation: int, first: int, last: int) -> Iterator[bytes]:
    """The ids of these slots, slot by slot in ascending order: 8 bytes an id."""
    yield from tx.connection.execute(_SLOTS, {"of": generation, "first": first, "last": last}).scalars()


def ids_of(joined: bytes) -> list[bytes]:
    return [joined[start : start + SET_ID_BYTES] for start in range(0, len(joined), SET_ID_BYTES)]
