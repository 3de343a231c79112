"""Importing a command when it is asked for, and what is said where its packages are not installed."""

from importlib import import_module

import click


def deferred(name: str, module: str, attribute: str = "command") -> click.Command:
    """name: what was typed. module: of this package. Raises ClickException where the server's packages are missing."""
    try:
        command = getattr(import_module(f"registry.cli.{module}"), attribute)
    except ModuleNotFoundError as error:
        if (error.name or "registry").partition(".")[0] == "registry":
            raise
        raise click.ClickException(
            f"`{name}` needs the server's packages ({error.name} is missing): "
            "pip install 'demand-registry[server,embedded]'"
        ) from None
    assert isinstance(command, click.Command)  # noqa: S101 - for the type checker
    return command
