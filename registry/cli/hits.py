"""`demand-registry hits`: the operator takes back a contact that somebody has reported by its id, or all on a line that
occurred in a stretch of time.
"""

from datetime import UTC, datetime
from uuid import UUID

import click

from registry.cli.failures import PlainGroup
from registry.cli.output import counting, fields, json_option, print_json
from registry.cli.prompts import Moment
from registry.cli.session import session
from registry.domain.errors import Refused
from registry.domain.windows import Window
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.retract_hits import RehearseRetractions, RetractHits, Retractions, retract_in_chunks


@click.group(
    "hits",
    cls=PlainGroup,
    epilog="\b\n"
    "Examples:\n"
    "  demand-registry hits retract 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d --reason spoofed\n"
    "  demand-registry hits retract --decoy 0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d --reason spoofed \\\n"
    "    --since 2026-12-01T09:00:00Z --until 2026-12-01T17:30:00Z --dry-run",
)
def command() -> None:
    """Contacts of every organisation. `import` submits them, with an investigator's key."""


@command.command("retract")
@click.argument("hit_id", metavar="[ID]", type=click.UUID, required=False)
@click.option("--decoy", type=click.UUID, metavar="ID", help="All contacts on this line, instead of one.")
@click.option("--since", type=Moment(), help="With --decoy: only what occurred at or after it.")
@click.option("--until", type=Moment(), help="With --decoy: only what occurred before it. Without it: up to now.")
@click.option("--reason", type=click.Choice([one.value for one in RetractionReason]), required=True)
@click.option("--dry-run", is_flag=True, help="With --decoy: say how many it would be; retract none.")
@json_option
def retract(
    hit_id: UUID | None,
    decoy: UUID | None,
    since: datetime | None,
    until: datetime | None,
    *,
    reason: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take one back by its ID, or all on a line: they stay on record, and count no more. Asks nothing: see how many it
    would be with --dry-run. What is retracted already is passed over, so that it can be run again.
    """
    if hit_id is not None:
        if decoy is not None:
            raise click.UsageError("Name one contact by its ID, or a line with --decoy: not both.")
        if since is not None or until is not None or dry_run:
            raise click.UsageError("--since, --until and --dry-run go with --decoy, not with a contact's ID.")
        _retract_one(hit_id, RetractionReason(reason), as_json=as_json)
        return
    if decoy is None:
        raise click.UsageError("Name a contact by its ID, or a line with --decoy.")
    kind = RehearseRetractions if dry_run else RetractHits
    window = Window(since, datetime.now(UTC) if until is None else until)
    done = _retract_line(kind(decoy, window, RetractionReason(reason)), shown=not as_json)
    if as_json:
        print_json({**fields(done), "dry_run": dry_run})
    else:
        click.echo(_told(done, decoy, reason, dry_run=dry_run))


def _retract_one(hit_id: UUID, reason: RetractionReason, *, as_json: bool) -> None:
    with session() as opened:
        answered = opened.run(RetractHit(hit_id, reason))
    if as_json:
        print_json({**fields(answered.result), "audit_id": answered.audit_id})
    else:
        click.echo(f"The contact {answered.result.id} is retracted: {reason}.")


def _retract_line(operation: RetractHits, *, shown: bool) -> Retractions:
    """All chunks. What was retracted before one of them fails is told, for it stays so."""
    done = Retractions()
    with session() as opened, counting(shown=shown) as progress:
        task = progress.add_task("contacts", total=None)
        try:
            for done in retract_in_chunks(operation, opened.run):
                progress.update(task, completed=done.retracted)
        except Refused:
            if done.retracted:
                click.echo(f"Retracted before that, for good: {done.retracted:,}. Run it again for the rest.", err=True)
            raise
    return done


def _told(done: Retractions, decoy: UUID, reason: str, *, dry_run: bool) -> str:
    many = "1 contact" if done.retracted == 1 else f"{done.retracted:,} contacts"
    becomes = "would be" if dry_run else "is" if done.retracted == 1 else "are"
    told = f"{many} on the line {decoy} {becomes} retracted: {reason}."
    return f"{told} {done.remaining:,} are left: run it again." if done.remaining else told
