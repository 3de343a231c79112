"""What requests to lines may spend, several in one statement: as if each had come by itself."""

import threading
from collections.abc import Generator
from typing import Any, Final
from uuid import UUID, uuid4

import psycopg
import pytest
from databases import DatabaseUrls
from house import opened_database
from sqlalchemy import Connection

from registry.db.database import Database
from registry.db.embedded import EmbeddedUrls
from registry.db.intake import PER_MINUTE, line_key, spend_lines

INTERVAL: Final = 60 / PER_MINUTE


@pytest.fixture(scope="module")
def urls(cluster: EmbeddedUrls, template: str) -> Generator[DatabaseUrls]:
    with opened_database(cluster, template) as opened:
        yield opened


@pytest.fixture(scope="module")
def database(urls: DatabaseUrls) -> Generator[Database]:
    opened = Database(urls.app)
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def superuser(urls: DatabaseUrls) -> Generator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(urls.superuser_dsn, autocommit=True) as connection:
        yield connection


def spend(database: Database, *lines: UUID) -> list[float]:
    return database.run_single(lambda c: spend_lines(c, lines))


def ahead(superuser: psycopg.Connection[tuple[Any, ...]], line: UUID) -> float:
    """Seconds until the line has earned back what it spent."""
    row = superuser.execute(
        "SELECT tat / 1000000.0 - extract(epoch FROM clock_timestamp()) FROM registry.address_rates WHERE address = %s",
        (line_key(line),),
    ).fetchone()
    assert row is not None
    return float(row[0])


def leave(superuser: psycopg.Connection[tuple[Any, ...]], line: UUID, requests: int) -> None:
    """So that it may still make so many."""
    superuser.execute(
        "INSERT INTO registry.address_rates (address, tat)"
        " VALUES (%s, (extract(epoch FROM clock_timestamp()) + %s) * 1000000)",
        (line_key(line), 60 - (requests + 0.5) * INTERVAL),
    )


def test_each_line_spends_as_often_as_it_is_named(
    database: Database, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    busy, quiet = uuid4(), uuid4()
    assert spend(database, busy, quiet, busy, busy) == [0] * 4
    assert 2 * INTERVAL < ahead(superuser, busy) <= 3 * INTERVAL
    assert ahead(superuser, quiet) <= INTERVAL


def test_the_first_of_a_line_are_allowed_and_the_others_told_how_long_to_wait_in_their_own_places(
    database: Database, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    used, other = uuid4(), uuid4()
    leave(superuser, used, 2)
    waits = spend(database, used, other, used, used, other, used)
    assert [wait > 0 for wait in waits] == [False, False, False, True, False, True]
    assert all(0 < wait <= INTERVAL for wait in (waits[3], waits[5]))
    assert ahead(superuser, used) <= 60, "a refused request spends nothing"


def test_one_that_is_refused_spends_nothing_and_is_allowed_when_it_has_waited(
    database: Database, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    line = uuid4()
    leave(superuser, line, 0)
    before = ahead(superuser, line)
    (wait,) = spend(database, line)
    assert wait > 0
    assert ahead(superuser, line) <= before
    threading.Event().wait(wait)
    assert spend(database, line) == [0]


def test_nothing_is_asked_for_nothing(database: Database) -> None:
    def none(connection: Connection) -> list[float]:
        return spend_lines(connection, [])

    assert database.run_single(none) == []


def test_what_has_been_earned_back_needs_no_row(
    database: Database, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    rested = uuid4()
    superuser.execute("INSERT INTO registry.address_rates (address, tat) VALUES (%s, 1)", (line_key(rested),))
    spend(database, uuid4())
    found = superuser.execute("SELECT FROM registry.address_rates WHERE address = %s", (line_key(rested),)).fetchall()
    assert found == []


def test_processes_that_spend_the_same_lines_in_other_orders_never_wait_in_a_circle(database: Database) -> None:
    lines = [uuid4() for _ in range(8)]
    failed: list[BaseException] = []

    def work(order: list[UUID]) -> None:
        try:
            for _ in range(40):
                assert spend(database, *order) == [0] * len(order)
        except BaseException as error:  # noqa: BLE001 - a thread's exception would go nowhere
            failed.append(error)

    threads = [threading.Thread(target=work, args=(lines[at:] + lines[:at],)) for at in range(0, 8, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
