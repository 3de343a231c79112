"""The few statements of every single request, run by the driver itself inside of SQLAlchemy's transaction.

They are written like all others, with SQLAlchemy, and compiled once at import. Running them through it costs some 70
microseconds each, a third of a lookup; their rows are tuples and are named where they are unpacked. Everything else
about them is SQLAlchemy's: the connection, its transaction, and what happens when the server has gone.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from sqlalchemy import ClauseElement, Connection, Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError

_DIALECT: Final[Dialect] = PGDialect_psycopg()  # type: ignore[no-untyped-call]  # SQLAlchemy annotates it nowhere


_Driver = psycopg.Connection[tuple[Any, ...]]
_CURSOR: Final = "registry.db.driver"


def _cursor(connection: Connection, driver: _Driver) -> psycopg.Cursor[tuple[Any, ...]]:
    """The one of this connection, kept for the next statement: making one is a good part of running a short one."""
    kept: psycopg.Cursor[tuple[Any, ...]] | None = connection.info.get(_CURSOR)
    if kept is None or kept.connection is not driver:
        kept = connection.info[_CURSOR] = driver.cursor()
    return kept


class DriverStatement:
    """A statement with the parameters that its SQLAlchemy form names."""

    __slots__ = ("_sql",)

    def __init__(self, statement: ClauseElement) -> None:
        self._sql = str(statement.compile(dialect=_DIALECT)).encode()

    def rows(self, connection: Connection, parameters: Mapping[str, object]) -> list[tuple[Any, ...]]:
        """Every row. Raises SQLAlchemy's DBAPIError, as if it had run the statement."""
        driver: _Driver | None = connection.connection.driver_connection
        if driver is None:
            raise TypeError("the connection was invalidated")
        try:
            cursor = _cursor(connection, driver)
            cursor.execute(self._sql, parameters)
            result = cursor.pgresult  # asked directly: `description` would build an object for every column
            return cursor.fetchall() if result is not None and result.nfields else []
        except psycopg.Error as error:
            if driver.closed:
                # SQLAlchemy finds out by itself, raises, and puts aside every connection of this age.
                connection.exec_driver_sql("SELECT 1")
            raise DBAPIError.instance("", {}, error, psycopg.Error, hide_parameters=True) from None
