"""What is typed: numbers and secrets, which are asked for without showing them, and moments in arguments.

On a terminal they are prompted for; otherwise the number is the one line of standard input.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

_MOST_BYTES: Final = 65_536


class Moment(click.ParamType[datetime]):
    """ISO 8601 -> aware datetime. Without a zone it is UTC; a date alone is its first moment."""

    name = "iso-time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("a time is written like 2027-01-31 or 2027-01-31T18:00:00Z.", param, ctx)
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read


def ask_number(*, twice: bool) -> str:
    """One phone number. twice: a terminal asks again, where a slip would go unnoticed."""
    if sys.stdin.isatty():
        return str(click.prompt("Phone number (not shown)", hide_input=True, confirmation_prompt=twice))
    raw = sys.stdin.buffer.read(_MOST_BYTES)
    try:
        lines = [line for line in raw.decode("utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError:
        raise click.UsageError("Standard input is not UTF-8 text.") from None
    if len(lines) != 1:
        raise click.UsageError("Standard input must be one line with one phone number.")
    return lines[0]


def ask_new_passphrase() -> str:
    """Asks twice. UsageError where there is no terminal to ask on."""
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask for a passphrase on. Use --passphrase-file.")
    return str(click.prompt("New passphrase (not shown)", hide_input=True, confirmation_prompt="Once more"))


def ask_secret(what: str) -> str | None:
    """None where there is no terminal to ask on."""
    return str(click.prompt(f"{what} (not shown)", hide_input=True)) if sys.stdin.isatty() else None


def first_line(path: Path, what: str) -> str:
    """Of a file that holds one secret. ClickException, without its content, where there is none."""
    try:
        with path.open(encoding="utf-8") as file:
            line = file.readline(_MOST_BYTES).rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        line = ""
    if not line:
        raise click.ClickException(f"The file of the {what} cannot be read, or its first line is empty.")
    return line
