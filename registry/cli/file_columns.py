"""What a command says of the file that it sent: how many rows it has, which of its columns were read, and which others
seem to hold numbers as well.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import click

from registry.domain.read_columns import shell_word

_SHOWN: Final = 10


def rows(count: int) -> str:
    """With which the counts begin."""
    return "1 row" if count == 1 else f"{count:,} rows"


def show_columns(summary: Mapping[str, Any]) -> None:
    """One line, before that of the counts; nothing for a file without columns."""
    columns: Mapping[str, Any] | None = summary.get("columns")
    if columns is None:
        return
    read = ", ".join(f'{column["field"]} = "{column["column"]}"' for column in columns["read"])
    click.echo(f"Read: {read}.{_not_read(columns['not_read'])}")


def warn_of_numbers(summary: Mapping[str, Any], *, left: str, again: str) -> bool:
    """Whether a column that was not read seems to hold numbers, which is said on standard error. left: what is true of
    these. again: how to send the file again for them.
    """
    columns: Mapping[str, Any] = summary.get("columns") or {"not_read": ()}
    names = [column["column"] for column in columns["not_read"] if column["numbers"]]
    for name in names[:_SHOWN]:
        click.echo(
            f'Column "{name}" seems to hold numbers too; {left}. {again} with --map number={shell_word(name)}.',
            err=True,
        )
    if len(names) > _SHOWN:
        click.echo(f"And {len(names) - _SHOWN:,} more columns.", err=True)
    return bool(names)


def _not_read(columns: Sequence[Mapping[str, Any]]) -> str:
    if not columns:
        return ""
    names = ", ".join(f'"{column["column"]}"' for column in columns[:_SHOWN])
    more = f", and {len(columns) - _SHOWN:,} more" if len(columns) > _SHOWN else ""
    return f" Not read: {names}{more}."
