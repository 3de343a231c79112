"""`demand-registry keys`: API keys. A key's text is printed once, when it is issued, and never again."""

from datetime import datetime
from typing import Any
from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, moment, print_json, print_table
from registry.cli.prompts import Moment
from registry.cli.session import Session, session
from registry.db.api_keys import StoredKey
from registry.db.organisations import Organisation
from registry.domain.credentials import Scope
from registry.operations.list_records import ListKeys, ListOrganisations
from registry.operations.manage_keys import ExpireKey, IssueKey, RevokeKey
from registry.operations.operation import Answered

_key_id = click.argument("key_id", metavar="KEYID")


@click.group(
    "keys",
    cls=PlainGroup,
    epilog="KEYID is the public part of a key: the eight characters after drk_live_ or drk_test_. "
    "`keys list` shows them.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry keys issue --organisation 'Example Logistics' --expires 2027-12-31\n"
    "  demand-registry keys issue --organisation 'Example Watch' --scope hits --scope decoys\n"
    "  demand-registry keys revoke 4fJq0ZtB",
)
def command() -> None:
    """API keys. Nobody can show one a second time: only a hash of its secret is stored."""


@command.command("issue")
@click.option("--organisation", metavar="ID|NAME", required=True, help="Who it is for.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    help="What it may be used for; may be repeated. Without it: what the organisation's kind gets by default.",
)
@click.option("--expires", type=Moment(), help="From then on it is refused. Without it: never.")
@json_option
def issue(organisation: str, scopes: tuple[str, ...], expires: datetime | None, as_json: bool) -> None:
    """Make a key and print it, this once."""
    wanted = frozenset(Scope(scope) for scope in scopes) if scopes else None
    with session() as opened:
        owner = opened.organisation(organisation)
        answered = opened.run(IssueKey(owner.id, wanted, expires))
    stored, text = answered.result.stored, answered.result.text
    if as_json:
        print_json({**fields(stored), "key": text, "audit_id": answered.audit_id})
        return
    until = "" if expires is None else f", until {moment(expires)} UTC"
    click.echo(f"A key of {owner.name} for {', '.join(stored.scopes)}{until}. It is shown this once:\n\n{text}\n")


@command.command("list")
@click.option("--organisation", metavar="ID|NAME", help="Only this one's.")
@json_option
def list_all(organisation: str | None, as_json: bool) -> None:
    """Show keys without their secrets: whose, for what, since when, last used."""
    with session() as opened:
        found, audit_ids = _keys(opened, organisation)
    if as_json:
        print_json({"data": [fields(key) for _, key in found], "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Organisation", "Scopes", "Since (UTC)", "Expires", "Revoked", "Last used"),
        [
            (k.id, owner.name, " ".join(k.scopes), k.created_at, k.expires_at, k.revoked_at, k.last_used_at)
            for owner, k in found
        ],
        empty="There are no keys. `demand-registry keys issue` makes one.",
    )


@command.command("revoke")
@_key_id
@json_option
def revoke(key_id: str, as_json: bool) -> None:
    """Stop a key at once and for ever."""
    with session() as opened:
        answered = opened.run(RevokeKey(key_id))
    _show(answered, f"Key {answered.result.id} is revoked since {moment(answered.result.revoked_at)} UTC.", as_json)


@command.command("expire")
@_key_id
@click.option("--at", type=Moment(), help="From then on it is refused.")
@click.option("--never", is_flag=True, help="Lift its expiry.")
@json_option
def expire(key_id: str, at: datetime | None, never: bool, as_json: bool) -> None:
    """Set or lift a key's expiry. A revoked key stays revoked."""
    if (at is None) is not never:
        raise click.UsageError("Give either --at or --never.")
    with session() as opened:
        answered = opened.run(ExpireKey(key_id, at))
    when = "never expires" if at is None else f"expires at {moment(at)} UTC"
    _show(answered, f"Key {answered.result.id} {when}.", as_json)


def _keys(opened: Session, organisation: str | None) -> tuple[list[tuple[Organisation, StoredKey]], list[UUID]]:
    """Keys with their owners, and the audit events of the listing."""
    if organisation is None:
        owners, audit_ids = opened.every(ListOrganisations)
    else:
        owners, audit_ids = [opened.organisation(organisation)], []
    found: list[tuple[Organisation, StoredKey]] = []
    for owner in owners:
        answered = opened.run(ListKeys(owner.id))
        found += [(owner, key) for key in answered.result]
        audit_ids.append(answered.audit_id)
    return found, audit_ids


def _show(answered: Answered[StoredKey], text: str, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {**fields(answered.result), "audit_id": answered.audit_id}
        print_json(document)
    else:
        click.echo(text)
