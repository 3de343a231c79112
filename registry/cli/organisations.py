"""`demand-registry organisations`: who may ask and submit, and how much."""

from collections.abc import Callable
from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, moment, print_json, print_table
from registry.cli.session import session
from registry.db.organisations import Organisation
from registry.domain.credentials import OrganisationKind
from registry.operations.list_records import ListOrganisations
from registry.operations.manage_organisations import (
    CreateOrganisation,
    ResumeOrganisation,
    SetLimits,
    SuspendOrganisation,
)
from registry.operations.operation import Answered, Operation

_rate = click.option("--requests-per-minute", type=click.IntRange(1, 1_000_000), help="Of each of its keys.")
_numbers = click.option(
    "--numbers-per-day", type=click.IntRange(0, 1_000_000_000), help="Numbers asked or submitted, per UTC day."
)
_which = click.argument("organisation", metavar="ID|NAME")


@click.group(
    "organisations",
    cls=PlainGroup,
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry organisations create 'Example Logistics' --kind employer\n"
    "  demand-registry organisations limits 'Example Logistics' --numbers-per-day 50000\n"
    "  demand-registry organisations suspend 'Example Logistics'",
)
def command() -> None:
    """Organisations. Each is an investigator, an employer, a partner or the operator."""


@command.command("create")
@click.argument("name")
@click.option("--kind", type=click.Choice([kind.value for kind in OrganisationKind]), required=True)
@_rate
@_numbers
@json_option
def create(name: str, kind: str, requests_per_minute: int | None, numbers_per_day: int | None, as_json: bool) -> None:
    """Add an organisation. Its kind decides which scopes its keys can have, and never changes.

    Limits that are not given are those of the settings.
    """
    operation = CreateOrganisation(OrganisationKind(kind), name, requests_per_minute, numbers_per_day)
    with session() as opened:
        answered = opened.run(operation)
    _show(answered, f"Created {answered.result.name}, {kind}, with the id {answered.result.id}.", as_json)
    if not as_json:
        click.echo(f"Issue it a key: demand-registry keys issue --organisation {answered.result.id}")


@command.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """Show all organisations, oldest first."""
    with session() as opened:
        found, audit_ids = opened.every(ListOrganisations)
    if as_json:
        print_json({"data": [fields(one) for one in found], "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Name", "Kind", "Requests/min", "Numbers/day", "Since (UTC)", "Suspended"),
        [(o.id, o.name, o.kind, o.requests_per_minute, o.numbers_per_day, o.created_at, o.suspended_at) for o in found],
        empty="There are no organisations yet. `demand-registry organisations create` makes one.",
    )


@command.command("suspend")
@_which
@json_option
def suspend(organisation: str, as_json: bool) -> None:
    """Stop all keys of an organisation, at once and until it is resumed."""
    answered = _change(organisation, SuspendOrganisation)
    since = moment(answered.result.suspended_at)
    _show(answered, f"{answered.result.name} is suspended since {since} UTC: none of its keys works.", as_json)


@command.command("resume")
@_which
@json_option
def resume(organisation: str, as_json: bool) -> None:
    """Let the keys of a suspended organisation work again."""
    answered = _change(organisation, ResumeOrganisation)
    _show(answered, f"{answered.result.name} is active: its keys work, but for revoked and expired ones.", as_json)


@command.command("limits")
@_which
@_rate
@_numbers
@json_option
def limits(organisation: str, requests_per_minute: int | None, numbers_per_day: int | None, as_json: bool) -> None:
    """Set an organisation's limits, from its next request on. What is not given stays as it is."""
    if requests_per_minute is None and numbers_per_day is None:
        raise click.UsageError("Give --requests-per-minute, --numbers-per-day or both.")
    answered = _change(organisation, lambda id_: SetLimits(id_, requests_per_minute, numbers_per_day))
    one = answered.result
    text = f"{one.name}: {one.requests_per_minute:,} requests a minute, {one.numbers_per_day:,} numbers a day."
    _show(answered, text, as_json)


def _change(organisation: str, make: Callable[[UUID], Operation[None, Organisation]]) -> Answered[Organisation]:
    with session() as opened:
        return opened.run(make(opened.organisation(organisation).id))


def _show(answered: Answered[Organisation], text: str, as_json: bool) -> None:
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(text)
