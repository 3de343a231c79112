"""Bringing a test's database to any revision of the schema, and its rows from one database to another."""

from typing import Any, Final

import psycopg
from alembic import command
from databases import DatabaseUrls
from psycopg import sql
from sqlalchemy import create_engine, text

from registry.db import migrate

Columns = dict[tuple[str, str], list[str]]
"""Schema and table -> the columns that are written to it, in their order."""

_WRITTEN: Final = (
    "SELECT c.table_schema, c.table_name, c.column_name FROM information_schema.columns c"
    " JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE t.table_type = 'BASE TABLE' AND c.table_schema IN ('registry', 'audit')"
    " AND c.table_name <> 'alembic_version' AND c.is_generated = 'NEVER' ORDER BY 1, 2, c.ordinal_position"
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


def columns_of(urls: DatabaseUrls) -> Columns:
    found: Columns = {}
    with psycopg.connect(urls.superuser_dsn) as connection:
        for schema, table, column in connection.execute(_WRITTEN):
            found.setdefault((schema, table), []).append(column)
    return found


def copy_rows(source: DatabaseUrls, target: DatabaseUrls) -> None:
    """Into every table and column that the target has, however few of the source's these are."""
    with psycopg.connect(source.superuser_dsn) as here, psycopg.connect(target.superuser_dsn) as there:
        there.execute("SET session_replication_role = 'replica'")  # in any order, whoever refers to whom
        for table, columns in columns_of(target).items():
            what = sql.SQL("{} ({})").format(sql.Identifier(*table), _list(columns))
            with (
                here.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(what)) as rows,
                there.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(what)) as copied,
            ):
                for row in rows:
                    copied.write(row)


def rows_of(urls: DatabaseUrls, columns: Columns) -> dict[str, list[str]]:
    """Table -> its rows, in one order, in these columns; only tables that have some."""
    found: dict[str, list[str]] = {}
    with psycopg.connect(urls.superuser_dsn) as connection:
        for table, names in columns.items():
            statement = sql.SQL("SELECT ROW({})::text FROM {} ORDER BY 1").format(_list(names), sql.Identifier(*table))
            rows = [row[0] for row in connection.execute(statement)]
            if rows:
                found[".".join(table)] = rows
    return found


def _list(columns: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
