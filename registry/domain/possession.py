"""When a possession window may be asked about: the dates between which the asker held a number.

Shared by the server and by clients that refuse such a window before anything is sent.
"""

from datetime import date, timedelta
from typing import Final

from registry.domain.errors import Code, Refused
from registry.domain.policy import Window

_GRACE: Final = timedelta(days=1)
"""Where the day begins earlier than in UTC it may be tomorrow already."""


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
