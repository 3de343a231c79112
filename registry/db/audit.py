"""Writing audit events. There is nothing to read here: the application may only insert."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import text

from registry.db.arrays import bytes_array, plain_array
from registry.db.database import Writing
from registry.db.driver import DriverStatement
from registry.domain.audit import Event

# No generations asked for, or exactly these are active. It costs no way to the database of its own.
_WHERE_ACTIVE: Final = (
    " WHERE CAST(:active AS smallint[]) IS NULL OR CAST(:active AS smallint[]) = coalesce("
    "(SELECT array_agg(g.number ORDER BY g.number DESC) FROM registry.generations g WHERE g.retired_at IS NULL), '{}')"
)
_RECORD: Final = DriverStatement(
    text(f"INSERT INTO audit.event (body) SELECT CAST(:body AS bytea){_WHERE_ACTIVE} RETURNING 1")
)
_RECORD_PRIVATE: Final = DriverStatement(
    text(
        "WITH event AS (INSERT INTO audit.event (body)"  # noqa: S608 - both parts are constants
        f" SELECT CAST(:body AS bytea){_WHERE_ACTIVE} RETURNING 1)"
        " INSERT INTO audit.private (event, nonce, address, user_agent)"
        " SELECT CAST(:event AS uuid), CAST(:nonce AS bytea), :address, :user_agent FROM event RETURNING 1"
    )
)
_RECORD_MANY: Final = DriverStatement(
    text(
        "WITH event AS (INSERT INTO audit.event (body) SELECT b FROM unnest(CAST(:bodies AS bytea[])) AS b)"
        " INSERT INTO audit.private (event, nonce, address, user_agent)"
        " SELECT * FROM unnest(CAST(:events AS uuid[]), CAST(:nonces AS bytea[]), CAST(:addresses AS text[]),"
        " CAST(:user_agents AS text[]))"
    )
)
# A tag that is told about is listed, or was when it was read.
_RECORD_SUBJECTS: Final = text(
    "INSERT INTO audit.subject (tag, event, generation)"
    " SELECT t.tag, CAST(:event AS uuid), coalesce("
    "(SELECT l.generation FROM registry.listings l WHERE l.tag = t.tag),"
    " (SELECT h.generation FROM registry.hits h WHERE h.tag = t.tag LIMIT 1))"
    " FROM unnest(CAST(:tags AS bytea[])) AS t (tag)"
)

_RECORD_KNOWN_SUBJECTS: Final = text(
    "INSERT INTO audit.subject (tag, event, generation) SELECT t.tag, CAST(:event AS uuid), t.generation"
    " FROM unnest(CAST(:tags AS bytea[]), CAST(:generations AS smallint[])) AS t (tag, generation)"
)


def record(
    tx: Writing, event: Event, active: Sequence[int] | None = None, made_under: Mapping[bytes, int] | None = None
) -> bool:
    """Appends one row for each disclosed tag, the event, and its private part.

    made_under: tag -> generation of all disclosed tags, where that is known; else it is looked up.
    active: the generations that must be in use at this moment, newest first. Where others are, the event is not
    written, False is returned, and the transaction must not be committed. What was read in it before was then read
    under these generations; rows of subjects come first, since they wait for whoever changes them.
    """
    if event.disclosed:
        tags = sorted(set(event.disclosed))
        subjects: dict[str, object] = {"tags": bytes_array(tags), "event": event.id}
        if made_under:
            subjects["generations"] = plain_array(made_under[tag] for tag in tags)
        tx.connection.execute(_RECORD_KNOWN_SUBJECTS if made_under else _RECORD_SUBJECTS, subjects)
    parameters: dict[str, object] = {
        "body": event.body(),
        "active": None if active is None else plain_array(active),
    }
    if event.private is None:
        return bool(_RECORD.rows(tx.connection, parameters))
    private = {
        "event": event.id,
        "nonce": event.private.nonce,
        "address": event.private.address,
        "user_agent": event.private.user_agent,
    }
    return bool(_RECORD_PRIVATE.rows(tx.connection, {**parameters, **private}))


def record_many(tx: Writing, events: Sequence[Event]) -> None:
    """Appends events that disclose nothing, in order, with their private parts."""
    if any(event.disclosed for event in events):
        raise ValueError("an event that discloses is recorded by itself")
    private = [(event.id, event.private) for event in events if event.private is not None]
    parameters = {
        "bodies": bytes_array(event.body() for event in events),
        "events": plain_array(id_ for id_, _ in private),
        "nonces": bytes_array(part.nonce for _, part in private),
        # Lists, which the driver escapes: these are the callers' own texts.
        "addresses": [part.address for _, part in private],
        "user_agents": [part.user_agent for _, part in private],
    }
    _RECORD_MANY.rows(tx.connection, parameters)
