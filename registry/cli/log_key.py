"""`demand-registry log-key`: the key that signs the audit log's checkpoints. Its public half is what outsiders pin."""

import os
from pathlib import Path

import click

from registry import log_key
from registry.cli import environment
from registry.cli.failures import PlainGroup
from registry.cli.output import json_option, print_json
from registry.cli.prompts import ask_new_passphrase, ask_secret
from registry.cli.session import is_sealed
from registry.domain.signed_notes import is_name
from registry.log_key import LogKey
from registry.settings import Settings


@click.group(
    "log-key",
    cls=PlainGroup,
    epilog="\b\nExamples:\n"
    "  demand-registry log-key create --origin registry.example.org/log --file /etc/demand-registry/log-key.json\n"
    "  demand-registry log-key show",
)
def command() -> None:
    """The key that signs the audit log's checkpoints, in a file of its own."""


@command.command("create")
@click.option("--origin", required=True, help="The log's name for ever: a host and a path, without https://.")
@click.option("--file", "path", type=click.Path(path_type=Path), help="Instead of REGISTRY_LOG_KEY_FILE.")
@click.option("--no-passphrase", is_flag=True, help="Leave it unsealed, readable by its owner alone.")
@json_option
def create(origin: str, path: Path | None, no_passphrase: bool, as_json: bool) -> None:
    """Make the log key. It is never overwritten: a log whose key is lost cannot be continued under its name."""
    settings = environment.resolve()
    if path is not None:
        settings = settings.model_copy(update={"log_key_file": path})
    target = Path(settings.require("log_key_file"))
    if not is_name(origin):
        raise click.UsageError("An origin has no spaces and no plus sign, and at most 200 characters.")
    if os.path.lexists(target):
        raise click.ClickException(f"There is a file at {target} already, and a log key is never overwritten.")
    passphrase = None if no_passphrase else settings.log_passphrase() or ask_new_passphrase()
    key = LogKey.create(origin)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_key.write(target, key, passphrase)
    if as_json:
        print_json({"log_key_file": target.resolve(), "verifier_key": str(key.verifier), "sealed": is_sealed(target)})
        return
    click.echo(f"Made {target.resolve()}. Set REGISTRY_LOG_KEY_FILE to it where events are to be sealed.")
    click.echo("Publish this verifier key where others can pin it, outside of this registry's own reach:")
    click.echo(str(key.verifier))


@command.command("show")
@json_option
def show(as_json: bool) -> None:
    """Print the verifier key: the log's name and public key, as everybody needs them who verifies."""
    key = opened_log_key(environment.resolve())
    if as_json:
        print_json({"origin": key.origin, "verifier_key": str(key.verifier)})
    else:
        click.echo(str(key.verifier))


def opened_log_key(settings: Settings) -> LogKey:
    """The passphrase of a sealed one comes from its file or, on a terminal, is asked for.

    Raises SettingsError, SealedFileError.
    """
    path = Path(settings.require("log_key_file"))
    if not is_sealed(path):
        return log_key.read(path, None)
    return log_key.read(path, settings.log_passphrase() or ask_secret(f"Passphrase of {path}"))
