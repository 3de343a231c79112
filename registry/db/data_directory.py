"""The folder of an embedded registry: who may use it, and what is said to the second one who tries."""

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from registry.db.postmaster import command_line

ELSEWHERE: Final = "choose another folder with REGISTRY_DATA_DIR=..."


class EmbeddedError(Exception):
    """The embedded PostgreSQL cannot run; the message says why and what to do."""


class DataDirectoryTaken(EmbeddedError):  # noqa: N818 - it is a state of the folder, told to a person
    """Another process runs on the data folder."""

    def __init__(self, data_dir: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{data_dir} is in use by {who}: stop it, or {ELSEWHERE}")
        self.pid = pid


def take(data_dir: Path) -> int:
    """Takes the folder for this process until the descriptor is closed, by whatever end; writes our pid in the file."""
    try:
        # PostgreSQL's account has to pass through it when it is not ours.
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / "registry.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except (FileExistsError, NotADirectoryError) as error:
        raise EmbeddedError(f"{data_dir} is, or lies in, something that is not a folder: {ELSEWHERE}") from error
    except OSError as error:
        raise EmbeddedError(f"{data_dir} cannot be written ({error.strerror}): {ELSEWHERE}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = _holder(lock) if isinstance(error, BlockingIOError) else None
        os.close(lock)
        if isinstance(error, BlockingIOError):
            raise DataDirectoryTaken(data_dir, holder) from None
        raise EmbeddedError(f"{data_dir} cannot be locked ({error.strerror}): {ELSEWHERE}") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _holder(lock: int) -> int | None:
    """The pid in a lock file that somebody else holds; waits a second for one who has not written it yet."""
    for _ in range(100):
        with suppress(ValueError):
            pid = int(os.pread(lock, 20, 0))
            if any(command_line(pid)):  # else it is the pid of an earlier holder
                return pid
        time.sleep(0.01)
    return None
