"""`demand-registry hits`: the operator takes back a contact that somebody has reported by its id."""

from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import fields, json_option, print_json
from registry.cli.session import session
from registry.operations.retract_hit import RetractHit, RetractionReason


@click.group(
    "hits",
    cls=PlainGroup,
    epilog="\b\nExamples:\n  demand-registry hits retract 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d --reason spoofed",
)
def command() -> None:
    """Contacts of every organisation. `import` submits them, with an investigator's key."""


@command.command("retract")
@click.argument("hit_id", metavar="ID", type=click.UUID)
@click.option("--reason", type=click.Choice([one.value for one in RetractionReason]), required=True)
@json_option
def retract(hit_id: UUID, reason: str, as_json: bool) -> None:
    """Take one back: it stays on record, and counts no more."""
    with session() as opened:
        answered = opened.run(RetractHit(hit_id, RetractionReason(reason)))
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The contact {answered.result.id} is retracted: {reason}.")
