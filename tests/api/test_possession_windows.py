"""Only contacts inside the dates on which the asker held the number are counted."""

from collections.abc import Callable
from typing import Any

import pytest
from members import Member, hit

MARCH_1, MARCH_5, MARCH_9 = ("2026-03-01T10:00:00Z", "2026-03-05T10:00:00Z", "2026-03-09T10:00:00Z")


@pytest.fixture
def seen_three_times(investigator: Member, decoy: str, number: str) -> str:
    investigator.record(*(hit(decoy, number, at) for at in (MARCH_1, MARCH_5, MARCH_9)))
    return number


def told(employer: Member, number: str, since: str | None, until: str | None) -> Any:
    return employer.look_up(number, possessed_since=since, possessed_until=until)


@pytest.mark.parametrize(
    ("since", "until", "contacts", "first", "last"),
    [
        ("2026-02-28", "2026-03-10", 3, "2026-03-01", "2026-03-09"),
        ("2026-03-02", "2026-03-08", 1, "2026-03-05", "2026-03-05"),
        ("2026-03-04", "2026-03-06", 1, "2026-03-05", "2026-03-05"),
        ("2026-03-02", None, 2, "2026-03-05", "2026-03-09"),
        (None, "2026-03-08", 2, "2026-03-01", "2026-03-05"),
        (None, None, 3, "2026-03-01", "2026-03-09"),
        # Contacts on the first or last day are counted where others stand behind them.
        ("2026-03-01", "2026-03-09", 3, "2026-03-01", "2026-03-09"),
        ("2026-03-05", None, 2, "2026-03-05", "2026-03-09"),
        (None, "2026-03-05", 2, "2026-03-01", "2026-03-05"),
    ],
)
def test_contacts_inside_the_window_are_counted_and_no_others(
    employer: Member,
    seen_three_times: str,
    since: str | None,
    until: str | None,
    contacts: int,
    first: str,
    last: str,
) -> None:
    answer = told(employer, seen_three_times, since, until)
    assert answer["outcome"] == "contact_observed"
    evidence = answer["evidence"]
    assert (evidence["contacts"], evidence["first_contact"], evidence["last_contact"]) == (contacts, first, last)
    assert evidence["grade"] == ("single" if contacts == 1 else "repeated")


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-10", None),
        (None, "2026-02-28"),
        ("2026-03-02", "2026-03-04"),
        ("2026-03-06", "2026-03-08"),
        ("2026-03-02", "2026-03-02"),
        ("2025-01-01", "2025-12-31"),
    ],
)
def test_a_window_without_contacts_is_answered_like_a_number_that_nobody_saw(
    employer: Member, seen_three_times: str, since: str | None, until: str | None
) -> None:
    answer = told(employer, seen_three_times, since, until)
    assert (answer["outcome"], answer["reason"], answer["evidence"]) == ("none", None, None)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-03-05", "2026-03-05"),
        ("2026-03-05", "2026-03-08"),
        ("2026-03-02", "2026-03-05"),
        ("2026-03-09", None),
        (None, "2026-03-01"),
        ("2026-03-05", "2026-03-09"),
    ],
)
def test_contacts_on_the_first_or_last_day_alone_are_indeterminate(
    employer: Member, seen_three_times: str, since: str | None, until: str | None
) -> None:
    answer = told(employer, seen_three_times, since, until)
    assert (answer["outcome"], answer["reason"]) == ("indeterminate", "possession_boundary")
    assert answer["evidence"] is None


def test_a_weak_contact_inside_does_not_stand_behind_one_on_the_boundary(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    """Two weak contacts would be `repeated`, but on one of the days another person may have held the number."""
    investigator.record(*(hit(decoy, number, at, channel="voice") for at in (MARCH_1, MARCH_5)))
    assert told(employer, number, None, None)["evidence"]["grade"] == "repeated"
    answer = told(employer, number, "2026-03-01", None)
    assert (answer["outcome"], answer["reason"]) == ("indeterminate", "possession_boundary")
    assert told(employer, number, "2026-03-02", None)["outcome"] == "none"
    assert told(employer, number, "2026-02-28", None)["evidence"]["grade"] == "repeated"


def test_the_window_is_of_utc_days(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number, "2026-03-01T22:30:00-05:00"))
    assert told(employer, number, None, "2026-03-01")["outcome"] == "none"
    assert told(employer, number, "2026-03-01", "2026-03-03")["evidence"]["first_contact"] == "2026-03-02"


def test_a_corroborated_number_is_graded_anew_inside_a_window(
    investigator: Member,
    second_investigator: Member,
    employer: Member,
    decoy: str,
    number: str,
    fresh_number: Callable[[], str],
) -> None:
    investigator.record(hit(decoy, number, MARCH_1))
    second_investigator.record(hit(second_investigator.register_decoy(fresh_number()), number, MARCH_5))
    assert told(employer, number, None, None)["evidence"]["grade"] == "corroborated"
    evidence = told(employer, number, "2026-03-02", None)["evidence"]
    assert (evidence["grade"], evidence["decoys"], evidence["organisations"]) == ("single", 1, 1)


def test_a_window_does_not_change_what_a_region_that_is_not_served_is_told(employer: Member) -> None:
    answer = told(employer, "+442079460123", "2026-03-01", "2026-03-05")
    assert (answer["outcome"], answer["reason"]) == ("indeterminate", "region_not_served")
