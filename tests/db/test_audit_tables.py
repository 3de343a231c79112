"""What the audit tables guarantee by themselves, whoever writes to them."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from house import opened_database
from psycopg import errors, sql

from registry.db.embedded import EmbeddedUrls
from registry.domain.audit import Actor, Event, Requested
from registry.domain.merkle import leaf_hash

Connection = psycopg.Connection[tuple[Any, ...]]

NOW: Final = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def here(cluster: EmbeddedUrls, template: str) -> Iterator[DatabaseUrls]:
    with opened_database(cluster, template) as urls:
        yield urls


@pytest.fixture
def application(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(dsn(here.app), autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(here.superuser_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(dsn(here.owner), autocommit=True) as connection:
        yield connection


def event(organisation: UUID | None = None, operation: str = "look_up") -> Event:
    return Event(
        id=uuid4(),
        time=NOW,
        operation=operation,
        result="ok",
        actor=Actor(organisation=organisation),
        request=Requested(uuid4(), "POST /v1/lookups"),
        nonce=bytes(16),
    )


def add(connection: Connection, body: bytes) -> None:
    connection.execute("INSERT INTO audit.event (body) VALUES (%s)", (body,))


CHANGES: Final = (
    "UPDATE audit.event SET body = body",
    "UPDATE audit.event SET at = now()",
    "DELETE FROM audit.event",
    "TRUNCATE audit.event",
    "TRUNCATE audit.event, audit.subject",
    "TRUNCATE audit.event CASCADE",
    "UPDATE audit.subject SET tag = tag",
    "UPDATE audit.subject SET event = event",
    "DELETE FROM audit.subject",
    "TRUNCATE audit.subject",
    "MERGE INTO audit.event USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
)


@pytest.mark.parametrize("statement", CHANGES)
@pytest.mark.parametrize("who", ["owner", "superuser"])
def test_events_and_subjects_cannot_be_changed_even_by(
    request: pytest.FixtureRequest, application: Connection, who: str, statement: str
) -> None:
    add(application, event().body())
    application.execute("INSERT INTO audit.subject (tag, event) VALUES (sha256('t'), gen_random_uuid())")
    mighty: Connection = request.getfixturevalue(who)
    with pytest.raises(errors.InsufficientPrivilege, match="is append only"):
        mighty.execute(statement.encode())


def test_a_replication_session_does_not_slip_past_the_triggers(application: Connection, superuser: Connection) -> None:
    """ENABLE ALWAYS: ordinary triggers sleep in such a session."""
    add(application, event().body())
    superuser.execute("SET session_replication_role = 'replica'")
    with pytest.raises(errors.InsufficientPrivilege, match="is append only"):
        superuser.execute("DELETE FROM audit.event")


def test_the_private_part_can_be_dropped_when_its_time_is_over(owner: Connection, application: Connection) -> None:
    """It is kept for a shorter time than the event, so that nothing may hinder its deletion by the owner."""
    application.execute("INSERT INTO audit.private (event, nonce, address) VALUES (gen_random_uuid(), '', '192.0.2.1')")
    assert owner.execute("DELETE FROM audit.private").rowcount >= 1


def test_the_columns_of_an_event_are_the_fields_of_its_body(application: Connection, superuser: Connection) -> None:
    organisation = uuid4()
    written = event(organisation, "check_file")
    before = superuser.execute("SELECT clock_timestamp()").fetchone()
    add(application, written.body())
    row = superuser.execute(
        "SELECT body, leaf, event_id, organisation, operation, at, xid::text::bigint FROM audit.event"
        " WHERE event_id = %s",
        (written.id,),
    ).fetchone()
    assert row is not None
    assert before is not None
    body, leaf, event_id, found_organisation, operation, at, xid = row
    fields = json.loads(body)
    assert bytes(body) == written.body()
    assert bytes(leaf) == hashlib.sha256(b"\x00" + written.body()).digest() == leaf_hash(written.body())
    assert (event_id, str(event_id)) == (written.id, fields["id"])
    assert (found_organisation, str(found_organisation)) == (organisation, fields["actor"]["organisation"])
    assert operation == fields["operation"] == "check_file"
    assert timedelta() <= at - before[0] < timedelta(minutes=1)
    assert xid > 0


def test_an_event_of_nobody_has_no_organisation(application: Connection, superuser: Connection) -> None:
    written = event()
    add(application, written.body())
    found = superuser.execute("SELECT organisation FROM audit.event WHERE event_id = %s", (written.id,)).fetchone()
    assert found == (None,)


def test_even_a_superuser_cannot_write_a_leaf_that_is_not_its_bodys(superuser: Connection) -> None:
    body = event().body()
    for column in ("leaf", "event_id", "organisation", "operation"):
        statement = sql.SQL("INSERT INTO audit.event (body, {}) VALUES (%s, NULL)").format(sql.Identifier(column))
        with pytest.raises(errors.GeneratedAlways):
            superuser.execute(statement, (body,))


GOOD: Final = event().body()
UNUSABLE: Final = {
    "not JSON": b"not JSON",
    "cut off": GOOD[:-1],
    "a list": b"[1]",
    "a text": b'"0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"',
    "without an id": b'{"operation":"look_up"}',
    "with an id that is null": b'{"id":null,"operation":"look_up"}',
    "with an id that is no UUID": b'{"id":"one","operation":"look_up"}',
    "without an operation": b'{"id":"0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"}',
    "with an organisation that is no UUID": GOOD.replace(b'"organisation":null', b'"organisation":"one"'),
    "not UTF-8": GOOD.replace(b"look_up", b"look\xff_up"),
    "with a NUL": GOOD.replace(b"look_up", b"look\\u0000up"),
    "empty": b"",
    "too long": GOOD.replace(b"look_up", b"x" * 65_536),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_a_body_is_refused_that_is(application: Connection, superuser: Connection, kind: str) -> None:
    before = superuser.execute("SELECT count(*) FROM audit.event").fetchone()
    with pytest.raises((errors.DataError, errors.IntegrityError)):
        add(application, UNUSABLE[kind])
    assert superuser.execute("SELECT count(*) FROM audit.event").fetchone() == before


def test_a_receipt_is_given_once(application: Connection) -> None:
    body = event().body()
    add(application, body)
    with pytest.raises(errors.UniqueViolation, match="event_event_id_key"):
        add(application, body)


def test_a_subject_is_a_tag_of_32_bytes_and_named_once_by_an_event(application: Connection) -> None:
    statement = "INSERT INTO audit.subject (tag, event) VALUES (%s, %s)"
    some = uuid4()
    application.execute(statement, (bytes(32), some))
    with pytest.raises(errors.UniqueViolation):
        application.execute(statement, (bytes(32), some))
    for wrong in (b"", bytes(31), bytes(33), b"+12065550177"):
        with pytest.raises(errors.CheckViolation):
            application.execute(statement, (wrong, some))


def test_events_of_one_transaction_share_its_id_and_vanish_with_it(
    application: Connection, superuser: Connection
) -> None:
    """The log is put in order by transaction; a rolled back one leaves no row."""
    kept, lost = [event() for _ in range(3)], [event() for _ in range(3)]
    with application.transaction():
        for one in kept:
            add(application, one.body())
    with application.transaction(force_rollback=True):
        for one in lost:
            add(application, one.body())
    statement = "SELECT count(*), count(DISTINCT xid) FROM audit.event WHERE event_id = ANY (%s)"
    assert superuser.execute(statement, ([one.id for one in kept],)).fetchone() == (3, 1)
    assert superuser.execute(statement, ([one.id for one in lost],)).fetchone() == (0, 0)
