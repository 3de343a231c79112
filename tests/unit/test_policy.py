from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from uuid import UUID

import pytest

from registry.domain.errors import Code, Refused
from registry.domain.policy import (
    NEVER_COUNTED_LINE_TYPES,
    Assessment,
    Attestation,
    Channel,
    Contact,
    Evidence,
    Grade,
    Outcome,
    Policy,
    Reason,
    Role,
    Window,
    answer,
)

POLICY = Policy()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECOY, OTHER_DECOY = UUID(int=1), UUID(int=2)
ORGANISATION, OTHER_ORGANISATION = UUID(int=10), UUID(int=20)
SMS = Contact(
    decoy=DECOY,
    organisation=ORGANISATION,
    role=Role.ADVERTISEMENT,
    live_from=None,
    live_until=None,
    acquired_on=None,
    occurred_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    channel=Channel.SMS,
    attestation=None,
    diverted=False,
    line_type="mobile",
    retracted=False,
)
WEAK = replace(SMS, channel=Channel.VOICE)


def on(day: int, hour: int = 10, base: Contact = SMS) -> Contact:
    return replace(base, occurred_at=datetime(2026, 3, day, hour, tzinfo=UTC))


def grade_of(*contacts: Contact) -> Grade | None:
    evidence = POLICY.assess(contacts, NOW).evidence
    return None if evidence is None else evidence.grade


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


def test_nothing_amounts_to_nothing() -> None:
    assert POLICY.assess([], NOW) == Assessment(evidence=None, boundary=False, changes_at=None)


def test_one_strong_contact_is_single() -> None:
    assert POLICY.assess([SMS], NOW) == Assessment(
        evidence=Evidence(
            grade=Grade.SINGLE,
            contacts=1,
            decoys=1,
            organisations=1,
            first_contact=date(2026, 3, 1),
            last_contact=date(2026, 3, 1),
            channels=(Channel.SMS,),
            policy="2026-12",
        ),
        boundary=False,
        changes_at=datetime(2028, 3, 1, 10, tzinfo=UTC),
    )


def test_one_weak_contact_alone_lists_nobody() -> None:
    assert grade_of(WEAK) is None


def test_weak_contacts_with_one_decoy_on_one_day_list_nobody() -> None:
    assert grade_of(on(1, 10, WEAK), on(1, 11, WEAK), on(1, 12, WEAK)) is None


def test_two_strong_contacts_with_one_decoy_on_one_day_are_single() -> None:
    evidence = POLICY.assess([on(1, 10), on(1, 11)], NOW).evidence
    assert evidence is not None
    assert (evidence.grade, evidence.contacts) == (Grade.SINGLE, 2)


def test_a_strong_contact_among_weak_ones_makes_them_single() -> None:
    assert grade_of(on(1, 10, WEAK), on(1, 11), on(1, 12, WEAK)) is Grade.SINGLE


def test_weak_contacts_on_two_days_are_repeated() -> None:
    assert grade_of(on(1, base=WEAK), on(2, base=WEAK)) is Grade.REPEATED


def test_days_are_utc_days() -> None:
    assert grade_of(on(1, 23, WEAK), on(2, 0, WEAK)) is Grade.REPEATED


def test_weak_contacts_with_two_decoys_of_one_organisation_are_repeated() -> None:
    assert grade_of(WEAK, replace(WEAK, decoy=OTHER_DECOY)) is Grade.REPEATED


def test_weak_contacts_with_two_decoys_of_two_organisations_are_corroborated() -> None:
    assert grade_of(WEAK, replace(WEAK, decoy=OTHER_DECOY, organisation=OTHER_ORGANISATION)) is Grade.CORROBORATED


def test_one_decoy_that_changed_hands_corroborates_nothing() -> None:
    assert grade_of(SMS, replace(SMS, organisation=OTHER_ORGANISATION)) is Grade.SINGLE


def test_evidence_holds_only_contacts_that_count() -> None:
    ignored = replace(SMS, decoy=OTHER_DECOY, organisation=OTHER_ORGANISATION, retracted=True)
    assert POLICY.assess([SMS, ignored], NOW) == POLICY.assess([SMS], NOW)


def test_evidence_gives_the_first_and_last_day_and_the_channels_in_order() -> None:
    evidence = POLICY.assess([on(5), on(1, base=WEAK), replace(on(3), channel=Channel.CHAT)], NOW).evidence
    assert evidence is not None
    assert (evidence.first_contact, evidence.last_contact) == (date(2026, 3, 1), date(2026, 3, 5))
    assert evidence.channels == (Channel.CHAT, Channel.SMS, Channel.VOICE)


def test_an_assessment_changes_when_its_oldest_counting_contact_expires() -> None:
    older = replace(SMS, occurred_at=datetime(2025, 1, 1, tzinfo=UTC))
    oldest = replace(SMS, occurred_at=datetime(2024, 12, 1, tzinfo=UTC), diverted=True)
    assert POLICY.assess([SMS, older, oldest], NOW).changes_at == datetime(2027, 1, 1, tzinfo=UTC)


def test_a_window_leaves_out_contacts_of_other_days() -> None:
    assessment = POLICY.assess([on(1), on(5), on(9)], NOW, Window(date(2026, 3, 4), date(2026, 3, 8)))
    assert assessment.evidence is not None
    assert assessment.evidence.contacts == 1
    assert assessment.evidence.grade is Grade.SINGLE


@pytest.mark.parametrize(
    ("window", "counted"),
    [
        (Window(None, None), 3),
        (Window(date(2026, 3, 4), None), 2),
        (Window(None, date(2026, 3, 8)), 2),
        (Window(date(2026, 3, 5), None), 2),
        (Window(None, date(2026, 3, 5)), 2),
        (Window(date(2026, 3, 1), date(2026, 3, 9)), 3),
    ],
)
def test_a_window_is_inclusive_and_open_where_it_has_no_date(window: Window, counted: int) -> None:
    evidence = POLICY.assess([on(1), on(5), on(9)], NOW, window).evidence
    assert evidence is not None
    assert evidence.contacts == counted


def test_a_window_without_contacts_holds_nothing() -> None:
    assessment = POLICY.assess([on(1)], NOW, Window(date(2026, 3, 2), None))
    assert (assessment.evidence, assessment.boundary) == (None, False)
    assert assessment.changes_at == POLICY.assess([on(1)], NOW).changes_at


@pytest.mark.parametrize(
    "window",
    [
        Window(date(2026, 3, 1), None),
        Window(None, date(2026, 3, 1)),
        Window(date(2026, 3, 1), date(2026, 3, 1)),
        Window(date(2026, 3, 1), date(2026, 3, 31)),
    ],
)
def test_contacts_on_the_first_or_last_day_alone_are_at_the_boundary(window: Window) -> None:
    assessment = POLICY.assess([on(1)], NOW, window)
    assert (assessment.evidence, assessment.boundary) == (None, True)


def test_a_weak_contact_at_the_boundary_is_nothing() -> None:
    assessment = POLICY.assess([WEAK], NOW, Window(date(2026, 3, 1), None))
    assert (assessment.evidence, assessment.boundary) == (None, False)


def test_weak_contacts_that_need_the_boundary_to_be_something_are_at_the_boundary() -> None:
    assessment = POLICY.assess([on(1, base=WEAK), on(2, base=WEAK)], NOW, Window(date(2026, 3, 1), None))
    assert (assessment.evidence, assessment.boundary) == (None, True)


def test_contacts_at_the_boundary_are_counted_once_others_stand_without_them() -> None:
    assessment = POLICY.assess([on(1), on(2)], NOW, Window(date(2026, 3, 1), None))
    assert assessment.evidence is not None
    assert (assessment.evidence.contacts, assessment.evidence.grade) == (2, Grade.REPEATED)


def test_a_reversed_window_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        Window(date(2026, 3, 2), date(2026, 3, 1))
    assert refusal.value.code is Code.WINDOW_REVERSED


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (Policy(), "2026-12"),
        (Policy(burn_in_days=0), "2026-12;burn_in_days=0"),
        (Policy(retention_months=12), "2026-12;retention_months=12"),
        (Policy("2027-01", 14, 36), "2027-01;burn_in_days=14;retention_months=36"),
    ],
)
def test_a_policy_is_named_by_its_version_and_what_differs_from_the_defaults(policy: Policy, name: str) -> None:
    assert policy.name == name
    evidence = policy.assess([SMS], NOW).evidence
    assert evidence is not None
    assert evidence.policy == name


@pytest.mark.parametrize("build", [lambda: Policy(burn_in_days=-1), lambda: Policy(retention_months=0)])
def test_a_policy_without_sense_cannot_be_made(build: Callable[[], Policy]) -> None:
    with pytest.raises(ValueError, match=r"burn_in_days|retention_months"):
        build()


OBSERVED = POLICY.assess([SMS], NOW)
BOUNDARY = POLICY.assess([SMS], NOW, Window(date(2026, 3, 1), None))
NOTHING = POLICY.assess([], NOW)


def test_evidence_is_answered_as_contact_observed() -> None:
    assert answer(OBSERVED, excluded=False, disputed=False) == (Outcome.CONTACT_OBSERVED, None, OBSERVED.evidence)


def test_the_boundary_is_answered_as_indeterminate() -> None:
    expected = (Outcome.INDETERMINATE, Reason.POSSESSION_BOUNDARY, None)
    assert answer(BOUNDARY, excluded=False, disputed=False) == expected


@pytest.mark.parametrize("assessment", [OBSERVED, BOUNDARY])
def test_a_dispute_about_something_is_answered_as_disputed(assessment: Assessment) -> None:
    expected = (Outcome.INDETERMINATE, Reason.DISPUTED, None)
    assert answer(assessment, excluded=False, disputed=True) == expected


@pytest.mark.parametrize("disputed", [False, True])
def test_nothing_is_answered_as_none_disputed_or_not(*, disputed: bool) -> None:
    assert answer(NOTHING, excluded=False, disputed=disputed) == (Outcome.NONE, None, None)


@pytest.mark.parametrize("assessment", [OBSERVED, BOUNDARY, NOTHING])
@pytest.mark.parametrize("disputed", [False, True])
def test_an_exclusion_answers_exactly_like_none(assessment: Assessment, *, disputed: bool) -> None:
    excluded = answer(assessment, excluded=True, disputed=disputed)
    assert excluded == answer(NOTHING, excluded=False, disputed=False)
