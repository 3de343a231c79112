"""What `demand-registry run` says when it is ready. Printed once, with the keys; nothing of it is logged.

The commands to paste are for a POSIX shell with curl and sed, and use numbers that are reserved for fiction.
"""

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from registry.cli.embedded_start import DEMO_NAMES, DemoKey
from registry.cli.session import is_sealed
from registry.domain.credentials import Mode, OrganisationKind
from registry.settings import Settings

_DECOY_NUMBER = "+1 206 555 0100"
_CALLER_NUMBER = "+1 206 555 0177"


def show(settings: Settings, url: str, keys: Sequence[DemoKey], now: datetime) -> None:
    """keys: those that were just made; none on a later start. now: aware."""
    what = (
        "a sandbox: fictional numbers are accepted"
        if settings.mode is Mode.SANDBOX
        else "live: fictional numbers are refused"
    )
    click.echo(f"\nDemand Registry is ready ({what}).\n")
    click.echo(f"  Interactive docs  {url}/docs")
    if settings.public_address != url:
        click.echo(f"  Providers call    {settings.public_address}  (REGISTRY_PUBLIC_URL)")
    click.echo(f"  Data              {settings.data_dir.resolve()}")
    key_file = Path(settings.require("key_file"))
    warning = "" if is_sealed(key_file) else "  (not sealed by a passphrase: for trying only)"
    click.echo(f"  Key file          {key_file}{warning}")
    click.echo(f"  Audit log         {url}/log/checkpoint  (whose key `demand-registry log-key show` prints)\n")
    program = program_name()
    if keys:
        _show_keys(keys)
        _show_commands(url, {key.kind: key.text for key in keys}, now)
        click.echo(f"More keys:    {_issue(program)}")
    else:
        click.echo(
            f"Its first keys were shown at the first start, and nobody can show them again. Make another:\n\n"
            f"  {_issue(program)}\n"
        )
    if settings.mode is Mode.SANDBOX:
        click.echo(f"Sample data:  {program} demo")
    click.echo("Stop:         Ctrl-C")


def program_name() -> str:
    """This program as it can be typed in a shell here."""
    here = Path(sys.argv[0])
    found = shutil.which("demand-registry")
    if here.name != "demand-registry" or (found is not None and Path(found).resolve() == here.resolve()):
        return "demand-registry"
    return sys.argv[0]


def _issue(program: str) -> str:
    return f"{program} keys issue --organisation '{DEMO_NAMES[OrganisationKind.EMPLOYER]}'"


def _show_keys(keys: Sequence[DemoKey]) -> None:
    click.echo("Keys, shown this once:\n")
    for key in keys:
        click.echo(f"  {key.organisation:<18}{key.text}  {', '.join(key.scopes)}")
    click.echo()


def _show_commands(url: str, keys: dict[OrganisationKind, str], now: datetime) -> None:
    """Register a decoy, submit a contact with it, ask about the caller."""
    investigator, employer = keys[OrganisationKind.INVESTIGATOR], keys[OrganisationKind.EMPLOYER]
    occurred_at = (now.astimezone(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    decoy = f'{{"label": "First line", "number": "{_DECOY_NUMBER}", "role": "advertisement"}}'
    hit = (
        """{"hits": [{"decoy_id": "'"$DECOY"'", """
        f'"number": "{_CALLER_NUMBER}", "channel": "sms", "occurred_at": "{occurred_at}"}}]}}'
    )
    lookup = f'{{"number": "{_CALLER_NUMBER}", "purpose": "company_number"}}'
    click.echo("Try it: register a decoy, submit a contact with it, and ask about the caller.\n")
    click.echo(
        f"{_curl('DECOY=$(curl', url, '/v1/decoys', investigator, decoy)}"
        """ | sed 's/.*"id":"\\([^"]*\\)".*/\\1/'); echo "$DECOY"\n"""
    )
    click.echo(f"{_curl('curl', url, '/v1/hits', investigator, hit)}; echo\n")
    click.echo(f"{_curl('curl', url, '/v1/lookups', employer, lookup)}; echo\n")


def _curl(curl: str, url: str, path: str, key: str, body: str) -> str:
    return (
        f"{curl} -sS {url}{path} -H 'Authorization: Bearer {key}' \\\n"
        f"  -H 'Content-Type: application/json' \\\n"
        f"  -d '{body}'"
    )
