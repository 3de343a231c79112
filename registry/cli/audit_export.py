"""`demand-registry audit export`: audit events as NDJSON, exactly as the log holds them or mapped to OCSF.

Standard output holds events and nothing else; what is said to people goes to standard error. A file has its name only
once it is whole.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from registry.cli import environment
from registry.cli.failures import PlainCommand
from registry.cli.output import counting
from registry.cli.prompts import Moment
from registry.cli.session import organisation_of, route
from registry.db.audit_export import Exported, Selection
from registry.domain.errors import Code, Refused
from registry.domain.ocsf import api_activity
from registry.operations.assembly import open_without_keys
from registry.operations.export_events import export_events
from registry.operations.operation import COMMAND_LINE, Request

_TOLD_EVERY: Final = 1_000
_CONNECTIONS: Final = 2
"""The export's own event is committed while the events that it hands out are being read."""


@click.command(
    "export",
    cls=PlainCommand,
    epilog='A line is {"index":5,"body":{...}}: the event\'s place in the log (null until it is sealed), and its exact '
    "bytes, which SHA-256 after a zero byte makes the log's leaf of. Times are those at which events were begun; where "
    "they are ISO 8601 without a zone, they are UTC. The export is itself an event, recorded before the first line. "
    "Exit code 1 means that what was written is not the whole.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry audit export --since 2026-11-01 --until 2026-12-01 --output november.ndjson\n"
    "  demand-registry audit export --organisation 'Example Logistics'\n"
    "  demand-registry audit export --ocsf --since 2026-11-21T00:00:00Z | siem-import",
)
@click.option("--since", type=Moment(), help="The first moment that is part of it. Without it: from the beginning.")
@click.option("--until", type=Moment(), help="The first moment that is not. Without it: up to now.")
@click.option("--organisation", metavar="ID|NAME", help="Only what this one did.")
@click.option("--ocsf", is_flag=True, help="As OCSF 1.8.0 events, class API Activity, for a SIEM.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file, readable by its owner alone, that is there once it is whole. Without it: standard output.",
)
def command(
    since: datetime | None, until: datetime | None, organisation: str | None, ocsf: bool, output: Path | None
) -> None:
    """Hand out audit events, one a line, oldest first. They hold neither numbers nor addresses."""
    if since is not None and until is not None and until < since:
        raise click.UsageError("--until is before --since.")
    settings = environment.resolve()
    environment.require_database(settings)
    registry = open_without_keys(settings, connections=_CONNECTIONS)
    try:
        theirs = None if organisation is None else organisation_of(registry.database, organisation).id
        selection = Selection(since, until, theirs)
        with _written(output) as write, counting(shown=True) as progress:
            task = progress.add_task("Events exported", total=None)
            done = 0

            def take(exported: Exported) -> None:
                nonlocal done
                write(api_activity(exported.body, exported.index) if ocsf else as_line(exported))
                write(b"\n")
                done += 1
                if done % _TOLD_EVERY == 0:
                    progress.update(task, completed=done)

            request = Request(registry.new_id(), route())
            answered = export_events(registry, COMMAND_LINE, request, selection, take)
    except Refused as refused:
        if refused.code is Code.DATABASE_UNAVAILABLE:
            click.echo("What was written, if anything, is not the whole.", err=True)
        raise
    finally:
        registry.close()
    where = "" if output is None else f" to {output}"
    events = "event" if answered.result == 1 else "events"
    click.echo(f"Exported {answered.result:,} {events}{where}. Recorded as {answered.audit_id}.", err=output is None)


def as_line(exported: Exported) -> bytes:
    """The event's place and its untouched bytes, which are canonical JSON and so part of a JSON document."""
    index = b"null" if exported.index is None else str(exported.index).encode()
    return b'{"index":' + index + b',"body":' + exported.body + b"}"


@contextmanager
def _written(output: Path | None) -> Generator[Callable[[bytes], object]]:
    """Where lines go. A file is written beside its name, which it gets at the end; what breaks off leaves nothing."""
    if output is None:
        stream = sys.stdout.buffer
        yield stream.write
        stream.flush()
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent)
    except OSError as error:  # names a file that nobody has asked for
        said = error.strerror or type(error).__name__
        raise click.ClickException(f"Nothing can be written in the folder {output.parent}: {said}.") from None
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        part.replace(output)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
