"""`demand-registry seal`: the sealer in a process of its own, for operators who keep the log key away from the API."""

import json
import time
from pathlib import Path

import click

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.http_server import ended_by_signals, interrupted
from registry.cli.log_key import opened_log_key
from registry.db import migrate
from registry.domain.errors import Code, Refused
from registry.operations.assembly import open_database
from registry.operations.seal import LogBroken, Sealed, Sealer
from registry.operations.sealing import INTERVAL_SECONDS
from registry.operations.signed_head import SignedHead


@click.command(
    "seal",
    cls=PlainCommand,
    epilog="Needs REGISTRY_DATABASE_URL and REGISTRY_LOG_KEY_FILE. Several may run: one of them seals, the others wait "
    "for their turn.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry seal\n"
    "  demand-registry seal --once --json",
)
@click.option("--once", is_flag=True, help="Seal what there is now, and end.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for each time that it sealed.")
def command(once: bool, as_json: bool) -> None:
    """Seal audit events: give each its place in the log, and sign the log's new head once a second.

    It refuses to sign a log that is not the one it has signed before, and says what does not fit.
    """
    settings = environment.resolve()
    environment.require_database(settings)
    key = opened_log_key(settings)
    database = open_database(settings)
    try:
        database.transaction(lambda tx: migrate.require_head(tx.connection))
        sealer = Sealer(database, key, SignedHead.beside(Path(settings.require("log_key_file"))))
        if once:
            _tell_all(_seal_all(sealer), as_json=as_json)
            return
        click.echo(f"Sealing the log {key.origin}. Ctrl-C ends it.", err=True)
        with ended_by_signals():
            _seal_until_interrupted(sealer, as_json=as_json)
    except LogBroken as broken:
        raise click.ClickException(f"Nothing was sealed. {broken} See docs/audit-log.md.") from None
    finally:
        database.dispose()


def _seal_all(sealer: Sealer) -> tuple[int, Sealed | None]:
    """How many events, and the last checkpoint made."""
    leaves, last = 0, None
    while (sealed := sealer.seal()) is not None:
        leaves, last = leaves + sealed.leaves, sealed
        if not sealed.more:
            break
    return leaves, last


def _seal_until_interrupted(sealer: Sealer, *, as_json: bool) -> None:
    away = False
    while not interrupted():
        try:
            leaves, last = _seal_all(sealer)
        except Refused as refused:
            if refused.code not in {Code.DATABASE_UNAVAILABLE, Code.OVERLOADED}:
                raise
            if not away:
                click.echo(f"{refused.detail} It is tried again every second.", err=True)
            away = True
        else:
            away = False
            if last is not None:
                _tell_all((leaves, last), as_json=as_json)
        time.sleep(INTERVAL_SECONDS)


def _tell_all(done: tuple[int, Sealed | None], *, as_json: bool) -> None:
    leaves, last = done
    if as_json:
        size, root = (None, None) if last is None else (last.checkpoint.size, last.checkpoint.root.hex())
        click.echo(json.dumps({"sealed": leaves, "size": size, "root": root}))
    elif last is None:
        click.echo("There was nothing to seal, or another sealer is at it.")
    else:
        events = "event" if leaves == 1 else "events"
        click.echo(f"Sealed {leaves:,} {events}; the log has {last.checkpoint.size:,}.")
