"""`demand-registry verify-proof`: a receipt, verified offline with the log's public key alone.

Needs no database, no network and none of the server's packages.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final, cast

import click

from registry.cli.verification import (
    CONTRADICTED,
    EXIT_CODES,
    VerifyingCommand,
    contradiction_document,
    printable,
    verifier_key_option,
)
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable
from registry.domain.merkle import ProofInvalid
from registry.domain.signed_notes import PROOF, Checkpoint, NoteInvalid, Receipt, Verifier, claims
from registry.signatures import holds

_MOST_BYTES: Final = 1_000_000
_STANDARD_INPUT: Final = Path("-")


@click.command(
    "verify-proof",
    cls=VerifyingCommand,
    epilog="FILE is what GET /v1/audit/events/{id}/proof answers; - reads standard input. It is self-contained: the "
    "event, its place in the log, and the signed checkpoint that it leads to.\n\n" + EXIT_CODES + "\n\n"
    "\b\n"
    "Examples:\n"
    "  demand-registry verify-proof receipt.tlog-proof --verifier-key registry.pub\n"
    "  demand-registry verify-proof - --verifier-key registry.pub --json < receipt.tlog-proof",
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
@verifier_key_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_context
def command(ctx: click.Context, /, *, file: Path, verifier: Verifier, as_json: bool) -> None:
    """Verify a receipt: that the event in it is in the log, exactly as it is written there."""
    from registry.cli.output import print_json, print_table  # noqa: PLC0415 - they take the tables for people along

    try:
        receipt, checkpoint = _verified(_content(file), verifier)
    except Contradiction as found:
        if as_json:
            print_json({"holds": False, "contradiction": contradiction_document(found)})
        else:
            click.echo(f"The proof does NOT hold. {printable(found.sentence)}")
        ctx.exit(CONTRADICTED)
    event = _event(receipt.entry or b"")
    if as_json:
        print_json(
            {
                "holds": True,
                "origin": checkpoint.origin,
                "index": receipt.index,
                "size": checkpoint.size,
                "root": checkpoint.root,
                "event": event,
            }
        )
        return
    click.echo(
        f"The proof holds: this is event {receipt.index:,} of the log {checkpoint.origin}, which had "
        f"{checkpoint.size:,} events when the checkpoint was signed."
    )
    print_table(["member", "value"], _rows(event), empty="The event has no members.")


def _content(file: Path) -> str:
    if file == _STANDARD_INPUT:
        content = sys.stdin.buffer.read(_MOST_BYTES + 1)
    else:
        with file.open("rb") as opened_file:
            content = opened_file.read(_MOST_BYTES + 1)
    return content.decode("utf-8", "replace")


def _verified(text: str, verifier: Verifier) -> tuple[Receipt, Checkpoint]:
    """Raises Contradiction where this key is said to have signed it, and it does not hold; NotVerifiable for what is no
    receipt, or another log's.
    """
    if text.partition("\n")[0] != PROOF:
        raise NotVerifiable("This is not a tlog-proof file.")
    try:
        receipt = Receipt.parse(text)
        return receipt, receipt.verify(verifier, holds)
    except (NoteInvalid, ProofInvalid) as invalid:
        if not claims(text, verifier):
            said = f"This is not a receipt of this log: its checkpoint is not signed by {verifier.name} with this key."
            raise NotVerifiable(said) from None
        raise Contradiction(Kind.PROOF_INVALID, str(invalid)) from None


def _event(entry: bytes) -> dict[str, Any]:
    try:
        event: object = json.loads(entry)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise click.ClickException("The proof holds, and its entry is not an audit event that can be shown.")
    return cast("dict[str, Any]", event)


def _rows(event: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """One for each member, nested ones under their path. What is null says nothing, and is left out."""
    rows: list[tuple[str, str]] = []
    for name, value in event.items():
        if isinstance(value, dict):
            rows += _rows(cast("dict[str, Any]", value), f"{prefix}{name}.")
        elif value is not None:
            said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            rows.append((printable(prefix + name), printable(said)))
    return rows
