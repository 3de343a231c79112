import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member
from shapes import KEY, PAGE, RECEIPT, refusal_of

TEST_KEY = re.compile(r"drk_test_[0-9A-Za-z]{46}")


def issue(operator: Member, member: Member, **more: Any) -> Any:
    return operator.post(f"/v1/organisations/{member.id}/keys", more)


def with_key(house: House, member: Member, key: str) -> Member:
    return Member(member.id, key, house.client)


def test_a_key_is_shown_once_and_works_at_once(
    house: House, operator: Member, employer: Member, trail: AuditTrail
) -> None:
    answer = issue(operator, employer)
    assert answer.status_code == 201
    told = answer.json()
    assert told.keys() == KEY | {"key"} | RECEIPT
    assert TEST_KEY.fullmatch(told["key"])
    assert told["key"][9:17] == told["id"]
    assert told["organisation_id"] == str(employer.id)
    assert (told["scopes"], told["expires_at"], told["revoked_at"]) == (["lookups"], None, None)
    assert with_key(house, employer, told["key"]).get("/v1/account").json()["key"] == told["id"]
    listed = operator.get(f"/v1/organisations/{employer.id}/keys")
    assert told["key"] not in listed.text
    assert told["key"][17:49] not in house.everything_stored()
    event = trail.only(answer)
    assert (event["operation"], event["result"], event["count"]["issued"]) == ("issue_key", "ok", 1)


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("investigator", ["decoys", "hits", "lookups"]),
        ("employer", ["lookups"]),
        ("partner", ["lookups"]),
        ("operator", ["audit", "lookups", "operator"]),
    ],
)
def test_a_key_gets_the_scopes_of_its_organisations_kind(
    house: House, operator: Member, kind: str, scopes: list[str]
) -> None:
    assert issue(operator, house.member(kind)).json()["scopes"] == scopes


def test_a_key_can_have_fewer_scopes_and_then_may_do_less(
    house: House, operator: Member, investigator: Member, number: str
) -> None:
    told = issue(operator, investigator, scopes=["decoys"]).json()
    narrow = with_key(house, investigator, told["key"])
    narrow.register_decoy(number)
    refusal_of(narrow.get("/v1/hits"), 401, "unauthorized")
    refusal_of(narrow.post("/v1/lookups", {"number": number, "purpose": "investigation"}), 401, "unauthorized")


@pytest.mark.parametrize(
    ("body", "code", "pointer"),
    [
        ({"scopes": ["operator"]}, "invalid_value", "/scopes"),
        ({"scopes": ["hits"]}, "invalid_value", "/scopes"),
        ({"scopes": ["everything"]}, "invalid_value", "/scopes/0"),
        ({"scopes": []}, "empty_list", "/scopes"),
        ({"scopes": ["lookups"] * 7}, "too_many_items", "/scopes"),
        ({"scopes": "lookups"}, "wrong_type", "/scopes"),
        ({"expires_at": "2026-11-15T12:00:00Z"}, "invalid_value", "/expires_at"),
        ({"expires_at": "2027-01-01"}, "invalid_value", "/expires_at"),
        ({"secret": "x"}, "unknown_field", "/secret"),
    ],
)
def test_what_a_key_cannot_be_is_refused(
    operator: Member, employer: Member, body: dict[str, Any], code: str, pointer: str
) -> None:
    refusal_of(issue(operator, employer, **body), 422, code, pointer)


def test_a_revoked_key_stops_at_once_and_for_ever(
    house: House, operator: Member, employer: Member, trail: AuditTrail
) -> None:
    told = issue(operator, employer).json()
    revoked_member = with_key(house, employer, told["key"])
    assert revoked_member.get("/v1/account").status_code == 200
    answer = operator.post(f"/v1/keys/{told['id']}/revocation")
    assert answer.status_code == 200
    assert answer.json().keys() == KEY | RECEIPT
    refusal_of(revoked_member.get("/v1/account"), 401, "unauthorized")
    again = operator.post(f"/v1/keys/{told['id']}/revocation")
    assert again.json()["revoked_at"] == answer.json()["revoked_at"]
    operator.patch(f"/v1/keys/{told['id']}", {"expires_at": None})
    refusal_of(revoked_member.get("/v1/account"), 401, "unauthorized")
    assert trail.only(answer)["operation"] == "revoke_key"
    assert employer.get("/v1/account").status_code == 200  # its other key


def test_a_keys_expiry_can_be_set_and_lifted(
    house: House, operator: Member, employer: Member, trail: AuditTrail
) -> None:
    """Keys expire by the database's clock, which is the real one."""
    far = (datetime.now(UTC) + timedelta(days=3_000)).replace(microsecond=0)
    told = issue(operator, employer, expires_at=far.isoformat()).json()
    assert datetime.fromisoformat(told["expires_at"]) == far
    member = with_key(house, employer, told["key"])
    assert member.get("/v1/account").status_code == 200
    expired = operator.patch(f"/v1/keys/{told['id']}", {"expires_at": "2026-01-01T00:00:00Z"})
    assert expired.status_code == 200
    assert trail.only(expired)["operation"] == "expire_key"
    refusal_of(member.get("/v1/account"), 401, "unauthorized")
    lifted = operator.patch(f"/v1/keys/{told['id']}", {"expires_at": None})
    assert lifted.json()["expires_at"] is None
    assert member.get("/v1/account").status_code == 200
    refusal_of(operator.patch(f"/v1/keys/{told['id']}", {}), 422, "missing_field", "/expires_at")


def test_an_organisations_keys_are_listed_with_their_last_use(house: House, operator: Member) -> None:
    member = house.member("partner")
    unused = issue(operator, member).json()
    member.get("/v1/account")
    page = operator.get(f"/v1/organisations/{member.id}/keys").json()
    assert page.keys() == PAGE
    assert [one.keys() for one in page["data"]] == [KEY] * 2
    used = {one["id"]: one["last_used_at"] for one in page["data"]}
    assert used[unused["id"]] is None
    assert used[member.key[9:17]] is not None


@pytest.mark.parametrize("key_id", ["zzzzzzzz", "short", "with-hyph"])
def test_a_key_that_does_not_exist_is_not_found(operator: Member, key_id: str) -> None:
    refusal_of(operator.post(f"/v1/keys/{key_id}/revocation"), 404, "not_found")
    refusal_of(operator.patch(f"/v1/keys/{key_id}", {"expires_at": None}), 404, "not_found")


def test_only_the_operator_changes_keys(employer: Member) -> None:
    refusal_of(employer.post(f"/v1/keys/{employer.key[9:17]}/revocation"), 401, "unauthorized")
    refusal_of(employer.patch(f"/v1/keys/{employer.key[9:17]}", {"expires_at": None}), 401, "unauthorized")
