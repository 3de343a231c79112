"""The intervals are those that R. G. Newcombe gives for Wilson's score without a correction for continuity, his
method 3 (Statistics in Medicine 17, 1998, table I).
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from registry.domain.baseline import Life, Period, Tally, baseline, wilson

NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_the_published_one(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson(successes, trials)
    assert found.estimate == successes / trials
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)
    mirrored = wilson(trials - successes, trials)
    assert (mirrored.low, mirrored.high) == pytest.approx((1 - found.high, 1 - found.low))


@pytest.mark.parametrize("trials", [1, 2, 3, 7, 29, 1_000, 10**9])
def test_an_interval_never_leaves_what_a_proportion_can_be(trials: int) -> None:
    nothing, everything = wilson(0, trials), wilson(trials, trials)
    assert nothing.low == 0.0 < nothing.high < 1.0
    assert 0.0 < everything.low < everything.high == 1.0


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (-1, 5), (6, 5)])
def test_counts_that_cannot_be_have_no_interval(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="a proportion is of"):
        wilson(successes, trials)


def test_the_rate_counts_contacts_and_the_proportion_days() -> None:
    tally = Tally(1, 10, 25, 5) + Tally(2, 30, 5, 5)
    assert tally == Tally(3, 40, 30, 10)
    assert tally.rate == 0.75
    assert tally.proportion == wilson(10, 40)
    assert (Tally().rate, Tally().proportion) == (None, None)


def test_the_baseline_is_what_would_have_come_anyway() -> None:
    advertised = Tally(1, 100, 200, 80)
    assert baseline(Tally(1, 50, 10, 9), advertised) == pytest.approx(0.1)
    assert baseline(Tally(1, 50, 0, 0), advertised) == 0.0
    assert baseline(Tally(1, 1, 3, 1), advertised) == 1.0
    assert baseline(Tally(), advertised) is None
    assert baseline(Tally(1, 50, 10, 9), Tally()) is None
    assert baseline(Tally(1, 50, 10, 9), Tally(1, 5, 0, 0)) is None


def life(
    live_from: datetime | None = None,
    live_until: datetime | None = None,
    acquired_on: date | None = None,
    known_since: date = date(2026, 1, 1),
) -> Life:
    return Life(live_from, live_until, acquired_on, known_since)


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        (life(), 1, 30),
        (life(known_since=date(2026, 11, 9)), 9, 30),
        (life(live_from=datetime(2026, 11, 9, 23, 59, tzinfo=UTC)), 9, 30),
        # It was live before it was registered: its owner says so.
        (life(live_from=datetime(2026, 11, 2, tzinfo=UTC), known_since=date(2026, 11, 9)), 2, 30),
        (life(live_until=datetime(2026, 11, 9, 0, 0, 1, tzinfo=UTC)), 1, 9),
        (life(live_until=datetime(2026, 11, 9, tzinfo=UTC)), 1, 8),
        (life(acquired_on=date(2026, 11, 2)), 9, 30),
        (life(live_from=datetime(2026, 11, 20, tzinfo=UTC), acquired_on=date(2026, 11, 2)), 20, 30),
        (life(live_until=datetime(2027, 1, 1, tzinfo=UTC)), 1, 30),
    ],
)
def test_a_line_has_the_days_of_its_life_that_lie_in_the_period(line: Life, first: int, last: int) -> None:
    assert line.within(NOVEMBER, burn_in_days=7) == Period(date(2026, 11, first), date(2026, 11, last))


@pytest.mark.parametrize(
    "line",
    [
        life(known_since=date(2026, 12, 1)),
        life(live_until=datetime(2026, 11, 1, tzinfo=UTC)),
        life(acquired_on=date(2026, 11, 28)),
    ],
)
def test_a_line_that_was_not_live_in_the_period_has_none(line: Life) -> None:
    assert line.within(NOVEMBER, burn_in_days=7) is None


def test_a_period_counts_both_its_ends() -> None:
    assert NOVEMBER.days == 30
    assert Period(NOVEMBER.since, NOVEMBER.since + timedelta(days=0)).days == 1
