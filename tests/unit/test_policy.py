"""What a single contact is worth: whether it counts, until when, and whether it is strong."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from policy_contacts import NOW, POLICY, SMS, WEAK, on

from registry.domain.policy import (
    NEVER_COUNTED_LINE_TYPES,
    Attestation,
    Channel,
    Grade,
    Policy,
    Role,
)


def test_a_text_message_to_an_advertisement_counts_and_is_strong() -> None:
    assert POLICY.counts(SMS, NOW)
    assert POLICY.is_strong(SMS)


@pytest.mark.parametrize("role", [Role.CONTROL, Role.DETERRENCE, Role.TEST])
def test_only_advertisements_draw_contacts_that_count(role: Role) -> None:
    assert not POLICY.counts(replace(SMS, role=role), NOW)


def test_a_retracted_contact_does_not_count() -> None:
    assert not POLICY.counts(replace(SMS, retracted=True), NOW)


def test_a_diverted_contact_does_not_count() -> None:
    assert not POLICY.counts(replace(SMS, diverted=True), NOW)


@pytest.mark.parametrize("line_type", ["toll_free", "premium_rate", "shared_cost"])
def test_a_line_that_stands_for_nobody_in_particular_does_not_count(line_type: str) -> None:
    assert not POLICY.counts(replace(SMS, line_type=line_type), NOW)
    assert line_type in NEVER_COUNTED_LINE_TYPES


@pytest.mark.parametrize("line_type", ["mobile", "fixed_line", "fixed_line_or_mobile", "voip", "unknown"])
def test_every_other_line_counts(line_type: str) -> None:
    assert POLICY.counts(replace(SMS, line_type=line_type), NOW)


def test_a_decoy_is_live_from_its_first_moment_until_just_before_its_last() -> None:
    start, end = datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 2, 8, tzinfo=UTC)
    live = replace(SMS, live_from=start, live_until=end)
    tick = timedelta(microseconds=1)
    occurred = [start - tick, start, end - tick, end]
    assert [POLICY.counts(replace(live, occurred_at=at), NOW) for at in occurred] == [False, True, True, False]


def test_burn_in_ends_with_the_start_of_a_utc_day() -> None:
    acquired = replace(SMS, acquired_on=date(2026, 3, 1))
    last_of_burn_in = datetime(2026, 3, 7, 23, 59, 59, 999_999, tzinfo=UTC)
    assert not POLICY.counts(replace(acquired, occurred_at=last_of_burn_in), NOW)
    assert POLICY.counts(replace(acquired, occurred_at=datetime(2026, 3, 8, tzinfo=UTC)), NOW)


def test_the_later_of_going_live_and_the_end_of_burn_in_opens_the_window() -> None:
    late_start = replace(on(9), acquired_on=date(2026, 3, 1), live_from=datetime(2026, 3, 10, tzinfo=UTC))
    assert not POLICY.counts(late_start, NOW)
    early_start = replace(on(5), acquired_on=date(2026, 3, 1), live_from=datetime(2026, 3, 2, tzinfo=UTC))
    assert not POLICY.counts(early_start, NOW)
    assert POLICY.counts(replace(on(10), acquired_on=date(2026, 3, 1), live_from=late_start.live_from), NOW)


def test_a_line_acquired_on_the_last_day_of_the_calendar_is_never_live() -> None:
    assert not POLICY.counts(replace(SMS, acquired_on=date.max), NOW)


def test_without_burn_in_a_line_counts_from_the_day_it_was_acquired() -> None:
    assert Policy(burn_in_days=0).counts(replace(SMS, acquired_on=date(2026, 3, 1)), NOW)


@pytest.mark.parametrize(
    ("occurred_at", "months", "expires_at"),
    [
        (datetime(2026, 3, 1, 10, 30, 15, 7, tzinfo=UTC), 24, datetime(2028, 3, 1, 10, 30, 15, 7, tzinfo=UTC)),
        (datetime(2024, 2, 29, 5, tzinfo=UTC), 24, datetime(2026, 2, 28, 5, tzinfo=UTC)),
        (datetime(2024, 2, 29, 5, tzinfo=UTC), 48, datetime(2028, 2, 29, 5, tzinfo=UTC)),
        (datetime(2026, 8, 31, tzinfo=UTC), 6, datetime(2027, 2, 28, tzinfo=UTC)),
        (datetime(2026, 1, 31, tzinfo=UTC), 3, datetime(2026, 4, 30, tzinfo=UTC)),
        (datetime(2026, 12, 15, tzinfo=UTC), 1, datetime(2027, 1, 15, tzinfo=UTC)),
        (datetime(2026, 11, 30, tzinfo=UTC), 1, datetime(2026, 12, 30, tzinfo=UTC)),
        (datetime(9998, 1, 1, tzinfo=UTC), 24, datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_contact_expires_after_whole_calendar_months(
    occurred_at: datetime, months: int, expires_at: datetime
) -> None:
    assert Policy(retention_months=months).expires_at(occurred_at) == expires_at


def test_a_contact_counts_until_just_before_it_expires() -> None:
    expiry = POLICY.expires_at(SMS.occurred_at)
    assert POLICY.counts(SMS, expiry - timedelta(microseconds=1))
    assert not POLICY.counts(SMS, expiry)


def test_the_zone_of_a_datetime_changes_nothing() -> None:
    honolulu = timezone(timedelta(hours=-10))
    at = datetime(2026, 3, 1, 2, tzinfo=UTC)
    here, there = replace(SMS, occurred_at=at), replace(SMS, occurred_at=at.astimezone(honolulu))
    assert POLICY.assess([there], NOW) == POLICY.assess([here], NOW)
    evidence = POLICY.assess([there], NOW).evidence
    assert evidence is not None
    assert evidence.first_contact == date(2026, 3, 1)


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.MMS, Channel.CHAT])
def test_a_message_is_strong(channel: Channel) -> None:
    assert POLICY.is_strong(replace(SMS, channel=channel))


@pytest.mark.parametrize(
    ("attestation", "strong"), [(Attestation.A, True), (Attestation.B, False), (Attestation.C, False), (None, False)]
)
def test_a_call_is_strong_only_with_full_attestation(attestation: Attestation | None, *, strong: bool) -> None:
    assert POLICY.is_strong(replace(WEAK, attestation=attestation)) is strong


def test_grades_rank_from_single_to_corroborated() -> None:
    assert [Grade.SINGLE.rank, Grade.REPEATED.rank, Grade.CORROBORATED.rank] == [0, 1, 2]
