"""`demand-registry verify-listings`: recomputes every listing from the hits and reports any difference."""

import click

from registry.cli.failures import PlainCommand
from registry.cli.output import counting, fields, json_option, print_json
from registry.cli.session import session
from registry.operations.verify_listings import VerifyListings


@click.command(
    "verify-listings",
    cls=PlainCommand,
    epilog="Exit code 1 means that some were wrong, also where they were repaired: find out why.\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry verify-listings\n"
    "  demand-registry verify-listings --repair --json",
)
@click.option("--repair", is_flag=True, help="Recompute the different ones.")
@json_option
@click.pass_context
def command(ctx: click.Context, repair: bool, as_json: bool) -> None:
    """Hold every listing against the hits that it is computed from.

    Stale listings are no fault: time has changed them, and questions about them are answered from the hits.
    """
    with session() as opened, counting(shown=not as_json) as progress:
        task = progress.add_task("Tags compared", total=None)
        answered = opened.run(VerifyListings(repair, lambda compared: progress.update(task, completed=compared)))
    verified = answered.result
    if as_json:
        print_json({**fields(verified), "repaired": repair, "audit_id": answered.audit_id})
    else:
        done = " All are repaired." if repair and verified.wrong + verified.stale else ""
        click.echo(f"Tags compared: {verified.tags:,}. Stale: {verified.stale:,}. Wrong: {verified.wrong:,}.{done}")
    if verified.wrong:
        ctx.exit(1)
