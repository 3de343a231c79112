"""What is sent to PostgreSQL: every statement of every pool of this process, in order."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest


@contextmanager
def counted() -> Generator[list[str]]:
    """The statements that are sent while the block runs; BEGIN and COMMIT are not among them."""
    sent: list[str] = []

    original: Any = psycopg.Cursor.execute

    def note(cursor: Any, statement: Any, *arguments: Any, **named: Any) -> Any:
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        sent.append(" ".join(text.split()))
        return original(cursor, statement, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", note)
        yield sent
