"""Bringing a database to the schema of this code, and refusing to run on one that is not there.

Migrations run under an advisory lock, one process at a time, with lock and statement timeouts, so that a migration
never waits behind a long query with every other query waiting behind it.
"""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

_SCRIPTS: Final = Path(__file__).resolve().parents[2] / "migrations"
_LOCK_KEY: Final = 0x44656D616E64  # "Demand"
_LOCK_TIMEOUT_SECONDS: Final = 5
_STATEMENT_TIMEOUT_SECONDS: Final = 600


class SchemaError(Exception):
    """The database's schema is not the one this code was written for. The message says what to do."""


def configuration() -> Config:
    """Alembic's, without an ini file: the connection comes from the caller."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def head() -> str:
    """The revision this code was written for."""
    revision = ScriptDirectory.from_config(configuration()).get_current_head()
    if revision is None:
        raise SchemaError("This installation lacks its migrations.")
    return revision


def migrate(url: str) -> tuple[str | None, str]:
    """Upgrades as the schema's owner. Returns the revision before and after. May be run at any time and by several.

    Raises SchemaError where the database is newer than the code, or a lock could not be had in time.
    """
    engine = create_engine(url, hide_parameters=True, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'"))
            connection.execute(text(f"SET statement_timeout = '{_STATEMENT_TIMEOUT_SECONDS}s'"))
            _take_lock(connection)
            before = _current(connection)
            connection.commit()
            if before is not None:
                _refuse_newer(before)
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS registry"))
            connection.commit()
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            return before, head()
    except OperationalError as error:
        state = getattr(error.orig, "sqlstate", None)
        if state == "55P03":
            raise SchemaError(
                "A lock could not be had in time; nothing was changed. Try again when it is quieter."
            ) from None
        if state == "57014":
            raise SchemaError(
                f"A statement took longer than {_STATEMENT_TIMEOUT_SECONDS} seconds; nothing was changed."
            ) from None
        raise SchemaError("The database cannot be reached; nothing was changed.") from None
    finally:
        engine.dispose()


def require_head(connection: Connection) -> None:
    """Raises SchemaError unless the database is exactly at this code's revision."""
    current = _current(connection)
    if current is None:
        raise SchemaError("The database has no schema yet. Run `demand-registry migrate` first.")
    _refuse_newer(current)
    if current != head():
        raise SchemaError(f"The database is at older revision {current}. Run `demand-registry migrate`.")


def _refuse_newer(current: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(configuration()).walk_revisions()}
    if current not in known:
        raise SchemaError(
            f"The database is at revision {current}, which is newer than this code. Install the newer code."
        )


def _current(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "registry"})
    return context.get_current_revision()


def _take_lock(connection: Connection) -> None:
    """A session lock: it outlasts the transactions of the migration and ends with the connection."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
    connection.commit()
