"""Databases before they are migrated, and migrations that this version does not have."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import DatabaseUrls, as_superuser, named
from psycopg import sql

from registry.db import migrate
from registry.db.embedded import OWNER_ROLE, EmbeddedUrls

_REVISION = '''"""A later revision."""

from alembic import op

revision = "{name}"
down_revision = "{after}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in {statements}:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError
'''


@pytest.fixture
def empty(cluster: EmbeddedUrls, template: str) -> Iterator[DatabaseUrls]:
    """A database that was never migrated, on a server whose application login is set up."""
    name = f"empty_{secrets.token_hex(6)}"
    here = sql.Identifier(name)
    as_superuser(cluster, sql.SQL("CREATE DATABASE {} OWNER {}").format(here, sql.Identifier(OWNER_ROLE)))
    yield named(cluster, name)
    as_superuser(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(here))


@pytest.fixture
def add_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Makes this the code of a later version, with one more migration; returns its revision."""

    def add(*statements: str) -> str:
        scripts = tmp_path / "migrations"
        ours = migrate.configuration().get_main_option("script_location")
        assert ours is not None
        shutil.copytree(ours, scripts, ignore=shutil.ignore_patterns("__pycache__"))
        after = migrate.head()
        (scripts / "versions" / "9999_later.py").write_text(
            _REVISION.format(name="9999", after=after, statements=list(statements))
        )
        monkeypatch.setattr(migrate, "_SCRIPTS", scripts)
        return "9999"

    return add
