"""Transactions when something goes wrong below them: what is run again, what is refused, and that no value is told."""

import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest
from databases import DatabaseUrls
from house import opened_database
from interleaved import wait_until
from psycopg import sql
from sqlalchemy import text

from registry.db.database import Database, DatabaseFault, DatabaseOptions, Writing
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Code, Refused

Connection = psycopg.Connection[tuple[Any, ...]]

SLEEP_AT_COMMIT = """
CREATE FUNCTION public.slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER slowly AFTER INSERT ON registry.listings DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION public.slowly();
"""


@pytest.fixture(scope="module")
def here(cluster: EmbeddedUrls, template: str) -> Iterator[DatabaseUrls]:
    with opened_database(cluster, template) as urls:
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as connection:
            name = connection.info.dbname
            found_early = sql.SQL("ALTER DATABASE {} SET deadlock_timeout = '20ms'").format(sql.Identifier(name))
            connection.execute(found_early)
        yield urls


@pytest.fixture
def superuser(here: DatabaseUrls) -> Iterator[Connection]:
    with psycopg.connect(here.superuser_dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM registry.listings")
        yield connection


@pytest.fixture
def open_with(here: DatabaseUrls) -> Iterator[Callable[..., Database]]:
    """A database under the given options, closed at the end."""
    opened: list[Database] = []

    def open_(**options: Any) -> Database:
        opened.append(Database(here.app, DatabaseOptions(**options)))
        return opened[-1]

    yield open_
    for database in opened:
        database.dispose()


def add_listing(tx: Writing, tag: bytes) -> None:
    tx.connection.execute(
        text(
            "INSERT INTO registry.listings (tag, generation, contacts, decoys, organisations, channels, excluded,"
            " disputed, policy) VALUES (:tag, 1, 0, 0, 0, '{}', false, false, '')"
        ),
        {"tag": tag * 32},
    )


def backend(tx: Writing) -> int:
    return int(tx.connection.execute(text("SELECT pg_backend_pid()")).scalar_one())


def count(superuser: Connection) -> int:
    row = superuser.execute("SELECT count(*) FROM registry.listings").fetchone()
    assert row is not None
    return int(row[0])


def terminate(superuser: Connection, pid: int) -> None:
    superuser.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_deadlock_is_resolved_by_running_one_of_the_two_again(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    database = open_with()
    for tag in (b"a", b"b"):
        database.transaction(partial(add_listing, tag=tag))
    both_hold_one = threading.Barrier(2)
    runs: list[bytes] = []

    def change(first: bytes, second: bytes) -> None:
        def work(tx: Writing) -> None:
            runs.append(first)
            statement = text("UPDATE registry.listings SET policy = policy || 'x' WHERE tag = :tag")
            tx.connection.execute(statement, {"tag": first * 32})
            if len(runs) <= 2:
                both_hold_one.wait(10)
            tx.connection.execute(statement, {"tag": second * 32})

        database.transaction(work)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(change, b"a", b"b"), pool.submit(change, b"b", b"a")]:
            done.result()
    assert len(runs) == 3
    assert superuser.execute("SELECT policy FROM registry.listings").fetchall() == [("xx",), ("xx",)]


def test_serialization_failures_are_tried_five_times_and_then_refused(open_with: Callable[..., Database]) -> None:
    runs: list[int] = []

    def work(tx: Writing) -> None:
        runs.append(1)
        tx.connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"))

    with pytest.raises(Refused) as caught:
        open_with().transaction(work)
    assert (caught.value.code, len(runs)) == (Code.OVERLOADED, 5)
    assert caught.value.retry_after


def test_a_connection_lost_before_commit_is_replaced_and_the_work_done_once(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    database = open_with()
    runs: list[int] = []

    def work(tx: Writing) -> None:
        runs.append(backend(tx))
        add_listing(tx, b"a")
        if len(runs) == 1:
            terminate(superuser, runs[0])
        add_listing(tx, b"b")

    database.transaction(work)
    assert len(set(runs)) == 2
    assert count(superuser) == 2


def test_a_connection_lost_twice_is_a_database_that_is_away(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    runs: list[int] = []

    def work(tx: Writing) -> None:
        runs.append(backend(tx))
        terminate(superuser, runs[-1])
        add_listing(tx, b"a")

    with pytest.raises(Refused) as caught:
        open_with().transaction(work)
    assert (caught.value.code, len(runs)) == (Code.DATABASE_UNAVAILABLE, 2)
    assert caught.value.retry_after
    assert count(superuser) == 0


def test_connections_that_died_in_the_pool_are_not_noticed_by_anybody(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    """As after a restart of the server: every pooled connection is dead at once."""
    database = open_with(pool_size=4)
    everybody = threading.Barrier(4)
    pids: list[int] = []

    def meet(tx: Writing) -> None:
        pids.append(backend(tx))
        everybody.wait(10)

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(database.transaction, meet) for _ in range(4)]:
            done.result()
    pids.append(database.run_single(lambda c: int(c.execute(text("SELECT pg_backend_pid()")).scalar_one())))
    for pid in pids:
        terminate(superuser, pid)
    assert database.run_single(lambda c: c.execute(text("SELECT 1")).scalar_one()) == 1
    assert [database.transaction(lambda tx: backend(tx) in pids) for _ in range(4)] == [False] * 4


def test_a_connection_lost_during_commit_is_not_run_again(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    """It may have been committed; whoever asked must find out by asking again."""
    superuser.execute(SLEEP_AT_COMMIT)
    runs: list[int] = []

    def work(tx: Writing) -> None:
        runs.append(backend(tx))
        add_listing(tx, b"a")

    asleep = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    try:
        with ThreadPoolExecutor(1) as pool:
            committing = pool.submit(open_with().transaction, work)
            wait_until(lambda: bool(runs) and superuser.execute(asleep, (runs[0],)).fetchone() == (1,))
            terminate(superuser, runs[0])
            with pytest.raises(Refused) as caught:
                committing.result()
    finally:
        superuser.execute("DROP FUNCTION public.slowly CASCADE")
    assert (caught.value.code, len(runs)) == (Code.DATABASE_UNAVAILABLE, 1)
    assert count(superuser) == 0


def test_whoever_waits_too_long_for_a_row_is_refused(
    here: DatabaseUrls, superuser: Connection, open_with: Callable[..., Database]
) -> None:
    database = open_with(lock=0.1)
    with psycopg.connect(here.superuser_dsn) as holder:
        holder.execute("LOCK TABLE registry.listings IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Refused) as caught:
            database.transaction(lambda tx: add_listing(tx, b"a"))
        holder.rollback()
    assert (caught.value.code, caught.value.retry_after) == (Code.OVERLOADED, 1.0)


def test_a_statement_that_takes_too_long_is_ended(open_with: Callable[..., Database]) -> None:
    with pytest.raises(Refused) as caught:
        open_with(statement=0.1).transaction(lambda tx: tx.connection.execute(text("SELECT pg_sleep(30)")))
    assert caught.value.code is Code.DATABASE_UNAVAILABLE


def test_with_every_connection_busy_the_next_is_refused_and_does_not_hang(open_with: Callable[..., Database]) -> None:
    database = open_with(pool_size=1, pool_wait=0.1)

    def work(_tx: Writing) -> None:
        with pytest.raises(Refused) as caught:
            database.transaction(backend)
        assert (caught.value.code, caught.value.retry_after) == (Code.OVERLOADED, 1.0)

    database.transaction(work)
    assert database.transaction(backend) > 0


def test_a_server_without_a_place_for_another_connection_is_away(
    here: DatabaseUrls, superuser: Connection, open_with: Callable[..., Database]
) -> None:
    limit = sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}")
    name = sql.Identifier(superuser.info.dbname)
    superuser.execute(limit.format(name, sql.Literal(0)))
    database = open_with()
    try:
        with pytest.raises(Refused, match=Code.DATABASE_UNAVAILABLE):
            database.transaction(backend)
        with pytest.raises(Refused, match=Code.DATABASE_UNAVAILABLE):
            database.run_single(lambda connection: connection.closed)
    finally:
        superuser.execute(limit.format(name, sql.Literal(-1)))
    assert database.transaction(backend) > 0


def test_a_refusal_undoes_everything_and_leaves_the_connection_usable(
    superuser: Connection, open_with: Callable[..., Database]
) -> None:
    database = open_with(pool_size=1, pool_wait=0.1)

    def work(tx: Writing) -> None:
        add_listing(tx, b"a")
        raise Refused(Code.NOT_FOUND, "No.")

    for _ in range(3):
        with pytest.raises(Refused, match="not_found"):
            database.transaction(work)
    assert count(superuser) == 0
    database.transaction(lambda tx: add_listing(tx, b"a"))
    assert count(superuser) == 1


def test_a_fault_of_ours_is_told_without_the_value_that_it_met(open_with: Callable[..., Database]) -> None:
    """The server quotes what it could not read, the driver quotes the server, and neither may reach a log."""
    number = "+12065550177"

    def work(tx: Writing) -> None:
        tx.connection.execute(text("SELECT CAST(CAST(:number AS text) AS uuid)"), {"number": number})

    with pytest.raises(DatabaseFault) as caught:
        open_with().transaction(work)
    assert str(caught.value) == "SQLSTATE 22P02 (InvalidTextRepresentation)"
    assert number not in "".join(traceback.format_exception(caught.value))
