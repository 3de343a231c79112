"""Hits as whoever sent them sees them again and takes them back: by id, by line, and by when they occurred."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, func, select, text, tuple_, update

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import Reading, Writing
from registry.db.schema import hits, submissions
from registry.domain.windows import ALWAYS, Window


@dataclass(frozen=True, slots=True)
class Submission:
    """A hit as its sender sees it again: without a number, which nobody has any more."""

    id: UUID
    decoy_id: UUID
    channel: str
    attestation: str | None
    verification: str | None
    diverted: bool
    occurred_at: datetime
    recorded_at: datetime
    retracted_at: datetime | None
    retraction_reason: str | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hits a list shows. retracted: only those that are, or only those that are not; None: either."""

    decoy_id: UUID | None = None
    occurred: Window = ALWAYS
    retracted: bool | None = None


EVERY_HIT: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Standing:
    """Hits on one line that are not retracted. keys: tag and id of the first of them, in byte order. every: how many
    there are in all.
    """

    keys: Sequence[tuple[bytes, UUID]] = field(repr=False)
    every: int


@dataclass(frozen=True, slots=True)
class Retracted:
    """What has to be looked at again once a hit counts no more. provider: whose webhook it came by, if any."""

    tag: bytes = field(repr=False)
    occurred_at: datetime
    provider: str | None


_TAG_OF_HIT: Final = select(submissions.c.tag).where(
    submissions.c.organisation_id == bindparam("owner"), submissions.c.hit_id == bindparam("hit")
)
# The limit keeps it a look into the index for each organisation, whatever is known of the table.
_TAG_OF_ANY_HIT: Final = text(
    "SELECT s.tag FROM registry.organisations o CROSS JOIN LATERAL"
    " (SELECT tag FROM registry.submissions WHERE organisation_id = o.id AND hit_id = :hit LIMIT 1) s"
)
_COLUMNS: Final[tuple[ColumnElement[Any], ...]] = (
    hits.c.id,
    hits.c.decoy_id,
    hits.c.channel,
    hits.c.attestation,
    hits.c.verification,
    hits.c.diverted,
    hits.c.occurred_at,
    hits.c.recorded_at,
    hits.c.retracted_at,
    hits.c.retraction_reason,
)
_RETRACT: Final = (
    update(hits)
    .where(hits.c.tag == bindparam("of_tag"), hits.c.id == bindparam("hit"), hits.c.retracted_at.is_(None))
    .values(retracted_at=func.clock_timestamp(), retraction_reason=bindparam("why"))
    .returning(*_COLUMNS)
)
_SAME: Final = tuple_(hits.c.tag, hits.c.id) == tuple_(submissions.c.tag, submissions.c.hit_id)
_PAGE: Final = (
    select(*_COLUMNS)
    .join_from(submissions, hits, _SAME)
    .where(submissions.c.organisation_id == bindparam("owner"))
    .order_by(submissions.c.hit_id.desc())
    .limit(bindparam("most"))
)
_STANDING: Final = (
    select(hits.c.tag, hits.c.id, func.count().over())
    .join_from(submissions, hits, _SAME)
    .where(submissions.c.decoy_id == bindparam("decoy"), hits.c.retracted_at.is_(None))
    .order_by(hits.c.tag, hits.c.id)
    .limit(bindparam("most"))
)
# Held in byte order before they are changed: two that take the same back, or one that meets a contact by which they
# follow their number to a newer tag, take turns.
_RETRACT_ALL: Final = text(
    "WITH standing AS ("
    " SELECT h.tag, h.id FROM unnest(CAST(:tags AS bytea[]), CAST(:ids AS uuid[])) AS n (tag, id)"
    " JOIN registry.hits h ON h.tag = n.tag AND h.id = n.id WHERE h.retracted_at IS NULL"
    " ORDER BY h.tag, h.id FOR UPDATE OF h"
    ") UPDATE registry.hits AS h SET retracted_at = clock_timestamp(), retraction_reason = :why"
    " FROM standing s WHERE h.tag = s.tag AND h.id = s.id RETURNING h.tag, h.occurred_at, h.provider"
)


def tag_of(tx: Reading, organisation_id: UUID | None, hit_id: UUID) -> bytes | None:
    """The tag under which a hit is stored. organisation_id: only if it is one of this one's; None: whosever it is."""
    if organisation_id is None:
        return tx.connection.execute(_TAG_OF_ANY_HIT, {"hit": hit_id}).scalar_one_or_none()
    return tx.connection.execute(_TAG_OF_HIT, {"owner": organisation_id, "hit": hit_id}).scalar_one_or_none()


def retract(tx: Writing, tag: bytes, hit_id: UUID, reason: str) -> Submission | None:
    """None where it was retracted already."""
    row = tx.connection.execute(_RETRACT, {"of_tag": tag, "hit": hit_id, "why": reason}).one_or_none()
    return None if row is None else Submission(*row)


def standing(tx: Reading, decoy_id: UUID, occurred: Window, *, most: int) -> Standing:
    """The hits on a line, of this window, that are not retracted."""
    statement = _STANDING.where(*_within(occurred))
    rows = tx.connection.execute(statement, {"decoy": decoy_id, "most": most}).all()
    return Standing([(row[0], row[1]) for row in rows], rows[0][2] if rows else 0)


def retract_all(tx: Writing, keys: Sequence[tuple[bytes, UUID]], reason: str) -> list[Retracted]:
    """Those of them that still stand under their tags. Their listings must be refreshed in the same transaction."""
    if not keys:
        return []
    tags, ids = zip(*keys, strict=True)
    parameters = {"tags": bytes_array(tags), "ids": plain_array(ids), "why": reason}
    return [Retracted(*row) for row in tx.connection.execute(_RETRACT_ALL, parameters)]


def page(tx: Reading, organisation_id: UUID, wanted: Wanted, *, before: UUID | None, most: int) -> list[Submission]:
    """The organisation's own hits, newest first."""
    statement = _PAGE.where(*_within(wanted.occurred))
    if wanted.decoy_id is not None:
        statement = statement.where(submissions.c.decoy_id == wanted.decoy_id)
    if wanted.retracted is not None:
        statement = statement.where(hits.c.retracted_at.is_not(None) == wanted.retracted)
    if before is not None:
        statement = statement.where(submissions.c.hit_id < before)
    return [Submission(*row) for row in tx.connection.execute(statement, {"owner": organisation_id, "most": most})]


def _within(occurred: Window) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if occurred.since is not None:
        conditions.append(hits.c.occurred_at >= occurred.since)
    if occurred.until is not None:
        conditions.append(hits.c.occurred_at < occurred.until)
    return conditions
