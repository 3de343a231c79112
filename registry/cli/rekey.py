"""`demand-registry generations rekey`: after a tag key has leaked, everything stored under it goes to a chained one.

Must be run where the key file is, with the login of the schema's owner. It may be interrupted at any moment and run
again. No secret and no tag is ever printed.
"""

import os
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeVar

import click
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.output import console, json_option, print_json
from registry.cli.session import OpenKeyFile, open_key_file, route
from registry.db import generations, migrate, rekeying
from registry.db.database import Database, DatabaseOptions
from registry.db.rekeying import Rekeying
from registry.domain.errors import Code, Refused
from registry.domain.generations import Generation, Generations
from registry.keys import KeyRing, SecretKey
from registry.operations.operation import COMMAND_LINE, Answered, Request
from registry.operations.registry import Registry
from registry.operations.rekey_generation import Rekeyed, RekeyGeneration, chosen, is_usable, prepare_tags
from registry.settings import Settings
from registry.signers import Chainers
from registry.signers.process import Start
from registry.tagging import WithoutKeys

R = TypeVar("R")

_STATEMENT_SECONDS: Final = 86_400.0  # one statement rewrites a whole table
_LOCK_SECONDS: Final = 5.0
_ATTEMPTS: Final = 6
_PAUSE_SECONDS: Final = 2.0
_SEEN_SECONDS: Final = 60.0
_STAND_BACK: Final = 5
_AGAIN: Final = "What was prepared is kept: run the command again, and it continues."
KEEP: Final = "Keep the secret of generation {} in it: numbers go through it first."
_REMAINS: Final = (
    "The old tags are gone from the tables and their files. They are still wherever PostgreSQL keeps copies: its "
    "write-ahead log (pg_wal, and its archive), backups, replicas that are down, snapshots, and the free space of the "
    "disk. Let these expire, or destroy them."
)


@dataclass(frozen=True, slots=True)
class _Owner:
    """The database as the schema's owner. work: what an earlier run left, if anything."""

    settings: Settings
    database: Database
    connection: Connection = field(repr=False)
    work: Rekeying | None
    known: Generations


@click.command(
    "rekey",
    cls=PlainCommand,
    epilog="It needs REGISTRY_OWNER_DATABASE_URL, and free disk space of about twice the database. "
    'docs/operations.md, "After a tag key has leaked", has the steps.\n\n'
    "\b\n"
    "Examples:\n"
    "  demand-registry generations rekey\n"
    "  demand-registry generations rekey 2 --yes --json",
)
@click.argument("number", metavar="[N]", type=click.IntRange(1, 32_767), required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def command(number: int | None, yes: bool, as_json: bool) -> None:
    """Carry everything that is stored under generation N into a new one that is chained from it, and destroy the old
    tags: for when the key of N has leaked. N may be left out where one generation is active.

    The registry goes on recording and answering while tags are prepared. The switch at the end is one transaction,
    after which every running process answers 503 until it is restarted with the new key file.
    """
    with _opened() as owner, _shown(shown=not as_json) as progress:
        done: Answered[Rekeyed] | None = None
        work = owner.work
        if work is None or work.switched_in is None:
            work, keys = _begun(owner, number, progress, yes=yes, quiet=as_json)
            done = _rekeyed(owner, work, keys, progress)
        cleaned = _cleaned(owner, progress)
    if as_json:
        print_json({**_document(work, done, statistics_cleaned=cleaned), "key_file": owner.settings.key_file})
        return
    _tell(work, done, statistics_cleaned=cleaned)


@contextmanager
def _opened() -> Generator[_Owner]:
    """Raises SettingsError, SchemaError, Refused; ClickException where this login may not, or somebody else rekeys."""
    settings = environment.resolve()
    if settings.owner_database_url is None:
        environment.require_database(settings)
    options = DatabaseOptions(pool_size=4, statement=_STATEMENT_SECONDS, lock=_LOCK_SECONDS)
    database = Database(settings.require("owner_database_url"), options)
    try:
        database.transaction(lambda tx: migrate.require_head(tx.connection))
        if not database.transaction(rekeying.owns_schema):
            raise click.ClickException("The login of REGISTRY_OWNER_DATABASE_URL is not the schema's owner.")
        with database.single() as connection:
            if not rekeying.take_turn(connection):
                raise click.ClickException("Another `generations rekey` is running on this database.")
            work = database.transaction(rekeying.find)
            yield _Owner(settings, database, connection, work, database.transaction(generations.public))
    finally:
        database.dispose()


def _begun(
    owner: _Owner, number: int | None, progress: Progress, *, yes: bool, quiet: bool
) -> tuple[Rekeying, OpenKeyFile]:
    """What was begun before, where it can be continued, or a new key: it is in the file before it is used."""
    keys = open_key_file(owner.settings)
    if keys.passphrase is not None and owner.settings.key_passphrase_file is None:
        raise click.ClickException(
            "Signer processes open the key file: name its passphrase's file in REGISTRY_KEY_PASSPHRASE_FILE."
        )
    KeyRing.of(keys.content, owner.known)
    work = owner.work
    if work is not None and is_usable(work, owner.known, keys.content.seeds.get(work.successor)):
        if number not in {None, work.generation}:
            raise Refused(Code.INVALID_VALUE, f"Generation {work.generation} is being rekeyed; finish that first.")
        _confirm(progress, work.generation, work.successor, yes=yes, resumed=True)
        return work, keys
    if work is not None and not quiet:
        click.echo("What an earlier run has prepared cannot be used any more. It is begun anew.")
    generation = chosen(owner.known, number)
    content, successor = keys.content.with_new_generation(owner.known.known, chained=True)
    _confirm(progress, generation, successor, yes=yes, resumed=False)
    new = Rekeying(generation, successor, SecretKey(content.seeds[successor]).public_key)
    keys.replace(content)
    owner.database.transaction(lambda tx: rekeying.begin(tx, new))
    if not quiet:
        click.echo(f"The secret of generation {successor} is in {keys.path.resolve()}. Back the file up now.")
    return new, keys


def _confirm(progress: Progress, generation: int, successor: int, *, yes: bool, resumed: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on. Use --yes.")
    progress.stop()
    before = "What an earlier run has prepared is continued. " if resumed else ""
    click.confirm(
        f"{before}All tags of generation {generation} are chained into generation {successor} and then destroyed, "
        "which cannot be undone. From then on every running process answers 503 until it is restarted with the new key "
        "file. Go on?",
        abort=True,
        err=True,
    )
    progress.start()


def _rekeyed(owner: _Owner, work: Rekeying, keys: OpenKeyFile, progress: Progress) -> Answered[Rekeyed]:
    settings = owner.settings
    chained = Generation(work.successor, work.public_key, parent=work.generation)
    start = Start(
        key_file=keys.path,
        passphrase_file=settings.key_passphrase_file,
        generations=Generations.of([*owner.known.known.values(), chained]),
        served_regions=settings.served_regions,
        accept_fictional=settings.mode == "sandbox",
        niceness=_STAND_BACK,
    )
    task = progress.add_task("Preparing", total=1.0)
    chainers = Chainers(start, settings.signers or os.cpu_count() or 1)
    try:
        operation = RekeyGeneration(work, lambda tags: chainers.chain(work.successor, tags))
        prepare_tags(owner.database, work, operation.chain, lambda part: progress.update(task, completed=part))
        rekeying.analyse(owner.connection)
        progress.update(task, description="Switching", total=None)
        registry = Registry.of(settings, owner.database, WithoutKeys(owner.known))
        request = Request(registry.new_id(), route())
        return _patiently(lambda: registry.run(operation, COMMAND_LINE, request), _AGAIN)
    except KeyboardInterrupt:
        raise click.ClickException(f"Interrupted. {_AGAIN}") from None
    finally:
        chainers.close()
        progress.remove_task(task)


def _cleaned(owner: _Owner, progress: Progress) -> bool:
    """Writes every table anew, so that the old tags are not in the files either. Whether that of statistics, too."""
    work = owner.database.transaction(rekeying.find)
    if work is None or work.switched_in is None:
        raise TypeError("there was a switch")
    task = progress.add_task("Waiting for transactions from before the switch", total=None)
    _await_end_of_views(owner.connection, work.switched_in)
    statistics = rekeying.owns_database(owner.connection)
    tables = [*rekeying.HOLDERS, *([rekeying.STATISTICS] if statistics else [])]
    for table in tables:
        progress.update(task, description=f"Cleaning {table}")
        _patiently(partial(_clean, owner.database, table), "Run the command again: it goes on with this.")
    owner.database.transaction(rekeying.forget)
    progress.remove_task(task)
    return statistics


def _clean(database: Database, table: str) -> None:
    with database.single() as connection:
        rekeying.clean(connection, table)


def _await_end_of_views(connection: Connection, switched_in: int) -> None:
    deadline = time.monotonic() + _SEEN_SECONDS
    while rekeying.still_seen(connection, switched_in):
        if time.monotonic() > deadline:
            raise click.ClickException(
                "Everything is switched, but a transaction that began before that still runs (or a replication slot "
                "holds it), and keeps the old tags in the files. When it has ended, run the command again."
            )
        time.sleep(0.1)


def _patiently(work: Callable[[], R], otherwise: str) -> R:
    """Tries again where locks could not be had."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return work()
        except Refused as refused:
            if refused.code is not Code.OVERLOADED:
                raise
        time.sleep(_PAUSE_SECONDS)
    try:
        return work()
    except Refused as refused:
        if refused.code is not Code.OVERLOADED:
            raise
        raise click.ClickException(f"Others use the tables, which could not be locked. {otherwise}") from None


@contextmanager
def _shown(*, shown: bool) -> Generator[Progress]:
    """A bar on standard error, where somebody looks."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    err = console(stderr=True)
    with Progress(*columns, console=err, transient=True, disable=not (shown and err.is_terminal)) as progress:
        yield progress


def _document(work: Rekeying, done: Answered[Rekeyed] | None, *, statistics_cleaned: bool) -> Mapping[str, Any]:
    return {
        "generation": work.generation,
        "successor": work.successor,
        "tags": None if done is None else done.result.tags,
        "rows": None if done is None else dict(done.result.rows),
        "statistics_cleaned": statistics_cleaned,
        "audit_id": None if done is None else done.audit_id,
    }


def _tell(work: Rekeying, done: Answered[Rekeyed] | None, *, statistics_cleaned: bool) -> None:
    if done is None:
        click.echo(f"Generation {work.generation} was chained into generation {work.successor} before.")
    else:
        rows = ", ".join(f"{count:,} {name}" for name, count in done.result.rows.items())
        click.echo(
            f"Generation {work.generation} is chained into generation {work.successor}: {done.result.tags:,} tags."
        )
        click.echo(f"Rows rewritten: {rows}.")
    click.echo(_REMAINS)
    if not statistics_cleaned:
        click.echo("This login does not own the database. As who does: VACUUM FULL pg_catalog.pg_statistic;")
    click.echo("Copy the key file to every machine, and restart all running processes: until then they answer 503.")
    click.echo(KEEP.format(work.generation))
