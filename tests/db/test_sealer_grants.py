"""What the sealer's role may do and what it may not, and how the application comes to it: held against the database."""

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from granted import EVENT, with_rows
from psycopg import errors

from registry.db.embedded import EmbeddedUrls

Connection = psycopg.Connection[tuple[Any, ...]]

SEALER_FORBIDDEN: Final = (
    # It adds to the log and changes nothing in it.
    *(
        "UPDATE audit.leaf SET hash = hash",
        "UPDATE audit.tile SET root = root",
        "UPDATE audit.checkpoint SET note = ''",
    ),
    *("DELETE FROM audit.leaf", "DELETE FROM audit.tile", "DELETE FROM audit.checkpoint"),
    *("TRUNCATE audit.leaf", "TRUNCATE audit.tile", "TRUNCATE audit.checkpoint"),
    *("ALTER TABLE audit.leaf DISABLE TRIGGER ALL", "DROP TABLE audit.checkpoint"),
    "SET session_replication_role = 'replica'",
    # It reads events and writes none.
    "INSERT INTO audit.event (body) VALUES (:event)",
    "INSERT INTO audit.subject (tag, event) VALUES (sha256('t'), gen_random_uuid())",
    *("UPDATE audit.event SET body = body", "DELETE FROM audit.event", "TRUNCATE audit.event"),
    *("UPDATE audit.subject SET tag = tag", "DELETE FROM audit.subject", "TRUNCATE audit.subject"),
    # Who was behind a request it does not learn, nor anything of the registry.
    *("SELECT FROM audit.private", "INSERT INTO audit.private (event, nonce) VALUES (gen_random_uuid(), '')"),
    *("SELECT FROM registry.hits", "SELECT FROM registry.listings", "SELECT FROM registry.api_keys"),
    *("SELECT FROM registry.decoys", "SELECT FROM registry.exclusions", "SELECT FROM registry.disputes"),
    *("SELECT FROM audit.subject", "SELECT FROM registry.organisations", "SELECT FROM registry.generations"),
    "UPDATE registry.organisations SET suspended_at = now()",
    "UPDATE registry.generations SET retired_at = now()",
    "SELECT registry.spend_address('a', 10)",
    "SELECT registry.carry_contacts(ARRAY[sha256('a')], ARRAY[sha256('b')], 2::smallint)",
    *("CREATE TABLE audit.more (a int)", "CREATE TABLE registry.more (a int)", "CREATE ROLE somebody"),
)


@pytest.fixture(scope="module")
def here(cluster: EmbeddedUrls, template: str) -> Iterator[DatabaseUrls]:
    with with_rows(cluster, template) as urls:
        yield urls


@pytest.fixture
def application(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(dsn(here.app), autocommit=True) as connection:
        yield connection


@pytest.fixture
def superuser(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(here.superuser_dsn, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("statement", SEALER_FORBIDDEN)
def test_the_sealer_may_not(application: Connection, statement: str) -> None:
    """As the application takes on its role; whoever logs in as a sealer has no more than that."""
    application.execute("SET ROLE registry_sealer")
    with pytest.raises(errors.InsufficientPrivilege):
        application.execute(statement.replace(":event", f"'{EVENT}'").encode())


def test_the_application_takes_on_the_sealers_role_and_never_has_it_by_itself(superuser: Connection) -> None:
    """Reading events is a step that somebody has to write down, and not what any statement can do."""
    memberships = superuser.execute(
        "SELECT member::regrole::text, roleid::regrole::text, inherit_option, set_option, admin_option"
        " FROM pg_auth_members WHERE member::regrole::text LIKE 'registry_%'"
        " AND member <> 'registry_owner'::regrole ORDER BY 1, 2"
    ).fetchall()
    assert memberships == [
        ("registry_api", "registry_app", True, True, False),
        ("registry_app", "registry_log_reader", False, True, False),
        ("registry_app", "registry_sealer", False, True, False),
    ]


def test_the_sealers_role_ends_with_its_transaction(application: Connection) -> None:
    with application.transaction():
        application.execute("SET LOCAL ROLE registry_sealer")
        assert application.execute("SELECT count(*) FROM audit.event").fetchone() is not None
        application.execute("SET LOCAL ROLE NONE")
        with pytest.raises(errors.InsufficientPrivilege), application.transaction():
            application.execute("SELECT FROM audit.event")
        application.execute("SET LOCAL ROLE registry_sealer")
    with pytest.raises(errors.InsufficientPrivilege):
        application.execute("SELECT FROM audit.event")


READER_FORBIDDEN: Final = (
    *(one for one in SEALER_FORBIDDEN if not one.startswith("SELECT FROM audit.subject")),
    "INSERT INTO audit.leaf (idx, xid, id, hash) VALUES (9, '9', 9, sha256('x'))",
    "INSERT INTO audit.tile SELECT 1, 0, hashes, root FROM audit.tile",
    "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (9, sha256('x'), '9', 9, '')",
)
_READ_BY_READERS: Final = {"SELECT FROM registry.organisations", "SELECT FROM registry.generations"}


@pytest.mark.parametrize("statement", [one for one in READER_FORBIDDEN if one not in _READ_BY_READERS])
def test_a_reader_of_the_log_may_not(application: Connection, statement: str) -> None:
    application.execute("SET ROLE registry_log_reader")
    with pytest.raises(errors.InsufficientPrivilege):
        application.execute(statement.replace(":event", f"'{EVENT}'").encode())


def test_a_reader_of_the_log_reads_events_and_who_they_are_about(application: Connection) -> None:
    application.execute("SET ROLE registry_log_reader")
    application.execute(
        "SELECT s.tag, o.name, g.number, e.body, c.note FROM audit.subject s, registry.organisations o,"
        " registry.generations g, audit.event e, audit.leaf l, audit.tile t, audit.checkpoint c"
    ).fetchall()


def test_where_sealing_is_done_apart_the_application_cannot_seal_and_still_reads(
    cluster: EmbeddedUrls, template: str
) -> None:
    """What docs/audit-log.md says to revoke. Roles belong to the whole cluster, so that it is undone at the end."""
    with with_rows(cluster, template) as urls, psycopg.connect(dsn(urls.owner), autocommit=True) as owner:
        owner.execute("REVOKE registry_sealer FROM registry_app")
        try:
            with psycopg.connect(dsn(urls.app), autocommit=True) as application:
                with pytest.raises(errors.InsufficientPrivilege):
                    application.execute("SET ROLE registry_sealer")
                application.execute("SET ROLE registry_log_reader")
        finally:
            owner.execute("GRANT registry_sealer TO registry_app WITH INHERIT FALSE, SET TRUE")


def test_what_the_sealer_needs_works_in_its_role(application: Connection) -> None:
    application.execute("SET ROLE registry_sealer")
    (xid, id_, leaf), *_ = application.execute("SELECT xid, id, leaf FROM audit.event ORDER BY xid, id").fetchall()
    application.execute("INSERT INTO audit.leaf (idx, xid, id, hash) VALUES (7, %s, %s, %s)", (xid, id_ + 1_000, leaf))
    application.execute("INSERT INTO audit.tile SELECT 1, 0, hashes, root FROM audit.tile")
    application.execute(
        "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (8, %s, %s, %s, 'a note')",
        (leaf, xid, id_),
    )
