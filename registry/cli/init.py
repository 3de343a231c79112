"""`demand-registry init`: makes the key file, the only place where the registry's secrets are at rest."""

import os
from pathlib import Path

import click

from registry import key_file
from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.output import json_option, print_json
from registry.cli.prompts import ask_new_passphrase
from registry.cli.session import is_sealed, open_key_file
from registry.db import generations, migrate
from registry.db.database import Database
from registry.key_file import KeyFile
from registry.operations.assembly import adopt_keys, open_database, public_keys
from registry.settings import Settings


@click.command(
    "init",
    cls=PlainCommand,
    epilog="The database must be there and migrated: a key file and its database belong together for ever.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry init --key-file /etc/demand-registry/keys.json\n"
    "  demand-registry init --passphrase-file /run/secrets/registry-passphrase\n"
    "  demand-registry init --adopt",
)
@click.option("--key-file", "path", type=click.Path(path_type=Path), help="Instead of REGISTRY_KEY_FILE.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Its first line seals the file. Instead of REGISTRY_KEY_PASSPHRASE_FILE, or of asking.",
)
@click.option("--no-passphrase", is_flag=True, help="Leave it unsealed, readable by its owner alone.")
@click.option("--adopt", is_flag=True, help="Make no file: register the existing one with a new database.")
@json_option
def command(path: Path | None, passphrase_file: Path | None, no_passphrase: bool, adopt: bool, as_json: bool) -> None:
    """Make the key file and register its first generation with the database.

    Whoever has both this file and the database can find out every number; whoever has lost the file can answer no
    question any more. It is never overwritten.
    """
    if no_passphrase and passphrase_file is not None:
        raise click.UsageError("Give either --passphrase-file or --no-passphrase.")
    settings = environment.resolve()
    if path is not None:
        settings = settings.model_copy(update={"key_file": path})
    if passphrase_file is not None:
        settings = settings.model_copy(update={"key_passphrase_file": passphrase_file})
    environment.require_database(settings)
    target = Path(settings.require("key_file"))
    if not adopt and os.path.lexists(target):
        raise click.ClickException(
            f"There is a file at {target} already, and a key file is never overwritten. If it is the key file of a "
            "database that is new: demand-registry init --adopt"
        )
    database = open_database(settings)
    try:
        _require_new(database)
        content = (
            open_key_file(settings).content
            if adopt
            else _make(target, None if no_passphrase else _new_passphrase(settings))
        )
        numbers = adopt_keys(database, public_keys(content))
    finally:
        database.dispose()
    if as_json:
        print_json({"key_file": target.resolve(), "generations": numbers, "sealed": is_sealed(target)})
        return
    _tell(settings, target, numbers, made=not adopt)


def _require_new(database: Database) -> None:
    database.transaction(lambda tx: migrate.require_head(tx.connection))
    if database.transaction(generations.all_generations):
        raise click.ClickException(
            "This database has its generations already: what is stored in it can only be found with the key file that "
            "they came from. Use that file, or `demand-registry generations add` for a further key."
        )


def _new_passphrase(settings: Settings) -> str:
    """From the file that will be read again at every start, or asked for."""
    passphrase = ask_new_passphrase() if settings.key_passphrase_file is None else settings.passphrase()
    if not passphrase:
        raise click.ClickException("The first line of the passphrase's file is empty.")
    return passphrase


def _make(target: Path, passphrase: str | None) -> KeyFile:
    content = KeyFile.create()
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    key_file.write(target, content, passphrase)
    return content


def _tell(settings: Settings, target: Path, numbers: list[int], *, made: bool) -> None:
    did = "Made" if made else "Adopted"
    click.echo(f"{did} {target.resolve()}; generation {', '.join(map(str, numbers))} is registered with the database.")
    if made:
        click.echo(
            "Back it up now, apart from the database and from its passphrase: who holds file and database together can "
            "reverse every tag, and without the file the database answers nothing."
        )
    if settings.key_file != environment.given().key_file:
        click.echo(f"Set REGISTRY_KEY_FILE={target.resolve()} for everything that runs on this database.")
