"""Which registry a command speaks to over HTTP, and with which key: its options, and what they come to.

A key is never an argument, and never repeated.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from registry.cli import run_file
from registry.cli.prompts import ask_secret, first_line
from registry.client.target import OPEN_ROAD, InvalidTarget, Target

F = TypeVar("F", bound=Callable[..., Any])

_DEFAULT_URL: Final = "http://127.0.0.1:8000"


def target_options(whose: str) -> Callable[[F], F]:
    """Adds `url`, `api_key_file` and `data_dir`. whose: the kind of organisation that the key belongs to."""
    options = (
        click.option(
            "--url", envvar="REGISTRY_URL", help="Where the registry answers. Default: a `run` on this machine."
        ),
        click.option(
            "--api-key-file",
            envvar="REGISTRY_API_KEY_FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help=f"Its first line is the {whose}'s API key.",
        ),
        click.option(
            "--data-dir", envvar="REGISTRY_DATA_DIR", type=click.Path(path_type=Path), default="data", hidden=True
        ),
    )

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def is_named(url: str | None, api_key_file: Path | None) -> bool:
    """Whether something says which registry, or with which key: of commands that also work on the database itself."""
    return bool(url or api_key_file or os.environ.get("REGISTRY_API_KEY"))


def target_of(url: str | None, api_key_file: Path | None, data_dir: Path) -> Target:
    """Warns where the way to it can be read. Raises ClickException for what is no address or no key."""
    try:
        target = Target.of(url or run_file.running_url(data_dir) or _DEFAULT_URL, _api_key(api_key_file))
    except InvalidTarget as error:
        raise click.ClickException(str(error)) from None
    if target.readable_on_the_way:
        click.echo(f"Warning: {OPEN_ROAD}", err=True)
    return target


def _api_key(path: Path | None) -> str:
    if path is not None:
        return first_line(path, "API key")
    key = os.environ.get("REGISTRY_API_KEY") or ask_secret("API key")
    if key is None:
        raise click.UsageError(
            "No API key is given, and there is no terminal to ask for one on. "
            "Name a file that holds it with --api-key-file or REGISTRY_API_KEY_FILE."
        )
    return key
