"""What is sent to PostgreSQL: every statement of every pool of this process, in order."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest


@dataclass(frozen=True, slots=True)
class Sent:
    """One statement, with single spaces. rows: how many it returned or changed."""

    text: str
    rows: int

    @property
    def beginning(self) -> str:
        return self.text.partition(" FROM")[0].partition(" (")[0][:60]


@contextmanager
def counted() -> Generator[list[Sent]]:
    """The statements that are sent while the block runs; BEGIN and COMMIT are not among them."""
    sent: list[Sent] = []

    original: Any = psycopg.Cursor.execute

    def note(cursor: Any, statement: Any, *arguments: Any, **named: Any) -> Any:
        text = statement.decode() if isinstance(statement, bytes) else str(statement)
        result = original(cursor, statement, *arguments, **named)
        sent.append(Sent(" ".join(text.split()), cursor.rowcount))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", note)
        yield sent
