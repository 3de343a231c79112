"""What can keep a check from its end, each in a plain sentence and with exit code 2: 1 means that a contact was
observed, which nothing else may look like.
"""

import sqlite3
import traceback
from pathlib import Path
from typing import Any, Final

import click

from registry.client import KeyChanged, QuotaExceeded, RegistryError, Unauthorized
from registry.client.file_checks.folder import CacheError
from registry.client.file_checks.result_file import ResultRefused
from registry.client.file_checks.table_file import FileChanged, TableRefused
from registry.client.file_checks.workers import WorkerFailed
from registry.domain.errors import Refused

INTERRUPTED: Final = 130
_FAILED: Final = 2
_KEPT: Final = "What was answered so far is kept: run the same command again, and it is not paid for twice."
_MINUTE: Final = 60
_HOUR: Final = 3_600


class CheckFailed(click.ClickException):
    """Said on standard error."""

    exit_code = _FAILED


class CheckCommand(click.Command):
    """A command that ends with 2 whatever goes wrong, and with 130 where somebody interrupts it."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.UsageError, click.exceptions.Exit, click.Abort):
            raise
        except click.ClickException as error:
            said = error.format_message()
        except KeyboardInterrupt:
            click.echo(f"Interrupted. {_KEPT}", err=True)
            ctx.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - Python's own exit code for it would say: observed
            said = _said(error)
        raise CheckFailed(said)


_SAYS_ITSELF: Final = (CacheError, ResultRefused, TableRefused, FileChanged)


def _said(error: Exception) -> str:
    if isinstance(error, RegistryError):
        return _said_of_registry(error)
    if isinstance(error, Refused):
        return f"{error.detail} ({error.code.value})"
    if isinstance(error, _SAYS_ITSELF):
        return str(error)
    if isinstance(error, WorkerFailed):
        return f"{error} {_KEPT}"
    return _said_of_machine(error)


def _said_of_machine(error: Exception) -> str:
    if isinstance(error, sqlite3.Error):
        return f"The cache cannot be written or read ({error}). Is the disk full? {_KEPT}"
    if isinstance(error, OSError):
        where = "" if error.filename is None else f"{error.filename}: "
        return f"{where}{error.strerror or type(error).__name__}."
    # What it says may quote a number; where it was raised cannot.
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"This program has a fault: {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}. {_KEPT}"


def _said_of_registry(error: RegistryError) -> str:
    if isinstance(error, KeyChanged):
        return (
            f"{error} If its operator tells you, by another way, that it has a new key, pass that with --public-key. "
            "Tags under the old one are then forgotten."
        )
    if isinstance(error, Unauthorized):
        return f"{error} Private checks need a key with the scope `private`, plain ones `lookups`."
    if isinstance(error, QuotaExceeded) and error.retry_after is not None:
        return f"{error} Try again in {_duration(error.retry_after)}. {_KEPT}"
    request = "" if error.request_id is None else f" Request {error.request_id}."
    return f"{error}{request} {_KEPT}"


def _duration(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} seconds"
    return f"{seconds / _MINUTE:.0f} minutes" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.0f} hours"
