"""`demand-registry decoys`: everybody's lines, for the operator. They have no number here: none is stored."""

from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, print_json, print_table
from registry.cli.session import session
from registry.db.decoys import Decoy
from registry.operations.list_records import ListDecoys
from registry.operations.operation import Answered
from registry.operations.quarantine_decoy import QuarantineDecoy, ReleaseDecoy


@click.group(
    "decoys",
    cls=PlainGroup,
    epilog="A line that the flood guard holds back is in quarantine for the reason `flood`.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry decoys list --quarantined\n"
    "  demand-registry decoys list --organisation 'Example Watch'\n"
    "  demand-registry decoys quarantine 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d",
)
def command() -> None:
    """Investigators' lines: see all of them, and take one out of the count."""


@command.command("list")
@click.option("--organisation", metavar="ID|NAME", help="Only this one's.")
@click.option("--quarantined/--not-quarantined", default=None, help="Only those that are in quarantine, or are not.")
@json_option
def list_all(organisation: str | None, quarantined: bool | None, as_json: bool) -> None:
    """Show lines, newest first, and whose they are."""
    with session() as opened:
        whose = None if organisation is None else opened.organisation(organisation).id
        found, audit_ids = opened.every(lambda after, limit: ListDecoys(after, limit, whose, quarantined))
    if as_json:
        print_json({"data": [fields(one) for one in found], "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Organisation", "Label", "Role", "Region", "Last intake", "Quarantined (UTC)", "Reason"),
        [
            (
                *(one.id, one.organisation, one.label, one.role, one.region),
                *(one.last_intake_day, one.quarantined_at, one.quarantine_reason),
            )
            for one in found
        ],
        empty="There is no such line.",
    )


@command.command("quarantine")
@click.argument("decoy_id", metavar="ID", type=click.UUID)
@json_option
def quarantine(decoy_id: UUID, as_json: bool) -> None:
    """Take a line out of the count: none of its contacts stands behind any answer. Its owner cannot release it."""
    with session() as opened:
        answered = opened.run(QuarantineDecoy(decoy_id))
    _show(answered, "is in quarantine, and only the operator releases it: none of its contacts counts", as_json)


@command.command("release")
@click.argument("decoy_id", metavar="ID", type=click.UUID)
@json_option
def release(decoy_id: UUID, as_json: bool) -> None:
    """Release a line from its quarantine, whoever put it there. All its contacts count again."""
    with session() as opened:
        answered = opened.run(ReleaseDecoy(decoy_id))
    _show(answered, "is in no quarantine: its contacts count", as_json)


def _show(answered: Answered[Decoy], text: str, as_json: bool) -> None:
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The line {answered.result.id} {text}.")
