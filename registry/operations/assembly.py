"""Putting a registry together from its settings: database, key file, and the check that the two belong together."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from registry import log_key
from registry.apart import apart
from registry.db import generations, migrate
from registry.db.database import Database, DatabaseOptions, Writing
from registry.domain.generations import Generations
from registry.key_file import KeyFile
from registry.keys import SecretKey
from registry.log_key import LogKey
from registry.operations.registry import Registry, normaliser, utc_now
from registry.settings import Settings
from registry.signers import Signers
from registry.signers.process import Start
from registry.tagging import InProcess, WithoutKeys


def open_database(settings: Settings, *, connections: int = 1) -> Database:
    """Connections are made when they are needed; nothing is checked yet.

    connections: how many one operation needs at the same time, whatever the settings say.
    """
    options = DatabaseOptions(
        max(connections, settings.pool_size), settings.pool_wait_seconds, settings.statement_seconds
    )
    return Database(settings.require("database_url"), options)


def open_registry(settings: Settings, clock: Callable[[], datetime] = utc_now, *, signers: int = 0) -> Registry:
    """Everything that operations need, checked. signers: how many processes hold the keys besides the one for few
    numbers; with none of them this process holds the keys itself, which one that answers requests must never do.

    Raises SettingsError, SealedFileError, GenerationMismatch, SchemaError where the schema is not this code's, and
    Refused where the database is away.
    """
    database = open_database(settings)
    try:
        start = _start(settings, database)
        tagging = Signers(start, signers) if signers else InProcess(normaliser(settings), start.keys())
        return Registry.of(settings, database, tagging, clock)
    except BaseException:
        database.dispose()
        raise


def open_without_keys(settings: Settings, *, connections: int = 1) -> Registry:
    """For operations that take no key: organisations and API keys. Raises like `open_registry` without a file.

    connections: as for `open_database`.
    """
    database = open_database(settings, connections=connections)
    try:
        return Registry.of(settings, database, WithoutKeys(_generations(database)))
    except BaseException:
        database.dispose()
        raise


def check_start(settings: Settings) -> None:
    """Raises what `open_registry` would raise, without reading a key into this process."""
    database = open_database(settings)
    try:
        start = _start(settings, database)
    finally:
        database.dispose()

    def check() -> None:
        start.keys()
        open_log_key(settings)

    apart(check)


def open_log_key(settings: Settings) -> LogKey | None:
    """What checkpoints are signed with, where this process is to seal. Raises SettingsError, SealedFileError."""
    if settings.log_key_file is None:
        return None
    return log_key.read(settings.log_key_file, settings.log_passphrase())


def _start(settings: Settings, database: Database) -> Start:
    return Start(
        key_file=Path(settings.require("key_file")),
        passphrase_file=settings.key_passphrase_file,
        generations=_generations(database),
        served_regions=settings.served_regions,
        accept_fictional=settings.mode == "sandbox",
    )


def _generations(database: Database) -> Generations:
    database.transaction(lambda tx: migrate.require_head(tx.connection))
    return database.transaction(generations.public)


def public_keys(content: KeyFile) -> dict[int, bytes]:
    """Generation number -> public key, of every seed in a key file that numbers are hashed under. What is chained from
    another generation is not made known by itself.
    """
    return {
        number: SecretKey(seed).public_key for number, seed in content.seeds.items() if number not in content.chained
    }


def adopt_keys(database: Database, keys: Mapping[int, bytes]) -> list[int]:
    """Makes the database know every generation that it does not know yet; returns their numbers.

    keys: `public_keys` of a new key file.
    """

    def adopt(tx: Writing) -> list[int]:
        known = {generation.number for generation in generations.all_generations(tx)}
        new = sorted(set(keys) - known)
        for number in new:
            generations.add(tx, number, keys[number])
        return new

    return database.transaction(adopt)
