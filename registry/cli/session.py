"""A registry opened for one command: every operation runs through it, as the command line, and is recorded."""

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar
from uuid import UUID

import click

from registry import key_file
from registry.cli import environment
from registry.cli.prompts import ask_secret
from registry.db import generations, migrate, organisations
from registry.db.database import Database
from registry.db.organisations import Organisation
from registry.domain.confidential import Confidential
from registry.domain.errors import Code, Refused
from registry.key_file import KeyFile
from registry.keys import KeyRing
from registry.operations.assembly import open_database
from registry.operations.list_records import Page, T
from registry.operations.operation import COMMAND_LINE, Answered, Operation, ReadOperation, Request
from registry.operations.registry import Registry, normaliser
from registry.settings import Settings
from registry.tagging import InProcess

P = TypeVar("P")
R = TypeVar("R")

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class OpenKeyFile(Confidential):
    """A key file, its content, and the passphrase that it is sealed with: None for one that is not."""

    path: Path
    content: KeyFile = field(repr=False)
    passphrase: str | None = field(repr=False)

    def replace(self, content: KeyFile) -> None:
        """Rewrites the file, sealed as it was."""
        key_file.write(self.path, content, self.passphrase)


@dataclass(frozen=True, slots=True)
class Session:
    """One command's registry and key file. All of its operations share one request id."""

    registry: Registry
    keys: OpenKeyFile
    request: Request

    def run(self, operation: Operation[P, R]) -> Answered[R]:
        """Raises Refused, which is recorded too."""
        return self.registry.run(operation, COMMAND_LINE, self.request)

    def every(self, ask: Callable[[UUID | None, int], ReadOperation[None, Page[T]]]) -> tuple[list[T], list[UUID]]:
        """All pages of a list, and their audit events. ask: takes the id to continue from and the page's length."""
        items: list[T] = []
        audit_ids: list[UUID] = []
        after: UUID | None = None
        while True:
            page = self.run(ask(after, _PAGE))
            items += page.result.items
            audit_ids.append(page.audit_id)
            after = page.result.next
            if after is None:
                return items, audit_ids

    def organisation(self, id_or_name: str) -> Organisation:
        """Refused(not_found) where there is neither."""
        return organisation_of(self.registry.database, id_or_name)


@contextmanager
def session() -> Generator[Session]:
    """Opens what the settings, or a running `demand-registry run`, name.

    Raises SettingsError, SealedFileError, GenerationMismatch, SchemaError, EmbeddedError, Refused.
    """
    settings = environment.resolve()
    environment.require_database(settings)
    keys = open_key_file(settings)
    database = open_database(settings)
    try:
        database.transaction(lambda tx: migrate.require_head(tx.connection))
        ring = KeyRing.of(keys.content, database.transaction(generations.public))
        registry = Registry.of(settings, database, InProcess(normaliser(settings), ring))
        yield Session(registry, keys, Request(registry.new_id(), route()))
    finally:
        database.dispose()


def organisation_of(database: Database, id_or_name: str) -> Organisation:
    """Refused(not_found) where there is neither."""
    found = None
    if (id_ := _uuid(id_or_name)) is not None:
        found = database.transaction(lambda tx: organisations.get(tx, id_))
    if found is None:
        found = database.transaction(lambda tx: organisations.by_name(tx, id_or_name.strip()))
    if found is None:
        detail = "There is no organisation with this id or name; `demand-registry organisations list` shows them."
        raise Refused(Code.NOT_FOUND, detail)
    return found


def open_key_file(settings: Settings) -> OpenKeyFile:
    """The passphrase of a sealed one comes from its file or, on a terminal, is asked for."""
    path = Path(settings.require("key_file"))
    if not is_sealed(path):
        return OpenKeyFile(path, key_file.read(path, None), None)
    passphrase = settings.passphrase() or ask_secret(f"Passphrase of {path}")
    return OpenKeyFile(path, key_file.read(path, passphrase), passphrase)


def route() -> str:
    """The running command as the audit log names it: `cli keys issue`."""
    return " ".join(["cli", *click.get_current_context().command_path.split(" ")[1:]])


def is_sealed(path: Path) -> bool:
    """False also for what is no key file: reading it says why."""
    try:
        return "sealed" in json.loads(path.read_bytes())
    except (OSError, ValueError, TypeError):
        return False


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
