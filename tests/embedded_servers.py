"""Embedded servers in folders and processes of their own, and what a test asks of them."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from registry.db.embedded import EmbeddedUrls
from registry.db.postmaster import Postmaster, command_line

REPOSITORY = Path(__file__).parents[2]

# What a command line does with the server: start, say so, wait for the end of its input or for Ctrl-C, stop.
CHILD = """
import sys
from pathlib import Path
from registry.db.data_directory import EmbeddedError
from registry.db.embedded import EmbeddedPostgres, running_urls
data_dir = Path(sys.argv[1])
server = EmbeddedPostgres(data_dir, durable=False)
try:
    server.start()
    print("started", flush=True)
    sys.stdin.read()
except EmbeddedError as error:
    print(error, flush=True)
except KeyboardInterrupt:
    print("answers" if running_urls(data_dir) else "died", flush=True)
finally:
    server.stop()
"""


@contextmanager
def child(data_dir: Path) -> Generator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    )
    with process:
        yield process


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def ask(url: str, statement: str, **values: object) -> list[tuple[Any, ...]]:
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement), values)
        return [tuple(row) for row in result] if result.returns_rows else []


def postmaster_pid(data_dir: Path) -> int:
    postmaster = Postmaster.read(data_dir / "postgres")
    assert postmaster is not None
    return postmaster.pid


def processes(data_dir: Path, urls: EmbeddedUrls) -> set[int]:
    """The postmaster and everything that it has started."""
    backends = {pid for (pid,) in ask(urls.superuser, "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()")}
    assert len(backends) >= 3
    return {postmaster_pid(data_dir), *backends}


def living(pids: set[int]) -> set[int]:
    return {pid for pid in pids if b"postgres" in b"".join(command_line(pid))}
