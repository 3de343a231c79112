"""`demand-registry verify-log`: holds the whole audit log against its signatures, in the database or over HTTP.

Over HTTP it needs no API key and none of the server's packages, which are imported only where a database is read.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from registry.cli.check_progress import Bar
from registry.cli.verification import (
    CONTRADICTED,
    EXIT_CODES,
    VerifyingCommand,
    contradiction_document,
    kept_checkpoint,
    printable,
    verifier_key_option,
)
from registry.client.log.source import LogSource
from registry.client.log.tiles import VerifiedTiles, verify_tiles
from registry.domain.contradictions import Contradiction, NotVerifiable
from registry.domain.signed_notes import Checkpoint, Verifier

if TYPE_CHECKING:
    from registry.operations.verify_log import Verified

_BODIES_UNCHECKED = "Bodies of events were not checked: only the registry has them."


@click.command(
    "verify-log",
    cls=VerifyingCommand,
    epilog="Without --url it reads the database of REGISTRY_DATABASE_URL, with any login that may read the schema "
    "`audit`, or the application's: bodies, leaves, tiles, checkpoints and the index of disclosures. With --url it "
    "reads what is public: checkpoint and tiles. It changes nothing, and names the first thing that does not hold.\n\n"
    "Who has the log key can sign another history: only a checkpoint kept elsewhere (--checkpoint, such as `witness` "
    "keeps) convicts him.\n\n" + EXIT_CODES + "\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry verify-log --verifier-key registry.pub --checkpoint kept.checkpoint\n"
    "  demand-registry verify-log --verifier-key registry.pub --url https://registry.example.org --json",
)
@verifier_key_option
@click.option("--url", help="Verify what this registry shows in public, instead of a database.")
@click.option(
    "--checkpoint",
    "kept",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A signed checkpoint of this log that was kept elsewhere: the log must continue it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(ctx: click.Context, /, *, verifier: Verifier, url: str | None, kept: Path | None, as_json: bool) -> None:
    """Verify the audit log: recompute the tree from all events, and hold it against everything that was signed."""
    try:
        with Bar(shown=not as_json) as bar:
            remembered = kept_checkpoint(kept, verifier)
            if url is None:
                document, sentences = _of_database(verifier, remembered, _told(bar, "Events"))
            else:
                document, sentences = _of_tiles(url, verifier, remembered, _told(bar, "Hashes"))
    except Contradiction as found:
        document = {"holds": False, "contradiction": contradiction_document(found)}
        sentences = [f"The log does NOT hold. {printable(found.sentence)}"]
    if as_json:
        from registry.cli.output import print_json  # noqa: PLC0415 - it takes the tables for people along

        print_json(document)
    else:
        click.echo("\n".join(sentences))
    if not document["holds"]:
        ctx.exit(CONTRADICTED)


def _told(bar: Bar, name: str) -> Callable[[int, int], None]:
    """What is done is shown on the bar, whose stage begins when it is known how much there is."""
    done_before = 0

    def tell(done: int, total: int) -> None:
        nonlocal done_before
        if not done_before:
            bar.stage(name, total)
        bar.advance(done - done_before)
        done_before = done

    return tell


def _of_tiles(
    url: str, verifier: Verifier, kept: Checkpoint | None, progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], list[str]]:
    source = LogSource(url)
    try:
        found: VerifiedTiles = verify_tiles(source, verifier, kept, progress)
    finally:
        source.close()
    checkpoint = found.checkpoint
    document = {
        "holds": True,
        "source": source.url,
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "kept_size": None if kept is None else kept.size,
        "checked": {"tiles": found.tiles, "checkpoints": 1, "bodies": 0},
    }
    said = f"The log {checkpoint.origin} holds: {checkpoint.size:,} events, {found.tiles:,} tiles, 1 checkpoint."
    return document, [said, *_continues(kept), _BODIES_UNCHECKED]


def _of_database(
    verifier: Verifier, kept: Checkpoint | None, progress: Callable[[int, int], None]
) -> tuple[dict[str, Any], list[str]]:
    try:
        from registry.cli import environment  # noqa: PLC0415 - the server's packages
        from registry.cli.failures import plainly  # noqa: PLC0415
        from registry.operations.assembly import open_database  # noqa: PLC0415
        from registry.operations.verify_log import verify_log  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if (error.name or "registry").partition(".")[0] == "registry":
            raise
        raise click.ClickException(
            f"Reading a database needs the server's packages ({error.name} is missing): "
            "pip install 'demand-registry[server]'. What is public can be verified with --url."
        ) from None

    with plainly():
        settings = environment.resolve()
        environment.require_database(settings)
        database = open_database(settings)
        try:
            found = verify_log(database, verifier, kept, progress)
        except NotVerifiable as reason:
            raise click.ClickException(str(reason)) from None
        finally:
            database.dispose()
    return _document(found, kept), [*_sentences(found), *_continues(kept)]


def _document(found: "Verified", kept: Checkpoint | None) -> dict[str, Any]:
    return {
        "holds": True,
        "source": "database",
        "origin": found.origin,
        "size": found.size,
        "root": found.root,
        "kept_size": None if kept is None else kept.size,
        "checked": {
            "bodies": found.bodies,
            "dropped": found.dropped,
            "tiles": found.tiles,
            "checkpoints": found.checkpoints,
            "disclosures": found.disclosures,
            "private_parts": found.private,
        },
        "unsealed": found.unsealed,
    }


def _sentences(found: "Verified") -> list[str]:
    counts = (
        f"{found.size:,} events, {found.bodies:,} bodies, {found.tiles:,} full tiles, {found.checkpoints:,} "
        f"checkpoints, {found.disclosures:,} disclosed tags"
    )
    said = [f"The log {found.origin} holds: {counts}."]
    if found.dropped:
        said.append(f"{found.dropped:,} older bodies were dropped, as the log itself says.")
    if found.private is None:
        said.append("Addresses and user agents were not checked: this login may not read them.")
    else:
        said.append(f"{found.private:,} private parts (address and user agent) are those that were sealed.")
    if found.unsealed:
        waiting = "1 newer event waits" if found.unsealed == 1 else f"{found.unsealed:,} newer events wait"
        said.append(f"{waiting} to be sealed: nothing is known of what is not sealed.")
    return said


def _continues(kept: Checkpoint | None) -> list[str]:
    return [] if kept is None else [f"It continues the checkpoint of {kept.size:,} events that you kept."]
