"""Putting a registry together from its settings: database, key file, and the check that the two belong together."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from registry import key_file
from registry.db import generations, migrate
from registry.db.database import Database, DatabaseOptions, Writing
from registry.key_file import KeyFile
from registry.keys import KeyRing, SecretKey
from registry.operations.registry import Registry, utc_now
from registry.settings import Settings
from registry.signers import SignerPool, SignerSettings


def open_database(settings: Settings) -> Database:
    """Connections are made when they are needed; nothing is checked yet."""
    options = DatabaseOptions(settings.pool_size, settings.pool_wait_seconds, settings.statement_seconds)
    return Database(settings.require("database_url"), options)


def open_registry(settings: Settings, clock: Callable[[], datetime] = utc_now, *, signers: int = 0) -> Registry:
    """Everything that operations need, checked. signers: how many processes are started for many numbers at once.

    Raises SettingsError, KeyFileError, GenerationMismatch, SchemaError where the schema is not this code's, and
    Refused where the database is away.
    """
    database = open_database(settings)
    try:
        content = key_file.read(Path(settings.require("key_file")), settings.passphrase())
        database.transaction(lambda tx: migrate.require_head(tx.connection))
        active = database.transaction(generations.active)
        keys = KeyRing.of(content, active)
        pool = None
        if signers:
            needs = SignerSettings(settings.served_regions, accept_fictional=settings.mode == "sandbox")
            pool = SignerPool(content, active, needs, signers)
        return Registry.of(settings, database, keys, clock, pool)
    except BaseException:
        database.dispose()
        raise


def adopt_keys(database: Database, content: KeyFile) -> list[int]:
    """Makes the database know every generation of a new key file that it does not know yet; returns their numbers."""

    def adopt(tx: Writing) -> list[int]:
        known = {generation.number for generation in generations.all_generations(tx)}
        new = sorted(set(content.seeds) - known)
        for number in new:
            generations.add(tx, number, SecretKey(content.seeds[number]).public_key)
        return new

    return database.transaction(adopt)
