"""How results are printed: tables for people, or one JSON document without colours for programs (`--json`).

JSON has the names and forms of the HTTP API: times in RFC 3339 UTC, ids as text, lists under `data`.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import UUID

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

F = TypeVar("F", bound=Callable[..., Any])

_WIDTH_OF_A_FILE: Final = 250
"""Columns where there is no terminal: enough for every table here, so that no id is broken in a pipe."""


def json_option(command: F) -> F:
    """Adds `--json`, as the argument `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")(command)


def print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def fields(result: "DataclassInstance") -> dict[str, Any]:
    """A result's fields by name, for `print_json`."""
    return dataclasses.asdict(result)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[Any]], *, empty: str) -> None:
    """empty: the sentence that stands in for a table without rows."""
    if not rows:
        click.echo(empty)
        return
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for index, header in enumerate(headers):
        numeric = all(isinstance(row[index], int) for row in rows)
        whole = any(isinstance(row[index], UUID) for row in rows)
        table.add_column(header, justify="right" if numeric else "left", no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console().print(table)


def console(*, stderr: bool = False) -> Console:
    """Of the streams as they are now. Wide where nobody looks at its edge."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, width=None if stream.isatty() else _WIDTH_OF_A_FILE, highlight=False, markup=False, emoji=False
    )


def counting(*, shown: bool) -> Progress:
    """A line on standard error that counts, where somebody looks: its task needs `description` and advances."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TextColumn("{task.completed:,}"))
    return Progress(*columns, console=console(stderr=True), transient=True, disable=not (shown and sys.stderr.isatty()))


def moment(value: datetime | None) -> str:
    """For people: UTC, to the minute."""
    return "-" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "-" if value is None else str(value)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
