"""The embedded start: a PostgreSQL under the data folder, made ready for the API, with a key file beside it.

Everything here may be done again on every start, so that one that was interrupted is completed by the next.
"""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import click
from pydantic import SecretStr
from sqlalchemy import NullPool, create_engine, text

from registry import key_file, log_key
from registry.apart import apart
from registry.cli import environment
from registry.cli.http_server import held_back, undisturbed
from registry.db import generations, migrate, organisations, sealed_log
from registry.db.database import Database
from registry.db.embedded import APP_LOGIN, EmbeddedPostgres, EmbeddedUrls
from registry.domain.confidential import Confidential
from registry.domain.credentials import DEFAULT_SCOPES, OrganisationKind, Scope
from registry.key_file import KeyFile
from registry.log_key import LogKey
from registry.operations.assembly import adopt_keys, open_database, open_without_keys, public_keys
from registry.operations.manage_keys import IssueKey
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Request
from registry.settings import Settings

_IS_MEMBER: Final = text(f"SELECT pg_has_role('{APP_LOGIN}', 'registry_app', 'member')")
_GRANT: Final = text(f"GRANT registry_app TO {APP_LOGIN}")
_DEMO_SCOPES: Final = {
    OrganisationKind.EMPLOYER: DEFAULT_SCOPES[OrganisationKind.EMPLOYER] | {Scope.PRIVATE},
    OrganisationKind.INVESTIGATOR: DEFAULT_SCOPES[OrganisationKind.INVESTIGATOR] | {Scope.AUDIT},
}
"""Where it is not what a key gets anyway. Private checks are to be tried, too, and what a provider sent is to be looked
up in the audit log, as docs/providers.md says.
"""
DEMO_NAMES: Final = {kind: f"Demo {kind.value}" for kind in OrganisationKind}


@dataclass(frozen=True, slots=True)
class DemoKey(Confidential):
    """text: the whole key, to be shown once."""

    organisation: str
    kind: OrganisationKind
    scopes: tuple[str, ...]
    text: str = field(repr=False)


@contextmanager
def embedded_postgres(data_dir: Path) -> Generator[EmbeddedUrls]:
    """Runs while the block does, and is stopped to the end however impatient somebody is.

    Raises EmbeddedError, DataDirectoryTaken.
    """
    server = EmbeddedPostgres(data_dir)
    try:
        with held_back():
            urls = server.start()
        yield urls
    finally:
        with undisturbed():
            server.stop()


def prepare(settings: Settings, urls: EmbeddedUrls) -> Settings:
    """Schema, the API's rights and the key file. Returns the settings with all of them named.

    Raises SchemaError, SealedFileError, and ClickException where the database's key file is gone.
    """
    migrate.migrate(urls.owner)
    _grant(urls.owner)
    ready = settings.model_copy(
        update={
            "mode": environment.embedded_mode(settings),
            "database_url": SecretStr(urls.app),
            "key_file": (settings.key_file or settings.data_dir / environment.KEY_FILE).resolve(),
            "log_key_file": (settings.log_key_file or settings.data_dir / environment.LOG_KEY_FILE).resolve(),
        }
    )
    database = open_database(ready)
    try:
        _require_key_file(ready, database)
        adopt_keys(database, apart(lambda: _public_keys(ready)))
        _require_log_key(ready, database)
    finally:
        database.dispose()
    return ready


def first_keys(settings: Settings) -> list[DemoKey]:
    """One organisation of each kind with a key, on the first start; nothing on every other one."""
    registry = open_without_keys(settings)
    try:
        if registry.database.transaction(lambda tx: organisations.page(tx, after=None, most=1)):
            return []
        request = Request(registry.new_id(), "cli run")
        made: list[DemoKey] = []
        for kind, name in DEMO_NAMES.items():
            organisation = registry.run(CreateOrganisation(kind, name), COMMAND_LINE, request).result
            issued = registry.run(IssueKey(organisation.id, _DEMO_SCOPES.get(kind)), COMMAND_LINE, request).result
            made.append(DemoKey(name, kind, issued.stored.scopes, issued.text))
        return made
    finally:
        registry.database.dispose()


def _grant(owner_url: str) -> None:
    """Makes the API's login a member of the role that holds the application's rights."""
    engine = create_engine(owner_url, poolclass=NullPool, hide_parameters=True)
    with engine.begin() as connection:
        if not connection.execute(_IS_MEMBER).scalar_one():
            connection.execute(_GRANT)


def _require_key_file(settings: Settings, database: Database) -> None:
    """Raises ClickException where the database has generations and their file is not there."""
    path = Path(settings.require("key_file"))
    if not path.exists() and database.transaction(generations.all_generations):
        raise click.ClickException(
            f"The key file {path} is gone, and nothing in {settings.data_dir.resolve()} can be found without it. "
            "Put it back, or start anew with another folder: REGISTRY_DATA_DIR=..."
        )


def _require_log_key(settings: Settings, database: Database) -> None:
    """Makes the log key with the first start. ClickException where there are checkpoints already."""
    path = Path(settings.require("log_key_file"))
    if path.exists():
        return
    if database.transaction(sealed_log.last_checkpoint) is not None:
        raise click.ClickException(
            f"The log key {path} is gone, and the audit log in {settings.data_dir.resolve()} cannot be continued "
            "without it. Put it back, or start anew with another folder: REGISTRY_DATA_DIR=..."
        )
    origin = f"localhost/demand-registry-{secrets.token_hex(4)}"
    apart(lambda: log_key.write(path, LogKey.create(origin), settings.log_passphrase()))


def _public_keys(settings: Settings) -> dict[int, bytes]:
    """Of the key file, which is made where there is none yet. To be run apart: this process is to serve requests."""
    path = Path(settings.require("key_file"))
    if not path.exists():
        key_file.write(path, KeyFile.create(), settings.passphrase())
    return public_keys(key_file.read(path, settings.passphrase()))
