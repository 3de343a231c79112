from datetime import date

import pytest

from registry.domain.errors import Code
from registry.domain.possession import Window, WindowRefused, possession_window

TODAY = date(2026, 11, 15)
TOMORROW = date(2026, 11, 16)
LATER = date(2026, 11, 17)
BEFORE = date(2026, 1, 15)


def test_no_dates_are_no_window() -> None:
    assert possession_window(None, None, TODAY) is None


@pytest.mark.parametrize(
    ("since", "until"),
    [(BEFORE, None), (None, BEFORE), (BEFORE, TODAY), (TODAY, TODAY), (TOMORROW, TOMORROW)],
)
def test_a_window_may_reach_into_tomorrow(since: date | None, until: date | None) -> None:
    assert possession_window(since, until, TODAY) == Window(since, until)


@pytest.mark.parametrize(
    ("since", "until", "code", "field"),
    [
        (LATER, None, Code.DATE_IN_FUTURE, "possessed_since"),
        (LATER, BEFORE, Code.DATE_IN_FUTURE, "possessed_since"),
        (BEFORE, LATER, Code.DATE_IN_FUTURE, "possessed_until"),
        (None, LATER, Code.DATE_IN_FUTURE, "possessed_until"),
        (TODAY, BEFORE, Code.WINDOW_REVERSED, "possessed_until"),
    ],
)
def test_a_refused_window_names_the_date_that_is_at_fault(
    since: date | None, until: date | None, code: Code, field: str
) -> None:
    with pytest.raises(WindowRefused) as caught:
        possession_window(since, until, TODAY)
    assert (caught.value.code, caught.value.field) == (code, field)
