"""`demand-registry witness`: remembers a registry's checkpoint on somebody else's machine, and says when a later one
contradicts it. Needs none of the server's packages.
"""

from pathlib import Path

import click

from registry.cli.verification import (
    CONTRADICTED,
    EXIT_CODES,
    VerifyingCommand,
    contradiction_document,
    printable,
    verifier_key_option,
)
from registry.client.log.source import LogSource
from registry.client.log.witness import Contradicted, Observation, observe
from registry.domain.signed_notes import Verifier


@click.command(
    "witness",
    cls=VerifyingCommand,
    epilog="Run it regularly on a machine that the registry's operator cannot reach. The first time it believes what "
    "it is shown, as long as that is signed; afterwards only what continues it. The state file is the signed "
    "checkpoint itself: publish it, or hold it against the registry's database with `verify-log --checkpoint`.\n\n"
    "Where something contradicts the state, both checkpoints are written to STATE.conflict-SIZE, and the state stays "
    "as it is.\n\n" + EXIT_CODES + "\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry witness --url https://registry.example.org --verifier-key registry.pub --state registry.log\n"
    "  */10 * * * * demand-registry witness --quiet --url ... --verifier-key ... --state ...",
)
@click.option("--url", envvar="REGISTRY_URL", required=True, help="Where the registry answers.")
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="The file in which the last checkpoint is remembered.",
)
@verifier_key_option
@click.option("--quiet", is_flag=True, help="Say nothing while all is well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(ctx: click.Context, /, *, url: str, state: Path, verifier: Verifier, quiet: bool, as_json: bool) -> None:
    """Remember a registry's checkpoint, and check that the log has only grown since the last one."""
    source = LogSource(url)
    try:
        seen = observe(source, verifier, state)
    except Contradicted as found:
        _accuse(found, as_json=as_json)
        ctx.exit(CONTRADICTED)
    finally:
        source.close()
    if as_json:
        from registry.cli.output import print_json  # noqa: PLC0415 - it takes the tables for people along

        print_json(
            {
                "holds": True,
                "origin": seen.checkpoint.origin,
                "size": seen.checkpoint.size,
                "root": seen.checkpoint.root,
                "size_before": None if seen.before is None else seen.before.size,
            }
        )
    elif not quiet:
        click.echo(_sentence(seen, state))


def _sentence(seen: Observation, state: Path) -> str:
    size = seen.checkpoint.size
    if seen.before is None:
        return (
            f"First use: the checkpoint of {size:,} events is signed by {seen.checkpoint.origin}, was believed, and is "
            f"remembered in {state}. From now on the log must continue it."
        )
    if size == seen.before.size:
        return f"The log still has {size:,} events, and is the same."
    return f"The log has {size:,} events, and continues the {seen.before.size:,} that were seen before."


def _accuse(found: Contradicted, *, as_json: bool) -> None:
    if as_json:
        from registry.cli.output import print_json  # noqa: PLC0415 - it takes the tables for people along

        print_json(
            {
                "holds": False,
                "contradiction": contradiction_document(found),
                "evidence": found.evidence,
                "kept_before": found.others,
            }
        )
        return
    click.echo(f"The log CONTRADICTS what was seen of it. {printable(found.sentence)}")
    if found.evidence is not None:
        click.echo(f"Both checkpoints are kept in {found.evidence}, and the state is as it was.")
    elif found.others:
        click.echo(
            f"{len(found.others)} conflicts are kept already, and this one is not: "
            f"{', '.join(str(path) for path in found.others)}."
        )
