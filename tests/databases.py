"""Addresses of test databases, and a way in for their superuser."""

from dataclasses import dataclass

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

from registry.db.embedded import EmbeddedUrls


@dataclass(frozen=True)
class DatabaseUrls:
    """SQLAlchemy URLs of one database as its owner, as the application, and as a superuser."""

    owner: str
    app: str
    superuser: str

    @property
    def superuser_dsn(self) -> str:
        return dsn(self.superuser)


def dsn(url: str) -> str:
    """The same address for psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def named(urls: EmbeddedUrls, name: str) -> DatabaseUrls:
    def at(url: str) -> str:
        changed: URL = make_url(url).set(database=name)
        return changed.render_as_string(hide_password=False)

    return DatabaseUrls(at(urls.owner), at(urls.app), at(urls.superuser))


def as_superuser(cluster: EmbeddedUrls, *statements: sql.Composed) -> None:
    with psycopg.connect(dsn(cluster.superuser), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)
