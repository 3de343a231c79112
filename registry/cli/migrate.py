"""`demand-registry migrate`: brings the database to the schema of this version."""

import click
from sqlalchemy.exc import DBAPIError

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.output import json_option, print_json
from registry.db import migrate


@click.command(
    "migrate",
    cls=PlainCommand,
    epilog="It may be run at any time and by several at once. A lock that cannot be had in a few seconds ends it with "
    "nothing changed.\n\n"
    "\b\n"
    "Example:\n"
    "  REGISTRY_OWNER_DATABASE_URL=postgresql+psycopg://registry_owner@db/registry demand-registry migrate",
)
@json_option
def command(as_json: bool) -> None:
    """Bring the database to this version's schema, as its owner (REGISTRY_OWNER_DATABASE_URL)."""
    settings = environment.resolve()
    if settings.owner_database_url is None:
        environment.require_database(settings)
    try:
        before, after = migrate.migrate(settings.require("owner_database_url"))
    except DBAPIError as error:
        raise click.ClickException(_refusal(error)) from None
    if as_json:
        print_json({"before": before, "after": after})
    elif before == after:
        click.echo(f"The database is at revision {after} already.")
    else:
        click.echo(f"Migrated: {before or 'empty'} -> {after}")


def _refusal(error: DBAPIError) -> str:
    """A migration holds no value of anybody, so the database's own words may be shown."""
    told = getattr(error.orig, "diag", None)
    words = (getattr(told, "message_primary", None), getattr(told, "message_hint", None))
    said = ". ".join(word.rstrip(".") for word in words if word)
    return f"The database refused the migration, and nothing was changed: {said or type(error.orig).__name__}."
