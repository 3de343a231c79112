"""Importing a command when it is asked for, and what is said where its packages are not installed."""

from importlib import import_module
from typing import Any

import click


def deferred(name: str, module: str, attribute: str = "command") -> click.Command:
    """A command. Otherwise as for `imported`."""
    command = imported(name, module, attribute)
    assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
    return command


def imported(name: str, module: str, attribute: str) -> Any:
    """name: what was typed. module: of this package. Raises ClickException where the server's packages are missing."""
    try:
        return getattr(import_module(f"registry.cli.{module}"), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "registry").partition(".")[0] == "registry":
            raise
        raise click.ClickException(
            f"`{name}` needs the server's packages ({error.name} is missing): "
            "pip install 'demand-registry[server,embedded]'"
        ) from None
