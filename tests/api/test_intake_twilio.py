"""Twilio's requests, signed with its own library: what is recorded of them, and what is refused."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from audit_trail import AuditTrail
from house import House
from members import NOW, Clock, Member
from providers import (
    ACCOUNT,
    AUTH_TOKEN,
    FORM,
    TWIML,
    Line,
    Several,
    add_twilio,
    call,
    message,
    new_line,
    new_sid,
    twilio_signature,
)

from registry.domain.intake.twilio import STIR_VERSTAT


@pytest.fixture(scope="module")
def sender(house: House) -> Member:
    member = house.member("investigator")
    add_twilio(member)
    return member


@pytest.fixture
def line(sender: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(sender, fresh_number(), acquired_on="2026-01-01")


def _hits(line: Line) -> list[dict[str, Any]]:
    hits = line.member.get("/v1/hits", params={"limit": 500}).json()["data"]
    return [hit for hit in hits if hit["decoy_id"] == line.decoy]


def _refused(answer: Any, line: Line, status: int = 403, code: str = "signature_refused") -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert _hits(line) == []


def test_a_signed_message_is_recorded_and_answered_with_empty_twiml(
    line: Line, employer: Member, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    number = fresh_number()
    answer = line.twilio(message(number))
    assert (answer.status_code, answer.text, answer.headers["content-type"].partition(";")[0]) == (
        *(200, TWIML),
        "text/xml",
    )
    (hit,) = _hits(line)
    assert (hit["channel"], hit["diverted"], hit["occurred_at"]) == ("sms", False, "2026-11-15T12:00:00Z")
    assert employer.look_up(number)["evidence"]["grade"] == "single"
    (event,) = trail.of(answer)
    assert (event["operation"], event["result"]) == ("intake", "ok")
    assert event["actor"] == {"organisation": str(line.member.id), "key": None, "on_behalf_of": None}
    assert event["count"] == {"submitted": 1, "charged": 1, "recorded": 1}


def test_an_event_told_again_is_answered_the_same_and_recorded_once(
    line: Line, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    told = message(fresh_number())
    first, second = line.twilio(told), line.twilio(told)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(_hits(line)) == 1
    assert trail.of(second)[0]["count"] == {"submitted": 1, "charged": 1, "duplicate": 1}


def test_an_event_of_an_imported_log_is_not_counted_again(line: Line, fresh_number: Callable[[], str]) -> None:
    told = message(fresh_number())
    line.member.record(
        {
            "decoy_id": line.decoy,
            "number": told["From"],
            "channel": "sms",
            "source_id": told["MessageSid"],
            "occurred_at": "2026-11-15T11:59:58Z",
        }
    )
    assert line.twilio(told).status_code == 200
    assert len(_hits(line)) == 1


@pytest.mark.parametrize("told", [name for name in STIR_VERSTAT if name != "NULL"])
def test_a_call_counts_as_its_attestation_deserves(
    line: Line, employer: Member, fresh_number: Callable[[], str], told: str
) -> None:
    number = fresh_number()
    assert line.twilio(call(number, StirVerstat=told)).status_code == 200
    (hit,) = _hits(line)
    assert hit["diverted"] == told.endswith("-Diverted")
    strong = told in {"TN-Validation-Passed-A", "TN-Validation-Passed-A-Passthrough"}
    assert employer.look_up(number)["outcome"] == ("contact_observed" if strong else "none")


@pytest.mark.parametrize(
    "told",
    [
        "tn-validation-passed-a",
        "TN-Validation-Passed-A ",
        "TN-Validation-Passed",
        "TN-Validation-Passed-A-Whatever",
        "",
    ],
)
def test_what_twilio_never_says_of_a_caller_id_counts_as_not_told(
    line: Line, employer: Member, fresh_number: Callable[[], str], trail: AuditTrail, told: str
) -> None:
    number = fresh_number()
    answer = line.twilio(call(number, StirVerstat=told))
    assert employer.look_up(number)["outcome"] == "none"
    assert _hits(line)[0]["attestation"] is None
    assert trail.of(answer)[0]["count"]["unknown_verification"] == 1


def test_a_forwarded_call_does_not_count(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(call(number, StirVerstat="TN-Validation-Passed-A", ForwardedFrom="+12065550198"))
    assert _hits(line)[0]["diverted"] is True
    assert employer.look_up(number)["outcome"] == "none"


@pytest.mark.parametrize(
    ("told", "channel"),
    [({"NumMedia": "2"}, "mms"), ({"MessageSid": "MM" + "0" * 31 + "1"}, "mms"), ({}, "sms")],
)
def test_the_channel_is_what_came_in(
    line: Line, fresh_number: Callable[[], str], told: dict[str, str], channel: str
) -> None:
    line.twilio(message(fresh_number(), **told))
    assert _hits(line)[0]["channel"] == channel


def test_a_chat_is_a_chat(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(message(f"whatsapp:{number}"))
    assert _hits(line)[0]["channel"] == "chat"
    assert employer.look_up(number)["outcome"] == "contact_observed"


@pytest.mark.parametrize(
    "told",
    [
        {**message("+12065550101"), "SmsStatus": "delivered"},
        {**message("+12065550101"), "MessageStatus": "sent"},
        {**call("+12065550101"), "Direction": "outbound-api"},
    ],
)
def test_what_is_no_inbound_contact_is_answered_and_not_recorded(
    line: Line, trail: AuditTrail, told: dict[str, str]
) -> None:
    answer = line.twilio(told)
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert _hits(line) == []
    assert trail.of(answer)[0]["count"] == {"submitted": 0, "charged": 0, "ignored": 1}


@pytest.mark.parametrize(
    ("number", "code"),
    [("40404", "short_code"), ("MYBANK", "sender_name"), ("", "empty"), ("+442079460018", "region_not_served")],
)
def test_a_caller_id_that_is_no_number_is_answered_so_that_it_is_not_repeated(
    line: Line, trail: AuditTrail, number: str, code: str
) -> None:
    answer = line.twilio(message(number))
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert _hits(line) == []
    (event,) = trail.of(answer)
    assert (event["operation"], event["result"]) == ("intake", code)


@pytest.mark.parametrize("number", ["+266696687", "anonymous", "Restricted"])
def test_a_caller_that_withholds_its_number_is_counted_once_and_not_recorded(
    line: Line, house: House, clock: Clock, number: str
) -> None:
    told = call(number)
    for _ in range(2):
        assert line.twilio(told).text == TWIML
    line.twilio(call(number))
    clock.advance(days=1)
    line.twilio(call(number))
    rows = house.superuser.execute(
        "SELECT day::text, contacts FROM registry.withheld_contacts WHERE decoy_id = %s ORDER BY day", (line.decoy,)
    ).fetchall()
    assert rows == [("2026-11-15", 2), ("2026-11-16", 1)]
    assert _hits(line) == []


def test_nothing_but_the_contact_is_stored(line: Line, house: House, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(message(number, Body="c4n4ry-of-a-body", FromCity="C4N4RY CITY", MediaUrl0="https://c4n4ry.example/1"))
    stored = house.everything_stored().lower()
    for canary in ("c4n4ry", b"c4n4ry".hex(), number[1:], AUTH_TOKEN, AUTH_TOKEN.encode().hex()):
        assert canary not in stored


def test_a_json_body_is_taken_by_its_digest(line: Line, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    answer = line.twilio_json(message(number))
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert len(_hits(line)) == 1


def test_a_json_body_of_another_digest_is_refused(line: Line, fresh_number: Callable[[], str]) -> None:
    url = f"{line.urls['twilio']}?bodySHA256={'0' * 64}"
    headers = {"Content-Type": "application/json"}
    for query in (f"?bodySHA256={'0' * 64}", ""):
        headers["X-Twilio-Signature"] = twilio_signature(AUTH_TOKEN, url if query else line.urls["twilio"], {})
        body = f'{{"AccountSid": "{ACCOUNT}", "CallSid": "CA1", "From": "{fresh_number()}"}}'.encode()
        _refused(line.send("twilio", body, headers, query), line)


def test_the_signature_may_be_over_the_address_with_its_port_or_without(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    url = line.urls["twilio"]
    port = urlsplit(url).port
    assert port is not None
    assert line.twilio(message(fresh_number()), url=url.replace(f":{port}", "")).status_code == 200
    assert line.twilio(message(fresh_number()), url=url).status_code == 200


def test_a_shared_key_may_sign_with_sha_256(line: Line, fresh_number: Callable[[], str]) -> None:
    told = message(fresh_number())
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told, "HMAC_SHA256")
    headers = {"X-Twilio-Signature": signature}
    _refused(line.send_form(told, headers), line)
    settings = "X-Twilio-Webhooks-Signature-Settings"
    _refused(line.send_form(told, {**headers, settings: "key=webhooks_sharedkey_1,algorithm=HMAC_MD5"}), line)
    signed = {**headers, settings: "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    assert line.send_form(told, signed).status_code == 200


def test_a_signature_over_another_address_is_refused(
    line: Line, sender: Member, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    other = new_line(sender, fresh_number())
    url = line.urls["twilio"]
    for wrong in (
        other.urls["twilio"],
        url.replace("http://", "https://"),
        url.replace("127.0.0.1", "localhost"),
        url + "?",
        url + "?a=b",
        url.replace("/twilio/", "/telnyx/"),
    ):
        answer = line.twilio(message(fresh_number()), url=wrong)
        _refused(answer, line)
        (event,) = trail.of(answer)
        assert (event["operation"], event["result"]) == ("intake", "signature_refused")
        assert event["actor"]["organisation"] == str(sender.id)


def test_no_header_is_believed_about_the_address(line: Line, fresh_number: Callable[[], str]) -> None:
    told = message(fresh_number())
    signature = twilio_signature(
        AUTH_TOKEN, line.urls["twilio"].replace("http://127.0.0.1:8000", "https://evil.example"), told
    )
    headers = {
        "X-Twilio-Signature": signature,
        "Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "Forwarded": "host=evil.example;proto=https",
    }
    _refused(line.send_form(told, headers), line)


def test_a_query_is_part_of_what_is_signed(line: Line, fresh_number: Callable[[], str]) -> None:
    told = message(fresh_number())
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"] + "?a=b%20c&a=+", told)
    assert line.send_form(told, {"X-Twilio-Signature": signature}, query="?a=b%20c&a=+").status_code == 200


def test_a_request_without_a_signature_or_with_one_of_another_kind_is_refused(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = message(fresh_number())
    good = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)
    for wrong in (
        {},
        {"X-Twilio-Signature": ""},
        {"X-Twilio-Signature": "====", "Accept": "*/*"},
        {"X-Twilio-Signature": good[:-1]},
    ):
        _refused(line.send_form(told, wrong), line)
    _refused(line.twilio(told, token=AUTH_TOKEN + "1"), line)
    _refused(line.twilio(told, token=""), line)


def test_a_parameter_that_was_changed_added_or_trimmed_breaks_the_signature(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = message(fresh_number(), Body=" two spaces ", FromCity="")
    signature = {"X-Twilio-Signature": twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)}
    for changed in (
        {**told, "From": fresh_number()},
        {**told, "Body": "two spaces"},
        {**told, "Extra": "1"},
        {name: value for name, value in told.items() if name != "To"},
        {},
    ):
        _refused(line.send_form(changed, signature), line)
    assert line.send_form(told, signature).status_code == 200


def test_a_doubled_parameter_that_says_who_called_is_refused_though_it_is_signed(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = list(message(fresh_number()).items())
    for name, value in (("From", fresh_number()), ("From", dict(told)["From"]), ("MessageSid", new_sid("SM"))):
        _refused(line.twilio(Several([*told, (name, value)])), line, 422, "invalid_value")


def test_a_doubled_parameter_that_nobody_reads_is_signed_by_its_distinct_sorted_values(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = list(message(fresh_number()).items())
    more = [("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "b")]
    assert line.twilio(Several([*told, *more])).status_code == 200
    assert len(_hits(line)) == 1


def test_a_signed_request_that_says_too_little_is_refused(line: Line, fresh_number: Callable[[], str]) -> None:
    whole = {"AccountSid": ACCOUNT, "CallSid": new_sid("CA"), "From": fresh_number()}
    for name in ("CallSid", "From"):
        _refused(line.twilio({n: v for n, v in whole.items() if n != name}), line, 422, "missing_field")
    _refused(line.twilio({n: v for n, v in whole.items() if n != "AccountSid"}), line)
    _refused(line.twilio({**whole, "CallSid": "C" * 201}), line, 422, "invalid_value")


def test_an_empty_body_is_refused(line: Line) -> None:
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], {})
    _refused(line.send_form({}, {"X-Twilio-Signature": signature}), line)


def test_a_body_of_a_megabyte_is_refused_before_it_is_read(line: Line, trail: AuditTrail) -> None:
    for size in (65_537, 1_000_000):
        answer = line.send("twilio", b"a=" + b"b" * (size - 2), {"Content-Type": FORM})
        _refused(answer, line, 413, "body_too_large")
        assert trail.of(answer)[0]["result"] == "body_too_large"


@pytest.mark.parametrize(
    "kind",
    [
        f"{FORM}; charset=iso-8859-1",
        f"{FORM}; charset=utf-16",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ],
)
def test_a_body_of_another_type_or_charset_is_refused(line: Line, fresh_number: Callable[[], str], kind: str) -> None:
    told = message(fresh_number())
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)
    answer = line.send_form(told, {"X-Twilio-Signature": signature}, kind)
    _refused(answer, line, 415, "unsupported_media_type")


def test_a_charset_that_is_named_and_right_is_taken(line: Line, fresh_number: Callable[[], str]) -> None:
    told = message(fresh_number(), Body="naïve ☎")
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)
    answer = line.send_form(told, {"X-Twilio-Signature": signature}, f"{FORM}; charset=UTF-8")
    assert answer.status_code == 200


def test_a_body_that_is_not_utf_8_is_refused(line: Line) -> None:
    for body in (b"From=%E9", b"From=\xe9"):
        answer = line.send("twilio", body, {"Content-Type": FORM, "X-Twilio-Signature": "AAAA"})
        _refused(answer, line, 400, "invalid_utf8")


def test_a_line_that_is_no_longer_live_keeps_the_contact_and_it_does_not_count(
    line: Line, employer: Member, fresh_number: Callable[[], str]
) -> None:
    line.member.patch(f"/v1/decoys/{line.decoy}", {"live_until": "2026-11-10T00:00:00Z"})
    number = fresh_number()
    assert line.twilio(message(number)).status_code == 200
    assert len(_hits(line)) == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_quarantined_line_keeps_the_contact_and_it_does_not_count(
    line: Line, house: House, employer: Member, fresh_number: Callable[[], str]
) -> None:
    house.superuser.execute(
        "UPDATE registry.decoys SET quarantined_at = now(), quarantine_reason = 'manual' WHERE id = %s", (line.decoy,)
    )
    number = fresh_number()
    assert line.twilio(message(number)).status_code == 200
    assert len(_hits(line)) == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_fictional_number_of_a_live_registry_is_answered_and_not_recorded(other_house: House) -> None:
    member = other_house.member("investigator")
    add_twilio(member)
    line = new_line(member, "+15062345678")
    assert line.twilio(message("+12065550177")).status_code == 200
    assert _hits(line) == []
    assert other_house.clock() == NOW
