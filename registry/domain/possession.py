"""The possession window, the dates between which the asker held a number, and when it may be asked about.

Shared by the server and by clients that refuse such a window before anything is sent.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from registry.domain.errors import Code, Refused

_GRACE: Final = timedelta(days=1)
"""Where the day begins earlier than in UTC it may be tomorrow already."""


@dataclass(frozen=True, slots=True)
class Window:
    """A possession window: UTC dates, both inclusive, None leaves that side open. A reversed one is refused."""

    since: date | None
    until: date | None

    def __post_init__(self) -> None:
        if self.since is not None and self.until is not None and self.until < self.since:
            raise Refused(Code.WINDOW_REVERSED, "The possession window ends before it starts.")

    def holds(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)

    def bounded_by(self, day: date) -> bool:
        """Whether this is the first or the last day, on which two people may have held the number."""
        return day in (self.since, self.until)


class WindowRefused(Refused):
    """field: which of the two dates is at fault, by its name in a request."""

    def __init__(self, code: Code, detail: str, field: str) -> None:
        super().__init__(code, detail)
        self.field: Final = field


def possession_window(since: date | None, until: date | None, today: date) -> Window | None:
    """None without either date. today: in UTC.

    Raises WindowRefused: date_in_future for a date after tomorrow, window_reversed.
    """
    if since is None and until is None:
        return None
    for name, day in (("possessed_since", since), ("possessed_until", until)):
        if day is not None and day > today + _GRACE:
            detail = "A possession date lies in the future. Leave possessed_until out for 'still'."
            raise WindowRefused(Code.DATE_IN_FUTURE, detail, name)
    try:
        return Window(since, until)
    except Refused as refused:
        detail = refused.detail
    raise WindowRefused(Code.WINDOW_REVERSED, detail, "possessed_until")
