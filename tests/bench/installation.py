"""The registry that is measured: a durable PostgreSQL in a temporary folder, migrated, with a key file, an investigator
and an employer whose limits are out of the way. Everything of it vanishes at the end.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from registry import key_file
from registry.db import generations, migrate
from registry.db.database import Database
from registry.db.embedded import APP_LOGIN, DATABASE, OWNER_ROLE, EmbeddedPostgres, EmbeddedUrls
from registry.db.postmaster import Postmaster
from registry.domain.credentials import ALLOWED_SCOPES, OrganisationKind
from registry.key_file import KeyFile
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.manage_keys import IssueKey
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.registry import Registry
from registry.settings import Settings
from registry.tagging import WithoutKeys

from .processes import cpu_seconds
from .servers import Server, registry_server

_POSTGRES: Final = {
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "maintenance_work_mem": "256MB",
}
_REQUESTS_PER_MINUTE: Final = 1_000_000
_NUMBERS_PER_DAY: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Installation:
    """employer, investigator: API keys. seed: of the one generation."""

    folder: Path
    urls: EmbeddedUrls
    key_file: Path
    seed: bytes = field(repr=False)
    employer: str = field(repr=False)
    investigator: str = field(repr=False)

    @property
    def log(self) -> Path:
        """Where servers log."""
        return self.folder / "server.log"

    def connect(self, database: str = DATABASE) -> psycopg.Connection[tuple[Any, ...]]:
        """A session as the API has it."""
        return psycopg.connect(_at(self.urls.app, database))

    def connect_as_superuser(self, database: str = DATABASE) -> psycopg.Connection[tuple[Any, ...]]:
        """A session in autocommit that may do anything."""
        return psycopg.connect(_at(self.urls.superuser, database), autocommit=True)

    def server(self, database: str = DATABASE) -> AbstractContextManager[Server]:
        """A fresh process of the API on one of the databases."""
        url = make_url(self.urls.app).set(database=database)
        settings = {
            "REGISTRY_MODE": "sandbox",
            "REGISTRY_DATABASE_URL": url.render_as_string(hide_password=False),
            "REGISTRY_KEY_FILE": str(self.key_file),
            "REGISTRY_SPOOL_DIR": str(self.folder),
        }
        return registry_server(settings, self.log)

    @contextmanager
    def copy(self, name: str) -> Generator[str]:
        """The database once more, under another name, until the block ends. Nobody may be connected to it."""
        with self.connect_as_superuser("postgres") as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
                )
            )
        try:
            yield name
        finally:
            with self.connect_as_superuser("postgres") as connection:
                connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    def checkpoint(self) -> None:
        """So that none falls into what is measured next."""
        with self.connect_as_superuser("postgres") as connection:
            connection.execute("CHECKPOINT")

    def postgres_cpu_seconds(self) -> float:
        """User and system time of the database server and all its sessions."""
        postmaster = Postmaster.read(self.folder / "postgres")
        if postmaster is None:
            raise RuntimeError("PostgreSQL is not running")
        return cpu_seconds(postmaster.pid)


@contextmanager
def installed() -> Generator[Installation]:
    """Directly under the temporary folder: as root, PostgreSQL's own account must get through to it."""
    folder = Path(tempfile.mkdtemp(prefix="registry-bench-"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder, durable=True, settings=_POSTGRES) as urls:
            migrate.migrate(urls.owner)
            with psycopg.connect(_at(urls.superuser, DATABASE), autocommit=True) as connection:
                connection.execute(sql.SQL("GRANT registry_app TO {}").format(sql.Identifier(APP_LOGIN)))
            content = KeyFile.create()
            key_file.write(folder / "keys.json", content, None)
            employer, investigator = _members(urls.app, content)
            seed = content.seeds[max(content.seeds)]
            yield Installation(folder, urls, folder / "keys.json", seed, employer, investigator)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _members(url: str, content: KeyFile) -> tuple[str, str]:
    """An employer's key and an investigator's, made by the operations that the command line uses."""
    database = Database(url)
    try:
        adopt_keys(database, public_keys(content))
        keyless = WithoutKeys(database.transaction(generations.public))
        registry = Registry.of(Settings.build(mode="sandbox"), database, keyless)
        return _issue(registry, OrganisationKind.EMPLOYER), _issue(registry, OrganisationKind.INVESTIGATOR)
    finally:
        database.dispose()


def _issue(registry: Registry, kind: OrganisationKind) -> str:
    request = Request(registry.new_id(), "bench")
    create = CreateOrganisation(kind, f"Bench {kind}", _REQUESTS_PER_MINUTE, _NUMBERS_PER_DAY)
    organisation = registry.run(create, COMMAND_LINE, request).result
    scopes = ALLOWED_SCOPES[kind]
    return registry.run(IssueKey(organisation.id, scopes), COMMAND_LINE, request).result.text


def _at(url: str, database: str) -> str:
    """A SQLAlchemy URL for psycopg itself, on another database of the same server."""
    changed = make_url(url).set(drivername="postgresql", database=database)
    return changed.render_as_string(hide_password=False)
