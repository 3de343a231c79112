"""What contacts amount to (registry/domain/policy.py), as an employer sees it."""

from collections.abc import Callable
from typing import Any

import pytest
from house import House, example_number
from members import Clock, Member, hit

SMS = {"channel": "sms"}
VOUCHED = {"channel": "voice", "attestation": "A"}
WEAK = {"channel": "voice"}
FIRST, SAME_DAY, SECOND = "2026-11-01T10:00:00Z", "2026-11-01T18:00:00Z", "2026-11-02T10:00:00Z"


def observed(employer: Member, number: str, **more: Any) -> tuple[str, int, int, int] | None:
    """grade, contacts, decoys, organisations; None for a number that is answered `none`."""
    answer = employer.look_up(number, **more)
    if answer["outcome"] == "none":
        assert (answer["evidence"], answer["reason"]) == (None, None)
        return None
    assert answer["outcome"] == "contact_observed"
    evidence = answer["evidence"]
    return evidence["grade"], evidence["contacts"], evidence["decoys"], evidence["organisations"]


@pytest.mark.parametrize(
    ("contacts", "expected"),
    [
        ([("here", FIRST, SMS)], ("single", 1, 1, 1)),
        ([("here", FIRST, {"channel": "mms"})], ("single", 1, 1, 1)),
        ([("here", FIRST, {"channel": "chat"})], ("single", 1, 1, 1)),
        ([("here", FIRST, VOUCHED)], ("single", 1, 1, 1)),
        ([("here", FIRST, WEAK)], None),
        ([("here", FIRST, {"channel": "voice", "attestation": "B"})], None),
        ([("here", FIRST, {"channel": "voice", "attestation": "C"})], None),
        ([("here", FIRST, WEAK), ("here", SAME_DAY, WEAK)], None),
        ([("here", FIRST, SMS), ("here", SAME_DAY, SMS)], ("single", 2, 1, 1)),
        ([("here", FIRST, SMS), ("here", SAME_DAY, WEAK)], ("single", 2, 1, 1)),
        ([("here", FIRST, WEAK), ("here", SECOND, WEAK)], ("repeated", 2, 1, 1)),
        ([("here", FIRST, WEAK), ("there", SAME_DAY, WEAK)], ("repeated", 2, 2, 1)),
        ([("here", FIRST, SMS), ("there", FIRST, SMS), ("there", SECOND, WEAK)], ("repeated", 3, 2, 1)),
        ([("here", FIRST, SMS), ("elsewhere", FIRST, SMS)], ("corroborated", 2, 2, 2)),
        ([("here", FIRST, WEAK), ("elsewhere", SAME_DAY, WEAK)], ("corroborated", 2, 2, 2)),
        ([("here", FIRST, SMS | {"diverted": True})], None),
        ([("here", FIRST, WEAK), ("there", FIRST, WEAK | {"diverted": True})], None),
        ([("here", FIRST, SMS), ("elsewhere", FIRST, SMS | {"diverted": True})], ("single", 1, 1, 1)),
    ],
)
def test_contacts_are_graded(
    investigator: Member,
    second_investigator: Member,
    employer: Member,
    fresh_number: Callable[[], str],
    contacts: list[tuple[str, str, dict[str, Any]]],
    expected: tuple[str, int, int, int] | None,
) -> None:
    owners = {"here": investigator, "there": investigator, "elsewhere": second_investigator}
    number = fresh_number()
    decoys: dict[str, str] = {}
    for place, at, how in contacts:
        if place not in decoys:
            decoys[place] = owners[place].register_decoy(fresh_number())
        assert owners[place].record(hit(decoys[place], number, at, **how))["recorded"] == 1
    assert observed(employer, number) == expected


def test_days_are_days_of_utc(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    investigator.record(
        hit(decoy, number, "2026-11-01T22:00:00-05:00", channel="voice"),
        hit(decoy, number, "2026-11-02T20:00:00-03:00", channel="voice"),
    )
    assert observed(employer, number) is None  # both on 2 November
    investigator.record(hit(decoy, number, "2026-11-01T18:00:00-05:00", channel="voice"))
    evidence = employer.look_up(number)["evidence"]
    assert (evidence["grade"], evidence["contacts"]) == ("repeated", 3)
    assert (evidence["first_contact"], evidence["last_contact"]) == ("2026-11-01", "2026-11-02")


def test_channels_are_listed_once_each(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    hits = [hit(decoy, number, f"2026-11-0{day}T10:00:00Z", channel=c) for day, c in enumerate(["voice", "sms"], 1)]
    investigator.record(*hits, hit(decoy, number, "2026-11-05T10:00:00Z", channel="voice"))
    assert employer.look_up(number)["evidence"]["channels"] == ["sms", "voice"]


@pytest.mark.parametrize("role", ["control", "deterrence", "test"])
def test_only_an_advertisement_draws_contacts_that_count(
    investigator: Member, employer: Member, fresh_number: Callable[[], str], role: str
) -> None:
    decoy, number = investigator.register_decoy(fresh_number(), role=role), fresh_number()
    assert investigator.record(hit(decoy, number, FIRST), hit(decoy, number, SECOND))["recorded"] == 2
    assert observed(employer, number) is None


@pytest.mark.parametrize("number", ["+18005550142", "+19005550142", "+18885550142"])
def test_a_line_behind_which_anyone_can_be_never_counts(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    assert investigator.record(hit(decoy, number, FIRST), hit(decoy, number, SECOND))["recorded"] == 2
    assert observed(employer, number) is None


@pytest.mark.parametrize(
    ("at", "counts"),
    [
        ("2026-11-01T09:59:59.999999Z", False),
        ("2026-11-01T10:00:00Z", True),
        ("2026-11-05T09:59:59.999999Z", True),
        ("2026-11-05T10:00:00Z", False),
        ("2026-11-05T05:00:00-05:00", False),
    ],
)
def test_a_contact_counts_from_the_start_of_the_live_window_until_before_its_end(
    investigator: Member, employer: Member, fresh_number: Callable[[], str], at: str, *, counts: bool
) -> None:
    window = {"live_from": "2026-11-01T10:00:00Z", "live_until": "2026-11-05T10:00:00Z"}
    decoy, number = investigator.register_decoy(fresh_number(), **window), fresh_number()
    assert investigator.record(hit(decoy, number, at))["recorded"] == 1
    assert (observed(employer, number) is not None) is counts


@pytest.mark.parametrize(("at", "counts"), [("2026-11-07T23:59:59Z", False), ("2026-11-08T00:00:00Z", True)])
def test_a_new_line_is_left_to_its_previous_holders_callers_for_a_week(
    investigator: Member, employer: Member, fresh_number: Callable[[], str], at: str, *, counts: bool
) -> None:
    decoy, number = investigator.register_decoy(fresh_number(), acquired_on="2026-11-01"), fresh_number()
    investigator.record(hit(decoy, number, at))
    assert (observed(employer, number) is not None) is counts


def test_the_operator_can_set_the_burn_in_and_the_retention_and_the_policy_says_so(other_house: House) -> None:
    investigator, employer = other_house.member("investigator"), other_house.member("employer")
    decoy = investigator.register_decoy(example_number("DE"), acquired_on="2026-11-01")
    number = example_number("AU")
    early, late = hit(decoy, number, "2026-11-03T23:00:00Z"), hit(decoy, number, "2026-11-04T00:00:00Z")
    investigator.record(early)
    assert observed(employer, number) is None
    investigator.record(late)
    evidence = employer.look_up(number)["evidence"]
    assert evidence["policy"] == "2026-12.4;burn_in_days=3;retention_months=6"
    other_house.clock.advance(days=171)  # 5 May at noon: six months have passed since 4 November
    try:
        assert observed(employer, number) is None
    finally:
        other_house.clock.advance(days=-171)


CHANGES = [
    ({"live_from": "2026-11-02T00:00:00Z"}, {"live_from": None}),
    ({"live_until": "2026-11-01T10:00:00Z"}, {"live_until": "2026-11-01T10:00:01Z"}),
    ({"acquired_on": "2026-10-31"}, {"acquired_on": None}),
]


@pytest.mark.parametrize(("worse", "better"), CHANGES)
def test_a_changed_decoy_changes_its_hits_answers_at_once(
    investigator: Member, employer: Member, decoy: str, number: str, worse: dict[str, Any], better: dict[str, Any]
) -> None:
    investigator.record(hit(decoy, number, FIRST))
    for change, expected in ((worse, None), (better, ("single", 1, 1, 1)), (worse, None)):
        answer = investigator.patch(f"/v1/decoys/{decoy}", change)
        assert answer.status_code == 200, answer.text
        assert observed(employer, number) == expected
        assert observed(employer, number, possessed_since="2026-10-01") == expected


def test_a_retracted_contact_counts_no_more_from_that_moment_on(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    recorded = investigator.record(hit(decoy, number, FIRST), hit(decoy, number, SECOND))
    assert observed(employer, number) == ("repeated", 2, 1, 1)
    for result, left in zip(recorded["results"], [("single", 1, 1, 1), None], strict=True):
        answer = investigator.post(f"/v1/hits/{result['id']}/retraction", {"reason": "misdial"})
        assert answer.status_code == 200
        assert observed(employer, number) == left


def test_contacts_expire_one_by_one_as_the_clock_passes_two_years(
    investigator: Member, employer: Member, decoy: str, number: str, clock: Clock
) -> None:
    investigator.record(hit(decoy, number, FIRST), hit(decoy, number, SECOND))
    expiries = {"2028-11-01T09:59:59": 2, "2028-11-01T10:00:00": 1, "2028-11-02T09:59:59": 1, "2028-11-02T10:00:00": 0}
    for moment, left in expiries.items():
        clock.now = clock.now.fromisoformat(f"{moment}+00:00")
        found = observed(employer, number)
        assert (0 if found is None else found[1]) == left
        windowed = observed(employer, number, possessed_since="2026-01-01")
        assert windowed == found


def test_a_contact_that_is_recorded_after_it_has_expired_lists_nobody(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    assert investigator.record(hit(decoy, number, "2024-11-15T12:00:00Z"))["recorded"] == 1
    assert observed(employer, number) is None
    investigator.record(hit(decoy, number, "2024-11-15T12:00:01Z"))
    assert observed(employer, number) == ("single", 1, 1, 1)
