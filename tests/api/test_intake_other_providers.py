"""Telnyx's requests, and those of everybody who signs by Standard Webhooks."""

import base64
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from audit_trail import AuditTrail
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from house import House
from members import NOW, Member
from providers import (
    FORM,
    TWIML,
    Line,
    add_credential,
    assert_refused,
    contact,
    new_line,
    new_sid,
    public_key,
    telnyx_call,
    telnyx_message,
)
from standardwebhooks import Webhook

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECRET = "whsec_" + "c2VjcmV0IG9mIHRoZSB0ZXN0cyE="
PASSED = {"shaken_stir_attestation": "A", "shaken_stir_validated": True}


@pytest.fixture(scope="module")
def sender(house: House) -> Member:
    member = house.member("investigator")
    add_credential(member, "telnyx", public_key=public_key(KEY))
    add_credential(member, "generic", secret=SECRET)
    return member


@pytest.fixture
def line(sender: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(sender, fresh_number(), region="US")


def test_a_telnyx_message_is_recorded_when_it_says_it_was(
    line: Line, employer: Member, fresh_number: Callable[[], str]
) -> None:
    number = fresh_number()
    told = telnyx_message(number, type="MMS")
    told["data"]["occurred_at"] = "2026-11-14T10:00:00.123Z"
    answers = [line.telnyx(told, KEY, NOW) for _ in range(2)]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {})] * 2
    (hit,) = line.hits()
    assert (hit["channel"], hit["occurred_at"]) == ("mms", "2026-11-14T10:00:00.123000Z")
    assert employer.look_up(number)["outcome"] == "contact_observed"


@pytest.mark.parametrize("told", ["2026-11-15T13:00:00Z", "2026-11-01T10:00:00Z", "yesterday", None])
def test_a_time_that_cannot_be_is_the_time_of_arrival(
    line: Line, fresh_number: Callable[[], str], told: str | None
) -> None:
    content = telnyx_message(fresh_number())
    content["data"]["occurred_at"] = told
    assert line.telnyx(content, KEY, NOW).status_code == 200
    assert line.hits()[0]["occurred_at"] == "2026-11-15T12:00:00Z"


@pytest.mark.parametrize(
    ("told", "attestation", "outcome"),
    [
        (PASSED, "A", "contact_observed"),
        ({**PASSED, "shaken_stir_validated": "true"}, "A", "contact_observed"),
        ({**PASSED, "shaken_stir_attestation": "B"}, "B", "none"),
        ({**PASSED, "shaken_stir_validated": False}, None, "none"),
        ({**PASSED, "shaken_stir_validated": None}, None, "none"),
        ({**PASSED, "shaken_stir_validated": 1}, None, "none"),
        ({**PASSED, "shaken_stir_attestation": "a"}, None, "none"),
        ({**PASSED, "shaken_stir_attestation": ["A"]}, None, "none"),
        ({"shaken_stir_validated": False}, None, "none"),
        ({}, None, "none"),
        ({**PASSED, "sip_headers": [{"name": "Diversion", "value": "<sip:1@192.0.2.1>"}]}, "A", "none"),
    ],
)
def test_a_telnyx_call_counts_as_its_attestation_deserves(
    line: Line,
    employer: Member,
    fresh_number: Callable[[], str],
    told: dict[str, Any],
    attestation: str | None,
    outcome: str,
) -> None:
    number = fresh_number()
    assert line.telnyx(telnyx_call(number, **told), KEY, NOW).status_code == 200
    (hit,) = line.hits()
    assert (hit["channel"], hit["attestation"], hit["diverted"]) == ("voice", attestation, "sip_headers" in told)
    assert employer.look_up(number)["outcome"] == outcome


def test_a_texml_call_is_taken_as_a_form(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    told = {"CallSid": new_sid("v3:"), "From": number, "ShakenStirAttestation": "A", "ShakenStirValidated": "true"}
    answer = line.telnyx(urlencode(told).encode(), KEY, NOW, FORM)
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert employer.look_up(number)["outcome"] == "contact_observed"
    assert line.telnyx(urlencode({**told, "Direction": "outbound"}).encode(), KEY, NOW, FORM).status_code == 200
    assert len(line.hits()) == 1


@pytest.mark.parametrize(
    "told",
    [
        telnyx_message("+12065550101", direction="outbound"),
        telnyx_call("+12065550101", direction="outgoing"),
        {"data": {"event_type": "message.finalized", "payload": {"direction": "outbound"}}},
        {"data": []},
        {},
    ],
)
def test_what_is_no_inbound_contact_of_telnyx_is_answered_and_not_recorded(line: Line, told: dict[str, Any]) -> None:
    assert line.telnyx(told, KEY, NOW).json() == {}
    assert line.hits() == []


def test_an_anonymous_call_is_counted_and_not_recorded(line: Line, house: House) -> None:
    assert line.telnyx(telnyx_call("anonymous"), KEY, NOW).status_code == 200
    statement = "SELECT contacts FROM registry.withheld_contacts WHERE decoy_id = %s"
    assert house.superuser.execute(statement, (line.decoy,)).fetchall() == [(1,)]
    assert line.hits() == []


def test_a_telnyx_request_that_is_late_early_or_signed_by_another_is_refused(
    line: Line, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    told = telnyx_message(fresh_number())
    other = Ed25519PrivateKey.generate()
    for key, at in ((KEY, -301), (KEY, 301), (other, 0)):
        answer = line.telnyx(told, key, NOW + timedelta(seconds=at))
        assert_refused(answer, line)
        assert trail.of(answer)[0]["result"] == "signature_refused"
    assert line.telnyx(told, KEY, NOW - timedelta(seconds=299)).status_code == 200


@pytest.mark.parametrize(
    "timestamp", ["", "yesterday", "-1", "1e9", "1 763 208 000", "9" * 40, "0" * 12 + "9" * 400, "0" * 12 + "9" * 5_000]
)
def test_a_telnyx_time_that_is_none_is_refused(line: Line, timestamp: str) -> None:
    signature = base64.b64encode(KEY.sign(f"{timestamp}|{{}}".encode())).decode()
    headers = {"Content-Type": "application/json", "telnyx-signature-ed25519": signature}
    assert_refused(line.send("telnyx", b"{}", {**headers, "telnyx-timestamp": timestamp}), line)
    generic = {"webhook-id": "msg_1", "webhook-signature": "v1,AAAA", "Content-Type": "application/json"}
    assert_refused(line.send("generic", b"{}", {**generic, "webhook-timestamp": timestamp}), line)


def test_a_contact_with_another_line_of_the_profile_is_not_this_ones(
    line: Line, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    other = "+12065550198"
    texml = {"CallSid": new_sid("v3:"), "From": fresh_number(), "To": other}
    answers = [
        line.telnyx(telnyx_message(fresh_number(), to=[{"phone_number": other}]), KEY, NOW),
        line.telnyx(telnyx_call(fresh_number(), to=other), KEY, NOW),
        line.telnyx(urlencode(texml).encode(), KEY, NOW, FORM),
        line.generic(contact(fresh_number(), to=other), SECRET, NOW),
    ]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [trail.of(answer)[0]["count"]["other_line"] for answer in answers] == [1] * 4
    assert line.hits() == []
    lines = [{"phone_number": other}, {"phone_number": line.number}]
    assert line.telnyx(telnyx_message(fresh_number(), to=lines), KEY, NOW).status_code == 200
    assert line.generic(contact(fresh_number(), to=line.number), SECRET, NOW).status_code == 200
    assert len(line.hits()) == 2


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"data": {}, "data": {}}', 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b'{"a": NaN}', 400, "invalid_json"),
        (b'{"a": "\xff"}', 400, "invalid_utf8"),
        (b'{"data": {"event_type": 7}}', 422, "wrong_type"),
        (b'{"data": {"event_type": "\\ud800"}}', 400, "invalid_utf8"),
        (b'{"data":{"event_type":"call.initiated","payload":{"direction":"incoming"}}}', 422, "missing_field"),
    ],
)
def test_a_signed_telnyx_request_that_cannot_be_understood_is_refused(
    line: Line, body: bytes, status: int, code: str
) -> None:
    answer = line.telnyx(body, KEY, NOW)
    assert_refused(answer, line, status, code)


def test_a_generic_contact_is_recorded(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    told = contact(
        f"({number[2:5]}) {number[5:8]}-{number[8:]}",
        channel="voice",
        attestation="A",
        verification="passed",
        diverted=False,
        region="US",
        occurred_at="2026-11-01T10:00:00Z",
    )
    for _ in range(2):
        answer = line.generic(told, SECRET, NOW)
        assert (answer.status_code, answer.json()) == (200, {})
    assert len(line.hits()) == 1
    assert employer.look_up(number)["evidence"]["first_contact"] == "2026-11-01"


def test_a_failed_verification_does_not_count(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.generic(contact(number, channel="voice", attestation="A", verification="failed"), SECRET, NOW)
    assert len(line.hits()) == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_generic_event_of_another_type_is_answered_and_not_recorded(line: Line) -> None:
    assert line.generic({"type": "contact.lost", "data": {}}, SECRET, NOW).json() == {}
    assert line.hits() == []


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"number": ""}, "missing_field", "/data/number"),
        ({"channel": "pigeon"}, "invalid_value", "/data/channel"),
        ({"channel": None}, "missing_field", "/data/channel"),
        ({"id": ""}, "missing_field", "/data/id"),
        ({"id": 7}, "wrong_type", "/data/id"),
        ({"attestation": "D"}, "invalid_value", "/data/attestation"),
        ({"verification": "maybe"}, "invalid_value", "/data/verification"),
        ({"diverted": "no"}, "wrong_type", "/data/diverted"),
        ({"occurred_at": "yesterday"}, "invalid_value", "/data/occurred_at"),
    ],
)
def test_a_generic_contact_that_is_wrong_is_refused_and_told_where(
    line: Line, fresh_number: Callable[[], str], change: dict[str, Any], code: str, pointer: str
) -> None:
    answer = line.generic(contact(fresh_number(), **change), SECRET, NOW)
    assert_refused(answer, line, 422, code)
    assert answer.json()["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    ("change", "code"),
    [({"occurred_at": "2026-11-15T13:00:00Z"}, "date_in_future"), ({"region": "UK"}, "unknown_region")],
)
def test_a_generic_contact_that_cannot_be_is_refused(
    line: Line, fresh_number: Callable[[], str], change: dict[str, Any], code: str
) -> None:
    number = fresh_number()[2:] if "region" in change else fresh_number()
    assert_refused(line.generic(contact(number, **change), SECRET, NOW), line, 422, code)


def test_a_generic_request_that_is_late_or_signed_by_another_is_refused(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = contact(fresh_number())
    for secret, at in ((SECRET, -301), (SECRET, 301), ("whsec_" + "A" * 32, 0)):
        assert_refused(line.generic(told, secret, NOW + timedelta(seconds=at)), line)


def test_of_several_signatures_one_that_holds_is_enough(line: Line, fresh_number: Callable[[], str]) -> None:
    body = b'{"type": "contact.lost"}'
    good = Webhook(SECRET).sign("msg_1", NOW, body.decode())
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(NOW.timestamp())),
        "Content-Type": "application/json",
    }
    for signatures, status in (
        (f"v1,AAAA v1a,BBBB {good}", 200),
        (good.replace("v1,", "v2,"), 403),
        (f"{good}x", 403),
        ("", 403),
        (" ".join(["v1,AAAA"] * 16 + [good]), 403),
    ):
        assert line.send("generic", body, {**headers, "webhook-signature": signatures}).status_code == status
    assert line.send("generic", body, {**headers, "webhook-signature": good, "webhook-id": ""}).status_code == 403


def test_a_form_is_not_the_generic_format(line: Line) -> None:
    assert_refused(line.send("generic", b"a=b", {"Content-Type": FORM}), line, 415, "unsupported_media_type")


def test_json_of_telnyx_is_not_read_as_a_form(house: House, fresh_number: Callable[[], str]) -> None:
    """Telnyx signs no content type, and in a message its sender wrote what would be a form's parameters."""
    key, member = Ed25519PrivateKey.generate(), house.member("investigator")
    add_credential(member, "telnyx", public_key=public_key(key))
    line = new_line(member, fresh_number())
    victim, called = (number.replace("+", "%2B") for number in (fresh_number(), line.number))
    text = f"x&CallSid=v1&From={victim}&To={called}&ShakenStirAttestation=A&ShakenStirValidated=true&x="
    answer = line.telnyx(telnyx_message(fresh_number(), text=text), key, NOW, FORM)
    assert_refused(answer, line, 422, "invalid_value")
