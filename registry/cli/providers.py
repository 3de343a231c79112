"""`demand-registry providers`: what telephony providers sign their requests with, for an organisation.

Secrets are asked for, or come from standard input; they are never arguments and never shown.
"""

import sys
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, moment, print_json, print_table
from registry.cli.prompts import ask_secret
from registry.cli.session import session
from registry.domain.intake.credentials import MEMBERS
from registry.domain.policy import Provider
from registry.operations.manage_credentials import (
    AddProviderCredential,
    ListProviderCredentials,
    RetireProviderCredential,
)

_MOST_BYTES: Final = 4_096
_SPOKEN: Final = {
    "account_sid": "Account SID",
    "auth_token": "Auth token",
    "public_key": "Public key",
    "secret": "Secret (whsec_...)",
}
_organisation = click.option("--organisation", metavar="ID|NAME", required=True, help="Whose lines it is for.")


@click.group(
    "providers",
    cls=PlainGroup,
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry providers add twilio --organisation 'Example Watch'\n"
    "  printf '%s\\n' AC0123... \"$TOKEN\" | demand-registry providers add twilio --organisation 'Example Watch'\n"
    "  demand-registry providers retire 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d --organisation 'Example Watch'",
)
def command() -> None:
    """What telephony providers sign with. It is kept sealed; nobody can show it again."""


@command.command("add")
@click.argument("provider", type=click.Choice([provider.value for provider in Provider]))
@_organisation
@click.option("--label", help="The organisation's own words, to tell several apart. Without numbers or secrets.")
@click.option("--again", is_flag=True, help="Although the organisation has retired the same secret: it has not leaked.")
@json_option
def add(provider: str, organisation: str, label: str | None, again: bool, as_json: bool) -> None:
    """Register what a provider signs with.

    It is asked for on a terminal; otherwise standard input holds it, one part a line: for Twilio the account SID and
    the auth token, for Telnyx the public key, for generic the secret.
    """
    wanted = Provider(provider)
    members = _members(wanted)
    with session() as opened:
        owner = opened.organisation(organisation)
        answered = opened.run(AddProviderCredential(wanted, members, owner.id, label, again))
    added = answered.result
    said = f"Registered a credential of {owner.name} for {provider}, with the id {added.id}."
    _show({**fields(added), "audit_id": answered.audit_id}, said, as_json)


@command.command("list")
@_organisation
@json_option
def list_all(organisation: str, as_json: bool) -> None:
    """Show an organisation's, retired ones too, without what they sign with."""
    with session() as opened:
        answered = opened.run(ListProviderCredentials(opened.organisation(organisation).id))
    if as_json:
        print_json({"data": [fields(one) for one in answered.result], "audit_id": answered.audit_id})
        return
    print_table(
        ("Id", "Provider", "Label", "Since (UTC)", "Retired", "Verifies until"),
        [
            (one.id, one.provider, one.label or "", one.created_at, one.retired_at, one.verifies_until)
            for one in answered.result
        ],
        empty="There are none. `demand-registry providers add` registers one.",
    )


@command.command("retire")
@click.argument("credential_id", type=click.UUID, metavar="ID")
@_organisation
@click.option(
    "--at-once",
    is_flag=True,
    help="For a secret that has leaked: what it signed is refused from now on, and all of the "
    "organisation's that are the same secret are retired with it.",
)
@json_option
def retire(credential_id: UUID, organisation: str, at_once: bool, as_json: bool) -> None:
    """Retire one. For an hour, requests that it signed are still taken, since some may be on their way."""
    with session() as opened:
        owner = opened.organisation(organisation)
        answered = opened.run(RetireProviderCredential(credential_id, at_once, owner.id))
    retired, also = answered.result.credential, answered.result.also
    said = f"Credential {credential_id} is retired; what it signed is taken until {moment(retired.verifies_until)} UTC."
    if also:
        said += f"\nThe same secret, and retired with it: {', '.join(map(str, also))}."
    _show({**fields(retired), "also_retired": also, "audit_id": answered.audit_id}, said, as_json)


def _members(provider: Provider) -> dict[str, str]:
    names = MEMBERS[provider]
    if sys.stdin.isatty():
        return {name: ask_secret(_SPOKEN[name]) or "" for name in names}
    lines = sys.stdin.buffer.read(_MOST_BYTES).decode("utf-8", "replace").split()
    if len(lines) != len(names):
        raise click.UsageError(f"Standard input must be {len(names)} lines: {', '.join(names)}.")
    return dict(zip(names, lines, strict=True))


def _show(document: Mapping[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(text)
