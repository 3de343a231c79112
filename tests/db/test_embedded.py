"""The embedded PostgreSQL, on real clusters and with real processes."""

import os
import pwd
import stat
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from embedded_servers import ask, living, processes
from sqlalchemy.exc import DataError, IntegrityError, ProgrammingError

from registry.db.data_directory import DataDirectoryTaken, EmbeddedError
from registry.db.embedded import EmbeddedPostgres, running_urls
from registry.db.postgres_programs import Account

pytestmark = pytest.mark.long


def test_a_first_start_makes_roles_and_database_and_the_next_start_keeps_the_data(data_dir: Path) -> None:
    assert running_urls(data_dir) is None
    server = EmbeddedPostgres(data_dir)
    urls = server.start()
    assert running_urls(data_dir) == urls
    ask(urls.owner, "CREATE TABLE kept (word text)")
    ask(urls.owner, "INSERT INTO kept VALUES ('still here')")
    assert ask(urls.app, "SELECT current_user::text") == [("registry_api",)]
    with pytest.raises(ProgrammingError, match="permission denied for table kept"):
        ask(urls.app, "SELECT * FROM kept")
    assert ask(
        urls.superuser,
        "SELECT rolname::text, rolsuper, rolcreaterole, rolcanlogin FROM pg_roles"
        " WHERE rolname LIKE 'registry%' ORDER BY 1",
    ) == [("registry_api", False, False, True), ("registry_owner", False, True, True)]
    assert ask(
        urls.superuser,
        "SELECT pg_get_userbyid(datdba)::text, pg_encoding_to_char(encoding)::text, datlocprovider, datlocale"
        " FROM pg_database WHERE datname = 'demand_registry'",
    ) == [("registry_owner", "UTF8", "b", "C.UTF-8")]
    pids = processes(data_dir, urls)
    assert living(pids) == pids
    server.stop()
    server.stop()
    assert living(pids) == set()
    assert running_urls(data_dir) is None
    with EmbeddedPostgres(data_dir) as again:
        assert ask(again.owner, "SELECT word FROM kept") == [("still here",)]
        assert ask(again.owner, "SHOW fsync") == [("on",)]


def test_only_the_account_of_the_server_reaches_it_and_only_over_its_socket(
    made_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    with EmbeddedPostgres(made_dir, durable=False, settings={"work_mem": "5MB"}) as urls:
        assert ask(urls.owner, "SHOW listen_addresses") == [("",)]
        assert ask(urls.owner, "SHOW work_mem") == [("5MB",)]
        assert ask(urls.owner, "SHOW fsync") == [("off",)]
        socket = made_dir / "postgres" / ".s.PGSQL.5432"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["listen_addresses", "log_statement", "unix_socket_directories"])
def test_no_setting_can_open_a_port_or_log_statements(data_dir: Path, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        EmbeddedPostgres(data_dir, settings={name: "all"})


def test_a_failing_statement_leaves_no_value_in_the_log(made_dir: Path) -> None:
    canary = "canary-5550142"
    with EmbeddedPostgres(made_dir, durable=False) as urls:
        ask(urls.owner, "CREATE TABLE facts (word text UNIQUE CHECK (length(word) < 20))")
        ask(urls.owner, "INSERT INTO facts VALUES (:word)", word=canary)
        with pytest.raises(IntegrityError, match=canary):
            ask(urls.owner, "INSERT INTO facts VALUES (:word)", word=canary)
        with pytest.raises(IntegrityError, match=canary):
            ask(urls.owner, "INSERT INTO facts VALUES (:word)", word=canary * 2)
        with pytest.raises(DataError, match=canary):
            ask(urls.owner, f"SELECT CAST('{canary}' AS integer)")
    log = (made_dir / "postgres" / "server.log").read_text()
    assert "ready to accept connections" in log
    assert "canary" not in log
    assert "log_min_messages = log" in (made_dir / "postgres" / "postgresql.conf").read_text()


def test_a_log_that_has_grown_is_put_aside_at_the_next_start(made_dir: Path) -> None:
    log = made_dir / "postgres" / "server.log"
    with EmbeddedPostgres(made_dir, durable=False):
        os.truncate(log, 10_000_001)
    with EmbeddedPostgres(made_dir, durable=False):
        assert 0 < log.stat().st_size < 10_000
    assert log.with_name("server.log.1").stat().st_size > 10_000_000


def test_a_deep_folder_with_odd_letters_gets_a_socket_elsewhere_which_goes_with_the_server(data_dir: Path) -> None:
    deep = data_dir / "Größe, 100% + mehr" / ("x" * 100) / ("y" * 100)
    with EmbeddedPostgres(deep, durable=False) as urls:
        assert ask(urls.app, "SELECT current_database()::text") == [("demand_registry",)]
        assert running_urls(deep) == urls
        [(where,)] = ask(urls.superuser, "SHOW unix_socket_directories")
        assert stat.S_IMODE(Path(where).stat().st_mode) == 0o700
    assert not Path(where).exists()


def foreign_files(data_dir: Path) -> Path:
    (data_dir / "postgres").mkdir(parents=True)
    return data_dir / "postgres" / "thesis.txt"


def older_cluster(data_dir: Path) -> Path:
    (data_dir / "postgres").mkdir(parents=True)
    return data_dir / "postgres" / "PG_VERSION"


def file_for_cluster(data_dir: Path) -> Path:
    data_dir.mkdir()
    return data_dir / "postgres"


def file_for_folder(data_dir: Path) -> Path:
    return data_dir


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (foreign_files, r"is not a PostgreSQL cluster: move it away, or choose another folder with REGISTRY_DATA_DIR="),
        (older_cluster, r"made by PostgreSQL 16, and this program brings PostgreSQL 18: dump it"),
        (file_for_cluster, r"is not a PostgreSQL cluster: move it away"),
        (file_for_folder, r"something that is not a folder: choose another folder with REGISTRY_DATA_DIR="),
    ],
)
def test_what_is_in_the_way_is_named_and_left_alone(data_dir: Path, place: Any, message: str) -> None:
    found: Path = place(data_dir)
    found.write_text("16\n")
    for _ in range(2):  # a refusal gives the folder back
        with pytest.raises(EmbeddedError, match=message) as refusal:
            EmbeddedPostgres(data_dir).start()
        assert not isinstance(refusal.value, DataDirectoryTaken)
    assert found.read_text() == "16\n"
    assert running_urls(data_dir) is None


def test_a_server_that_cannot_start_says_why_and_leaves_nothing_behind(made_dir: Path) -> None:
    with pytest.raises(EmbeddedError, match="unrecognized configuration parameter"):
        EmbeddedPostgres(made_dir, durable=False, settings={"no_such_setting": "1"}).start()
    with EmbeddedPostgres(made_dir, durable=False) as urls:
        assert ask(urls.owner, "SELECT 1") == [(1,)]


@contextmanager
def acting_as(entry: pwd.struct_passwd) -> Generator[None]:
    os.setresgid(entry.pw_gid, entry.pw_gid, 0)
    os.setresuid(entry.pw_uid, entry.pw_uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else; all the other tests run as what we are")
def test_an_ordinary_user_runs_it_and_is_told_of_a_folder_that_is_not_writable(data_dir: Path) -> None:
    somebody = pwd.getpwnam("nobody")
    assert Account.of_cluster(data_dir / "postgres").uid not in {None, 0, somebody.pw_uid}
    data_dir.mkdir()
    data_dir.parent.chmod(0o755)
    with (
        acting_as(somebody),
        pytest.raises(EmbeddedError, match=r"cannot be written \(Permission denied\): choose another"),
    ):
        EmbeddedPostgres(data_dir).start()
    os.chown(data_dir, somebody.pw_uid, somebody.pw_gid)
    with acting_as(somebody), EmbeddedPostgres(data_dir, durable=False) as urls:
        assert running_urls(data_dir) == urls
    assert (data_dir / "postgres" / "server.log").stat().st_uid == somebody.pw_uid
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert running_urls(data_dir) == urls
    assert (data_dir / "postgres" / "server.log").stat().st_uid == somebody.pw_uid
    assert Account.of_cluster(data_dir / "postgres").uid == somebody.pw_uid
    os.chown(data_dir / "postgres", 0, 0)
    with acting_as(somebody), pytest.raises(EmbeddedError, match="belongs to another account"):
        running_urls(data_dir)
