"""`demand-registry audit drop-bodies` and `drop-private`: what the audit log need not keep any longer.

Run with the login of the schema's owner: the application cannot take anything out of the log.
"""

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

import click

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.output import fields, json_option, moment, print_json
from registry.cli.prompts import Moment
from registry.cli.session import route
from registry.db import generations, migrate, rekeying
from registry.db.audit_retention import Prefix
from registry.db.database import Database, DatabaseOptions
from registry.domain.errors import Code, Refused
from registry.operations.drop_event_bodies import DropEventBodies, DropPrivateParts, PlanDrop
from registry.operations.operation import COMMAND_LINE, Answered, Operation, Request
from registry.operations.registry import Registry
from registry.tagging import WithoutKeys

P = TypeVar("P")
R = TypeVar("R")

_STATEMENT_SECONDS: Final = 86_400.0  # one statement deletes all rows of a table
_LOCK_SECONDS: Final = 5.0
_ATTEMPTS: Final = 6
_PAUSE_SECONDS: Final = 2.0
_REMAINS: Final = (
    "What was dropped is still in the files until PostgreSQL's vacuum has been there, in its write-ahead log, and in "
    "backups until they expire."
)


@dataclass(frozen=True, slots=True)
class _Owner:
    """The registry as the schema's owner. All operations share one request id."""

    registry: Registry
    request: Request

    def run(self, operation: Operation[P, R]) -> Answered[R]:
        return self.registry.run(operation, COMMAND_LINE, self.request)

    def run_patiently(self, operation: Operation[P, R]) -> Answered[R]:
        """Tries again where locks could not be had, which left no trace."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return self.run(operation)
            except Refused as refused:
                if refused.code is not Code.OVERLOADED:
                    raise
            time.sleep(_PAUSE_SECONDS)
        return self.run(operation)


_before: Final[Callable[[Callable[..., None]], Callable[..., None]]] = click.option(
    "--before", type=Moment(), required=True, help="What is as old as this, or younger, stays."
)


@click.command(
    "drop-bodies",
    cls=PlainCommand,
    epilog='It needs REGISTRY_OWNER_DATABASE_URL. While it deletes, requests wait: docs/operations.md, "Keeping the '
    'audit log small", says for how long.\n\n'
    "\b\n"
    "Examples:\n"
    "  demand-registry audit drop-bodies --before 2024-12-01 --dry-run\n"
    "  demand-registry audit drop-bodies --before 2024-12-01 --yes --json",
)
@_before
@click.option("--dry-run", is_flag=True, help="Say what would go, and drop nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def drop_bodies(before: datetime, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Drop the bodies of old events, with what they say of numbers and callers. Their hashes stay for ever.

    Only sealed events go, from the log's beginning up to the first that is younger. Every event that stays can be
    proved as before, and so can a dropped one by whoever has kept its receipt. Who was told about a number is then not
    known any more for that time.
    """
    with _opened() as owner:
        planned = owner.run(PlanDrop(before))
        if dry_run or not planned.result.events:
            _tell(planned, before, dropped=False, as_json=as_json)
            return
        if not yes:
            _confirm(planned.result, before)
        _tell(owner.run_patiently(DropEventBodies(before)), before, dropped=True, as_json=as_json)


@click.command(
    "drop-private",
    cls=PlainCommand,
    epilog="It needs REGISTRY_OWNER_DATABASE_URL.\n\n"
    "\b\n"
    "Example:\n"
    "  demand-registry audit drop-private --before 2026-09-01",
)
@_before
@json_option
def drop_private(before: datetime, as_json: bool) -> None:
    """Drop addresses and user agents, which are kept apart from the events. The events stay whole."""
    with _opened() as owner:
        answered = owner.run_patiently(DropPrivateParts(before))
    if as_json:
        print_json({"dropped": answered.result, "before": before, "audit_id": answered.audit_id})
        return
    click.echo(f"Dropped {answered.result:,} private parts from before {moment(before)} UTC. {_REMAINS}")


@contextmanager
def _opened() -> Generator[_Owner]:
    """Raises SettingsError, SchemaError, Refused; ClickException where this login may not."""
    settings = environment.resolve()
    if settings.owner_database_url is None:
        environment.require_database(settings)
    options = DatabaseOptions(pool_size=2, statement=_STATEMENT_SECONDS, lock=_LOCK_SECONDS)
    database = Database(settings.require("owner_database_url"), options)
    try:
        database.transaction(lambda tx: migrate.require_head(tx.connection))
        if not database.transaction(rekeying.owns_schema):
            raise click.ClickException("The login of REGISTRY_OWNER_DATABASE_URL is not the schema's owner.")
        registry = Registry.of(settings, database, WithoutKeys(database.transaction(generations.public)))
        yield _Owner(registry, Request(registry.new_id(), route()))
    finally:
        database.dispose()


def _confirm(planned: Prefix, before: datetime) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on. Use --yes.")
    click.confirm(
        f"The bodies of {planned.events:,} events from before {moment(before)} UTC are dropped, and with them who was "
        f"told about which number ({planned.subjects:,} disclosures). That cannot be undone. Go on?",
        abort=True,
        err=True,
    )


def _tell(answered: Answered[Prefix], before: datetime, *, dropped: bool, as_json: bool) -> None:
    found = answered.result
    if as_json:
        print_json({**fields(found), "before": before, "dropped": dropped, "audit_id": answered.audit_id})
        return
    until = f"before {moment(before)} UTC"
    if not found.events:
        click.echo(f"Nothing to drop: no sealed event from {until} has its body any more.")
        return
    verb, remark = ("Dropped", f" {_REMAINS}") if dropped else ("Would drop", "")
    click.echo(
        f"{verb} the bodies of {found.events:,} events from {until}, with {found.subjects:,} disclosures. The first "
        f"that stays has the index {found.minimum_index:,}.{remark}"
    )
