"""What goes wrong as expected, in one plain sentence each: what it is and what to do. Never a traceback, a value of a
statement, or anything that was typed.

Commands of this package that use the server's modules are made from PlainCommand and PlainGroup.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import click

from registry.db.data_directory import EmbeddedError
from registry.db.database import DatabaseFault
from registry.db.migrate import SchemaError
from registry.domain.errors import Code, Refused
from registry.keys import GenerationMismatch
from registry.sealed_file import SealedFileError
from registry.settings import SettingsError

_INSUFFICIENT_PRIVILEGE: Final = "42501"
_SAYS_ITSELF: Final = (SettingsError, SealedFileError, GenerationMismatch, SchemaError, EmbeddedError)


class PlainCommand(click.Command):
    """A command whose expected failures are told in one sentence, with exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        with plainly():
            return super().invoke(ctx)


class PlainGroup(click.Group):
    """A noun; its verbs are PlainCommands."""

    command_class = PlainCommand


@contextmanager
def plainly() -> Generator[None]:
    """Raises click.ClickException in the place of an expected failure."""
    try:
        yield
    except _SAYS_ITSELF as error:
        raise click.ClickException(str(error)) from None
    except Refused as refused:
        raise click.ClickException(_refusal(refused)) from None
    except DatabaseFault as fault:
        raise click.ClickException(_fault(fault)) from None
    except BrokenPipeError:
        raise  # click ends quietly when `| head` has seen enough
    except OSError as error:
        where = "" if error.filename is None else f"{error.filename}: "
        raise click.ClickException(f"{where}{error.strerror or type(error).__name__}.") from None


def _refusal(refused: Refused) -> str:
    if refused.code is Code.DATABASE_UNAVAILABLE:
        return f"{refused.detail} Is PostgreSQL running, and is REGISTRY_DATABASE_URL right?"
    return f"{refused.detail} ({refused.code.value})"


def _fault(fault: DatabaseFault) -> str:
    if _INSUFFICIENT_PRIVILEGE in str(fault):
        return (
            "The login of REGISTRY_DATABASE_URL lacks the application's rights. As the schema's owner: "
            "GRANT registry_app TO <that login>;"
        )
    return f"The database refused a statement of this program, which is a fault in it: {fault}."
