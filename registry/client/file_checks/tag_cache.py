"""Tags that were paid for, kept on this machine, and the public keys that the registry is held to.

A tag says nothing without the registry's key; a number's row is found by a keyed hash of it (see `folder`).
"""

import sqlite3
from collections.abc import Generator, Iterable, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.client.file_checks.folder import CacheError, Folder

_VERSION: Final = 1
_WAIT_SECONDS: Final = 60.0
_SCHEMA: Final = """
CREATE TABLE generation (number INTEGER PRIMARY KEY, public_key BLOB NOT NULL);
CREATE TABLE receipt (id INTEGER PRIMARY KEY, audit_id TEXT NOT NULL UNIQUE);
CREATE TABLE tag (
    number BLOB NOT NULL, generation INTEGER NOT NULL, tag BLOB NOT NULL, receipt INTEGER NOT NULL,
    PRIMARY KEY (number, generation)
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class KeptTag:
    """receipt: of the evaluation that it came with, for `TagCache.audit_id`."""

    tag: bytes
    receipt: int


def opened_database(path: Path, schema: str) -> sqlite3.Connection:
    """Durable: what is committed survives the machine. schema: what a new one begins with.

    Raises CacheError for what is no database of ours.
    """
    database = sqlite3.connect(path, timeout=_WAIT_SECONDS, isolation_level=None)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA secure_delete = ON")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0:
            database.execute("PRAGMA synchronous = OFF")  # nothing is in it that could be lost
            database.executescript(f"BEGIN; {schema} PRAGMA user_version = {_VERSION}; COMMIT;")
        elif version != _VERSION:
            raise CacheError(f"{path} is of another version of this program. Use that one, or delete the file.")
        database.execute("PRAGMA synchronous = FULL")
    except BaseException as error:
        database.close()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            said = f"{path} is damaged. Delete it: what it holds will be asked for and paid for again."
            raise CacheError(said) from None
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Generator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


class TagCache:
    """One process's connection; several processes may write at once."""

    __slots__ = ("_database", "_folder")

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._database = opened_database(folder.file("tags.db"), _SCHEMA)

    def close(self) -> None:
        self._database.close()

    def public_keys(self) -> dict[int, bytes]:
        """Of every generation whose tags were ever kept here."""
        return dict(self._database.execute("SELECT number, public_key FROM generation"))

    def drop_others(self, public_keys: Mapping[int, bytes]) -> None:
        """Drops the tags of generations that are not among these, and what was under another key than the one here."""
        known = self.public_keys()
        with transaction(self._database):
            for number, public_key in known.items():
                if public_keys.get(number) != public_key:
                    self._database.execute("DELETE FROM tag WHERE generation = ?", (number,))
                if public_keys.get(number, public_key) != public_key:
                    self._database.execute("DELETE FROM generation WHERE number = ?", (number,))

    def count(self) -> int:
        """How many tags there are."""
        return int(self._database.execute("SELECT count(*) FROM tag").fetchone()[0])

    def tags(self, number: str) -> dict[int, KeptTag]:
        """By generation."""
        rows = self._database.execute(
            "SELECT generation, tag, receipt FROM tag WHERE number = ?", (self._folder.number_name(number),)
        )
        return {generation: KeptTag(tag, receipt) for generation, tag, receipt in rows}

    def keep(
        self, tags: Iterable[tuple[str, int, bytes]], audit_id: str, public_keys: Iterable[tuple[int, bytes]]
    ) -> None:
        """tags: a number, a generation, and its tag. public_keys: those that the tags were proved under.

        A key is remembered with the first tags under it: not before it was proved, and not later than it matters.
        """
        with transaction(self._database):
            self._database.executemany("INSERT OR IGNORE INTO generation VALUES (?, ?)", public_keys)
            self._database.execute("INSERT OR IGNORE INTO receipt (audit_id) VALUES (?)", (audit_id,))
            found = self._database.execute("SELECT id FROM receipt WHERE audit_id = ?", (audit_id,))
            with closing(found):
                (receipt,) = found.fetchone()
            self._database.executemany(
                "INSERT OR REPLACE INTO tag VALUES (?, ?, ?, ?)",
                ((self._folder.number_name(number), generation, tag, receipt) for number, generation, tag in tags),
            )

    def audit_ids(self) -> dict[int, str]:
        """By receipt."""
        return dict(self._database.execute("SELECT id, audit_id FROM receipt"))
