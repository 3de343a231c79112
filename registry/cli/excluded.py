"""The operator's verbs of `demand-registry exclusions`, on the database itself. The number is asked for, never an
argument.
"""

from datetime import UTC, datetime
from uuid import UUID

import click

from registry.cli.failures import PlainCommand
from registry.cli.output import fields, json_option, print_json, print_table
from registry.cli.prompts import Moment, ask_number
from registry.cli.session import session
from registry.domain.exclusions import GIVEN_REASONS, ExclusionReason
from registry.operations.list_records import ListExclusions
from registry.operations.manage_exclusions import AddExclusion, EndExclusion, RemoveExclusion

_region = click.option("--region", help="Two letters, such as US: for a number without its country code.")


@click.command("add", cls=PlainCommand)
@click.option("--reason", type=click.Choice([reason.value for reason in GIVEN_REASONS]), required=True)
@_region
@click.option("--expires", type=Moment(), help="Until then. Without it: until it is removed.")
@json_option
def add(reason: str, region: str | None, expires: datetime | None, as_json: bool) -> None:
    """Exclude a number, at once."""
    number = ask_number(twice=True)
    with session() as opened:
        answered = opened.run(AddExclusion(number, ExclusionReason(reason), region, expires))
    if as_json:
        print_json({**fields(answered.result), "reason": reason, "audit_id": answered.audit_id})
    else:
        click.echo(f"The number is excluded, under the id {answered.result.id}.")


@click.command("remove", cls=PlainCommand)
@_region
@click.option("--id", "id_", type=click.UUID, help="One of the list, instead of a number; anybody's.")
@click.option("--organisation", help="End this one's exclusion of the number: its id or its name.")
@click.option("--all", "every", is_flag=True, help="End every side's exclusion of the number.")
@click.option(
    "--mistaken",
    is_flag=True,
    help="It should never have been: earlier contacts count again. With --id also of one that ended.",
)
@json_option
def remove(
    region: str | None, id_: UUID | None, organisation: str | None, every: bool, mistaken: bool, as_json: bool
) -> None:
    """End the exclusion of a number: the operator's own, unless something else is asked. What the number does from now
    on counts, and what it did before only with --mistaken.
    """
    if sum((id_ is not None, organisation is not None, every)) > 1:
        raise click.UsageError("--id, --organisation and --all exclude one another.")
    number = None if id_ is not None else ask_number(twice=False)
    with session() as opened:
        whose = None if organisation is None else opened.organisation(organisation).id
        if id_ is not None:
            answered = opened.run(EndExclusion(id_, mistaken))
        else:
            answered = opened.run(RemoveExclusion(number or "", region, whose, every, mistaken))
    if as_json:
        print_json({"id": answered.result[0], "ids": answered.result, "audit_id": answered.audit_id})
        return
    counts = "contacts from before count again" if mistaken else "contacts count from now on"
    for ended in answered.result:
        click.echo(f"The exclusion {ended} has ended: the number's {counts}, unless another one keeps them out.")


@click.command("list", cls=PlainCommand)
@json_option
def list_all(as_json: bool) -> None:
    """Show all exclusions, newest first, ended ones too."""
    now = datetime.now(UTC)
    with session() as opened:
        found, audit_ids = opened.every(ListExclusions)
    if as_json:
        shown = [{**fields(one), "expired": one.expired(now)} for one in found]
        print_json({"data": shown, "audit_ids": audit_ids})
        return
    print_table(
        ("Id", "Reason", "Added by", "Since (UTC)", "Expires", "Removed", "Mistaken"),
        [
            (
                one.id,
                one.reason,
                one.organisation or "operator",
                one.created_at,
                one.expires_at,
                one.removed_at,
                one.mistaken,
            )
            for one in found
        ],
        empty="No number is or was excluded.",
    )
