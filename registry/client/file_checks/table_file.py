"""The file that is checked, read several times over; that it stays the same meanwhile is looked at, not assumed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from registry.domain.checked_table import CheckedTable, QuestionColumns
from registry.domain.tables import Record, records, survey

_MOST_ROWS: Final = 10_000_000
_PIECE_BYTES: Final = 1_048_576


class FileChanged(Exception):  # noqa: N818 - it states what happened
    """The file is not the one that the check began with."""

    def __init__(self) -> None:
        super().__init__("The file was changed while it was being checked. Run the check again.")


class TableRefused(Exception):  # noqa: N818 - like every refusal
    """The file cannot be checked; the text says why."""


class TableFile:
    """Open from construction to `close`. Raises Refused for what is no table or lacks a column, TableRefused,
    OSError.
    """

    def __init__(self, path: Path, columns: QuestionColumns) -> None:
        if not path.is_file():
            raise TableRefused(f"{path} is not a file that can be read several times over.")
        self._file = path.open("rb")
        try:
            self._state = self._now()
            self.table: Final = CheckedTable(survey(self._file, max_rows=_MOST_ROWS), columns)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    @property
    def rows(self) -> int:
        """Those that are not blank."""
        return self.table.survey.rows

    def records(self) -> Iterator[Record]:
        """From the first one, blank ones included."""
        return records(self._file, self.table.survey)

    def digest(self) -> bytes:
        """SHA-256 of its content."""
        found = hashlib.sha256()
        self._file.seek(0)
        while piece := self._file.read(_PIECE_BYTES):
            found.update(piece)
        return found.digest()

    def require_unchanged(self) -> None:
        """Raises FileChanged."""
        if self._now() != self._state:
            raise FileChanged

    def _now(self) -> tuple[int, int]:
        found = os.fstat(self._file.fileno())
        return found.st_size, found.st_mtime_ns
