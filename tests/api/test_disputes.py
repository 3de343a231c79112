from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from house import House, example_number
from members import Clock, Member, hit
from shapes import DISPUTE, PAGE, RECEIPT, refusal_of


def dispute(operator: Member, number: str) -> dict[str, Any]:
    answer = operator.post("/v1/disputes", {"number": number})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def close(operator: Member, id_: str, resolution: str = "confirmed") -> Any:
    return operator.post(f"/v1/disputes/{id_}/closure", {"resolution": resolution})


@pytest.mark.parametrize("window", [{}, {"possessed_since": "2026-10-01"}, {"possessed_until": "2026-11-01"}])
def test_what_would_be_observed_is_indeterminate_while_its_dispute_is_open(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str, window: dict[str, Any]
) -> None:
    investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"))
    before = employer.look_up(number, **window)
    opened = dispute(operator, number)
    during = employer.look_up(number, **window)
    assert (during["outcome"], during["reason"], during["evidence"]) == ("indeterminate", "disputed", None)
    assert close(operator, opened["id"]).status_code == 200
    after = employer.look_up(number, **window)
    assert {**after, "audit_id": None} == {**before, "audit_id": None}


def test_a_dispute_about_nothing_does_not_tell_that_there_is_one(
    investigator: Member, employer: Member, operator: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    unseen, weakly_seen = fresh_number(), fresh_number()
    investigator.record(hit(decoy, weakly_seen, "2026-11-01T10:00:00Z", channel="voice"))
    for number in (unseen, weakly_seen):
        dispute(operator, number)
        answer = employer.look_up(number)
        assert (answer["outcome"], answer["reason"]) == ("none", None)


def test_outside_of_the_window_a_disputed_number_is_none(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"))
    dispute(operator, number)
    assert employer.look_up(number, possessed_since="2026-11-02")["outcome"] == "none"


def test_a_dispute_holds_for_hits_that_are_recorded_while_it_is_open(
    investigator: Member, employer: Member, operator: Member, decoy: str, number: str
) -> None:
    dispute(operator, number)
    investigator.record(hit(decoy, number))
    assert employer.look_up(number)["reason"] == "disputed"


def test_opening_answers_with_the_day_by_which_it_must_be_decided(
    operator: Member, trail: AuditTrail, number: str
) -> None:
    answer = operator.post("/v1/disputes", {"number": number})
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == DISPUTE | RECEIPT
    assert (told["due_on"], told["closed_at"], told["resolution"]) == ("2026-12-15", None, None)
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("open_dispute", "ok")
    assert event["count"] == {"submitted": 1, "charged": 1, "opened": 1}


def test_the_operator_can_set_how_long_a_dispute_may_take(other_house: House) -> None:
    assert dispute(other_house.member("operator"), example_number("FR"))["due_on"] == "2026-11-25"


@pytest.mark.parametrize("resolution", ["confirmed", "corrected", "withdrawn"])
def test_a_dispute_is_closed_once_with_its_resolution(
    operator: Member, trail: AuditTrail, number: str, resolution: str
) -> None:
    opened = dispute(operator, number)
    closed = close(operator, opened["id"], resolution)
    assert closed.status_code == 200
    told = closed.json()
    assert told.keys() == DISPUTE | RECEIPT
    assert (told["id"], told["resolution"]) == (opened["id"], resolution)
    assert told["closed_at"] is not None
    assert trail.only(closed)["operation"] == "close_dispute"
    again = close(operator, opened["id"], "withdrawn")
    refusal_of(again, 409, "already_closed")
    assert trail.only(again)["result"] == "already_closed"
    assert dispute(operator, number)["id"] != opened["id"]  # a new one may be opened


def test_a_number_has_one_open_dispute_at_most(operator: Member, number: str) -> None:
    dispute(operator, number)
    refusal_of(operator.post("/v1/disputes", {"number": number}), 409, "already_disputed")


def test_a_dispute_that_does_not_exist_cannot_be_closed(operator: Member) -> None:
    refusal_of(close(operator, str(uuid4())), 404, "not_found")
    refusal_of(close(operator, "first"), 404, "not_found")


def test_a_resolution_in_ones_own_words_is_refused(operator: Member, number: str) -> None:
    opened = dispute(operator, number)
    refusal_of(close(operator, opened["id"], "she was right"), 422, "invalid_value", "/resolution")


def test_what_is_no_number_cannot_be_disputed(operator: Member) -> None:
    refusal_of(operator.post("/v1/disputes", {"number": "555-0177", "region": "US"}), 422, "too_short", "/number")


def test_disputes_are_listed_newest_first_without_numbers(
    operator: Member, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    clock.advance(days=5_000)  # newer than what any other test has made
    made: list[str] = []
    for _ in range(3):
        clock.advance(seconds=1)
        made.append(dispute(operator, fresh_number())["id"])
    page = operator.get("/v1/disputes", params={"limit": 2}).json()
    assert page.keys() == PAGE
    assert [one.keys() for one in page["data"]] == [DISPUTE] * 2
    assert [one["id"] for one in page["data"]] == made[:0:-1]
    rest = operator.get("/v1/disputes", params={"cursor": page["next_cursor"]}).json()
    assert rest["data"][0]["id"] == made[0]


@pytest.mark.parametrize("kind", ["investigator", "employer"])
def test_only_the_operator_hears_disputes(house: House, kind: str, number: str) -> None:
    member = house.member(kind)
    for answer in (
        member.post("/v1/disputes", {"number": number}),
        member.post(f"/v1/disputes/{uuid4()}/closure", {"resolution": "confirmed"}),
        member.get("/v1/disputes"),
    ):
        refusal_of(answer, 401, "unauthorized")
