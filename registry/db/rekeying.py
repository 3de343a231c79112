"""Carrying every tag of one generation into a chained one: the statements of `generations rekey`.

For the schema's owner alone; the application has no right to any of it. One at a time, under an advisory lock. Until
the switch nothing is touched but the two tables made for it, so that the registry goes on recording and answering.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, TextClause, delete, func, insert, select, text

from registry.db.arrays import bytes_array
from registry.db.database import Reading, Writing
from registry.db.schema import private_set_slots, private_sets, rekeyed_tags, rekeyings

BATCH: Final = 5_000
"""Tags that are looked at, and committed, together."""
HOLDERS: Final = (
    *("registry.hits", "registry.submissions", "registry.listings", "registry.exclusions", "registry.disputes"),
    *("registry.decoys", "registry.private_set_slots", "registry.rekeyed_tags", "audit.subject"),
)
"""Every table that holds tags, or what was made from them."""
STATISTICS: Final = "pg_catalog.pg_statistic"
"""Holds samples of every table's columns, so that it is cleaned like they are. The database's owner may."""

_WITH_GENERATIONS: Final = ("hits", "exclusions", "disputes", "decoys")
"""A listing is computed from them, and has no tag of its own."""
_SLICE: Final = 100_000
_END: Final = b"\xff" * 33
"""After every tag."""
_LOCK_KEY: Final = 0x52656B6579  # "Rekey"


@dataclass(frozen=True, slots=True)
class Rekeying:
    """What is under way. successor: number of the chained generation, public_key: its 32 bytes.

    switched_in: id of the transaction in which everything was switched; None while tags are being prepared.
    """

    generation: int
    successor: int
    public_key: bytes = field(repr=False)
    switched_in: int | None = None


_OWNS: Final = text("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'registry.hits'::regclass")
_TAKE_TURN: Final = text("SELECT pg_try_advisory_lock(:key)")
_FIND: Final = select(
    rekeyings.c.generation, rekeyings.c.successor, rekeyings.c.public_key, rekeyings.c.switched_in
).order_by(rekeyings.c.begun_at)
_FIND_FIRMLY: Final = _FIND.with_for_update()
_BEGIN: Final = insert(rekeyings)
_FORGET: Final = delete(rekeyings)
_EMPTY: Final = text("TRUNCATE registry.rekeyed_tags")
# A plan made while nothing was prepared yet would look at all of it for every tag.
_PLAN_ANEW: Final = text("SELECT set_config('plan_cache_mode', 'force_custom_plan', true)")
_KEEP: Final = text(
    "INSERT INTO registry.rekeyed_tags (generation, tag, successor)"
    " SELECT :of, t.tag, t.successor FROM unnest(CAST(:tags AS bytea[]), CAST(:successors AS bytea[]))"
    " AS t (tag, successor) ON CONFLICT DO NOTHING"
)
_ANALYSE: Final = text("ANALYZE registry.rekeyed_tags")
_PREPARED: Final = select(func.count()).select_from(rekeyed_tags)

_HOLD_GENERATIONS: Final = text("SELECT FROM registry.generations WHERE retired_at IS NULL FOR UPDATE")
# In the order in which operations write to them, so that nobody waits in a circle. Reading goes on.
_HOLD_TABLES: Final = text(
    "LOCK TABLE registry.decoys, registry.submissions, registry.hits, registry.exclusions, registry.disputes,"
    " registry.listings, registry.private_set_slots, registry.private_sets IN EXCLUSIVE MODE"
)
# Not before it must be: every question about a listed number writes to it. Whatever tag that names is prepared by then.
_HOLD_SUBJECTS: Final = text("LOCK TABLE audit.subject IN EXCLUSIVE MODE")
_WITH_GENERATION: Final = (
    "UPDATE {table} AS t SET tag = r.successor, generation = :successor FROM registry.rekeyed_tags r"
    " WHERE r.generation = :of AND t.tag = r.tag AND t.generation = :of"
)
# In slices: for each row the database remembers until the statement's end that its generation is to be checked.
_HITS: Final = text(
    _WITH_GENERATION.format(table="registry.hits")
    + " AND t.tag >= :first AND t.tag < :last AND r.tag >= :first AND r.tag < :last"
)
_OTHERS: Final = {
    name: text(_WITH_GENERATION.format(table=f"registry.{name}")) for name in _WITH_GENERATIONS if name != "hits"
}
_SUBMISSIONS: Final = text(
    "UPDATE registry.submissions AS t SET tag = r.successor FROM registry.rekeyed_tags r"
    " WHERE r.generation = :of AND t.tag = r.tag"
)
# By its tag alone: whatever generation a listing says, it is that of the contacts behind it.
_LISTINGS: Final = text(
    "UPDATE registry.listings AS t SET tag = r.successor, generation = :successor FROM registry.rekeyed_tags r"
    " WHERE r.generation = :of AND t.tag = r.tag"
)
_LISTINGS_OF_NOTHING: Final = text(
    "DELETE FROM registry.listings l WHERE l.generation = :of AND NOT EXISTS (SELECT FROM registry.hits h"
    " WHERE h.tag = l.tag) AND NOT EXISTS (SELECT FROM registry.exclusions e WHERE e.tag = l.tag)"
    " AND NOT EXISTS (SELECT FROM registry.disputes d WHERE d.tag = l.tag)"
    " AND NOT EXISTS (SELECT FROM registry.decoys d WHERE d.tag = l.tag)"
)
_SUBJECTS: Final = text(
    "UPDATE audit.subject AS t SET tag = r.successor, generation = :successor FROM registry.rekeyed_tags r"
    " WHERE r.generation = :of AND t.tag = r.tag"
)
_UNGUARD_SUBJECTS: Final = text("ALTER TABLE audit.subject DISABLE TRIGGER subject_append_only")
_GUARD_SUBJECTS: Final = text("ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only")
_INDEX: Final = text("SELECT event, tag FROM audit.subject ORDER BY event, tag")
_SWITCHED: Final = text(
    "UPDATE registry.rekeyings SET switched_in = CAST(CAST(pg_current_xact_id() AS text) AS bigint)"
)
_OWNS_DATABASE: Final = text("SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()")
# VACUUM leaves what somebody may still look at: whose transaction or snapshot is not younger than the switch.
_STILL_SEEN: Final = text(
    "SELECT count(*) FROM ("
    " SELECT unnest(ARRAY[backend_xid, backend_xmin]) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND (datname = current_database() OR backend_type = 'walsender')"
    " UNION ALL SELECT xmin FROM pg_replication_slots"
    " UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database()"
    ") AS seen (xid) WHERE xid IS NOT NULL AND age(xid) >= age(CAST(CAST(CAST(:switched AS text) AS xid8) AS xid))"
)


def owns_schema(tx: Reading) -> bool:
    """Whether this login may do any of it."""
    return bool(tx.connection.execute(_OWNS).scalar_one())


def take_turn(connection: Connection) -> bool:
    """False while somebody else rekeys. Held until the connection ends."""
    return bool(connection.execute(_TAKE_TURN, {"key": _LOCK_KEY}).scalar_one())


def find(tx: Reading) -> Rekeying | None:
    """What is under way."""
    row = tx.connection.execute(_FIND).first()
    return None if row is None else Rekeying(*row)


def find_firmly(tx: Writing) -> Rekeying | None:
    """`find`, held until the transaction ends."""
    row = tx.connection.execute(_FIND_FIRMLY).first()
    return None if row is None else Rekeying(*row)


def begin(tx: Writing, rekeying: Rekeying) -> None:
    """In the place of whatever was begun before."""
    forget(tx)
    values = {
        "generation": rekeying.generation,
        "successor": rekeying.successor,
        "public_key": rekeying.public_key,
    }
    tx.connection.execute(_BEGIN, values)


def forget(tx: Writing) -> None:
    """Drops what is under way, prepared tags included."""
    tx.connection.execute(_EMPTY)
    tx.connection.execute(_FORGET)


def tags_after(tx: Reading, generation: int, after: bytes, most: int = BATCH) -> list[tuple[bytes, bool]]:
    """The next tags of a generation in byte order, at most so many, and whether each was prepared already."""
    tx.connection.execute(_PLAN_ANEW)
    rows = tx.connection.execute(_after(most), {"of": generation, "after": after})
    return [(tag, prepared) for tag, prepared in rows]


@cache
def _after(most: int) -> TextClause:
    """The limits are constants of the statement, so that its plan walks along the indexes.

    A disclosed tag that says no generation was left behind by its contacts, which move to newer generations only.
    """
    of_tables = " UNION ".join(
        f"(SELECT DISTINCT tag FROM registry.{table} WHERE generation = :of AND tag > :after"  # noqa: S608 - constants
        f" ORDER BY tag LIMIT {most})"
        for table in _WITH_GENERATIONS
    )
    return text(
        f"WITH found AS (SELECT tag FROM ({of_tables}"  # noqa: S608 - constants
        " UNION (SELECT DISTINCT tag FROM audit.subject s WHERE tag > :after AND (generation = :of"
        " OR (generation IS NULL"
        " AND EXISTS (SELECT FROM registry.generations g WHERE g.number > :of AND g.retired_at IS NULL)"
        " AND coalesce((SELECT h.generation FROM registry.hits h WHERE h.tag = s.tag LIMIT 1), :of) = :of))"
        f" ORDER BY tag LIMIT {most})) AS every_tag ORDER BY tag LIMIT {most})"
        " SELECT f.tag, coalesce((SELECT true FROM registry.rekeyed_tags r"
        " WHERE r.generation = :of AND r.tag = f.tag LIMIT 1), false) FROM found f ORDER BY f.tag"
    )


def keep(tx: Writing, generation: int, tags: Sequence[bytes], successors: Sequence[bytes]) -> None:
    """Stores what the tags become, in the same order."""
    parameters = {"of": generation, "tags": bytes_array(tags), "successors": bytes_array(successors)}
    tx.connection.execute(_KEEP, parameters)


def analyse(connection: Connection) -> None:
    """Lets the planner know how many tags were prepared. On a connection in autocommit."""
    connection.execute(_ANALYSE)


def hold_everything(tx: Writing) -> None:
    """Keeps out everybody who would write a tag, until the transaction ends. It may have to wait for them."""
    tx.connection.execute(_HOLD_GENERATIONS).all()
    tx.connection.execute(_HOLD_TABLES)


def prepared(tx: Reading) -> int:
    """How many tags were prepared."""
    return tx.connection.execute(_PREPARED).scalar_one()


def rewrite(tx: Writing, rekeying: Rekeying) -> dict[str, int]:
    """Puts every prepared tag in the place of the old one; returns how many rows of each table.

    The successor must be known to the database. Rows of `audit.subject` are for this once not append only.
    """
    of = {"of": rekeying.generation, "successor": rekeying.successor}
    run = tx.connection.execute
    counted = {"hits": 0}
    for first, last in _slices(prepared(tx)):
        counted["hits"] += run(_HITS, {**of, "first": first, "last": last}).rowcount
    for name, statement in _OTHERS.items():
        counted[name] = run(statement, of).rowcount
    counted["submissions"] = run(_SUBMISSIONS, {"of": rekeying.generation}).rowcount
    counted["listings"] = run(_LISTINGS, of).rowcount
    run(_LISTINGS_OF_NOTHING, {"of": rekeying.generation})
    run(_HOLD_SUBJECTS)
    run(_UNGUARD_SUBJECTS)
    counted["subjects"] = run(_SUBJECTS, of).rowcount
    run(_GUARD_SUBJECTS)
    for table in (private_set_slots, private_sets):
        run(delete(table).where(table.c.generation == rekeying.generation))
    return counted


def index_rows(tx: Reading) -> Iterator[tuple[UUID, bytes]]:
    """Event and tag of every disclosure, in byte order, streamed from a cursor."""
    for row in tx.connection.execute(_INDEX, execution_options={"yield_per": 10_000}):
        yield row[0], row[1]


def note_switch(tx: Writing) -> None:
    """Destroys what was prepared, old tags included, and remembers that this transaction switched."""
    tx.connection.execute(_EMPTY)
    tx.connection.execute(_SWITCHED)


def still_seen(connection: Connection, switched_in: int) -> bool:
    """Whether somebody may still look at rows as they were before the switch, so that they cannot be cleaned away."""
    return int(connection.execute(_STILL_SEEN, {"switched": switched_in}).scalar_one()) > 0


def owns_database(connection: Connection) -> bool:
    """Whether this login may clean `STATISTICS`."""
    return bool(connection.execute(_OWNS_DATABASE).scalar_one())


def clean(connection: Connection, table: str) -> None:
    """Writes one of `HOLDERS`, or `STATISTICS`, anew, so that no row that was replaced stays in its files.

    On a connection in autocommit. Nobody can read the table meanwhile.
    """
    options = "FULL" if table == STATISTICS else "FULL, ANALYZE"
    connection.execute(text(f"VACUUM ({options}) {table}"))


def _slices(tags: int) -> Iterator[tuple[bytes, bytes]]:
    """Bounds between which some 100,000 of so many tags lie: the first is part of a slice and the last is not."""
    count = 1 + tags // _SLICE
    bounds = [(index * 2**256 // count).to_bytes(32, "big") for index in range(count)]
    yield from zip(bounds, [*bounds[1:], _END], strict=True)
