from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from registry.domain.flood import HELD_FOR, WATCHED, Alarm, Flooded, FloodGuard, counted, day_of

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)


def every(step: timedelta, many: int) -> list[datetime]:
    return [NOW - step * (many - n) for n in range(many)]


def test_a_number_may_have_as_many_contacts_within_an_hour_as_the_limit_says() -> None:
    guard = FloodGuard(number_contacts=3)
    minute = timedelta(minutes=1)
    assert guard.crowded_since([]) is None
    assert guard.crowded_since(every(minute, 3)) is None
    assert guard.crowded_since(every(minute, 4)) == NOW - 4 * minute


def test_the_hour_may_lie_anywhere_and_is_a_whole_one() -> None:
    guard = FloodGuard(number_contacts=3)
    sparse = every(timedelta(hours=1), 20)
    assert guard.crowded_since(sparse) is None
    burst = [NOW - timedelta(hours=10, minutes=minutes) for minutes in (1, 2)]
    assert guard.crowded_since(sorted([*sparse, *burst])) == NOW - timedelta(hours=11)
    edge = [NOW, NOW, NOW, NOW + timedelta(hours=1)]
    assert guard.crowded_since(edge) == NOW
    assert guard.crowded_since([*edge[:-1], NOW + timedelta(hours=1, microseconds=1)]) is None


def test_a_flood_begins_with_the_first_of_those_that_come_too_thick() -> None:
    guard = FloodGuard(number_contacts=3)
    day_before, slow = NOW - timedelta(days=1), NOW - timedelta(hours=2)
    assert guard.crowded_since([day_before, slow, NOW, NOW, NOW, NOW + timedelta(minutes=59)]) == NOW


def test_each_rule_can_be_switched_off() -> None:
    assert FloodGuard(number_contacts=0).crowded_since([NOW] * 1_000) is None
    assert not FloodGuard(decoy_contacts=0).may_be_flooded(10**6)
    assert not FloodGuard(decoy_contacts=0).is_flooded(10**6, [])


def test_a_decoy_may_always_have_as_many_as_the_limit_says() -> None:
    guard = FloodGuard(decoy_contacts=1_000)
    assert not guard.is_flooded(1_000, [])
    assert guard.is_flooded(1_001, [])
    assert not guard.is_flooded(1_000, [1, 1])
    assert guard.is_flooded(1_001, [100])


@pytest.mark.parametrize("before", [[200], [100, 300], [0, 400], [200] * 14])
def test_a_busy_decoy_may_have_ten_times_its_usual(before: list[int]) -> None:
    guard = FloodGuard(decoy_contacts=1_000)
    assert not guard.is_flooded(2_000, before)
    assert guard.is_flooded(2_001, before)


def test_a_hold_outlasts_what_is_watched_so_that_the_same_contacts_hold_once() -> None:
    assert HELD_FOR > 2 * WATCHED


def test_alarms_are_counted_by_what_was_flooded_and_only_what_there_is() -> None:
    assert counted([]) == {}
    number, decoy = Alarm(Flooded.NUMBER), Alarm(Flooded.DECOY)
    assert counted([number, decoy, number]) == {"held_numbers": 2, "quarantined_decoys": 1}
    assert counted([number]) == {"held_numbers": 1}


def test_what_is_watched_is_two_days_and_days_are_utc() -> None:
    assert FloodGuard().watched_since(NOW) == datetime(2026, 11, 13, 12, 0, tzinfo=UTC)
    west = timezone(timedelta(hours=-8))
    assert day_of(datetime(2026, 11, 14, 20, 0, tzinfo=west)) == date(2026, 11, 15)
    assert day_of(NOW) == date(2026, 11, 15)
