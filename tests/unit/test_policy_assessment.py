"""What contacts amount to together, in a window, and what is answered."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from policy_contacts import NOW, OTHER_DECOY, OTHER_ORGANISATION, POLICY, SMS, WEAK, grade_of, on

from registry.domain.errors import Code, Refused
from registry.domain.exclusions import Cover
from registry.domain.policy import Assessment, Channel, Evidence, Grade, Outcome, Policy, Reason, answer
from registry.domain.possession import Window


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
            policy="2026-12.4",
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


def test_what_happened_before_an_exclusion_ended_does_not_count_with_a_window_or_without() -> None:
    contacts = [on(1), on(5), on(9)]
    end = on(5).occurred_at
    for window in (None, Window(date(2026, 2, 1), None)):
        assert POLICY.assess(contacts, NOW, window, covers=[Cover(end)]) == POLICY.assess(contacts[1:], NOW, window)
    later = end + timedelta(microseconds=1)
    assert POLICY.assess(contacts, NOW, covers=[Cover(later)]) == POLICY.assess(contacts[2:], NOW)
    assert POLICY.assess(contacts, NOW, Window(date(2026, 3, 1), date(2026, 3, 5)), covers=[Cover(later)]) == replace(
        NOTHING, changes_at=POLICY.assess(contacts[2:], NOW).changes_at
    )
    assert POLICY.assess(contacts, NOW, covers=[Cover(NOW)]) == NOTHING


def test_a_cover_that_began_leaves_what_was_before_it() -> None:
    contacts = [on(1), on(5), on(9), on(12)]
    flood = Cover(on(9).occurred_at, since=on(5).occurred_at)
    assert POLICY.assess(contacts, NOW, covers=[flood]) == POLICY.assess([on(1), on(9), on(12)], NOW)
    assert POLICY.assess(contacts, NOW, covers=[flood, Cover(on(1).occurred_at)]) == POLICY.assess(
        [on(1), on(9), on(12)], NOW
    )
    assert POLICY.assess(contacts, NOW, covers=[Cover(on(5).occurred_at), flood]) == POLICY.assess(contacts[2:], NOW)


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
        (Policy(), "2026-12.4"),
        (Policy(burn_in_days=0), "2026-12.4;burn_in_days=0"),
        (Policy(retention_months=12), "2026-12.4;retention_months=12"),
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
