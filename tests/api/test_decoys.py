from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member, hit
from providers import add_twilio, message, new_line
from shapes import DECOY, LISTED_DECOY, PAGE, RECEIPT, refusal_of

FULL = {
    "label": "Line 4, north side",
    "role": "deterrence",
    "region": "US",
    "live_from": "2026-10-01T08:00:00-04:00",
    "live_until": "2026-12-31T23:59:59Z",
    "acquired_on": "2026-09-01",
}


def register(investigator: Member, phone: str, **more: Any) -> Any:
    return investigator.post("/v1/decoys", {"label": "A line", "number": phone, "role": "advertisement", **more})


def test_a_registered_line_is_answered_without_its_number(
    house: House, investigator: Member, trail: AuditTrail, number: str
) -> None:
    written = f"({number[2:5]}) {number[5:8]}-{number[8:]}"
    answer = register(investigator, written, **FULL)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == DECOY | RECEIPT
    assert number[-7:] not in answer.text
    assert {name: told[name] for name in FULL} == {**FULL, "live_from": "2026-10-01T12:00:00Z"}
    assert number.removeprefix("+1") not in house.everything_stored()
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("register_decoy", "ok")
    assert event["count"] == {"submitted": 1, "charged": 1, "registered": 1}


def test_a_line_needs_no_more_than_label_number_and_role(investigator: Member, number: str) -> None:
    told = register(investigator, number).json()
    assert [told[name] for name in ("region", "live_from", "live_until", "acquired_on")] == [None] * 4


@pytest.mark.parametrize("number", ["+442079460123", "+18005550199"])
def test_a_line_may_be_one_whose_callers_would_not_count(house: House, number: str) -> None:
    assert register(house.member("investigator"), number).status_code == 201


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"label": "call 206 555 0177"}, "number_in_text", "/label"),
        ({"label": ""}, "invalid_value", "/label"),
        ({"label": " \t"}, "invalid_value", "/label"),
        ({"label": "two\nlines"}, "invalid_value", "/label"),
        ({"label": "x" * 201}, "invalid_value", "/label"),
        ({"label": "a\0b"}, "nul_byte", "/label"),
        ({"number": "Anonymous"}, "withheld", "/number"),
        ({"number": "555-0177", "region": "US"}, "too_short", "/number"),
        ({"role": "bait"}, "invalid_value", "/role"),
        ({"live_from": "2026-12-01T00:00:00Z", "live_until": "2026-11-01T00:00:00Z"}, "window_reversed", "/live_until"),
        ({"live_from": "2026-12-01T00:00:00Z", "live_until": "2026-12-01T00:00:00Z"}, "window_reversed", "/live_until"),
        ({"live_from": "2026-12-01T00:00:00"}, "invalid_value", "/live_from"),
        ({"live_from": 1764547200}, "wrong_type", "/live_from"),
        ({"acquired_on": "2026-12-01"}, "date_in_future", "/acquired_on"),
        ({"acquired_on": "01/12/2025"}, "invalid_value", "/acquired_on"),
        ({"acquired_on": "1926-01-01"}, "invalid_value", "/acquired_on"),
    ],
)
def test_what_a_line_cannot_be_is_refused(
    investigator: Member, number: str, change: dict[str, Any], code: str, pointer: str
) -> None:
    refusal_of(register(investigator, number, **change), 400 if code == "nul_byte" else 422, code, pointer)


def test_a_line_is_registered_once_however_it_is_written(investigator: Member, trail: AuditTrail, number: str) -> None:
    assert register(investigator, number).status_code == 201
    again = register(investigator, number.removeprefix("+1"), region="US")
    refusal_of(again, 409, "decoy_number_taken")
    assert trail.only(again)["result"] == "decoy_number_taken"


def test_two_organisations_may_have_the_same_line_and_do_not_hear_of_each_other(
    investigator: Member, second_investigator: Member, number: str
) -> None:
    assert register(investigator, number).status_code == 201
    assert register(second_investigator, number).status_code == 201


def test_a_change_touches_only_what_is_sent_and_null_clears(
    investigator: Member, trail: AuditTrail, number: str
) -> None:
    before = register(investigator, number, **FULL).json()
    answer = investigator.patch(f"/v1/decoys/{before['id']}", {"role": "test", "live_until": None})
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == DECOY | RECEIPT
    changed = {"role": "test", "live_until": None}
    volatile = {"updated_at": told["updated_at"], "audit_id": told["audit_id"]}
    assert told == {**before, **changed, **volatile}
    assert told["updated_at"] > before["updated_at"]
    event = trail.only(answer)
    assert (event["operation"], event["result"], event["count"]["changed"]) == ("change_decoy", "ok", 1)
    assert event["count"]["submitted"] == 0


def test_a_changed_number_finds_the_line_in_provider_logs(
    investigator: Member, fresh_number: Callable[[], str]
) -> None:
    first, second, caller = fresh_number(), fresh_number(), fresh_number()
    decoy = investigator.register_decoy(first)
    answer = investigator.patch(f"/v1/decoys/{decoy}", {"number": second})
    assert answer.status_code == 200
    lines = f"number,decoy_number,channel,occurred_at\n{caller},{second},sms,2026-11-01T10:00:00Z\n"
    lines += f"{caller},{first},sms,2026-11-02T10:00:00Z\n"
    told = investigator.post("/v1/hits/imports", content=lines, headers={"Content-Type": "text/csv"}).json()
    assert (told["recorded"], told["refused"]) == (1, 1)
    assert told["refused_rows"][0]["code"] == "unknown_decoy"


def test_a_line_cannot_take_the_number_of_another(investigator: Member, fresh_number: Callable[[], str]) -> None:
    first, second = fresh_number(), fresh_number()
    investigator.register_decoy(first)
    decoy = investigator.register_decoy(second)
    refusal_of(investigator.patch(f"/v1/decoys/{decoy}", {"number": first}), 409, "decoy_number_taken")
    assert investigator.patch(f"/v1/decoys/{decoy}", {"number": second}).status_code == 200


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({}, "invalid_request", None),
        ({"label": None}, "invalid_value", "/label"),
        ({"number": None}, "invalid_value", "/number"),
        ({"role": None}, "invalid_value", "/role"),
        ({"label": "2065550177"}, "number_in_text", "/label"),
        ({"number": "sender"}, "sender_name", "/number"),
        ({"acquired_on": "2026-12-24"}, "date_in_future", "/acquired_on"),
        ({"live_until": "2026-01-01T00:00:00Z"}, "window_reversed", None),
        ({"organisation_id": str(uuid4())}, "unknown_field", "/organisation_id"),
    ],
)
def test_a_change_that_cannot_be_changes_nothing(
    investigator: Member, number: str, change: dict[str, Any], code: str, pointer: str | None
) -> None:
    decoy = register(investigator, number, **FULL).json()
    refusal_of(investigator.patch(f"/v1/decoys/{decoy['id']}", change), 422, code, pointer)
    listed = investigator.get("/v1/decoys", params={"limit": 500}).json()["data"]
    assert {name: decoy[name] for name in DECOY} in [{name: one[name] for name in DECOY} for one in listed]


@pytest.mark.parametrize("role", ["control", "test", "deterrence"])
def test_contacts_of_a_line_that_was_never_advertised_cannot_be_made_to_count(
    investigator: Member, employer: Member, trail: AuditTrail, number: str, fresh_number: Callable[[], str], role: str
) -> None:
    decoy = register(investigator, number, role=role).json()["id"]
    caller, path = fresh_number(), f"/v1/decoys/{decoy}"
    recorded = investigator.record(hit(decoy, caller), hit(decoy, caller, "2026-11-02T10:00:00Z"))["results"]
    before = baseline(investigator)
    for change in ({"role": "advertisement"}, {"role": "advertisement", "live_from": "2026-11-02T00:00:00Z"}):
        answer = investigator.patch(path, change)
        refusal_of(answer, 409, "role_in_use")
        event = trail.only(answer)
        assert (event["operation"], event["result"]) == ("change_decoy", "role_in_use")
    assert employer.look_up(caller)["outcome"] == "none"
    assert baseline(investigator) == before
    same = investigator.patch(path, {"role": role, "label": "The same role"})
    assert (same.status_code, same.json()["label"]) == (200, "The same role")
    for one in recorded:
        refusal_of(investigator.patch(path, {"role": "advertisement"}), 409, "role_in_use")
        answer = investigator.post(f"/v1/hits/{one['id']}/retraction", {"reason": "misdial"})
        assert answer.status_code == 200
    assert investigator.patch(path, {"role": "advertisement"}).json()["role"] == "advertisement"
    assert employer.look_up(caller)["outcome"] == "none"
    investigator.record(hit(decoy, caller, "2026-11-03T10:00:00Z"))
    assert employer.look_up(caller)["evidence"]["contacts"] == 1


def test_an_advertised_line_that_has_contacts_does_not_become_a_control_line(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number))
    refusal_of(investigator.patch(f"/v1/decoys/{decoy}", {"role": "control"}), 409, "role_in_use")
    assert employer.look_up(number)["outcome"] == "contact_observed"


def test_a_caller_that_withheld_its_number_is_no_reason_to_keep_a_role(house: House, number: str) -> None:
    investigator = house.member("investigator")
    add_twilio(investigator)
    line = new_line(investigator, number)
    assert line.twilio(message("anonymous")).status_code == 200
    (listed,) = (one for one in investigator.get("/v1/decoys?limit=500").json()["data"] if one["id"] == line.decoy)
    assert listed["withheld_contacts"] == 1
    assert investigator.patch(f"/v1/decoys/{line.decoy}", {"role": "control"}).json()["role"] == "control"


def baseline(member: Member) -> Any:
    answer = member.get("/v1/statistics/baseline")
    assert answer.status_code == 200, answer.text
    return answer.json()["total"]


def test_somebody_elses_line_answers_as_if_it_did_not_exist(
    investigator: Member, second_investigator: Member, decoy: str
) -> None:
    answers = [
        second_investigator.patch(f"/v1/decoys/{id_}", {"role": "test"}) for id_ in (decoy, str(uuid4()), "line-4")
    ]
    problems = [refusal_of(answer, 404, "not_found") for answer in answers]
    for problem in problems:
        problem.pop("instance")
        problem.pop("audit_id")
    assert problems[0] == problems[1] == problems[2]


def test_an_organisation_lists_its_own_lines_newest_first(
    house: House, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    owner = house.member("investigator")
    made: list[str] = []
    for _ in range(3):
        clock.advance(seconds=1)
        made.append(owner.register_decoy(fresh_number()))
    first = owner.get("/v1/decoys", params={"limit": 2}).json()
    assert first.keys() == PAGE
    assert [one.keys() for one in first["data"]] == [LISTED_DECOY] * 2
    assert [one["id"] for one in first["data"]] == made[:0:-1]
    second = owner.get("/v1/decoys", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [one["id"] for one in second["data"]] == made[:1]
    assert second["next_cursor"] is None
    other = house.member("investigator").get("/v1/decoys").json()
    assert (other["data"], other["next_cursor"]) == ([], None)


@pytest.mark.parametrize("kind", ["employer", "partner"])
def test_only_investigators_have_lines(house: House, kind: str, number: str) -> None:
    member = house.member(kind)
    for answer in (
        register(member, number),
        member.get("/v1/decoys"),
        member.patch(f"/v1/decoys/{uuid4()}", {"role": "test"}),
    ):
        refusal_of(answer, 401, "unauthorized")


def test_a_change_that_meets_hits_on_their_way_in_holds_for_them_too(
    house: House, investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    """Both requests are held up just before their commits, in which case neither has seen the other's rows."""
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE audit.event IN SHARE MODE")
        recording = threads.submit(investigator.record, hit(decoy, number))
        _until_waiting(house, 1)
        change = {"live_until": "2026-11-01T10:00:00Z"}
        changing = threads.submit(investigator.patch, f"/v1/decoys/{decoy}", change)
        _until_waiting(house, 2)
        gate.rollback()
        assert recording.result()["recorded"] == 1
        assert changing.result().status_code == 200
    assert employer.look_up(number, possessed_since="2026-01-01")["outcome"] == "none"
    assert employer.look_up(number)["outcome"] == "none"


def _until_waiting(house: House, many: int) -> None:
    """Until so many of the application's sessions wait for a lock of another session."""
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND pid <> pg_backend_pid()"
    )
    while True:
        row = house.superuser.execute(statement).fetchone()
        if row is not None and row[0] >= many:
            return
