"""An exclusion beats everything, and answers exactly like a number that nobody ever saw."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member, hit
from shapes import EXCLUSION, PAGE, RECEIPT, refusal_of

WINDOWS: list[dict[str, Any]] = [
    {},
    {"possessed_since": "2026-10-01"},
    {"possessed_since": "2026-11-01", "possessed_until": "2026-11-05"},
    {"possessed_until": "2026-11-01"},
]


def exclude(operator: Member, number: str, **more: Any) -> dict[str, Any]:
    answer = operator.post("/v1/exclusions", {"number": number, "reason": "outreach", **more})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def without_ids(answer: Any) -> tuple[int, bytes, dict[str, str]]:
    """Status, body and headers, with every id and what ticks by itself made the same."""
    body = answer.content.replace(answer.json()["audit_id"].encode(), b"i" * 36)
    ticking = {"x-request-id", "ratelimit"}
    return answer.status_code, body, {k: v for k, v in answer.headers.items() if k not in ticking}


def asked(employer: Member, number: str, window: dict[str, Any]) -> list[tuple[int, bytes, dict[str, str]]]:
    """A lookup and a check of the number."""
    body = {"purpose": "company_number", "case_ref": "HR-1"}
    lookup = employer.post("/v1/lookups", {**body, "number": number, **window})
    check = employer.post("/v1/checks", {**body, "items": [{"number": number, **window}]})
    return [without_ids(lookup), without_ids(check)]


@pytest.mark.parametrize("window", WINDOWS)
def test_an_excluded_number_is_answered_byte_for_byte_like_one_that_nobody_saw(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, window: dict[str, Any]
) -> None:
    unseen = asked(employer, number, window)
    investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"), hit(decoy, number, "2026-11-03T10:00:00Z"))
    assert asked(employer, number, window) != unseen
    exclude(operator, number)
    assert asked(employer, number, window) == unseen


def test_it_holds_for_hits_that_are_recorded_afterwards(
    investigator: Member,
    second_investigator: Member,
    employer: Member,
    operator: Member,
    decoy: str,
    number: str,
    fresh_number: Callable[[], str],
) -> None:
    unseen = [asked(employer, number, window) for window in WINDOWS]
    exclude(operator, number)
    assert investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"))["recorded"] == 1
    second_investigator.record(hit(second_investigator.register_decoy(fresh_number()), number))
    assert [asked(employer, number, window) for window in WINDOWS] == unseen


def test_it_beats_a_dispute(investigator: Member, employer: Member, operator: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number))
    assert operator.post("/v1/disputes", {"number": number}).status_code == 201
    assert employer.look_up(number)["outcome"] == "indeterminate"
    exclude(operator, number)
    assert employer.look_up(number)["outcome"] == "none"
    assert employer.look_up(number, possessed_since="2026-10-01")["outcome"] == "none"


def test_an_answer_about_an_excluded_number_discloses_nothing_in_the_log(
    investigator: Member, employer: Member, operator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number))
    exclude(operator, number)
    event = trail.only(employer.post("/v1/lookups", {"number": number, "purpose": "company_number"}))
    assert (event["subjects"], event["count"]["none"]) == (None, 1)


def test_a_removed_exclusion_lets_later_hits_speak_and_one_that_was_mistaken_the_earlier_ones_too(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, clock: Clock
) -> None:
    investigator.record(hit(decoy, number))
    exclude(operator, number)
    assert operator.post("/v1/exclusions/removals", {"number": number}).status_code == 200
    assert [employer.look_up(number, **window)["outcome"] for window in WINDOWS] == ["none"] * 4
    investigator.record(hit(decoy, number, clock().isoformat()))
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    added = exclude(operator, number)
    removed = operator.post("/v1/exclusions/removals", {"number": number, "mistaken": True})
    assert removed.status_code == 200
    assert removed.json().keys() == {"id", "ids", "given_back"} | RECEIPT
    assert (removed.json()["id"], removed.json()["ids"]) == (added["id"], [added["id"]])
    assert employer.look_up(number)["evidence"]["contacts"] == 1  # the first exclusion was none
    refusal_of(operator.post("/v1/exclusions/removals", {"number": number}), 404, "not_found")


def test_an_exclusion_ends_when_its_time_has_come_without_any_job(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, clock: Clock
) -> None:
    investigator.record(hit(decoy, number))
    exclude(operator, number, expires_at="2026-11-20T12:00:00Z")
    for at, outcome in (("11-20T11:59:59", "none"), ("11-20T12:00:00", "contact_observed")):
        clock.now = clock.now.fromisoformat(f"2026-{at}+00:00")
        investigator.record(hit(decoy, number, clock.now.isoformat()))
        assert employer.look_up(number)["outcome"] == outcome
        assert employer.look_up(number, possessed_since="2026-01-01")["outcome"] == outcome
    exclude(operator, number)  # the one that has expired does not stand in the way
    assert employer.look_up(number)["outcome"] == "none"


def test_a_second_exclusion_of_the_same_number_is_refused(operator: Member, trail: AuditTrail, number: str) -> None:
    exclude(operator, number)
    again = operator.post("/v1/exclusions", {"number": number, "reason": "police"})
    refusal_of(again, 409, "already_excluded")
    assert trail.only(again)["result"] == "already_excluded"


@pytest.mark.parametrize(
    "reason", ["outreach", "police", "survivor", "own_staff", "advertised_number", "suppression", "other"]
)
def test_an_exclusion_has_a_reason_of_a_closed_list(
    operator: Member, trail: AuditTrail, number: str, reason: str
) -> None:
    answer = operator.post("/v1/exclusions", {"number": number, "reason": reason})
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == {"id", "reason", "expires_at"} | RECEIPT
    assert (told["reason"], told["expires_at"]) == (reason, None)
    event = trail.only(answer)
    assert (event["operation"], event["result"], event["subjects"]) == ("add_exclusion", "ok", None)
    assert event["count"] == {"submitted": 1, "charged": 1, "added": 1}


def test_a_reason_in_ones_own_words_is_refused(operator: Member, number: str) -> None:
    for reason in ("a friend of the house", "flood"):  # which is the registry's own to say
        answer = operator.post("/v1/exclusions", {"number": number, "reason": reason})
        refusal_of(answer, 422, "invalid_value", "/reason")


def test_numbers_of_every_region_can_be_excluded(operator: Member) -> None:
    exclude(operator, "020 7946 0999", region="GB")
    refusal_of(operator.post("/v1/exclusions", {"number": "+442079460999", "reason": "other"}), 409, "already_excluded")


def test_what_is_no_number_cannot_be_excluded(operator: Member) -> None:
    for path, more in (("/v1/exclusions", {"reason": "other"}), ("/v1/exclusions/removals", {})):
        refusal_of(operator.post(path, {"number": "restricted", **more}), 422, "withheld", "/number")
        answer = operator.post(path, {"number": "2065550177", "region": "ZZ", **more})
        assert answer.json()["code"] == "unknown_region"


def test_an_exclusion_that_would_have_expired_already_is_refused(operator: Member, number: str) -> None:
    body = {"number": number, "reason": "other", "expires_at": "2026-11-15T12:00:00Z"}
    refusal_of(operator.post("/v1/exclusions", body), 422, "invalid_value", "/expires_at")


def test_exclusions_are_listed_newest_first_without_numbers(
    house: House, operator: Member, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    clock.advance(days=5_000)  # newer than what any other test has made
    made: list[str] = []
    for _ in range(3):
        clock.advance(seconds=1)
        made.append(exclude(operator, fresh_number())["id"])
    page = operator.get("/v1/exclusions", params={"limit": 2})
    told = page.json()
    assert told.keys() == PAGE
    assert [one.keys() for one in told["data"]] == [EXCLUSION] * 2
    assert [one["id"] for one in told["data"]] == made[:0:-1]
    rest = operator.get("/v1/exclusions", params={"limit": 500, "cursor": told["next_cursor"]}).json()
    assert rest["data"][0]["id"] == made[0]
    assert rest["next_cursor"] is None
    assert "+1" not in page.text


@pytest.mark.parametrize("kind", ["employer", "partner"])
def test_who_only_asks_excludes_nobody(house: House, kind: str, number: str) -> None:
    member = house.member(kind)
    body = {"number": number, "reason": "other"}
    for answer in (
        member.post("/v1/exclusions", body),
        member.post("/v1/exclusions/removals", {"number": number}),
        member.post(f"/v1/exclusions/{uuid4()}/removal"),
        member.post("/v1/exclusions/imports", content=f"{number}\n", headers={"Content-Type": "text/csv"}),
        member.get("/v1/exclusions", params={"cursor": str(uuid4())}),
    ):
        refusal_of(answer, 401, "unauthorized")
