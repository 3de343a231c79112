from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from hypothesis import assume, given
from hypothesis import strategies as st

from registry.domain.limits import Gcra, LimitName, Rate, Spent, Unit, day_standing, next_utc_midnight, spend_day

START = datetime(2026, 11, 21, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# Small quotas are exhausted often; the large ones have intervals that no division leaves whole.
RATES = st.builds(Rate, st.integers(1, 12) | st.integers(1, 3_000_000), st.integers(1, 90))


@dataclass(frozen=True)
class Request:
    at: datetime
    cost: int
    before: datetime | None
    spent: Spent


@st.composite
def traffic(draw: st.DrawFn, rates: st.SearchStrategy[Rate] = RATES) -> tuple[Rate, list[Request]]:
    """Requests in the order of their times, with pauses around the rate's own intervals, each spent in turn."""
    rate = draw(rates)
    interval = rate.emission_us
    pauses = st.sampled_from([0, 1, interval - 1, interval, interval + 1]) | st.integers(0, 2 * rate.burst_us)
    costs = st.just(1) | st.integers(1, min(rate.quota + 1, 20)) | st.sampled_from([rate.quota, rate.quota + 1])
    steps = draw(st.lists(st.tuples(pauses, costs), min_size=1, max_size=30))
    times = accumulate((pause for pause, _ in steps), initial=0)
    tat: datetime | None = None
    requests: list[Request] = []
    for elapsed, (_, cost) in zip(times, steps, strict=False):
        at = START + elapsed * MICROSECOND
        spent = Gcra.spend(rate, tat, at, cost)
        requests.append(Request(at, cost, tat, spent))
        tat = spent.tat
    return rate, requests


@given(traffic())
def test_no_interval_admits_more_than_the_quota_and_what_came_back_in_it(history: tuple[Rate, list[Request]]) -> None:
    rate, requests = history
    admitted = [request for request in requests if request.spent.allowed]
    for first, start in enumerate(admitted):
        total = 0
        for end in admitted[first:]:
            total += end.cost
            elapsed_us = (end.at - start.at) // MICROSECOND
            assert (total - rate.quota) * rate.window_seconds * 1_000_000 <= elapsed_us * rate.quota


@given(traffic())
def test_a_refused_request_changes_nothing(history: tuple[Rate, list[Request]]) -> None:
    rate, requests = history
    for request in requests:
        if not request.spent.allowed:
            assert request.spent.tat == request.before
            standing = Gcra.standing(LimitName.KEY, Unit.REQUESTS, rate, request.before, request.at)
            assert request.spent.remaining == standing.remaining


@given(traffic())
def test_the_arrival_time_never_goes_back_and_lies_at_most_a_burst_ahead(
    history: tuple[Rate, list[Request]],
) -> None:
    rate, requests = history
    for request in requests:
        if request.spent.allowed:
            assert request.spent.tat is not None
            ahead = request.spent.tat - max(request.at, request.before or request.at)
            assert ahead == request.cost * rate.emission_us * MICROSECOND
            assert request.spent.tat - request.at <= rate.burst_us * MICROSECOND


@given(traffic())
def test_what_remains_is_exactly_what_would_be_admitted_now(history: tuple[Rate, list[Request]]) -> None:
    rate, requests = history
    for request in requests:
        remaining = request.spent.remaining
        assert 0 <= remaining <= rate.quota
        assert not Gcra.spend(rate, request.spent.tat, request.at, remaining + 1).allowed
        assert remaining == 0 or Gcra.spend(rate, request.spent.tat, request.at, remaining).allowed


@given(traffic())
def test_waiting_as_told_is_enough_and_a_microsecond_less_is_not(history: tuple[Rate, list[Request]]) -> None:
    rate, requests = history
    for request in requests:
        wait = request.spent.retry_after
        assert request.spent.allowed is (wait == 0.0)
        assert (wait is None) is (request.cost > rate.quota)
        if wait:
            ready = request.at + timedelta(seconds=wait)
            assert Gcra.spend(rate, request.spent.tat, ready, request.cost).allowed
            assert not Gcra.spend(rate, request.spent.tat, ready - MICROSECOND, request.cost).allowed


@given(traffic())
def test_the_quota_is_complete_after_the_reset_and_not_before(history: tuple[Rate, list[Request]]) -> None:
    rate, requests = history
    for request in requests:
        complete = request.at + timedelta(seconds=request.spent.reset_after)
        assert Gcra.spend(rate, request.spent.tat, complete, rate.quota).allowed
        if request.spent.reset_after:
            assert not Gcra.spend(rate, request.spent.tat, complete - MICROSECOND, rate.quota).allowed


@given(traffic(), st.integers(1, 10**9))
def test_asking_later_is_never_worse(history: tuple[Rate, list[Request]], later_us: int) -> None:
    rate, requests = history
    for request in requests:
        later = Gcra.spend(rate, request.before, request.at + later_us * MICROSECOND, request.cost)
        assert later.allowed or not request.spent.allowed
        if later.allowed is request.spent.allowed:
            assert later.remaining >= request.spent.remaining


@given(RATES, st.integers(0, 10**8), st.integers(1, 20), st.integers(1, 20))
def test_two_requests_at_once_cost_what_one_of_both_costs(rate: Rate, debt_us: int, first: int, second: int) -> None:
    tat = START + debt_us * MICROSECOND
    whole = Gcra.spend(rate, tat, START, first + second)
    assume(whole.allowed)
    half = Gcra.spend(rate, tat, START, first)
    assert Gcra.spend(rate, half.tat, START, second) == whole


@given(RATES, st.integers(1, 10**9), st.integers(1, 10**8))
def test_a_clock_set_back_admits_nothing_extra(rate: Rate, debt_us: int, back_us: int) -> None:
    tat = START + debt_us * MICROSECOND
    now = Gcra.spend(rate, tat, START)
    earlier = Gcra.spend(rate, tat, START - back_us * MICROSECOND)
    assert now.allowed or not earlier.allowed
    assert earlier.remaining <= now.remaining


@given(RATES)
def test_rounding_the_interval_never_admits_more_than_the_rate(rate: Rate) -> None:
    window_us = rate.window_seconds * 1_000_000
    assert rate.burst_us >= window_us
    assert rate.burst_us - window_us < rate.quota


@given(st.integers(0, 50), st.lists(st.integers(0, 30), max_size=20))
def test_a_day_admits_no_more_than_its_quota_and_counts_only_what_it_admitted(quota: int, costs: list[int]) -> None:
    used, admitted = 0, 0
    for cost in costs:
        spent = spend_day(quota, used, START, cost)
        assert spent.remaining == quota - spent.used
        assert spent.allowed is (used + cost <= quota)
        assert (spent.retry_after is None) is (cost > quota)
        admitted += cost if spent.allowed else 0
        used = spent.used
        assert used == admitted
    assert day_standing(quota, used, START).remaining == quota - used
    assert used <= quota


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.timezones()))  # noqa: DTZ001 - hypothesis adds the zone
def test_midnight_is_ahead_by_at_most_a_day_and_the_reset_reaches_it(now: datetime) -> None:
    midnight = next_utc_midnight(now)
    assert midnight.astimezone(UTC).time() == datetime.min.time()
    assert timedelta(0) < midnight - now.astimezone(UTC) <= timedelta(days=1)
    reset = timedelta(seconds=day_standing(1, 0, now).reset)
    assert timedelta(0) <= reset - (midnight - now.astimezone(UTC)) < timedelta(seconds=1)
