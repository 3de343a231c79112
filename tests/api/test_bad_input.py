"""Requests that are none: each is told what is wrong, charged, recorded, and never hears its own words again."""

import json
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from private_asker import PrivateAsker
from shapes import refusal_of

JSON = "application/json"
QUESTION = {"number": "+12065550177", "purpose": "company_number"}
CANARY = "+12065550188"


def send(member: Member, body: bytes, kind: str | None = JSON, path: str = "/v1/lookups") -> Any:
    headers = member.headers if kind is None else {**member.headers, "Content-Type": kind}
    return member.client.post(path, content=body, headers=headers)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"  \n", 400, "invalid_json"),
        (b"number=2065550188", 400, "invalid_json"),
        (b'{"number": "+12065550188",', 400, "invalid_json"),
        (b"{'number': '+12065550188'}", 400, "invalid_json"),
        (b'{"number": "+12065550188"} {}', 400, "invalid_json"),
        (b'{"number": "\xff\xfe"}', 400, "invalid_utf8"),
        (b'{"number": "caf\xe9"}', 400, "invalid_utf8"),
        ('{"number": "+12065550188"}'.encode("utf-16-be")[1:], 400, "nul_byte"),
        (b'{"number": "+12065550188\x00"}', 400, "nul_byte"),
        (b"[" * 100_000, 400, "invalid_json"),
        (b"[]", 422, "wrong_type"),
        (b"null", 422, "wrong_type"),
        (b'"+12065550188"', 422, "wrong_type"),
        (b"12065550188", 422, "wrong_type"),
        (b"{}", 422, "missing_field"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    employer: Member, trail: AuditTrail, body: bytes, status: int, code: str
) -> None:
    answer = send(employer, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "2065550188" not in answer.text
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("look_up", code)
    assert event["count"] == {"submitted": 0, "charged": 0}
    assert (event["purpose"], event["case"], event["subjects"]) == (None, None, None)


@pytest.mark.parametrize(
    "value",
    [
        {"e164": "+12065550188"},
        ["+12065550188"],
        12065550188,
        1.2065550188e10,
        True,
        None,
        float("nan"),
    ],
)
def test_a_number_is_a_text_and_nothing_else(employer: Member, value: object) -> None:
    body = json.dumps({**QUESTION, "number": value}).encode()
    answer = send(employer, body)
    refusal_of(answer, 422, "wrong_type", "/number")
    assert "065550188" not in answer.text


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"number": "+1206555\x000188"}, "nul_byte", "/number"),
        ({"case_ref": "HR\0"}, "nul_byte", "/case_ref"),
        ({"number": "\ud83d"}, "invalid_utf8", "/number"),
        ({"region": 1}, "wrong_type", "/region"),
        ({"region": "U" * 17}, "invalid_value", "/region"),
        ({"purpose": ["company_number"]}, "invalid_value", "/purpose"),
        ({"possessed_since": 20260301}, "wrong_type", "/possessed_since"),
        ({"possessed_since": "2026-3-1"}, "invalid_value", "/possessed_since"),
        ({"possessed_since": "2026-03-01T00:00:00Z"}, "invalid_value", "/possessed_since"),
        ({"possessed_since": "2026-02-30"}, "invalid_value", "/possessed_since"),
        ({"possessed_since": "0000-00-00"}, "invalid_value", "/possessed_since"),
        ({"possessed_since": "1999-12-31"}, "invalid_value", "/possessed_since"),
        ({"possesed_since": "2026-03-01"}, "unknown_field", "/possesed_since"),
    ],
)
def test_a_field_that_is_wrong_is_named(employer: Member, change: dict[str, Any], code: str, pointer: str) -> None:
    answer = send(employer, json.dumps({**QUESTION, **change}).encode())
    refusal_of(answer, 400 if code in {"nul_byte", "invalid_utf8"} else 422, code, pointer)


def test_several_wrong_fields_are_all_named(employer: Member, trail: AuditTrail) -> None:
    answer = employer.post("/v1/lookups", {"number": 5, "purpose": "none", "extra": 1})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    entries = {(entry["pointer"], entry["code"]) for entry in answer.json()["errors"]}
    expected = {("/number", "wrong_type"), ("/purpose", "invalid_value"), ("/extra", "unknown_field")}
    assert entries == expected
    assert trail.only(answer)["result"] == "invalid_request"


def test_no_more_than_fifty_wrong_fields_are_named(employer: Member) -> None:
    items = [{"number": 5}] * 80
    answer = employer.post("/v1/checks", {"purpose": "company_number", "items": items})
    assert answer.json()["code"] == "wrong_type"
    assert len(answer.json()["errors"]) == 50


@pytest.mark.parametrize("name", [CANARY, "a" * 41, "Ms Canary", "drk_test_0123", "number/0", "naïve", "", "{}"])
def test_a_fields_name_that_could_be_anything_is_not_repeated(employer: Member, name: str) -> None:
    answer = employer.post("/v1/lookups", {**QUESTION, name: "x"})
    refusal_of(answer, 422, "unknown_field", "")
    assert not name or name not in answer.text


@pytest.mark.parametrize(
    "path",
    ["/v1/lookups", "/v1/checks", "/v1/hits", "/v1/decoys", "/v1/private/evaluations", "/v1/private/disclosures"],
)
def test_nothing_that_was_sent_comes_back_or_is_kept(
    house: House, investigator: Member, asker: PrivateAsker, path: str
) -> None:
    member = asker.member if path.startswith("/v1/private") else investigator
    question = {**QUESTION, "number": CANARY}
    bodies: list[object] = [
        {**question, "purpose": CANARY},
        {**question, "region": CANARY},
        {**question, "possessed_since": CANARY},
        {**question, "case_ref": CANARY},
        {**question, CANARY: CANARY},
        {**question, "number": {CANARY: CANARY}},
        {**question, "number": f"{CANARY} or so, ask Canary"},
        {"hits": [{"number": CANARY, "channel": CANARY, "decoy_id": CANARY, CANARY: 1}]},
        {"purpose": "company_number", "blinded": CANARY, CANARY: CANARY},
        {"purpose": "company_number", "blinded": CANARY, "generations": [CANARY]},
        {"purpose": "company_number", "items": [{"tag": CANARY, "ref": [CANARY]}]},
        [CANARY],
    ]
    for body in bodies:
        answer = member.post(path, body)
        assert answer.status_code == 422
        assert "5550188" not in answer.text
        assert "anary" not in answer.text
    assert "2065550188" not in house.everything_stored()


def test_a_body_over_one_megabyte_is_refused(employer: Member, trail: AuditTrail) -> None:
    fits = json.dumps(QUESTION).encode().ljust(1_048_576)
    assert send(employer, fits).status_code == 200
    answer = send(employer, fits + b" ")
    refusal_of(answer, 413, "body_too_large")
    assert trail.only(answer)["result"] == "body_too_large"


def test_a_body_that_does_not_say_how_long_it_is_is_measured(employer: Member) -> None:
    headers = {**employer.headers, "Content-Type": JSON}
    parts = (b" " * 65_536 for _ in range(17))
    refusal_of(employer.client.post("/v1/lookups", content=parts, headers=headers), 413, "body_too_large")


def test_the_operator_can_set_the_cap(other_house: House) -> None:
    member = other_house.member("employer")
    refusal_of(send(member, json.dumps(QUESTION).encode().ljust(2_049)), 413, "body_too_large")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"]
)
def test_a_body_of_another_type_is_refused(employer: Member, trail: AuditTrail, kind: str | None) -> None:
    answer = send(employer, json.dumps(QUESTION).encode(), kind)
    refusal_of(answer, 415, "unsupported_media_type")
    assert trail.only(answer)["result"] == "unsupported_media_type"


def test_json_in_another_encoding_is_refused(employer: Member) -> None:
    body = json.dumps(QUESTION).encode("utf-16")
    refusal_of(send(employer, body, f"{JSON}; charset=utf-16"), 415, "unsupported_media_type")


@pytest.mark.parametrize("kind", [JSON, "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"'])
def test_json_may_say_that_it_is_utf_8(employer: Member, kind: str) -> None:
    assert send(employer, json.dumps(QUESTION).encode(), kind).status_code == 200


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "0"}, "invalid_value"),
        ({"limit": "501"}, "invalid_value"),
        ({"limit": "many"}, "invalid_value"),
        ({"limit": "-1"}, "invalid_value"),
        ({"cursor": "x"}, "invalid_cursor"),
        ({"cursor": "!" * 22}, "invalid_cursor"),
        ({"cursor": "A" * 23}, "invalid_cursor"),
        ({"cursor": "A" * 65}, "invalid_value"),
        ({"cursor": "caf\u00e9"}, "invalid_cursor"),
        ({"cursor": ""}, "invalid_cursor"),
        ({"cursor": "A\0"}, "nul_byte"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/decoys", "/v1/hits"])
def test_a_list_that_cannot_be_asked_for_is_refused(
    investigator: Member, trail: AuditTrail, path: str, query: dict[str, str], code: str
) -> None:
    answer = investigator.get(path, params=query)
    assert (answer.status_code, answer.json()["code"]) == (400 if code == "nul_byte" else 422, code)
    assert trail.only(answer)["result"] == code


def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(
    house: House, investigator: Member, decoy: str, number: str
) -> None:
    investigator.record(*(hit(decoy, number, f"2026-11-01T10:00:0{second}Z") for second in range(3)))
    cursor = investigator.get("/v1/hits", params={"limit": 1}).json()["next_cursor"]
    told = house.member("investigator").get("/v1/hits", params={"cursor": cursor}).json()
    assert (told["data"], told["next_cursor"]) == ([], None)


@pytest.mark.parametrize("path", ["/v1", "/v1/lookup", "/v1/lookups/", "/v1/lookups/1", "/v2/lookups", "/admin"])
def test_an_address_that_does_not_exist_is_not_found(employer: Member, path: str) -> None:
    answer = employer.post(path, QUESTION)
    refusal_of(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/lookups", "POST"),
        ("DELETE", "/v1/decoys", "GET, POST"),
        ("PUT", "/v1/decoys/0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d", "PATCH"),
        ("OPTIONS", "/v1/checks", "POST"),
        ("POST", "/v1/account", "GET"),
        ("POST", "/v1/private/set", "GET"),
        ("DELETE", "/v1/private/set/000", "GET"),
        ("GET", "/v1/private/evaluations", "POST"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_refused(
    employer: Member, method: str, path: str, allowed: str
) -> None:
    answer = employer.client.request(method, path, headers=employer.headers)
    refusal_of(answer, 405, "method_not_allowed")
    assert sorted(answer.headers["allow"].split(", ")) == allowed.split(", ")


def test_every_answer_carries_its_request_id_and_headers_that_keep_it_safe(employer: Member) -> None:
    for answer in (employer.post("/v1/lookups", QUESTION), employer.post("/v1/nothing", {}), employer.get("/docs")):
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["demand-registry-mode"] == "sandbox"
