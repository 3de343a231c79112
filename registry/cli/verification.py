"""What the commands share that hold the audit log against its signatures: their exit codes, the verifier key, kept
checkpoints, and how a contradiction is told.

Runs on the base install. A contradiction and nothing else ends a command with 1: what could only not be looked at (a
registry that is away, a file that cannot be read) ends it with 3, so that a monitor never takes one for the other.
"""

import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from registry.client import InvalidTarget, RegistryError
from registry.client.log.witness import StateInvalid
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable
from registry.domain.signed_notes import Checkpoint, NoteInvalid, Verifier, claims, opened
from registry.signatures import holds

F = TypeVar("F", bound=Callable[..., Any])

CONTRADICTED: Final = 1
NOT_VERIFIED: Final = 3
INTERRUPTED: Final = 130
EXIT_CODES: Final = (
    "Exit codes: 0 everything holds, 1 something does not, 2 used wrongly, 3 it could not be verified, 130 interrupted."
)
_MOST_BYTES: Final = 1_000_000
_UNPRINTABLE: Final = "?"


class NotVerified(click.ClickException):
    """Said on standard error."""

    exit_code = NOT_VERIFIED


class VerifyingCommand(click.Command):
    """A command that ends with 1 for a contradiction only."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.UsageError, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except click.ClickException as error:
            said = error.format_message()
        except KeyboardInterrupt:
            click.echo("Interrupted: nothing is known of what was not looked at.", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - Python's own exit code for it would say: contradicted
            said = _said(error)
        raise NotVerified(said)


def _said(error: Exception) -> str:
    if isinstance(error, RegistryError | InvalidTarget | StateInvalid | NotVerifiable):
        return printable(str(error))
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror or type(error).__name__}."
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"This program has a fault: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}."


def printable(text: str) -> str:
    """A log is somebody else's: nothing in it, and nothing that its server answers, may steer the terminal."""
    return "".join(character if character.isprintable() else _UNPRINTABLE for character in text)


class _VerifierKey(click.ParamType[Verifier]):
    """NAME+ID+KEY, or a file that holds it: as `log-key show` prints it, with `--json` or without."""

    name = "verifier key"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Verifier:
        if isinstance(value, Verifier):
            return value
        given = str(value)
        try:
            return Verifier.parse(given if _is_written_out(given) else _key_in(Path(given)))
        except NoteInvalid as invalid:
            self.fail(str(invalid), param, ctx)
        except (OSError, ValueError):
            self.fail("it is neither NAME+ID+KEY nor a file that can be read.", param, ctx)


def _is_written_out(given: str) -> bool:
    return given.count("+") > 1 and not Path(given).is_file()


def _key_in(path: Path) -> str:
    with path.open("rb") as file:
        text = file.read(_MOST_BYTES).decode("utf-8-sig").strip()
    if text.startswith("{"):
        return str(json.loads(text).get("verifier_key", ""))
    lines = [line.strip() for line in text.splitlines()]
    return next((line for line in lines if line.count("+") > 1), "")


def verifier_key_option(command: F) -> F:
    """Adds `verifier`."""
    return click.option(
        "--verifier-key",
        "verifier",
        type=_VerifierKey(),
        metavar="KEY|FILE",
        required=True,
        help="The log's public key, NAME+ID+KEY, as its operator published it, or a file with it.",
    )(command)


def kept_checkpoint(path: Path | None, verifier: Verifier) -> Checkpoint | None:
    """The signed note in a file. Raises Contradiction where this key is said to have signed it, and it does not hold;
    NotVerifiable where the file says no such thing; OSError.
    """
    if path is None:
        return None
    with path.open("rb") as file:
        note = file.read(_MOST_BYTES).decode("utf-8", "replace")
    try:
        return Checkpoint.parse(opened(note, verifier, holds), verifier.name)
    except NoteInvalid as invalid:
        if not claims(note, verifier):
            raise NotVerifiable(
                f"{path} is not a checkpoint of this log: it is not signed by {verifier.name} with this key."
            ) from None
        said = f"The checkpoint that you kept does not hold under this verifier key. {invalid}"
        raise Contradiction(Kind.CHECKPOINT_UNSIGNED, said) from None


def contradiction_document(found: Contradiction) -> dict[str, Any]:
    """As `--json` shows it, under `contradiction`."""
    return {"kind": found.kind.value, "detail": printable(found.sentence), "index": found.index, "event": found.event}
