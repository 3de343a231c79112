"""A sealed log, and a superuser who puts the triggers to sleep and changes it: as cleverly as each test wants."""

import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, as_superuser, named
from house import fictional_numbers, opened_house
from members import hit
from psycopg import sql
from sealed import LOG_KEY, seal_all
from sqlalchemy import make_url
from written_events import written_event

from registry.db.database import Database
from registry.db.embedded import OWNER_ROLE, EmbeddedUrls
from registry.domain.contradictions import Contradiction
from registry.domain.merkle import Edge
from registry.domain.signed_notes import Checkpoint, Verifier, opened
from registry.log_key import LogKey
from registry.operations.verify_log import Verified, verify_log
from registry.signatures import holds

TABLES: Final = ("event", "leaf", "tile", "checkpoint", "subject")
SIZES: Final = (100, 300, 601)
"""Of the checkpoints: two full tiles, and a partial one."""
SIZE: Final = SIZES[-1]
_INSERT: Final = "INSERT INTO audit.event (body) VALUES (%s)"
_ID: Final = "SELECT e.event_id::text FROM audit.event e JOIN audit.leaf l USING (xid, id) WHERE l.idx = %s"
_BODY: Final = "SELECT e.body FROM audit.event e JOIN audit.leaf l USING (xid, id) WHERE l.idx = %s"


def fill(urls: DatabaseUrls) -> None:
    """601 sealed events, the first few of them real ones that disclosed something, under three checkpoints."""
    with opened_house(urls) as house:
        investigator, employer = house.member("investigator"), house.member("employer")
        line, *seen = islice(fictional_numbers(), 4)
        decoy = investigator.register_decoy(line)
        investigator.record(*(hit(decoy, number) for number in seen))
        for number in seen:
            assert employer.look_up(number)["outcome"] == "contact_observed"
        items = [{"number": number} for number in seen]
        assert employer.post("/v1/checks", {"purpose": "company_number", "items": items}).status_code == 200
        for size in SIZES:
            there = house.superuser.execute("SELECT count(*) FROM audit.event").fetchone()
            assert there is not None
            with house.superuser.cursor() as cursor:
                cursor.executemany(_INSERT, [(written_event(),) for _ in range(size - there[0])])
            assert seal_all(house.registry.database).size == size


@dataclass
class TamperedLog:
    """kept: its newest checkpoint as somebody else kept it, before anything was changed."""

    urls: DatabaseUrls
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)
    kept: Checkpoint

    def verify(
        self, kept: Checkpoint | None = None, verifier: Verifier = LOG_KEY.verifier, url: str | None = None
    ) -> Verified:
        """With the application's login, unless another one's url is given."""
        database = Database(url or self.urls.app)
        try:
            return verify_log(database, verifier, kept, lambda _done, _all: None)
        finally:
            database.dispose()

    def found(self, kept: Checkpoint | None = None, **more: Any) -> Contradiction:
        with pytest.raises(Contradiction) as caught:
            self.verify(kept, **more)
        return caught.value

    def run(self, statement: str, *parameters: Any) -> None:
        """Something must be changed by it."""
        assert self.superuser.execute(statement.encode(), parameters).rowcount, statement

    def value(self, statement: str, *parameters: Any) -> Any:
        row = self.superuser.execute(statement.encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    def id_of(self, index: int) -> str:
        return str(self.value(_ID, index))

    def body_of(self, index: int) -> bytes:
        return bytes(self.value(_BODY, index))

    def index_of(self, operation: str) -> int:
        """Of the first event of an operation."""
        joined = "SELECT min(l.idx) FROM audit.leaf l JOIN audit.event e USING (xid, id)"
        return int(
            self.value(f"{joined} WHERE e.operation = %s AND audit.field(e.body, 'subjects') IS NOT NULL", operation)
        )

    def rewrite_body(self, index: int, change: Callable[[bytes], bytes] | None = None) -> None:
        """Another body, whose columns follow by themselves."""
        body = self.body_of(index)
        changed = body.replace(b'"ok"', b'"oK"') if change is None else change(body)
        assert changed != body
        self.run("UPDATE audit.event SET body = %s WHERE event_id = %s", changed, self.id_of(index))

    def rewrite_leaf(self, index: int) -> None:
        """The leaf that fits the body as it is now."""
        hash_ = hashlib.sha256(b"\x00" + self.body_of(index)).digest()
        self.run("UPDATE audit.leaf SET hash = %s WHERE idx = %s", hash_, index)

    def rebuild(self, key: LogKey | None) -> None:
        """Tiles and roots of checkpoints that fit the leaves as they are now. key: signs them anew, too."""
        self.superuser.execute("DELETE FROM audit.tile")
        edge = Edge()
        sizes = {row[0] for row in self.superuser.execute("SELECT size FROM audit.checkpoint")}
        for (hash_,) in self.superuser.execute("SELECT hash FROM audit.leaf ORDER BY idx").fetchall():
            for tile in edge.append(bytes(hash_)):
                row = (tile.tile.level, tile.tile.index, b"".join(tile.hashes), tile.root)
                self.run("INSERT INTO audit.tile (level, n, hashes, root) VALUES (%s, %s, %s, %s)", *row)
            if edge.size in sizes:
                self.run("UPDATE audit.checkpoint SET root = %s WHERE size = %s", edge.root(), edge.size)
                if key is not None:
                    note = key.sign(Checkpoint(key.origin, edge.size, edge.root()))
                    self.run("UPDATE audit.checkpoint SET note = %s WHERE size = %s", note, edge.size)

    def cut(self, size: int) -> None:
        """Back to how it was at a checkpoint, consistently."""
        self.run(
            "DELETE FROM audit.event e USING audit.leaf l WHERE (e.xid, e.id) = (l.xid, l.id) AND l.idx >= %s", size
        )
        self.run("DELETE FROM audit.leaf WHERE idx >= %s", size)
        self.run("DELETE FROM audit.tile WHERE (n + 1) * 256 ^ (level + 1) > %s", size)
        self.run("DELETE FROM audit.checkpoint WHERE size > %s", size)

    def checkpoint(self, size: int) -> Checkpoint:
        note = str(self.value("SELECT note FROM audit.checkpoint WHERE size = %s", size))
        return Checkpoint.parse(opened(note, LOG_KEY.verifier, holds), LOG_KEY.origin)


@dataclass(frozen=True)
class Sealed:
    """A filled database that nobody is connected to: every test gets a copy of it."""

    name: str
    kept: Checkpoint


def filled(urls: DatabaseUrls) -> Sealed:
    fill(urls)
    with psycopg.connect(urls.superuser_dsn) as connection:
        row = connection.execute("SELECT note FROM audit.checkpoint ORDER BY size DESC LIMIT 1").fetchone()
    assert row is not None
    note: str = row[0]
    kept = Checkpoint.parse(opened(note, LOG_KEY.verifier, holds), LOG_KEY.origin)
    name = make_url(urls.app).database
    assert name is not None
    return Sealed(name, kept)


@contextmanager
def copied(cluster: EmbeddedUrls, source: Sealed, name: str) -> Generator[TamperedLog]:
    here = sql.Identifier(name)
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
    as_superuser(cluster, copy.format(here, sql.Identifier(source.name), sql.Identifier(OWNER_ROLE)))
    urls = named(cluster, name)
    try:
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
            sleep(superuser, TABLES)
            yield TamperedLog(urls, superuser, source.kept)
    finally:
        as_superuser(cluster, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(here))


def sleep(superuser: psycopg.Connection[tuple[Any, ...]], tables: Sequence[str]) -> None:
    """Nothing is append only any more."""
    for table in tables:
        superuser.execute(sql.SQL("ALTER TABLE audit.{} DISABLE TRIGGER ALL").format(sql.Identifier(table)))
