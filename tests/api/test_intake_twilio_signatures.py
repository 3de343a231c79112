"""What Twilio signs and what it does not: everything that is wrong with a request, and that nothing of it is kept."""

import json
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlsplit

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member
from providers import (
    ACCOUNT,
    AUTH_TOKEN,
    FORM,
    TWIML,
    Line,
    Several,
    add_twilio,
    assert_refused,
    call,
    message,
    new_line,
    new_sid,
    twilio_signature,
)


@pytest.fixture(scope="module")
def sender(house: House) -> Member:
    member = house.member("investigator")
    add_twilio(member)
    return member


@pytest.fixture
def line(sender: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(sender, fresh_number(), acquired_on="2026-01-01")


def test_a_json_body_is_taken_by_its_digest(line: Line, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    answer = line.twilio_json(message(number))
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert len(line.hits()) == 1


def test_a_json_body_of_another_digest_is_refused(line: Line, fresh_number: Callable[[], str]) -> None:
    url = f"{line.urls['twilio']}?bodySHA256={'0' * 64}"
    headers = {"Content-Type": "application/json"}
    for query in (f"?bodySHA256={'0' * 64}", ""):
        headers["X-Twilio-Signature"] = twilio_signature(AUTH_TOKEN, url if query else line.urls["twilio"], {})
        body = f'{{"AccountSid": "{ACCOUNT}", "CallSid": "CA1", "From": "{fresh_number()}"}}'.encode()
        assert_refused(line.send("twilio", body, headers, query), line)


def test_a_digest_that_is_not_the_end_of_the_query_is_refused(line: Line, fresh_number: Callable[[], str]) -> None:
    """A form may hold the text of a digest, which its sender chose; Twilio appends its own."""
    body = json.dumps(line.called(message(fresh_number()))).encode()
    query = f"?a=b&bodySHA256={sha256(body).hexdigest()}&c=d"
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"] + query, {})
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}
    assert_refused(line.send("twilio", body, headers, query), line)


def test_a_form_that_was_cut_otherwise_than_it_was_signed_is_refused(
    line: Line, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    caller, victim = fresh_number(), fresh_number()
    told = line.called({**message(caller, Body=f"hiFrom{victim}FromCityX"), "FromCity": "SEATTLE"})
    signature = {"X-Twilio-Signature": twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)}
    cut = {**told, "Body": "hi", "From": victim, "FromCity": f"XFrom{caller}FromCitySEATTLE"}
    answer = line.send_form(cut, signature)
    assert_refused(answer, line, 422, "invalid_value")
    assert trail.of(answer)[0]["result"] == "invalid_value"
    assert caller[1:] not in answer.text


def test_the_signature_may_be_over_the_address_with_its_port_or_without(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    url = line.urls["twilio"]
    port = urlsplit(url).port
    assert port is not None
    assert line.twilio(message(fresh_number()), url=url.replace(f":{port}", "")).status_code == 200
    assert line.twilio(message(fresh_number()), url=url).status_code == 200


def test_a_shared_key_may_sign_with_sha_256(line: Line, fresh_number: Callable[[], str]) -> None:
    told = line.called(message(fresh_number()))
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told, "HMAC_SHA256")
    headers = {"X-Twilio-Signature": signature}
    assert_refused(line.send_form(told, headers), line)
    settings = "X-Twilio-Webhooks-Signature-Settings"
    assert_refused(line.send_form(told, {**headers, settings: "key=webhooks_sharedkey_1,algorithm=HMAC_MD5"}), line)
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
        assert_refused(answer, line)
        (event,) = trail.of(answer)
        assert (event["operation"], event["result"]) == ("intake", "signature_refused")
        assert event["actor"]["organisation"] == str(sender.id)


def test_no_header_is_believed_about_the_address(line: Line, fresh_number: Callable[[], str]) -> None:
    told = line.called(message(fresh_number()))
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
    assert_refused(line.send_form(told, headers), line)


def test_a_query_is_part_of_what_is_signed(line: Line, fresh_number: Callable[[], str]) -> None:
    told = line.called(message(fresh_number()))
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
        assert_refused(line.send_form(told, wrong), line)
    assert_refused(line.twilio(told, token=AUTH_TOKEN + "1"), line)
    assert_refused(line.twilio(told, token=""), line)


def test_a_parameter_that_was_changed_added_or_trimmed_breaks_the_signature(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = line.called(message(fresh_number(), Body=" two spaces ", FromCity=""))
    signature = {"X-Twilio-Signature": twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)}
    for changed in (
        {**told, "From": fresh_number()},
        {**told, "Body": "two spaces"},
        {**told, "Extra": "1"},
        {name: value for name, value in told.items() if name != "To"},
        {},
    ):
        assert_refused(line.send_form(changed, signature), line)
    assert line.send_form(told, signature).status_code == 200


def test_a_doubled_parameter_that_says_who_called_is_refused_though_it_is_signed(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = list(message(fresh_number()).items())
    for name, value in (("From", fresh_number()), ("From", dict(told)["From"]), ("MessageSid", new_sid("SM"))):
        assert_refused(line.twilio(Several([*told, (name, value)])), line, 422, "invalid_value")


def test_a_doubled_parameter_that_nobody_reads_is_signed_by_its_distinct_sorted_values(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    told = list(message(fresh_number()).items())
    more = [("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "b")]
    assert line.twilio(Several([*told, *more])).status_code == 200
    assert len(line.hits()) == 1


def test_a_signed_request_that_says_too_little_is_refused(line: Line, fresh_number: Callable[[], str]) -> None:
    whole = {"AccountSid": ACCOUNT, "CallSid": new_sid("CA"), "From": fresh_number()}
    for name in ("CallSid", "From"):
        assert_refused(line.twilio({n: v for n, v in whole.items() if n != name}), line, 422, "missing_field")
    assert_refused(line.twilio({n: v for n, v in whole.items() if n != "AccountSid"}), line)
    assert_refused(line.twilio({**whole, "CallSid": "C" * 33}), line, 422, "invalid_value")


def test_an_empty_body_is_refused(line: Line) -> None:
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], {})
    assert_refused(line.send_form({}, {"X-Twilio-Signature": signature}), line)


def test_a_body_of_a_megabyte_is_refused_before_it_is_read(line: Line, trail: AuditTrail) -> None:
    for size in (65_537, 1_000_000):
        answer = line.send("twilio", b"a=" + b"b" * (size - 2), {"Content-Type": FORM})
        assert_refused(answer, line, 413, "body_too_large")
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
    told = line.called(message(fresh_number()))
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)
    answer = line.send_form(told, {"X-Twilio-Signature": signature}, kind)
    assert_refused(answer, line, 415, "unsupported_media_type")


def test_a_charset_that_is_named_and_right_is_taken(line: Line, fresh_number: Callable[[], str]) -> None:
    told = line.called(message(fresh_number(), Body="naïve ☎"))
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], told)
    answer = line.send_form(told, {"X-Twilio-Signature": signature}, f"{FORM}; charset=UTF-8")
    assert answer.status_code == 200


def test_a_body_that_is_not_utf_8_is_refused(line: Line) -> None:
    for body in (b"From=%E9", b"From=\xe9"):
        answer = line.send("twilio", body, {"Content-Type": FORM, "X-Twilio-Signature": "AAAA"})
        assert_refused(answer, line, 400, "invalid_utf8")


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ({"StirVerstat": "TN-Validation-Failed-C"}, "StirVerstat"),
        ({"ForwardedFrom": "anonymous"}, "ForwardedFrom"),
        ({"Direction": "outbound-api"}, "Direction"),
    ],
)
def test_what_makes_a_call_count_for_less_is_not_cut_into_another_parameter(
    line: Line, fresh_number: Callable[[], str], told: dict[str, str], name: str
) -> None:
    """The same characters are signed, whichever way they are cut."""
    form = line.called({**call(fresh_number(), **told), "Called": line.number, "AddOns": "{}", "FromZip": "98101"})
    names = sorted(form)
    before = names[names.index(name) - 1]
    cut = {one: form[one] for one in names if one != name}
    cut[before] += name + form[name]
    assert "".join(one + cut[one] for one in sorted(cut)) == "".join(one + form[one] for one in names)
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], form)
    assert_refused(line.send_form(cut, {"X-Twilio-Signature": signature}), line, 422, "invalid_value")


@pytest.mark.parametrize("word", ["ACME", "72345"])
def test_a_sender_without_a_number_does_not_cut_himself_one_from_his_text(
    line: Line, fresh_number: Callable[[], str], word: str
) -> None:
    victim = fresh_number()
    form = line.called({**message(word, Body=f"hiFrom{victim}FromCityX"), "FromCity": "SEATTLE"})
    signature = twilio_signature(AUTH_TOKEN, line.urls["twilio"], form)
    cut = {**form, "Body": "hi", "From": victim, "FromCity": f"XFrom{word}FromCitySEATTLE"}
    assert_refused(line.send_form(cut, {"X-Twilio-Signature": signature}), line, 422, "invalid_value")
