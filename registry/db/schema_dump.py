"""The migrated schema as text, with what `alembic check` is blind to: CHECK constraints, triggers, functions, grants,
partial indexes and comments.

Owns `migrations/schema.sql`: what the migrations make of an empty database, as pg_dump tells it. It must never be used
to make a database, which is the migrations' alone, and never connects to a server that it was not given.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from sqlalchemy import make_url

from registry.db import migrate
from registry.db.embedded import EmbeddedPostgres
from registry.db.postgres_programs import program

PATH: Final = Path(__file__).resolve().parents[2] / "migrations" / "schema.sql"
# Comments name versions; \restrict and \unrestrict (since 18.1) carry a random key; SET lines differ between releases.
_UNSTABLE: Final = re.compile(r"^(--.*|\\(un)?restrict .*|SET .*;|SELECT pg_catalog\.set_config\(.*)\n", re.MULTILINE)
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_HEADER: Final = (
    "-- What the migrations make of an empty database. Generated: python -m registry.db.schema_dump --write\n\n"
)


class DumpError(Exception):
    """pg_dump failed; the message is its own."""


def dump(url: str) -> str:
    """The schema of the database at this SQLAlchemy URL, the same text for the same schema on any machine.

    Owners are left out, since every installation names its own; grants are not. Raises DumpError.
    """
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    command: list[str | Path] = [program("pg_dump")]
    command += ["--schema-only", "--no-owner", "--encoding=UTF8", f"--dbname={address}"]
    done = subprocess.run(command, check=False, capture_output=True, env={"LC_ALL": "C"})  # noqa: S603 - our own program
    if done.returncode != 0:
        raise DumpError(done.stderr.decode(errors="replace").strip())
    stable = _UNSTABLE.sub("", done.stdout.decode())
    return _HEADER + _BLANK_LINES.sub("\n\n", stable).strip() + "\n"


def migrated() -> str:
    """The dump of an empty database of a server of its own, brought to the head revision."""
    # Directly under the temporary folder: as root, the account that runs PostgreSQL must get through to it.
    with tempfile.TemporaryDirectory(prefix="registry-schema-") as folder:  # noqa: SIM117 - the server stops first
        with EmbeddedPostgres(Path(folder), durable=False) as urls:
            migrate.migrate(urls.owner)
            return dump(urls.owner)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m registry.db.schema_dump", description="The migrated schema.")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="write migrations/schema.sql")
    action.add_argument("--check", action="store_true", help="exit with 1 if migrations/schema.sql is out of date")
    wanted = parser.parse_args()
    rendered = migrated().encode()
    if wanted.write:
        PATH.write_bytes(rendered)
        return 0
    if PATH.exists() and PATH.read_bytes() == rendered:
        return 0
    sys.stderr.write("migrations/schema.sql is out of date. Run: python -m registry.db.schema_dump --write\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
