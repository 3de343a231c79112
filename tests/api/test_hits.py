from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from audit_trail import AuditTrail
from house import House, example_number
from members import Clock, Member, hit
from shapes import HIT, HIT_RESULT, HITS, ITEM_PROBLEM, PAGE, RECEIPT, refusal_of


def submit(investigator: Member, *hits: dict[str, Any]) -> Any:
    return investigator.post("/v1/hits", {"hits": list(hits)})


def test_every_hit_is_answered_in_order_recorded_duplicate_or_refused(
    investigator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    contact = hit(decoy, f"{number} ext 4", source_id="SM-in-order")
    answer = submit(investigator, contact, hit(decoy, "anonymous"), contact)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == HITS
    assert (told["recorded"], told["duplicate"], told["refused"]) == (1, 1, 1)
    first, refused, second = told["results"]
    assert first.keys() == refused.keys() == second.keys() == HIT_RESULT
    assert UUID(first["id"]).version == 7
    notes = ["extension_ignored"]
    assert first == {"index": 0, "status": "recorded", "id": first["id"], "notes": notes, "problem": None}
    assert refused["problem"].keys() == ITEM_PROBLEM
    assert (refused["index"], refused["status"], refused["id"], refused["notes"]) == (1, "refused", None, [])
    assert (refused["problem"]["code"], refused["problem"]["pointer"]) == ("withheld", "/hits/1/number")
    assert second == {"index": 2, "status": "duplicate", "id": first["id"], "notes": notes, "problem": None}
    event = trail.only(answer)
    assert (event["operation"], event["result"], event["subjects"]) == ("record_hits", "ok", None)
    assert event["count"] == {"submitted": 3, "charged": 3, "recorded": 1, "duplicate": 1, "refused": 1}
    assert (event["policy"], event["generation"], event["purpose"]) == ("2026-12.4", 1, None)


def test_where_nothing_was_recorded_the_status_says_so(investigator: Member, decoy: str, number: str) -> None:
    assert submit(investigator, hit(decoy, number)).status_code == 201
    again = submit(investigator, hit(decoy, number))
    assert (again.status_code, again.json()["duplicate"]) == (200, 1)
    refused = submit(investigator, hit(decoy, "withheld"))
    assert (refused.status_code, refused.json()["refused"]) == (200, 1)


def test_a_source_id_makes_one_event_count_once_whatever_else_is_sent_with_it(
    investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    number, other = fresh_number(), fresh_number()
    first = investigator.record(hit(decoy, number, source_id="SM-one-event"))["results"][0]
    for again in (hit(decoy, number, "2026-11-09T10:00:00Z"), hit(decoy, other)):
        (result,) = investigator.record({**again, "source_id": "SM-one-event"})["results"]
        assert (result["status"], result["id"]) == ("duplicate", first["id"])
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    assert employer.look_up(other)["outcome"] == "none"


def test_a_source_id_is_one_organisations_own(
    investigator: Member,
    second_investigator: Member,
    employer: Member,
    decoy: str,
    number: str,
    fresh_number: Callable[[], str],
) -> None:
    elsewhere = second_investigator.register_decoy(fresh_number())
    for owner, line in ((investigator, decoy), (second_investigator, elsewhere)):
        assert owner.record(hit(line, number, source_id="SM-of-two"))["recorded"] == 1
    assert employer.look_up(number)["evidence"]["grade"] == "corroborated"


def test_without_a_source_id_the_same_contact_in_the_same_second_is_one_event(
    investigator: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    number = fresh_number()
    recorded = investigator.record(
        hit(decoy, number, "2026-11-01T10:00:00Z"),
        hit(decoy, f"tel:{number}", "2026-11-01T12:00:00.700+02:00"),
        hit(decoy, number, "2026-11-01T10:00:01Z"),
        hit(decoy, number, "2026-11-01T10:00:00Z", channel="voice"),
        hit(investigator.register_decoy(number), number, "2026-11-01T10:00:00Z"),
    )
    statuses = [result["status"] for result in recorded["results"]]
    assert statuses == ["recorded", "duplicate", "recorded", "recorded", "recorded"]


def test_somebody_elses_decoy_answers_as_if_it_did_not_exist(
    investigator: Member, second_investigator: Member, decoy: str, number: str
) -> None:
    told = second_investigator.record(hit(decoy, number), hit(str(uuid4()), number))
    problems = [result["problem"] for result in told["results"]]
    assert [problem.pop("pointer") for problem in problems] == ["/hits/0/decoy_id", "/hits/1/decoy_id"]
    assert problems[0] == problems[1]
    assert problems[0]["code"] == "unknown_decoy"


@pytest.mark.parametrize(
    ("change", "code", "member"),
    [
        ({"number": ""}, "empty", "number"),
        ({"number": "1" * 65}, "too_long", "number"),
        ({"number": "somebody or other!"}, "not_a_number", "number"),
        ({"number": "555-0177"}, "too_short", "number"),
        ({"number": "2065550177123456"}, "too_many_digits", "number"),
        ({"number": "(206) 055-0177"}, "not_valid", "number"),
        ({"number": "72345"}, "short_code", "number"),
        ({"number": "MYBANK"}, "sender_name", "number"),
        ({"number": "+7378742833"}, "withheld", "number"),
        ({"number": "+442079460123"}, "region_not_served", "number"),
        ({"number": "2065550177", "region": None}, "unknown_region", "number"),
        ({"region": "Texas"}, "unknown_region", "region"),
        ({"occurred_at": "2026-11-15T12:05:01Z"}, "date_in_future", "occurred_at"),
    ],
)
def test_a_hit_that_cannot_be_recorded_says_why_and_stops_no_other(
    investigator: Member, decoy: str, number: str, change: dict[str, Any], code: str, member: str
) -> None:
    bad = {**hit(decoy, number.removeprefix("+1")), **change}
    told = investigator.record(hit(decoy, number), bad)
    assert [result["status"] for result in told["results"]] == ["recorded", "refused"]
    problem = told["results"][1]["problem"]
    assert (problem["code"], problem["pointer"]) == (code, f"/hits/1/{member}")


def test_a_live_registry_records_no_fictional_caller(other_house: House) -> None:
    investigator = other_house.member("investigator")
    decoy = investigator.register_decoy(example_number("CA"))
    (result,) = investigator.record(hit(decoy, "+1 604 555 0177"))["results"]
    assert result["problem"]["code"] == "fictional"


def test_a_senders_clock_may_be_five_minutes_fast(investigator: Member, decoy: str, number: str) -> None:
    assert investigator.record(hit(decoy, number, "2026-11-15T12:05:00Z"))["recorded"] == 1


def test_what_the_provider_found_of_a_caller_id_counts_as_it_does_at_intake(
    house: House, employer: Member, fresh_number: Callable[[], str]
) -> None:
    investigator = house.member("investigator")  # whose hits all stand on one page
    decoy = investigator.register_decoy(fresh_number())
    found: list[tuple[Any, ...]] = []
    for verification in (None, "passed", "absent", "failed"):
        number = fresh_number()
        day, more = f"2026-11-0{len(found) + 1}T10:00:00Z", {"channel": "voice", "verification": verification}
        id_ = investigator.record(hit(decoy, number, day, **more))["results"][0]["id"]
        investigator.record(hit(decoy, number, "2026-10-31T10:00:00Z", channel="voice"))
        shown = next(one for one in investigator.get("/v1/hits").json()["data"] if one["id"] == id_)
        found.append((shown["verification"], employer.look_up(number)["outcome"]))
    observed = "contact_observed"  # by two days; a failed one is none
    assert found == [(None, observed), ("passed", observed), ("absent", observed), ("failed", "none")]


@pytest.mark.parametrize(("verification", "status"), [(None, 201), ("passed", 201), ("absent", 200), ("failed", 200)])
def test_an_attestation_goes_with_a_verification_that_passed_or_with_none(
    investigator: Member, decoy: str, number: str, verification: str | None, status: int
) -> None:
    contact = hit(decoy, number, channel="voice", attestation="A", verification=verification)
    answer = submit(investigator, contact)
    assert answer.status_code == status
    (told,) = answer.json()["results"]
    if status == 200:
        assert (told["problem"]["code"], told["problem"]["pointer"]) == ("invalid_value", "/hits/0/attestation")
    else:
        assert told["problem"] is None


def test_a_thousand_hits_come_in_one_request_and_one_more_is_refused(investigator: Member, decoy: str) -> None:
    contacts = [hit(decoy, "restricted")] * 1_000
    assert submit(investigator, *contacts).json()["refused"] == 1_000
    refusal_of(submit(investigator, *contacts, contacts[0]), 422, "too_many_items", "/hits")
    refusal_of(submit(investigator), 422, "empty_list", "/hits")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"channel": "fax"}, "invalid_value", "/hits/0/channel"),
        ({"channel": "SMS"}, "invalid_value", "/hits/0/channel"),
        ({"attestation": "D"}, "invalid_value", "/hits/0/attestation"),
        ({"verification": "Passed"}, "invalid_value", "/hits/0/verification"),
        ({"diverted": "no"}, "wrong_type", "/hits/0/diverted"),
        ({"diverted": 0}, "wrong_type", "/hits/0/diverted"),
        ({"decoy_id": "line 4"}, "invalid_value", "/hits/0/decoy_id"),
        ({"decoy_id": 4}, "wrong_type", "/hits/0/decoy_id"),
        ({"occurred_at": "yesterday"}, "invalid_value", "/hits/0/occurred_at"),
        ({"occurred_at": "2026-11-01T10:00:00"}, "invalid_value", "/hits/0/occurred_at"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "invalid_value", "/hits/0/occurred_at"),
        ({"occurred_at": "1999-12-31T23:59:59Z"}, "invalid_value", "/hits/0/occurred_at"),
        ({"source_id": ""}, "invalid_value", "/hits/0/source_id"),
        ({"source_id": "x" * 201}, "invalid_value", "/hits/0/source_id"),
        ({"body": "hello"}, "unknown_field", "/hits/0/body"),
    ],
)
def test_a_request_that_is_none_records_nothing(
    investigator: Member, employer: Member, decoy: str, number: str, change: dict[str, Any], code: str, pointer: str
) -> None:
    answer = submit(investigator, {**hit(decoy, number), **change}, hit(decoy, number))
    refusal_of(answer, 422, code, pointer)
    assert employer.look_up(number)["outcome"] == "none"


def test_an_organisation_lists_its_own_hits_newest_first_without_numbers(
    house: House, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    owner = house.member("investigator")
    decoy = owner.register_decoy(fresh_number())
    made: list[str] = []
    for minute in range(3):
        clock.advance(minutes=1)
        contact = hit(decoy, fresh_number(), f"2026-11-01T10:0{minute}:00Z", channel="voice", attestation="B")
        made.append(owner.record(contact)["results"][0]["id"])
    first = owner.get("/v1/hits", params={"limit": 2})
    told = first.json()
    assert told.keys() == PAGE
    assert "55501" not in "".join(str(one) for one in told["data"] if one.pop("recorded_at"))
    newest = told["data"][0]
    assert newest.keys() == HIT - {"recorded_at"}
    expected = {"id": made[2], "decoy_id": decoy, "channel": "voice", "attestation": "B", "diverted": False}
    assert {name: newest[name] for name in expected} == expected
    assert newest["occurred_at"] == "2026-11-01T10:02:00Z"
    second = owner.get("/v1/hits", params={"limit": 2, "cursor": told["next_cursor"]}).json()
    assert [one["id"] for one in second["data"]] == made[:1]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("reason", ["misdial", "own_call", "test_call", "outreach", "wrong_decoy", "spoofed", "other"])
def test_a_hit_is_retracted_with_a_reason_and_stays_on_record(
    investigator: Member, trail: AuditTrail, decoy: str, number: str, reason: str
) -> None:
    id_ = investigator.record(hit(decoy, number))["results"][0]["id"]
    answer = investigator.post(f"/v1/hits/{id_}/retraction", {"reason": reason})
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == {"hit"} | RECEIPT
    assert told["hit"].keys() == HIT
    assert (told["hit"]["id"], told["hit"]["retraction_reason"]) == (id_, reason)
    assert told["hit"]["retracted_at"] is not None
    event = trail.only(answer)
    assert (event["operation"], event["result"], event["count"]["retracted"]) == ("retract_hit", "ok", 1)
    again = investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "other"})
    refusal_of(again, 409, "already_retracted")
    assert trail.only(again)["result"] == "already_retracted"
    assert told["hit"] in investigator.get("/v1/hits", params={"limit": 500}).json()["data"]


def test_a_retracted_event_that_is_sent_again_stays_retracted(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    contact = hit(decoy, number, source_id="SM-retracted")
    id_ = investigator.record(contact)["results"][0]["id"]
    investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "misdial"})
    assert investigator.record(contact)["duplicate"] == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_only_its_submitter_can_retract_a_hit(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    id_ = investigator.record(hit(decoy, number))["results"][0]["id"]
    for wanted in (id_, str(uuid4()), "first"):
        answer = second_investigator.post(f"/v1/hits/{wanted}/retraction", {"reason": "misdial"})
        refusal_of(answer, 404, "not_found")
    reasons = investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "he is a friend"})
    refusal_of(reasons, 422, "invalid_value", "/reason")
    assert employer.look_up(number)["outcome"] == "contact_observed"


def test_neither_a_number_nor_a_source_id_is_stored(
    house: House, investigator: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, source_id=f"from-{number}-canary"))
    stored = house.everything_stored()
    assert number[-10:] not in stored
    assert "canary" not in stored


@pytest.mark.parametrize("kind", ["employer", "partner"])
def test_only_investigators_submit(house: House, kind: str, number: str) -> None:
    member = house.member(kind)
    for answer in (
        submit(member, hit(str(uuid4()), number)),
        member.get("/v1/hits"),
        member.post(f"/v1/hits/{uuid4()}/retraction", {"reason": "other"}),
        member.post("/v1/hits/imports", content="number\n", headers={"Content-Type": "text/csv"}),
    ):
        refusal_of(answer, 401, "unauthorized")
