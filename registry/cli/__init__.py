"""The command line `demand-registry`: one module per noun, imported only when it is asked for.

So the commands that only speak HTTP (`check`, `import`, `exclusions` with an API key, `version`) run on the base
install, and none waits for what it does not use. Owns the list of commands. No message of this package may repeat what
was typed where it could be a phone number or a secret, and neither is ever taken from the arguments, which process
lists and shell histories show.
"""

import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import click

from registry.cli.deferred import deferred
from registry.domain.errors import Refused
from registry.domain.references import label

SECTIONS: Final = {
    "Start": {
        "run": ("run", "Try it: PostgreSQL, key file, demo keys and API, with nothing to set up."),
        "serve": ("serve", "Run the API on your own PostgreSQL."),
        "demo": ("demo", "Play sample data through the running sandbox."),
    },
    "Set up": {
        "migrate": ("migrate", "Bring the database to this version's schema."),
        "init": ("init", "Make the key file and register it with the database."),
        "generations": ("generations", "List, add, retire and rekey tag keys."),
    },
    "Audit": {
        "log-key": ("log_key", "Make and show the key that signs the audit log."),
        "seal": ("seal", "Seal audit events in a process of its own."),
        "verify-log": ("verify_log", "Hold the whole log against its signatures."),
        "verify-proof": ("verify_proof", "Verify one receipt, offline."),
        "witness": ("witness", "Remember a log's checkpoints, and say when one contradicts another."),
        "audit": ("audit", "Export events, and drop what need not be kept."),
    },
    "Administer": {
        "organisations": ("organisations", "Create, list, suspend, resume and limit organisations."),
        "keys": ("keys", "Issue, list, revoke and expire API keys."),
        "providers": ("providers", "What telephony providers sign their requests with."),
        "decoys": ("decoys", "Investigators' lines: list, quarantine, release."),
        "hits": ("hits", "Take back a contact."),
        "exclusions": ("exclusions", "Numbers that are never listed."),
        "disputes": ("disputes", "Challenges to a listing."),
        "subjects": ("subjects", "Tell a person who was told about their number."),
        "verify-listings": ("verify_listings", "Hold every listing against the hits."),
    },
    "Use": {
        "check": ("check", "Ask about a file of numbers, plainly or privately."),
        "import": ("import_hits", "Submit a file of contacts to a registry."),
        "version": ("version", "Print the version."),
    },
}
"""Heading -> command -> its module here and what the overview says about it."""

_MODULES: Final = {name: module for commands in SECTIONS.values() for name, (module, _) in commands.items()}
_MESSAGE_LENGTH: Final = 10_000
_SECRET: Final = re.compile("drk_", re.IGNORECASE)


class _Overview(click.Group):
    """Finds commands by name and shows them by section, without importing them for it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in _MODULES:
            return None
        return deferred(cmd_name, _MODULES[cmd_name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        with _discreet():
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        with _discreet():
            return super().invoke(ctx)


@contextmanager
def _discreet() -> Generator[None]:
    """Usage errors quote the arguments. One that quotes what may be a number or a secret is told without it."""
    try:
        yield
    except click.UsageError as error:
        if not _reveals(error.format_message()):
            raise
        if isinstance(error, click.BadParameter) and error.param is not None and error.ctx is not None:
            what = f"The value of {error.param.get_error_hint(error.ctx)} cannot be used."
        else:
            what = "There is an argument that this command does not take."
        raise click.UsageError(
            f"{what} It is not repeated here, since it could be a phone number or a key. Those are never "
            "arguments, which process lists and shell histories show: you are asked for them, or they are read from "
            "standard input or a file.",
            error.ctx,
        ) from None


def _reveals(message: str) -> bool:
    try:
        label(" ".join(message.split()), _MESSAGE_LENGTH)
    except Refused:
        return True
    return _SECRET.search(message) is not None


@click.group(
    cls=_Overview,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry run\n"
    "  demand-registry keys issue --organisation 'Demo employer'\n"
    "  demand-registry import hits.csv --dry-run\n\n"
    "Settings come from REGISTRY_* variables; docs/operations.md lists them. Beside a running `demand-registry run`, "
    "in the same folder, none is needed. Exit codes: 0 done, 1 refused or failed, 2 used wrongly; `check`, "
    "`verify-log`, `verify-proof` and `witness` have their own.",
)
def main() -> None:
    """Demand Registry: contacts with decoy advertisements, kept without a readable phone number."""
