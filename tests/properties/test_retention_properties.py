from datetime import UTC, datetime, timedelta

from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.policy import Policy

moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
months = st.integers(min_value=1, max_value=240)


@example(now=datetime(2026, 3, 31, tzinfo=UTC), retention=1)
@example(now=datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), retention=12)
@given(now=moments, retention=months)
def test_what_happened_before_the_kept_time_has_expired(now: datetime, retention: int) -> None:
    """So that a generation whose contacts are all older can be retired without giving one up."""
    policy = Policy(retention_months=retention)
    assert policy.expires_at(policy.kept_since(now) - timedelta(microseconds=1)) <= now


@given(now=moments, retention=months)
def test_the_kept_time_is_not_two_months_longer_than_the_retention(now: datetime, retention: int) -> None:
    policy = Policy(retention_months=retention)
    assert now - policy.expires_at(policy.kept_since(now)) < timedelta(days=2 * 31)


def test_a_retention_longer_than_the_calendar_keeps_everything() -> None:
    assert Policy(retention_months=240).kept_since(datetime(5, 6, 7, tzinfo=UTC)).year == 1
