"""What can be known of a running embedded server from outside: its postmaster.pid, its process, its socket.

Owns the reading of those three and the one way to connect as superuser. It must never change a file, signal a process,
or take a server for alive because a file says so.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import psycopg

SUPERUSER: Final = "postgres"
MAINTENANCE_DATABASE: Final = "postgres"
PORT: Final = 5432  # names the socket file; given everywhere, so that PGPORT in somebody's environment changes nothing


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A server by its own account, which may be out of date."""

    pid: int
    socket_dir: Path
    ready: bool

    @classmethod
    def read(cls, pgdata: Path) -> Self | None:
        """Lines 1, 5 and 8 of postmaster.pid, which PostgreSQL fills in as it comes up; None if there is none.

        Raises PermissionError if the cluster belongs to another account.
        """
        try:
            lines = os.fsdecode((pgdata / "postmaster.pid").read_bytes()).split("\n")
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not lines[0].strip().isdigit():
            return None
        lines += [""] * 8
        return cls(pid=int(lines[0]), socket_dir=Path(lines[4]), ready=lines[7].strip() == "ready")

    def answers(self, pgdata: Path) -> bool:
        """Whether it takes sessions. Only a socket of the cluster's owner counts: a stale postmaster.pid may name a
        folder that somebody else has made since.
        """
        try:
            if not self.ready or self.socket_dir.stat().st_uid != pgdata.stat().st_uid:
                return False
            connect(self.socket_dir).close()
        except (OSError, psycopg.OperationalError):
            return False
        return True


def connect(socket_dir: Path) -> psycopg.Connection:
    """A session of the superuser in the database `postgres`, in autocommit."""
    return psycopg.connect(
        host=str(socket_dir),
        port=PORT,
        user=SUPERUSER,
        dbname=MAINTENANCE_DATABASE,
        autocommit=True,
        connect_timeout=10,
    )


def command_line(pid: int) -> tuple[bytes, bytes]:
    """A live process's program, without its folder, and all its arguments as one text; both empty if it has ended."""
    if Path("/proc/self/cmdline").exists():
        try:
            program, _, arguments = Path(f"/proc/{pid}/cmdline").read_bytes().partition(b"\0")
        except OSError:
            return b"", b""
    else:
        said = subprocess.run(  # noqa: S603 - a number is all that varies
            ["/bin/ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True
        )
        program, _, arguments = said.stdout.strip().partition(b" ")
    return os.path.basename(program), arguments  # noqa: PTH119 - pathlib takes no bytes
