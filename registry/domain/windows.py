"""A stretch of time that somebody asks for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from registry.domain.errors import Code, Refused


@dataclass(frozen=True, slots=True)
class Window:
    """Aware moments: from `since` on, and before `until`. None: open on that side."""

    since: datetime | None = None
    until: datetime | None = None

    def require_forward(self) -> None:
        """Refused(window_reversed) where it ends before it begins."""
        if self.since is not None and self.until is not None and self.until < self.since:
            raise Refused(Code.WINDOW_REVERSED, "until is before since.")


ALWAYS: Final = Window()
