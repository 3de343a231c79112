"""Listings: the projection of hits, exclusions, disputes and lines that answers most questions with one row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, any_, bindparam, delete, not_, or_, select, text

from registry.db.arrays import bytes_array, plain_array, tags_parameter
from registry.db.database import AnyRow, Reading, Writing
from registry.db.driver import DriverStatement
from registry.db.schema import listings
from registry.domain.policy import Channel, Evidence, Grade


@dataclass(frozen=True, slots=True)
class Listing:
    """What is projected for one tag. evidence: None where it is excluded, or the policy lists nothing."""

    tag: bytes
    generation: int
    evidence: Evidence | None
    excluded: bool
    disputed: bool
    policy: str
    changes_at: datetime | None

    def is_fresh(self, policy: str, now: datetime) -> bool:
        """Whether it still says what the hits say: same policy, and no date has passed that changes it."""
        return self.policy == policy and (self.changes_at is None or now < self.changes_at)

    def is_excluded(self, now: datetime) -> bool:
        """Whether an exclusion stands, which no policy weighs and nothing but its end changes."""
        return self.excluded and (self.changes_at is None or now < self.changes_at)


_TAGS: Final = tags_parameter("tags")
_COLUMNS: Final = (
    listings.c.tag,
    listings.c.generation,
    listings.c.grade,
    listings.c.contacts,
    listings.c.decoys,
    listings.c.organisations,
    listings.c.first_contact,
    listings.c.last_contact,
    listings.c.channels,
    listings.c.excluded,
    listings.c.disputed,
    listings.c.policy,
    listings.c.changes_at,
)
_FIND: Final = select(*_COLUMNS).where(listings.c.tag == any_(_TAGS))
_FIND_ANSWERABLE: Final = DriverStatement(
    _FIND.where(
        not_(
            and_(
                listings.c.excluded,
                or_(listings.c.changes_at.is_(None), listings.c.changes_at > bindparam("now")),
            )
        )
    )
)
_HOLD_STILL: Final = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_REMOVE: Final = delete(listings).where(listings.c.tag == any_(_TAGS))
# A row for every tag, then a lock on every row, both in byte order: two transactions that touch the same numbers take
# turns, and the second sees what the first recorded.
_CLAIM: Final = text(
    "INSERT INTO registry.listings (tag, generation, contacts, decoys, organisations, channels, excluded, disputed,"
    " policy) SELECT t, coalesce((SELECT h.generation FROM registry.hits h WHERE h.tag = t LIMIT 1), g),"
    " 0, 0, 0, '{}', false, false, '' FROM unnest(CAST(:tags AS bytea[]), CAST(:generations AS smallint[])) AS n (t, g)"
    " ON CONFLICT (tag) DO NOTHING"
)
_LOCK: Final = (
    select(listings.c.tag, listings.c.generation)
    .where(listings.c.tag == any_(_TAGS))
    .order_by(listings.c.tag)
    .with_for_update()
)
_REPLACE: Final = text(
    "UPDATE registry.listings AS l SET grade = n.grade, contacts = n.contacts, decoys = n.decoys,"
    " organisations = n.organisations, first_contact = n.first_contact, last_contact = n.last_contact,"
    " channels = string_to_array(n.channels, ','), excluded = n.excluded, disputed = n.disputed, policy = :policy,"
    " changes_at = n.changes_at"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:grades AS text[]), CAST(:contacts AS integer[]),"
    " CAST(:decoys AS integer[]), CAST(:organisations AS integer[]), CAST(:firsts AS date[]), CAST(:lasts AS date[]),"
    " CAST(:channels AS text[]), CAST(:excluded AS boolean[]), CAST(:disputed AS boolean[]),"
    " CAST(:changes AS timestamptz[]))"
    " AS n (tag, grade, contacts, decoys, organisations, first_contact, last_contact, channels, excluded, disputed,"
    " changes_at)"
    " WHERE l.tag = n.tag"
)


def hold_still(tx: Reading) -> None:
    """Lets every statement of this transaction see the database as it is now. Must be the transaction's first."""
    tx.connection.execute(_HOLD_STILL)


def find(tx: Reading, tags: Sequence[bytes]) -> dict[bytes, Listing]:
    """Tag -> its listing, for those that have one."""
    if not tags:
        return {}
    rows = tx.connection.execute(_FIND, {"tags": bytes_array(tags)})
    return {row[0]: _listing(row) for row in rows.all()}


def answerable(tx: Reading, tags: Sequence[bytes], now: datetime) -> dict[bytes, Listing]:
    """Like `find`, without those that are excluded: the database returns for them what it returns for a number that
    nobody ever saw, so that not even the time of an answer tells the two apart.
    """
    if not tags:
        return {}
    rows = _FIND_ANSWERABLE.rows(tx.connection, {"tags": bytes_array(tags), "now": now})
    return {row[0]: _listing(row) for row in rows}


def lock(tx: Writing, tags: Sequence[bytes], generation: int | Mapping[bytes, int]) -> None:
    """Holds the rows of these tags until the transaction ends, and makes those that are missing.

    tags: distinct and in byte order. A new row is blank and must be replaced or removed before COMMIT. It has the
    generation of the tag's contacts; generation: for a tag that has none, the same for all or each one's own.
    """
    missing: list[bytes] = list(tags)
    while missing:
        numbers = (generation if isinstance(generation, int) else generation[tag] for tag in missing)
        tx.connection.execute(_CLAIM, {"tags": bytes_array(missing), "generations": plain_array(numbers)})
        held: set[bytes] = {row[0] for row in tx.connection.execute(_LOCK, {"tags": bytes_array(missing)}).all()}
        # Whoever held a row before may have removed it while this waited; then it has to be made again.
        missing = [tag for tag in missing if tag not in held]


def replace(tx: Writing, policy: str, new: Sequence[Listing]) -> None:
    """Writes what these rows, locked before, now say."""
    if not new:
        return
    evidence = [listing.evidence for listing in new]
    tx.connection.execute(
        _REPLACE,
        {
            "policy": policy,
            "tags": bytes_array(listing.tag for listing in new),
            "grades": plain_array(None if one is None else one.grade for one in evidence),
            "contacts": plain_array(0 if one is None else one.contacts for one in evidence),
            "decoys": plain_array(0 if one is None else one.decoys for one in evidence),
            "organisations": plain_array(0 if one is None else one.organisations for one in evidence),
            "firsts": plain_array(None if one is None else one.first_contact for one in evidence),
            "lasts": plain_array(None if one is None else one.last_contact for one in evidence),
            "channels": plain_array("" if one is None else ",".join(one.channels) for one in evidence),
            "excluded": plain_array(listing.excluded for listing in new),
            "disputed": plain_array(listing.disputed for listing in new),
            "changes": plain_array(listing.changes_at for listing in new),
        },
    )


def remove(tx: Writing, tags: Sequence[bytes]) -> None:
    """For tags that nothing stands behind any more."""
    if tags:
        tx.connection.execute(_REMOVE, {"tags": bytes_array(tags)})


def _listing(row: AnyRow | tuple[Any, ...]) -> Listing:
    tag, generation, grade, contacts, decoys, organisations, first, last, channels, excluded, disputed, policy, at = row
    evidence = None
    if grade is not None:
        evidence = Evidence(
            grade=Grade(grade),
            contacts=contacts,
            decoys=decoys,
            organisations=organisations,
            first_contact=first,
            last_contact=last,
            channels=tuple(Channel(channel) for channel in channels),
            policy=policy,
        )
    return Listing(tag, generation, evidence, excluded, disputed, policy, at)
