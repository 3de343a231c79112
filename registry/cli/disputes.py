"""`demand-registry disputes`: a subject challenges a listing. The number is asked for, never an argument."""

from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, print_json, print_table
from registry.cli.prompts import ask_number
from registry.cli.session import session
from registry.operations.list_records import ListDisputes
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution


@click.group(
    "disputes",
    cls=PlainGroup,
    epilog="The number is asked for without showing it, or is the one line of standard input. It is not stored.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry disputes open --region US\n"
    "  demand-registry disputes list\n"
    "  demand-registry disputes close 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d --resolution corrected",
)
def command() -> None:
    """Challenges to a listing. While one is open, every answer about its number is `indeterminate`."""


@command.command("open")
@click.option("--region", help="Two letters, such as US: for a number without its country code.")
@json_option
def open_one(region: str | None, as_json: bool) -> None:
    """Open a dispute about a number, whether or not there is anything recorded about it."""
    number = ask_number(twice=True)
    with session() as opened:
        answered = opened.run(OpenDispute(number, region))
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The dispute {answered.result.id} is open and due on {answered.result.due_on}.")


@command.command(
    "close",
    help="Decide a dispute.\n\n"
    "\b\n"
    "confirmed  the listing stands\n"
    "corrected  it was wrong: retract its contacts or exclude the number, then close\n"
    "withdrawn  by the subject",
)
@click.argument("dispute_id", metavar="ID", type=click.UUID)
@click.option("--resolution", type=click.Choice([one.value for one in Resolution]), required=True)
@json_option
def close(dispute_id: UUID, resolution: str, as_json: bool) -> None:
    with session() as opened:
        answered = opened.run(CloseDispute(dispute_id, Resolution(resolution)))
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The dispute {answered.result.id} is closed: {resolution}.")


@command.command("list")
@json_option
def list_all(as_json: bool) -> None:
    """Show all disputes, newest first, closed ones too."""
    with session() as opened:
        found, audit_ids = opened.every(ListDisputes)
    if as_json:
        print_json({"data": [fields(one) for one in found], "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Opened (UTC)", "Due", "Closed", "Resolution"),
        [(one.id, one.opened_at, one.due_on, one.closed_at, one.resolution) for one in found],
        empty="There are no disputes.",
    )
