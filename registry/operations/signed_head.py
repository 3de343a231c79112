"""The last checkpoint that was signed on this machine, kept in a file beside the log key.

The database can be put back to an older state, by mistake or on purpose, and would contradict nothing within itself. A
sealer that went on from there would sign two histories.
"""

import logging
import os
import secrets
from pathlib import Path

_log = logging.getLogger("registry.sealing")


class SignedHead:
    """path: holds the signed note. Used by one thread; several processes may share the file, since whichever of their
    notes it holds was signed here.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._told = False

    @classmethod
    def beside(cls, log_key: Path) -> "SignedHead":
        return cls(log_key.with_name(f"{log_key.name}.head"))

    def read(self) -> str | None:
        """None where nothing was signed here yet. Raises OSError."""
        try:
            return self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def keep(self, note: str) -> None:
        """Replaces the file at once. Where that cannot be, sealing goes on: the checkpoint is published already."""
        temporary = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            try:
                temporary.write_text(note, encoding="utf-8")
                os.replace(temporary, self.path)  # noqa: PTH105 - with its temporary file taken away below
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            if not self._told:
                _log.warning("the last checkpoint cannot be kept beside the log key", extra={"why": error.strerror})
            self._told = True
