"""The file that a check leaves: whole or not there, readable by its owner alone, and never over what was checked."""

import os
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_MODE: Final = 0o600


class ResultRefused(Exception):  # noqa: N818 - like every refusal
    """The result must not be written there; the text says why."""


class ResultFile:
    """Written under a temporary name beside its own, which it gets by `finish`."""

    def __init__(self, path: Path, checked: Path) -> None:
        """checked: the file that is checked. Raises ResultRefused, OSError."""
        if path.exists() and path.samefile(checked):
            raise ResultRefused("The result would be written over the file that is checked. Name another by --out.")
        if path.exists() and not path.is_file():
            raise ResultRefused(f"{path} is not a file that a result could take the place of.")
        self.path: Final = path
        self._part = path.with_name(f".{path.name}.part")
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self._part, flags, _MODE), "wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was not finished is removed."""
        if not self._file.closed:
            self._file.close()
            self._part.unlink(missing_ok=True)

    def write(self, content: bytes) -> None:
        self._file.write(content)

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)
