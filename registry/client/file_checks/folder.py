"""Where one registry's checks keep what must outlive a process: a private folder, its key, and its lock.

Rows in the folder are named by keyed hashes of what they are about, never by a number in clear. That helps where a
single file gets out: a copy of the database alone says nothing about whose numbers it is about. It does not help
against somebody who has the whole folder: the key lies beside it, and all numbers there are can be tried with it within
minutes. What keeps that person out is the account that it belongs to; folder and files are for nobody else.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
import stat
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from registry.domain.confidential import Confidential

_KEY_BYTES: Final = 32
_NAME_BYTES: Final = 16
_FOLDER_MODE: Final = 0o700
_FILE_MODE: Final = 0o600
_UNFIT_FOR_NAMES: Final = re.compile("[^A-Za-z0-9.-]+")


class CacheError(Exception):
    """The cache cannot be used; the text says which folder, and why."""


def default_root() -> Path:
    """The user's cache folder (XDG Base Directory Specification), and in it ours."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(given) if given.startswith("/") else Path.home() / ".cache"
    return base / "demand-registry"


@dataclass(frozen=True, slots=True)
class Folder(Confidential):
    """One registry's folder, made and looked at."""

    path: Path
    _key: bytes = field(repr=False)

    @classmethod
    def open(cls, root: Path, url: str) -> "Folder":
        """Makes what is not there yet. Raises CacheError where it is another account's, OSError where it cannot be."""
        path = root / folder_name(url)
        path.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise CacheError(f"The cache {path} is not a folder of this account. Name another one with --cache.")
        path.chmod(_FOLDER_MODE)
        return cls(path, _key_of(path / "key"))

    def name(self, kind: bytes, *parts: bytes) -> bytes:
        """What stands for these parts: 16 bytes. kind: at most 16 bytes."""
        framed = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hashlib.blake2b(framed, key=self._key, person=kind, digest_size=_NAME_BYTES).digest()

    def number_name(self, number: str) -> bytes:
        """What stands for a number in E.164: 16 bytes."""
        return hashlib.blake2b(number.encode(), key=self._key, person=b"number", digest_size=_NAME_BYTES).digest()

    def file(self, name: str) -> Path:
        """An empty file, for the owner alone, unless it is there."""
        path = self.path / name
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE))
        return path

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[], None]) -> Generator[int]:
        """Holds the folder for this process and for those that it gives the descriptor to, until all have ended.

        waiting: called once where somebody else holds it.
        """
        lock = os.open(self.file("lock"), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield lock
        finally:
            os.close(lock)


def folder_name(url: str) -> str:
    """Readable, and different for every address."""
    host = _UNFIT_FOR_NAMES.sub("_", urlsplit(url).netloc)[:60]
    return f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def _key_of(path: Path) -> bytes:
    """Made at the first use. Whoever comes second reads what the first made."""
    with contextlib.suppress(FileNotFoundError):
        return _read_key(path)
    fresh = path.with_name(f"key.{secrets.token_hex(8)}")
    with open(fresh, "xb", opener=_private) as file:
        file.write(secrets.token_bytes(_KEY_BYTES))
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    fresh.unlink()
    return _read_key(path)


def _read_key(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise CacheError(
            f"The cache {path.parent} is damaged. Delete it: what it holds will be asked and paid for again."
        )
    return key


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, _FILE_MODE)
