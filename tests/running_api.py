"""The API as production runs it: processes of its own, on a port, on a database, under the tests' keys.

Whatever a test does to them, all of them have ended when its block ends.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
import psycopg
from command_line import PROGRAM, clean_environment, free_port
from databases import DatabaseUrls
from house import sandbox_settings
from interleaved import wait_until
from members import KEYS, Member, new_member, open_test_registry

from registry import key_file
from registry.db.database import Database, DatabaseOptions
from registry.operations.registry import Registry, utc_now

if TYPE_CHECKING:
    from starlette.testclient import TestClient

REPOSITORY: Final = Path(__file__).parents[1]
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


@dataclass
class RunningApi:
    """log: what it writes to standard error, one JSON object a line."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path
    http: httpx.Client = field(repr=False)

    def pids(self) -> set[int]:
        """Its processes that live, workers and signers included."""
        return living(self.process.pid)

    def working_seconds(self) -> dict[int, float]:
        """Process -> the processor time it has used. On Linux."""
        found: dict[int, float] = {}
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            found[pid] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return found

    def logged(self, **wanted: object) -> list[dict[str, Any]]:
        """The log's entries with these members."""
        found: list[dict[str, Any]] = []
        for line in self.log.read_text().splitlines():
            with suppress(ValueError):  # the last line may not be whole yet
                entry: dict[str, Any] = json.loads(line)
                found += [entry] if entry.items() >= wanted.items() else []
        return found

    def kill(self) -> None:
        """Like `kill -9` on all of its processes; the machine they ran on might as well have lost its power."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)
        wait_until(lambda: not self.pids())


def living(group: int) -> set[int]:
    """The processes of a group that have not ended. Who has ended and waits for its parent to notice is not among them.

    On Linux; elsewhere none is found.
    """
    found: set[int] = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, of_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(of_group) == group and state not in {"Z", "X"}:
                found.add(int(stat.parent.name))
    return found


@contextmanager
def running_api(
    urls: DatabaseUrls,
    folder: Path,
    *,
    workers: int = 1,
    factory: str | None = None,
    environment: dict[str, str] | None = None,
    **settings: object,
) -> Generator[RunningApi]:
    """Waits until it is ready. settings: REGISTRY_* in lower case without the prefix.

    factory: another application than the product's, as `module:name` under tests/, run by uvicorn directly.
    """
    keys = folder / "keys.json"
    if not keys.exists():
        key_file.write(keys, KEYS, None)
    port = free_port()
    given = {"mode": "sandbox", "database_url": urls.app, "key_file": keys, "signers": 1, **settings}
    variables = {f"REGISTRY_{name.upper()}": str(value) for name, value in given.items()}
    command: Sequence[str] = [PROGRAM, "serve", "--port", str(port), "--workers", str(workers)]
    if factory is not None:
        command = [sys.executable, "-m", "uvicorn", "--factory", factory, "--app-dir", "tests", "--port", str(port)]
    log = folder / f"api-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=clean_environment({**variables, **(environment or {})}),
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=20)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, limits=limits) as http:
        api = RunningApi(process, port, log, http)
        try:
            _await_ready(api)
            yield api
        finally:
            _end(api)


def _await_ready(api: RunningApi) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        assert api.process.poll() is None, api.log.read_text()
        assert time.monotonic() < deadline, api.log.read_text()
        with suppress(httpx.TransportError):
            if api.http.get("/health/ready").status_code == 200:
                return
        time.sleep(0.05)


def _end(api: RunningApi) -> None:
    """A stop as asked for; whoever has not followed in time is killed. Nobody is left."""
    try:
        if api.process.poll() is None:
            api.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                api.process.wait(STOP_SECONDS)
    finally:
        api.kill()


@dataclass
class Operator:
    """The registry's database from the outside: organisations are made here, and rows looked at."""

    urls: DatabaseUrls
    registry: Registry
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def member(self, api: RunningApi, kind: str, **limits: Any) -> Member:
        """An organisation whose requests go to the running API."""
        client = cast("TestClient", api.http)  # both are the same kind of client, by two releases of one library
        return new_member(self.registry, client, kind, **limits)

    def value(self, statement: str, *parameters: object) -> Any:
        """The first column of the only row."""
        row = self.superuser.execute(statement.encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    def events(self, **wanted: str) -> int:
        """How many audit events have these fields at their top."""
        total = "SELECT count(*) FROM audit.event WHERE convert_from(body, 'UTF8')::jsonb @> %s::jsonb"
        return int(self.value(total, json.dumps(wanted)))

    def waiting(self) -> int:
        """How many sessions of this database wait for a lock."""
        return int(
            self.value(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )

    @contextmanager
    def holding(self, statement: str, *parameters: object) -> Generator[None]:
        """A superuser's transaction that holds what the statement locks, and is rolled back at the end."""
        with psycopg.connect(self.urls.superuser_dsn) as holder:
            holder.execute(statement.encode(), parameters)
            yield
            holder.rollback()


@contextmanager
def operating(urls: DatabaseUrls) -> Generator[Operator]:
    """Opens the registry in this process, under the keys that the running API has."""
    database = Database(urls.app, DatabaseOptions(pool_size=4, pool_wait=10))
    try:
        registry = open_test_registry(database, utc_now, sandbox_settings())
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
            yield Operator(urls, registry, superuser)
    finally:
        database.dispose()


@dataclass(frozen=True)
class Shared:
    """An API that several tests use and none harms. spool: the folder of its uploads."""

    api: RunningApi
    operator: Operator
    spool: Path

    def member(self, kind: str, **limits: Any) -> Member:
        return self.operator.member(self.api, kind, **limits)


@contextmanager
def raw_connection(api: RunningApi) -> Generator[socket.socket]:
    """For a client that hangs up when it likes."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        yield connection


def head_of(member: Member, target: str, length: int) -> bytes:
    """The head of a POST of a CSV file of so many bytes."""
    return (
        f"POST {target} HTTP/1.1\r\nHost: registry.test\r\nAuthorization: Bearer {member.key}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {length}\r\n\r\n"
    ).encode()
