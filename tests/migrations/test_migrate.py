"""Bringing a database to this code's schema, and refusing to run on one that is not there."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from databases import DatabaseUrls
from members import KEYS, Member, hit
from revisions import downgrade

from registry import key_file
from registry.db import migrate, schema_dump
from registry.db.migrate import SchemaError
from registry.domain.errors import Code, Refused
from registry.operations.assembly import open_registry
from registry.operations.readiness import readiness
from registry.operations.registry import Registry
from registry.settings import Settings

REPOSITORY = Path(__file__).parents[2]
HEAD = "0010"
LOCK_KEY = 0x44656D616E64
"""The same in every version: an older and a newer one must not migrate at once."""
TABLES = (
    "SELECT count(*) FROM information_schema.tables WHERE table_schema IN ('registry', 'audit')"
    " AND table_name <> 'alembic_version'"
)


def ask(urls: DatabaseUrls, statement: str) -> Any:
    with psycopg.connect(urls.superuser_dsn) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return row[0]


def do(urls: DatabaseUrls, statement: str) -> None:
    with psycopg.connect(urls.superuser_dsn) as connection:
        connection.execute(statement.encode())


def settings_for(urls: DatabaseUrls, folder: Path) -> Settings:
    path = folder / "keys.json"
    key_file.write(path, KEYS, None)
    return Settings.build(mode="sandbox", database_url=urls.app, key_file=path)


@contextmanager
def held(urls: DatabaseUrls, statement: str) -> Generator[None]:
    """A superuser's transaction that holds what the statement locked."""
    with psycopg.connect(urls.superuser_dsn) as connection:
        connection.execute(statement.encode())
        yield
        connection.rollback()


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.02)


def test_an_empty_database_is_brought_to_the_head(empty: DatabaseUrls) -> None:
    assert migrate.head() == HEAD
    assert migrate.migrate(empty.owner) == (None, HEAD)
    assert schema_dump.dump(empty.owner).encode() == schema_dump.PATH.read_bytes()


def test_running_again_changes_nothing(urls: DatabaseUrls) -> None:
    before = ask(urls, "SELECT xmin::text || ctid::text FROM registry.alembic_version")
    assert migrate.migrate(urls.owner) == (HEAD, HEAD)
    assert ask(urls, "SELECT xmin::text || ctid::text FROM registry.alembic_version") == before


def test_upgraded_with_data_then_downgraded_then_upgraded_again_it_works(
    urls: DatabaseUrls, registry: Registry, investigator: Member, employer: Member
) -> None:
    decoy = investigator.register_decoy("+1 206 555 0199")
    investigator.record(hit(decoy, "+1 206 555 0177"))
    assert employer.look_up("+1 206 555 0177")["outcome"] == "contact_observed"
    assert ask(urls, "SELECT count(*) FROM registry.hits") == 1
    registry.database.dispose()

    downgrade(urls, "base")
    assert ask(urls, TABLES) == 0
    assert ask(urls, "SELECT count(*) FROM pg_proc WHERE pronamespace = 'registry'::regnamespace") == 0
    assert not readiness(registry).migrations

    assert migrate.migrate(urls.owner) == (None, HEAD)
    assert schema_dump.dump(urls.owner).encode() == schema_dump.PATH.read_bytes()
    assert ask(urls, "SELECT count(*) FROM registry.hits") == 0
    registry.database.transaction(lambda tx: migrate.require_head(tx.connection))


def test_an_empty_database_says_what_to_run(empty: DatabaseUrls, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=r"no schema yet.*demand-registry migrate"):
        open_registry(settings_for(empty, tmp_path))


def test_an_older_database_says_what_to_run(
    urls: DatabaseUrls, tmp_path: Path, add_revision: Callable[..., str]
) -> None:
    add_revision("SELECT 1")
    with pytest.raises(SchemaError, match=f"older revision {HEAD}.*demand-registry migrate"):
        open_registry(settings_for(urls, tmp_path))
    assert migrate.migrate(urls.owner) == (HEAD, "9999")


def test_a_database_of_newer_code_is_refused_by_the_start_and_by_migrate(urls: DatabaseUrls, tmp_path: Path) -> None:
    do(urls, "UPDATE registry.alembic_version SET version_num = '4711'")
    with pytest.raises(SchemaError, match=r"4711, which is newer than this code\. Install the newer code"):
        open_registry(settings_for(urls, tmp_path))
    with pytest.raises(SchemaError, match="4711, which is newer than this code"):
        migrate.migrate(urls.owner)
    assert ask(urls, "SELECT version_num FROM registry.alembic_version") == "4711"


def test_a_process_that_runs_when_the_database_moves_on_is_not_ready_any_more(
    urls: DatabaseUrls, registry: Registry
) -> None:
    assert readiness(registry).database
    assert readiness(registry).migrations
    do(urls, "UPDATE registry.alembic_version SET version_num = '4711'")
    found = readiness(registry)
    assert (found.ready, found.database, found.migrations) == (False, True, False)
    assert "newer than this code" in found.why


def test_a_database_that_is_away_is_told_apart_from_one_that_is_not_migrated(
    urls: DatabaseUrls, tmp_path: Path
) -> None:
    away = DatabaseUrls(*(url.replace("host=", f"host={tmp_path}/") for url in (urls.owner, urls.app, urls.superuser)))
    with pytest.raises(SchemaError, match="cannot be reached; nothing was changed"):
        migrate.migrate(away.owner)
    with pytest.raises(Refused) as caught:
        open_registry(settings_for(away, tmp_path))
    assert caught.value.code is Code.DATABASE_UNAVAILABLE


def test_two_migrations_at_once_take_turns_and_both_end_well(empty: DatabaseUrls) -> None:
    environment = {**os.environ, "REGISTRY_OWNER_DATABASE_URL": empty.owner}
    arguments = [sys.executable, "-c", "from registry.cli import main; main()", "migrate"]

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            arguments, check=False, capture_output=True, text=True, env=environment, cwd=REPOSITORY, timeout=60
        )

    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(2) as pool:
        with held(empty, f"SELECT pg_advisory_xact_lock({LOCK_KEY})"):
            done = [pool.submit(run) for _ in range(2)]
            wait_until(lambda: ask(empty, waiting) == 2)
            assert ask(empty, TABLES) == 0
        finished = [future.result() for future in done]
    assert [one.returncode for one in finished] == [0, 0], [one.stderr for one in finished]
    assert sorted(one.stdout.strip() for one in finished) == [
        f"Migrated: empty -> {HEAD}",
        f"The database is at revision {HEAD} already.",
    ]
    assert schema_dump.dump(empty.owner).encode() == schema_dump.PATH.read_bytes()


def test_a_migration_that_never_gets_its_turn_says_so_and_changes_nothing(
    empty: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "_LOCK_TIMEOUT_SECONDS", 0.3)
    with (
        held(empty, f"SELECT pg_advisory_xact_lock({LOCK_KEY})"),
        pytest.raises(SchemaError, match="lock could not be had in time; nothing was changed"),
    ):
        migrate.migrate(empty.owner)
    assert ask(empty, "SELECT count(*) FROM pg_namespace WHERE nspname IN ('registry', 'audit')") == 0
    assert migrate.migrate(empty.owner) == (None, HEAD)


def test_a_migration_does_not_wait_behind_a_long_query_and_what_it_began_is_undone(
    urls: DatabaseUrls, add_revision: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_revision(
        "ALTER TABLE registry.decoys ADD COLUMN first_half text",
        "ALTER TABLE registry.hits ADD COLUMN second_half text",
    )
    monkeypatch.setattr(migrate, "_LOCK_TIMEOUT_SECONDS", 0.3)
    with (
        held(urls, "SELECT count(*) FROM registry.hits"),
        pytest.raises(SchemaError, match="lock could not be had in time; nothing was changed"),
    ):
        migrate.migrate(urls.owner)
    assert schema_dump.dump(urls.owner).encode() == schema_dump.PATH.read_bytes()
    assert ask(urls, "SELECT version_num FROM registry.alembic_version") == HEAD
    assert migrate.migrate(urls.owner) == (HEAD, "9999")


def test_a_migration_that_takes_too_long_is_ended_and_undone(
    urls: DatabaseUrls, add_revision: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add_revision("ALTER TABLE registry.decoys ADD COLUMN first_half text", "SELECT pg_sleep(30)")
    monkeypatch.setattr(migrate, "_STATEMENT_TIMEOUT_SECONDS", 0.3)
    with pytest.raises(SchemaError, match=r"took longer than .* nothing was changed"):
        migrate.migrate(urls.owner)
    assert schema_dump.dump(urls.owner).encode() == schema_dump.PATH.read_bytes()


def test_a_killed_migration_leaves_nothing_and_no_lock(empty: DatabaseUrls) -> None:
    """Its session ends with its process, and with the session its lock."""
    script = (
        "import sys, time; from sqlalchemy import create_engine; from registry.db import migrate\n"
        "with create_engine(sys.argv[1]).connect() as connection:\n"
        "    migrate._take_lock(connection); print('locked', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, empty.owner], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "locked\n"
        finally:
            process.kill()
    assert migrate.migrate(empty.owner) == (None, HEAD)
