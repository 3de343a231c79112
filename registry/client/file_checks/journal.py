"""What a running check was answered so far, so that it need not ask, and pay, a second time.

Every request is written down before it is sent, by the key that it carries: whoever is interrupted sends it again under
the same key, for which the registry charges nothing. Gone when the result is written.
"""

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import uuid4

from registry.client.file_checks.folder import Folder
from registry.client.file_checks.tag_cache import opened_database, transaction

_SCHEMA: Final = """
CREATE TABLE answer (question BLOB PRIMARY KEY, cells TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE request (name BLOB PRIMARY KEY, idempotency_key TEXT NOT NULL, body BLOB, at REAL NOT NULL);
CREATE TABLE receipt (audit_id TEXT PRIMARY KEY, guidance TEXT NOT NULL);
"""
_TABLES: Final = ("answer", "request")
_SAME_KEY_SECONDS: Final = 23 * 3_600
"""The registry knows a key for 24 hours."""
_ABANDONED_SECONDS: Final = 14 * 86_400
_FOLDER: Final = "jobs"
_SUFFIXES: Final = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that was sent, or was about to be. body: of one that can be sent again as it is."""

    name: bytes
    idempotency_key: str
    body: bytes | None = field(repr=False)


class Journal:
    """Of one check: a file, the options that its answers depend on, and a key."""

    __slots__ = ("_database", "_path")

    def __init__(self, folder: Folder, job: bytes) -> None:
        (folder.path / _FOLDER).mkdir(mode=0o700, exist_ok=True)
        _remove_abandoned(folder.path / _FOLDER)
        self._path = folder.file(f"{_FOLDER}/{job.hex()}.db")
        self._database = opened_database(self._path, _SCHEMA)

    def close(self) -> None:
        """What nothing was asked for leaves nothing behind."""
        with suppress(sqlite3.ProgrammingError):  # it was removed
            if not any(self._database.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall() for table in _TABLES):  # noqa: S608 - of this module
                self.remove()
            self._database.close()

    def remove(self) -> None:
        """Closes it, too."""
        self._database.close()
        _remove(self._path)

    def answer(self, question: bytes) -> tuple[str, ...] | None:
        """The cells that answer it."""
        row = self._database.execute("SELECT cells FROM answer WHERE question = ?", (question,)).fetchone()
        return None if row is None else tuple(json.loads(row[0]))

    def begin(self, name: bytes, body: bytes | None) -> Pending:
        """Called before a request is sent. name: of this very request. body: None to keep no copy of it."""
        now = time.time()
        with transaction(self._database):
            row = self._database.execute("SELECT idempotency_key, at FROM request WHERE name = ?", (name,)).fetchone()
            if row is not None and 0 <= now - row[1] < _SAME_KEY_SECONDS:
                return Pending(name, row[0], body)
            key = str(uuid4())
            self._database.execute("INSERT OR REPLACE INTO request VALUES (?, ?, ?, ?)", (name, key, body, now))
        return Pending(name, key, body)

    def unfinished(self) -> list[Pending]:
        """Requests whose answer never came, and that can be sent again as they are."""
        oldest = time.time() - _SAME_KEY_SECONDS
        rows = self._database.execute(
            "SELECT name, idempotency_key, body FROM request WHERE body IS NOT NULL AND at > ? ORDER BY at", (oldest,)
        )
        return [Pending(*row) for row in rows]

    def finish(
        self, pending: Pending, answers: Iterable[tuple[bytes, Sequence[str]]], audit_id: str, guidance: str
    ) -> None:
        """Keeps a request's answers: by question, the cells that answer it."""
        with transaction(self._database):
            self._database.executemany(
                "INSERT OR REPLACE INTO answer VALUES (?, ?)",
                ((question, json.dumps(list(cells))) for question, cells in answers),
            )
            self._database.execute("INSERT OR REPLACE INTO receipt VALUES (?, ?)", (audit_id, guidance))
            self._database.execute("DELETE FROM request WHERE name = ?", (pending.name,))

    def receipts(self) -> list[str]:
        return [audit_id for (audit_id,) in self._database.execute("SELECT audit_id FROM receipt ORDER BY rowid")]

    def guidance(self) -> str | None:
        """Where it is said what to do next; None before the first answer."""
        row = self._database.execute("SELECT guidance FROM receipt ORDER BY rowid DESC LIMIT 1").fetchone()
        return None if row is None else str(row[0])


def _remove(path: Path) -> None:
    for suffix in _SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Answers that nobody came back for are not kept for ever."""
    oldest = time.time() - _ABANDONED_SECONDS
    for path in folder.glob("*.db"):
        with suppress(OSError, sqlite3.Error):
            if path.stat().st_mtime < oldest:
                _remove(path)
