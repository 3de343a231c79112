from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from registry.domain.limits import (
    DaySpent,
    Gcra,
    LimitName,
    Rate,
    Spent,
    Standing,
    Unit,
    day_standing,
    network_of,
    next_utc_midnight,
    spend_day,
)

NOW = datetime(2026, 11, 21, 12, 49, 47, tzinfo=UTC)
RATE = Rate(quota=600, window_seconds=60)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_the_names_are_the_headers_names() -> None:
    assert [name.value for name in LimitName] == ["key", "org-day", "address"]
    assert [unit.value for unit in Unit] == ["requests", "numbers", "failures"]


@pytest.mark.parametrize(
    ("rate", "emission", "burst"),
    [
        (Rate(600, 60), 100_000, 60_000_000),
        (Rate(1, 1), 1_000_000, 1_000_000),
        (Rate(7, 60), 8_571_429, 60_000_003),
        (Rate(100_000_000, 60), 1, 100_000_000),
    ],
)
def test_an_emission_interval_is_whole_microseconds_rounded_up(rate: Rate, emission: int, burst: int) -> None:
    assert (rate.emission_us, rate.burst_us) == (emission, burst)


@pytest.mark.parametrize("build", [lambda: Rate(0, 60), lambda: Rate(600, 0), lambda: Rate(-1, 60)])
def test_a_rate_without_sense_cannot_be_made(build: Callable[[], Rate]) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        build()


def test_the_first_request_is_admitted_and_costs_one_interval() -> None:
    expected = Spent(allowed=True, tat=after(0.1), remaining=599, reset_after=0.1, retry_after=0.0)
    assert Gcra.spend(RATE, None, NOW) == expected


def test_an_arrival_time_in_the_past_is_a_complete_quota() -> None:
    assert Gcra.spend(RATE, after(-5), NOW) == Gcra.spend(RATE, None, NOW)


def test_the_whole_quota_may_come_at_once_and_not_one_more() -> None:
    full = Gcra.spend(RATE, None, NOW, cost=600)
    assert full == Spent(allowed=True, tat=after(60), remaining=0, reset_after=60.0, retry_after=0.0)
    refused = Gcra.spend(RATE, full.tat, NOW)
    assert refused == Spent(allowed=False, tat=after(60), remaining=0, reset_after=60.0, retry_after=0.1)


def test_the_quota_comes_back_one_interval_at_a_time() -> None:
    tat = after(60)
    assert not Gcra.spend(RATE, tat, after(0.099_999)).allowed
    assert Gcra.spend(RATE, tat, after(0.1)).allowed
    assert Gcra.spend(RATE, tat, after(30)).remaining == 299


def test_a_request_is_admitted_whole_or_not_at_all() -> None:
    refused = Gcra.spend(RATE, after(59.8), NOW, cost=3)
    assert refused == Spent(allowed=False, tat=after(59.8), remaining=2, reset_after=59.8, retry_after=0.1)
    assert Gcra.spend(RATE, after(59.8), NOW, cost=2).allowed


@pytest.mark.parametrize("tat", [None, after(-1), after(30)])
def test_waiting_cannot_help_a_request_that_costs_more_than_the_quota(tat: datetime | None) -> None:
    refused = Gcra.spend(RATE, tat, NOW, cost=601)
    assert (refused.allowed, refused.tat, refused.retry_after) == (False, tat, None)


def test_a_rate_lowered_below_what_was_spent_leaves_nothing() -> None:
    refused = Gcra.spend(Rate(6, 6), after(60), NOW)
    assert refused == Spent(allowed=False, tat=after(60), remaining=0, reset_after=60.0, retry_after=55.0)


@pytest.mark.parametrize("cost", [0, -1])
def test_a_request_costs_at_least_one(cost: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Gcra.spend(RATE, None, NOW, cost=cost)


@pytest.mark.parametrize(
    ("tat", "remaining", "reset"),
    [(None, 600, 0), (after(-1), 600, 0), (after(0.7), 593, 1), (after(1), 590, 1), (after(60), 0, 60)],
)
def test_a_keys_standing_rounds_its_reset_up_to_seconds(tat: datetime | None, remaining: int, reset: int) -> None:
    expected = Standing(LimitName.KEY, quota=600, window=60, remaining=remaining, reset=reset, unit=Unit.REQUESTS)
    assert Gcra.standing(LimitName.KEY, Unit.REQUESTS, RATE, tat, NOW) == expected


def test_an_address_is_counted_in_failures() -> None:
    standing = Gcra.standing(LimitName.ADDRESS, Unit.FAILURES, Rate(20, 60), after(3), NOW)
    assert standing == Standing(LimitName.ADDRESS, quota=20, window=60, remaining=19, reset=3, unit=Unit.FAILURES)


def test_numbers_are_taken_from_the_day() -> None:
    assert spend_day(100, 30, NOW, 50) == DaySpent(allowed=True, used=80, remaining=20, retry_after=0.0)
    assert spend_day(100, 30, NOW, 70) == DaySpent(allowed=True, used=100, remaining=0, retry_after=0.0)


def test_numbers_beyond_the_day_wait_for_midnight_and_take_nothing() -> None:
    assert spend_day(100, 30, NOW, 71) == DaySpent(allowed=False, used=30, remaining=70, retry_after=40_213.0)


def test_waiting_cannot_help_numbers_beyond_a_whole_days_quota() -> None:
    assert spend_day(100, 0, NOW, 101) == DaySpent(allowed=False, used=0, remaining=100, retry_after=None)


def test_a_closed_quota_admits_no_number() -> None:
    assert spend_day(0, 0, NOW, 1) == DaySpent(allowed=False, used=0, remaining=0, retry_after=None)


def test_a_request_without_numbers_passes_even_a_quota_lowered_below_what_was_used() -> None:
    assert spend_day(100, 120, NOW, 0) == DaySpent(allowed=True, used=120, remaining=0, retry_after=0.0)
    assert spend_day(100, 120, NOW, 1) == DaySpent(allowed=False, used=120, remaining=0, retry_after=40_213.0)


def test_numbers_cannot_be_given_back_by_a_negative_cost() -> None:
    with pytest.raises(ValueError, match="at least 0"):
        spend_day(100, 30, NOW, -1)


def test_an_organisations_standing_ends_at_midnight() -> None:
    expected = Standing(
        LimitName.ORG_DAY, quota=100_000, window=86_400, remaining=99_750, reset=40_213, unit=Unit.NUMBERS
    )
    assert day_standing(100_000, 250, NOW) == expected


def test_an_organisations_standing_is_never_negative_and_rounds_its_reset_up() -> None:
    standing = day_standing(100, 250, datetime(2026, 11, 21, 23, 59, 59, 1, tzinfo=UTC))
    assert (standing.remaining, standing.reset) == (0, 1)


@pytest.mark.parametrize(
    ("now", "midnight"),
    [
        (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 22, tzinfo=UTC)),
        (datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)),
        (datetime(2026, 11, 21, 20, tzinfo=timezone(timedelta(hours=-8))), datetime(2026, 11, 23, tzinfo=UTC)),
    ],
)
def test_the_next_midnight_is_the_one_of_utc(now: datetime, midnight: datetime) -> None:
    assert next_utc_midnight(now) == midnight


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.7", b"192.0.2.7"),
        ("::ffff:192.0.2.7", b"192.0.2.7"),
        ("2001:db8:1:2::7", b"2001:db8:1:2::/64"),
        ("2001:0db8:1:2:ffff:ffff:ffff:ffff", b"2001:db8:1:2::/64"),
        ("fe80::1%eth0", b"fe80::/64"),
        ("testclient", b"testclient"),
        ("", b""),
        (None, b""),
    ],
)
def test_an_ipv6_address_counts_by_its_network(address: str | None, expected: bytes) -> None:
    assert network_of(address) == expected
