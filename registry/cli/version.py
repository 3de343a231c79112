"""`demand-registry version`."""

from importlib.metadata import version

import click

from registry.cli.output import json_option, print_json


@click.command("version")
@json_option
def command(as_json: bool) -> None:
    """Print the version."""
    found = version("demand-registry")
    if as_json:
        print_json({"version": found})
    else:
        click.echo(f"demand-registry {found}")
