"""`demand-registry exclusions`: numbers that are never listed. The number is asked for, never an argument."""

from datetime import datetime

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, print_json, print_table
from registry.cli.prompts import Moment, ask_number
from registry.cli.session import session
from registry.operations.list_records import ListExclusions
from registry.operations.manage_exclusions import AddExclusion, ExclusionReason, RemoveExclusion

_region = click.option("--region", help="Two letters, such as US: for a number without its country code.")


@click.group(
    "exclusions",
    cls=PlainGroup,
    epilog="The number is asked for without showing it, or is the one line of standard input. It is not stored: the "
    "list shows ids, reasons and dates.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry exclusions add --reason outreach --region US\n"
    "  demand-registry exclusions remove < number.txt",
)
def command() -> None:
    """Numbers that are never listed, whatever contacts are recorded: outreach workers, police, survivors.

    A question about one is answered exactly like one about a number that nobody ever saw.
    """


@command.command("add")
@click.option("--reason", type=click.Choice([reason.value for reason in ExclusionReason]), required=True)
@_region
@click.option("--expires", type=Moment(), help="Until then. Without it: until it is removed.")
@json_option
def add(reason: str, region: str | None, expires: datetime | None, as_json: bool) -> None:
    """Exclude a number, at once."""
    number = ask_number(twice=True)
    with session() as opened:
        answered = opened.run(AddExclusion(number, ExclusionReason(reason), region, expires))
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The number is excluded, under the id {answered.result.id}.")


@command.command("remove")
@_region
@json_option
def remove(region: str | None, as_json: bool) -> None:
    """End the operator's exclusion of a number."""
    number = ask_number(twice=False)
    with session() as opened:
        answered = opened.run(RemoveExclusion(number, region))
    if as_json:
        print_json({"id": answered.result.id, "audit_id": answered.audit_id})
    else:
        click.echo(f"The exclusion {answered.result.id} has ended: the number's contacts count again.")


@command.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """Show all exclusions, newest first, ended ones too."""
    with session() as opened:
        found, audit_ids = opened.every(ListExclusions)
    if as_json:
        print_json({"data": [fields(one) for one in found], "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Reason", "Since (UTC)", "Expires", "Removed"),
        [(one.id, one.reason, one.created_at, one.expires_at, one.removed_at) for one in found],
        empty="No number is or was excluded.",
    )
