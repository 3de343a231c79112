"""One registry on one database that many tests share, as its organisations do in life.

Each test brings organisations, decoys and numbers of its own, so that none sees another's. A test that moves what all
share (limits of the process, generations, the database itself) opens a house of its own.
"""

import secrets
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import phonenumbers
import psycopg
from databases import DatabaseUrls, as_superuser, named
from described import Described
from holders import signers_of
from members import KEYS, Clock, Member, new_member
from psycopg import sql
from starlette.testclient import TestClient

from api import openapi
from api.app import wire
from api.blank import blank_app
from registry.db import generations
from registry.db.database import Database, DatabaseOptions
from registry.db.embedded import OWNER_ROLE, EmbeddedUrls
from registry.key_file import KeyFile
from registry.keys import KeyRing
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.registry import Registry, normaliser
from registry.settings import Settings
from registry.tagging import InProcess, Tagging

ANY_TABLE: Final = sql.SQL(
    "SELECT table_schema, table_name FROM information_schema.tables"
    " WHERE table_schema IN ('registry', 'audit') AND table_type = 'BASE TABLE'"
)
AREA_CODES: Final = (
    *("201", "202", "203", "205", "206", "207", "208", "209", "210", "212", "213", "214", "215", "216", "217", "218"),
    *("219", "224", "225", "228", "229", "231", "234", "239", "240", "248", "251", "252", "253", "254"),
)


def example_number(region: str) -> str:
    """libphonenumber's own example of a region's numbers, in E.164: what a live registry takes."""
    example = phonenumbers.example_number(region)
    assert example is not None
    return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


def fictional_numbers() -> Generator[str]:
    """3,000 different numbers of the United States that are reserved for fiction, in E.164."""
    for last in range(100):
        for area in AREA_CODES:
            yield f"+1{area}55501{last:02}"


def sandbox_settings(**more: Any) -> Settings:
    """Fictional numbers are accepted, and limits are out of the way unless `more` says otherwise."""
    values = {"requests_per_minute": 100_000, "numbers_per_day": 10_000_000, "failures_per_minute": 10_000, **more}
    return Settings.build(**{"mode": "sandbox", **values})


@cache
def own_description() -> str:
    """The OpenAPI document as the code says it, which is the same for every house."""
    return openapi.render(blank_app())


@dataclass
class House:
    """client: every answer that it gets is held against the API's own description."""

    urls: DatabaseUrls
    clock: Clock
    registry: Registry
    client: TestClient = field(repr=False)
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def member(self, kind: str, **more: Any) -> Member:
        return new_member(self.registry, self.client, kind, **more)

    def everything_stored(self) -> str:
        """All rows of all tables as text, bytes in hexadecimal."""
        tables = self.superuser.execute(ANY_TABLE).fetchall()
        dumps = [
            self.superuser.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(*table))).fetchall()
            for table in tables
        ]
        return "\n".join(row[0] for rows in dumps for row in rows)


@contextmanager
def opened_database(cluster: EmbeddedUrls, template: str) -> Generator[DatabaseUrls]:
    """A fresh copy of the migrated template, dropped at the end."""
    name = f"house_{secrets.token_hex(6)}"
    here = sql.Identifier(name)
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
    as_superuser(cluster, copy.format(here, sql.Identifier(template), sql.Identifier(OWNER_ROLE)))
    try:
        yield named(cluster, name)
    finally:
        as_superuser(cluster, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(here))


@contextmanager
def opened_house(
    urls: DatabaseUrls,
    settings: Settings | None = None,
    *,
    keys: KeyFile = KEYS,
    options: DatabaseOptions | None = None,
    address: str = "192.0.2.7",
    signers: int = 0,
) -> Generator[House]:
    """The API in this process, on this database. keys: the generations that it holds and the database learns of; what
    is retired or chained among them is the database's to say.
    """
    database = Database(urls.app, options or DatabaseOptions(pool_size=8, pool_wait=10))
    adopt_keys(database, public_keys(keys))
    clock = Clock()
    settings = settings or sandbox_settings()
    with ExitStack() as held:
        tagging: Tagging
        if signers:
            tagging = held.enter_context(signers_of(settings, keys, signers))
        else:
            ring = KeyRing.of(keys, database.transaction(generations.public))
            tagging = InProcess(normaliser(settings), ring)
        registry = Registry.of(settings, database, tagging, clock)
        app = wire(registry)
        superuser = held.enter_context(psycopg.connect(urls.superuser_dsn, autocommit=True))
        client = held.enter_context(TestClient(app, raise_server_exceptions=False, client=(address, 50_000)))
        client.event_hooks = {"request": [], "response": [Described(own_description()).check]}
        yield House(urls, clock, registry, client, superuser)
