"""Bringing a test's database to any revision of the schema, and its rows from one database to another."""

from typing import Any, Final

import psycopg
from alembic import command
from databases import DatabaseUrls
from psycopg import sql
from sqlalchemy import create_engine, text

from registry.db import migrate

_FILLED: Final = (
    "SELECT table_schema, table_name FROM information_schema.tables WHERE table_type = 'BASE TABLE'"
    " AND table_schema IN ('registry', 'audit') AND table_name <> 'alembic_version' ORDER BY 1, 2"
)


def upgrade(urls: DatabaseUrls, revision: str) -> None:
    _revise(command.upgrade, urls, revision)


def downgrade(urls: DatabaseUrls, revision: str) -> None:
    _revise(command.downgrade, urls, revision)


def _revise(how: Any, urls: DatabaseUrls, revision: str) -> None:
    engine = create_engine(urls.owner)
    try:
        with engine.connect() as connection:
            connection.execute(text("CREATE SCHEMA IF NOT EXISTS registry"))
            connection.commit()
            config = migrate.configuration()
            config.attributes["connection"] = connection
            how(config, revision)
            connection.commit()
    finally:
        engine.dispose()


def copy_rows(source: DatabaseUrls, target: DatabaseUrls) -> None:
    """Into every table that the target has, however few of the source's these are."""
    with psycopg.connect(source.superuser_dsn) as here, psycopg.connect(target.superuser_dsn) as there:
        there.execute("SET session_replication_role = 'replica'")  # in any order, whoever refers to whom
        for schema, table in there.execute(_FILLED).fetchall():
            name = sql.Identifier(schema, table)
            with (
                here.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(name)) as rows,
                there.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as copied,
            ):
                for row in rows:
                    copied.write(row)


def rows_of(urls: DatabaseUrls) -> dict[str, list[str]]:
    """Table -> all of its rows as text, in one order; only tables that have some."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(urls.superuser_dsn) as connection:
        for schema, table in connection.execute(_FILLED).fetchall():
            statement = sql.SQL("SELECT t::text FROM {} AS t ORDER BY 1").format(sql.Identifier(schema, table))
            rows = [row[0] for row in connection.execute(statement)]
            if rows:
                found[f"{schema}.{table}"] = rows
    return found
