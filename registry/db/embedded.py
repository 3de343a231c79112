"""The embedded PostgreSQL: a real server under a data folder, for the first try, the tests and small pilots.

Owns `<data>/registry.lock`, `<data>/postgres` (the cluster), `<data>/postgres.init-*` (a cluster in the making) and,
where the data folder's path is too long for a Unix socket, a private folder for the socket under the temporary folder.

It must never listen on a TCP port, log a statement or a value, delete a cluster or a file that it did not make itself,
or run two servers on one folder. Whoever can open the socket is trusted, so the socket lies in a folder that only the
server's own account (and root) can enter.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, LiteralString

import psycopg
from sqlalchemy import URL

from registry.db.data_directory import ELSEWHERE, EmbeddedError, take
from registry.db.postgres_programs import MAJOR_VERSION, Account, program
from registry.db.postmaster import MAINTENANCE_DATABASE, PORT, SUPERUSER, Postmaster, command_line, connect

if TYPE_CHECKING:
    import subprocess

OWNER_ROLE: Final[LiteralString] = "registry_owner"
APP_LOGIN: Final[LiteralString] = "registry_api"
DATABASE: Final[LiteralString] = "demand_registry"

_PROVISIONS: Final[Mapping[str, LiteralString]] = MappingProxyType(
    {
        OWNER_ROLE: f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEROLE",
        APP_LOGIN: f"CREATE ROLE {APP_LOGIN} LOGIN",
        DATABASE: f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}",
    }
)
_SOCKET_PATH_BYTES: Final = 103  # macOS allows 103 and Linux 107 bytes before the closing NUL
_LOG_BYTES: Final = 10_000_000  # a longer log is put aside at the next start, over the one put aside before
_START_SECONDS: Final = 300.0  # recovery after a crash may have much to replay

_DEFAULTS: Final = MappingProxyType(
    {"max_connections": "100", "shared_buffers": "128MB", "timezone": "UTC", "log_timezone": "UTC"}
)
_NOT_DURABLE: Final = MappingProxyType({"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"})
# Messages at ERROR quote the values that they are about ("invalid input syntax ... "), so the log starts at LOG, which
# PostgreSQL ranks above ERROR; whoever sent the statement is told in any case. These also go into postgresql.conf, for
# a server that somebody starts by hand on the same folder.
_LOG_NO_VALUES: Final = MappingProxyType(
    {
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_statement": "none",
        "log_min_duration_statement": "-1",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
        "log_error_verbosity": "terse",
    }
)


@dataclass(frozen=True, slots=True)
class EmbeddedUrls:
    """SQLAlchemy URLs of one server: the database as its owner, as the API's login, and `postgres` as the superuser."""

    owner: str
    app: str
    superuser: str


class EmbeddedPostgres:
    """One server on `data_dir`; `settings` are PostgreSQL's own names and values.

    `durable=False` trades safety in a crash of the machine for speed, for tests. A server that an earlier, killed
    process left running is adopted as it is, with the settings that it was started with.
    """

    def __init__(
        self, data_dir: Path, *, settings: Mapping[str, str] = MappingProxyType({}), durable: bool = True
    ) -> None:
        fixed = {"listen_addresses": "", "port": str(PORT), "unix_socket_permissions": "0700", **_LOG_NO_VALUES}
        if refused := settings.keys() & {*fixed, "unix_socket_directories"}:
            raise ValueError(f"the embedded PostgreSQL keeps its own {', '.join(sorted(refused))}")
        self._data_dir = data_dir.resolve()
        self._pgdata = self._data_dir / "postgres"
        self._durable = durable
        self._settings = {**_DEFAULTS, **({} if durable else _NOT_DURABLE), **settings, **fixed}
        self._lock: int | None = None
        self._child: subprocess.Popen[bytes] | None = None  # None for an adopted server
        self._pid: int | None = None
        self._socket_dir: Path | None = None

    def start(self) -> EmbeddedUrls:
        """Makes the cluster if there is none, runs the server, and makes the roles and the database if missing.

        Raises DataDirectoryTaken if another process has the folder, EmbeddedError if it cannot be used.
        """
        self._lock = take(self._data_dir)
        try:
            account = Account.of_cluster(self._pgdata)
            if not self._holds_cluster():
                self._initialise(account)
            account.admit_to(self._pgdata)
            if not self._adopt():
                self._launch(account)
            return _make_roles_and_database(self._socket_dir or self._pgdata)
        except (OSError, psycopg.Error) as error:
            self.stop()
            raise EmbeddedError(f"{self._data_dir} cannot hold the embedded PostgreSQL: {error}") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends the server, rolling open transactions back, and gives the folder back; does nothing if not started."""
        self._end()
        self._child, self._pid = None, None
        if self._socket_dir is not None and self._socket_dir != self._pgdata:
            with suppress(OSError):  # PostgreSQL has removed its socket; a folder that is not empty is not ours
                self._socket_dir.rmdir()
        self._socket_dir = None
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> EmbeddedUrls:
        return self.start()

    def __exit__(self, *_raised: object) -> None:
        self.stop()

    def _holds_cluster(self) -> bool:
        """Whether there is a cluster to start; raises EmbeddedError if something else is in its place."""
        try:
            version = (self._pgdata / "PG_VERSION").read_text().strip()
        except (FileNotFoundError, NotADirectoryError):
            if not os.path.lexists(self._pgdata) or (self._pgdata.is_dir() and not any(self._pgdata.iterdir())):
                return False
            raise EmbeddedError(
                f"{self._pgdata} is in the way and is not a PostgreSQL cluster: move it away, or {ELSEWHERE}"
            ) from None
        if version != MAJOR_VERSION:
            raise EmbeddedError(
                f"{self._pgdata} was made by PostgreSQL {version}, and this program brings PostgreSQL {MAJOR_VERSION}: "
                f"dump it with the version that made it and load the dump here, or {ELSEWHERE}"
            )
        return True

    def _initialise(self, account: Account) -> None:
        """Makes the cluster beside its place and moves it there when it is whole, so that an interruption at any moment
        leaves either no cluster or a whole one, and nothing in `postgres` is ever deleted.
        """
        for leftover in self._data_dir.glob("postgres.init-*"):
            shutil.rmtree(leftover, ignore_errors=True)  # an initdb whose parent was killed may still write there
        unfinished = Path(tempfile.mkdtemp(prefix="postgres.init-", dir=self._data_dir))
        account.give(unfinished)
        account.admit_to(unfinished)
        command: list[str | Path] = [program("initdb"), "--pgdata", unfinished, "--username", SUPERUSER, "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += ["--no-instructions", *(f"--set={name}={value}" for name, value in _LOG_NO_VALUES.items())]
        command += [] if self._durable else ["--no-sync"]
        with tempfile.TemporaryFile() as output, account.run(command, output, new_session=False) as initdb:
            try:
                status = initdb.wait()
            except BaseException:
                initdb.terminate()  # it takes its own processes with it
                raise
            if status != 0:
                shutil.rmtree(unfinished, ignore_errors=True)
                output.seek(0)
                raise EmbeddedError(f"initdb could not make {self._pgdata}: {output.read().decode(errors='replace')}")
        unfinished.rename(self._pgdata)
        folder = os.open(self._data_dir, os.O_RDONLY)
        with suppress(OSError):  # some file systems have nothing to write for a folder, and say so
            os.fsync(folder)
        os.close(folder)

    def _adopt(self) -> bool:
        """Whether a server already runs on the cluster; waits for it if it is on its way up or down."""
        deadline = time.monotonic() + _START_SECONDS
        while (found := Postmaster.read(self._pgdata)) is not None:
            if found.answers(self._pgdata):
                self._pid, self._socket_dir = found.pid, found.socket_dir
                return True
            running, arguments = command_line(found.pid)
            if os.fsencode(self._pgdata) not in arguments:
                if running not in {b"", b"postgres"}:
                    # After a restart of the computer or container another program may have the old server's pid, and
                    # PostgreSQL would take that program for a running server.
                    (self._pgdata / "postmaster.pid").unlink()
                return False
            if time.monotonic() > deadline:
                raise EmbeddedError(f"the PostgreSQL running on {self._pgdata} (process {found.pid}) does not answer")
            time.sleep(0.05)
        return False

    def _launch(self, account: Account) -> None:
        """Starts the server in a session of its own, where a Ctrl-C in our terminal does not reach it."""
        self._socket_dir = _make_socket_dir(self._pgdata, account)
        command: list[str | Path] = [program("postgres"), "-D", self._pgdata]
        for name, value in {**self._settings, "unix_socket_directories": str(self._socket_dir)}.items():
            command += ["-c", f"{name}={value}"]
        log_path = self._pgdata / "server.log"
        with suppress(FileNotFoundError):
            if log_path.stat().st_size > _LOG_BYTES:
                log_path.replace(log_path.with_suffix(".log.1"))
        with os.fdopen(os.open(log_path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600), "a+b") as log:
            account.give(log_path)
            before = log.seek(0, os.SEEK_END)
            self._child = account.run(command, log, new_session=True)
            self._pid = self._child.pid
            deadline = time.monotonic() + _START_SECONDS
            while time.monotonic() < deadline and self._child.poll() is None:
                found = Postmaster.read(self._pgdata)
                if found is not None and found.ready and found.pid == self._pid:
                    return
                time.sleep(0.01)
            log.seek(before)
            said = log.read().decode(errors="replace").strip()
            raise EmbeddedError(f"PostgreSQL did not start on {self._pgdata}; its log says:\n{said[-2000:]}")

    def _alive(self) -> bool:
        if self._child is not None:
            return self._child.poll() is None
        return self._pid is not None and command_line(self._pid)[0] == b"postgres"

    def _end(self) -> None:
        """Fast shutdown (with a checkpoint); if that takes more than a minute, immediate; in the end, by force."""
        for number, seconds in ((signal.SIGINT, 60), (signal.SIGQUIT, 15), (signal.SIGKILL, 5)):
            if self._pid is None or not self._alive():
                return
            with suppress(ProcessLookupError):
                os.kill(self._pid, number)
            deadline = time.monotonic() + seconds
            while self._alive() and time.monotonic() < deadline:
                time.sleep(0.01)
        if self._alive():
            raise EmbeddedError(f"PostgreSQL (process {self._pid}) on {self._pgdata} does not end")


def running_urls(data_dir: Path) -> EmbeddedUrls | None:
    """The URLs of the server that runs on `data_dir`, for commands beside a running registry; None if none answers.

    Never starts a server. Raises EmbeddedError if the folder belongs to another account.
    """
    pgdata = data_dir.resolve() / "postgres"
    try:
        found = Postmaster.read(pgdata)
    except PermissionError as error:
        raise EmbeddedError(f"{pgdata} belongs to another account: use that account, or root") from error
    return _urls(found.socket_dir) if found is not None and found.answers(pgdata) else None


def _make_socket_dir(pgdata: Path, account: Account) -> Path:
    """The cluster's folder, or a new private one with a short name where libpq could not use that path."""

    def usable(folder: str) -> bool:
        return len(os.fsencode(f"{folder}/.s.PGSQL.{PORT}")) <= _SOCKET_PATH_BYTES and not set(folder) & set(",\n")

    if usable(str(pgdata)):
        return pgdata
    roomy = usable(f"{tempfile.gettempdir()}/registry-12345678")
    folder = Path(tempfile.mkdtemp(prefix="registry-", dir=None if roomy else "/tmp"))  # noqa: S108 - made private
    account.give(folder)
    account.admit_to(folder)
    return folder


def _make_roles_and_database(socket_dir: Path) -> EmbeddedUrls:
    """Makes what is missing, so that an interrupted first start is completed by the next one."""
    with connect(socket_dir) as connection:
        rows = connection.execute("SELECT rolname::text FROM pg_roles UNION ALL SELECT datname::text FROM pg_database")
        present = {str(name) for (name,) in rows}
        for name, statement in _PROVISIONS.items():
            if name not in present:
                connection.execute(statement)
    return _urls(socket_dir)


def _urls(socket_dir: Path) -> EmbeddedUrls:
    def url(role: str, database: str) -> str:
        query = {"host": str(socket_dir), "port": str(PORT)}
        return URL.create("postgresql+psycopg", role, database=database, query=query).render_as_string()

    return EmbeddedUrls(
        owner=url(OWNER_ROLE, DATABASE), app=url(APP_LOGIN, DATABASE), superuser=url(SUPERUSER, MAINTENANCE_DATABASE)
    )
