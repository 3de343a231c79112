from typing import Any
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member
from shapes import ORGANISATION, PAGE, RECEIPT, refusal_of


def create(operator: Member, **more: Any) -> Any:
    name = f"House of {uuid4().hex.translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    return operator.post("/v1/organisations", {"name": name, "kind": "employer", **more})


@pytest.mark.parametrize("kind", ["investigator", "employer", "partner", "operator"])
def test_organisations_of_four_kinds_can_be_made(operator: Member, trail: AuditTrail, kind: str) -> None:
    answer = create(operator, kind=kind)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == ORGANISATION | RECEIPT
    assert (told["kind"], told["suspended_at"]) == (kind, None)
    assert (told["requests_per_minute"], told["numbers_per_day"]) == (100_000, 10_000_000)
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("create_organisation", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0, "created": 1}
    assert event["actor"]["organisation"] == str(operator.id)


def test_limits_can_be_set_from_the_start(operator: Member) -> None:
    told = create(operator, requests_per_minute=1, numbers_per_day=0).json()
    assert (told["requests_per_minute"], told["numbers_per_day"]) == (1, 0)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"name": ""}, "invalid_value", "/name"),
        ({"name": "   "}, "invalid_value", "/name"),
        ({"name": "x" * 201}, "invalid_value", "/name"),
        ({"name": "Call 206-555-0177 GmbH"}, "number_in_text", "/name"),
        ({"name": 7}, "wrong_type", "/name"),
        ({"kind": "police"}, "invalid_value", "/kind"),
        ({"requests_per_minute": 0}, "invalid_value", "/requests_per_minute"),
        ({"requests_per_minute": "600"}, "wrong_type", "/requests_per_minute"),
        ({"requests_per_minute": 1.5}, "wrong_type", "/requests_per_minute"),
        ({"numbers_per_day": -1}, "invalid_value", "/numbers_per_day"),
        ({"numbers_per_day": True}, "wrong_type", "/numbers_per_day"),
        ({"id": str(uuid4())}, "unknown_field", "/id"),
    ],
)
def test_what_an_organisation_cannot_be_is_refused(
    operator: Member, change: dict[str, Any], code: str, pointer: str
) -> None:
    refusal_of(create(operator, **change), 422, code, pointer)


def test_names_tell_organisations_apart(operator: Member, trail: AuditTrail) -> None:
    name = create(operator).json()["name"]
    again = create(operator, name=f" {name} ")
    refusal_of(again, 409, "name_taken")
    assert trail.only(again)["result"] == "name_taken"


def test_a_suspended_organisations_keys_stop_at_once_and_work_again_after_its_resumption(
    house: House, operator: Member, trail: AuditTrail
) -> None:
    member = house.member("employer")
    assert member.get("/v1/account").status_code == 200
    suspended = operator.post(f"/v1/organisations/{member.id}/suspension")
    assert suspended.status_code == 200
    assert suspended.json().keys() == ORGANISATION | RECEIPT
    assert suspended.json()["suspended_at"] is not None
    refusal_of(member.get("/v1/account"), 401, "unauthorized")
    again = operator.post(f"/v1/organisations/{member.id}/suspension")
    assert again.json()["suspended_at"] == suspended.json()["suspended_at"]
    resumed = operator.post(f"/v1/organisations/{member.id}/resumption")
    assert resumed.json()["suspended_at"] is None
    assert member.get("/v1/account").status_code == 200
    operations = [trail.only(answer)["operation"] for answer in (suspended, resumed)]
    assert operations == ["suspend_organisation", "resume_organisation"]


def test_limits_hold_from_the_next_request_on(house: House, operator: Member, trail: AuditTrail, number: str) -> None:
    member = house.member("employer")
    member.look_up(number)
    answer = operator.patch(f"/v1/organisations/{member.id}/limits", {"numbers_per_day": 1})
    assert answer.status_code == 200
    told = answer.json()
    assert (told["requests_per_minute"], told["numbers_per_day"]) == (100_000, 1)
    assert trail.only(answer)["operation"] == "set_limits"
    asked = member.post("/v1/lookups", {"number": number, "purpose": "company_number"})
    refusal_of(asked, 429, "quota_exceeded")
    told = operator.patch(f"/v1/organisations/{member.id}/limits", {"requests_per_minute": 7}).json()
    assert (told["requests_per_minute"], told["numbers_per_day"]) == (7, 1)


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({}, "invalid_request", None),
        ({"requests_per_minute": None}, "invalid_request", None),
        ({"requests_per_minute": 1_000_001}, "invalid_value", "/requests_per_minute"),
        ({"numbers_per_day": 1_000_000_001}, "invalid_value", "/numbers_per_day"),
        ({"name": "Other"}, "unknown_field", "/name"),
    ],
)
def test_limits_that_cannot_be_are_refused(
    operator: Member, change: dict[str, Any], code: str, pointer: str | None
) -> None:
    id_ = create(operator).json()["id"]
    refusal_of(operator.patch(f"/v1/organisations/{id_}/limits", change), 422, code, pointer)


@pytest.mark.parametrize("id_", ["0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d", "acme"])
def test_an_organisation_that_does_not_exist_is_not_found(operator: Member, id_: str) -> None:
    for answer in (
        operator.post(f"/v1/organisations/{id_}/suspension"),
        operator.post(f"/v1/organisations/{id_}/resumption"),
        operator.patch(f"/v1/organisations/{id_}/limits", {"numbers_per_day": 1}),
        operator.post(f"/v1/organisations/{id_}/keys", {}),
        operator.get(f"/v1/organisations/{id_}/keys"),
    ):
        refusal_of(answer, 404, "not_found")


def test_organisations_are_listed_oldest_first_page_by_page(operator: Member, clock: Clock) -> None:
    clock.advance(days=4_000)
    made = [create(operator).json()["id"]]
    for _ in range(2):
        clock.advance(seconds=1)
        made.append(create(operator).json()["id"])
    listed: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = operator.get("/v1/organisations", params={"limit": 40} | ({"cursor": cursor} if cursor else {})).json()
        assert page.keys() == PAGE
        listed += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert all(one.keys() == ORGANISATION for one in listed)
    assert [one["id"] for one in listed[-3:]] == made
    assert len({one["id"] for one in listed}) == len(listed)


@pytest.mark.parametrize("kind", ["investigator", "employer", "partner"])
def test_only_the_operator_administers(house: House, kind: str) -> None:
    member = house.member(kind)
    for answer in (
        create(member),
        member.get("/v1/organisations"),
        member.post(f"/v1/organisations/{member.id}/suspension"),
        member.post(f"/v1/organisations/{member.id}/resumption"),
        member.patch(f"/v1/organisations/{member.id}/limits", {"numbers_per_day": 1_000_000_000}),
        member.post(f"/v1/organisations/{member.id}/keys", {"scopes": ["operator"]}),
        member.get(f"/v1/organisations/{member.id}/keys"),
    ):
        refusal_of(answer, 401, "unauthorized")
