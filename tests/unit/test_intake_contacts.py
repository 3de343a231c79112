"""Providers' requests read as contacts: what each says of a caller ID, what is none, what cannot be understood."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest

from registry.domain.errors import Code, Refused
from registry.domain.intake.contacts import contact_of
from registry.domain.intake.received import Delivery, Received
from registry.domain.intake.twilio import STIR_VERSTAT
from registry.domain.policy import Attestation, Channel, Provider, Verification

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
NUMBER = "+12065550177"
LINE = "+12065550199"
CA, SM, MM = (kind + "0123456789abcdefABCDEF0000000000" for kind in ("CA", "SM", "MM"))
CALL = {"CallSid": CA, "From": NUMBER}
MESSAGE = {"MessageSid": SM, "From": NUMBER}


def read(provider: Provider, content: Any) -> Received | None:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return contact_of(Delivery(provider, "https://x/", body, {}, NOW))


def form(content: Any, provider: Provider = Provider.TWILIO) -> Received | None:
    return contact_of(Delivery(provider, "https://x/", urlencode(content).encode(), {}, NOW, form=True))


def refusal(provider: Provider, content: Any, *, as_form: bool = False) -> tuple[str, Code]:
    with pytest.raises(Refused) as caught:
        form(content, provider) if as_form else read(provider, content)
    refused = caught.value
    return (refused.errors[0].pointer if refused.errors else "", refused.headline)


def test_twilio_says_one_of_twenty_one_things_of_a_caller_id() -> None:
    assert len(STIR_VERSTAT) == 21
    assert STIR_VERSTAT["TN-Validation-Passed-A"] == (Verification.PASSED, Attestation.A, False)
    assert STIR_VERSTAT["TN-Validation-Passed-C-Diverted"] == (Verification.PASSED, Attestation.C, True)
    assert STIR_VERSTAT["TN-Validation-Passed-B-Passthrough"] == (Verification.PASSED, Attestation.B, False)
    assert STIR_VERSTAT["TN-Validation-Failed-A-Diverted"] == (Verification.FAILED, None, True)
    assert STIR_VERSTAT["TN-Validation-Failed"] == (Verification.FAILED, None, False)
    assert STIR_VERSTAT["No-TN-Validation"] == (Verification.FAILED, None, False)
    assert STIR_VERSTAT["NULL"] == (Verification.FAILED, None, False)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (MESSAGE, Received(SM, NUMBER, Channel.SMS)),
        ({"SmsSid": SM, "From": NUMBER, "SmsStatus": "received"}, Received(SM, NUMBER, Channel.SMS)),
        ({**MESSAGE, "NumMedia": "00"}, Received(SM, NUMBER, Channel.SMS)),
        ({**MESSAGE, "NumMedia": "1"}, Received(SM, NUMBER, Channel.MMS)),
        ({**MESSAGE, "MessageSid": MM}, Received(MM, NUMBER, Channel.MMS)),
        ({**MESSAGE, "From": f"whatsapp:{NUMBER}"}, Received(SM, f"whatsapp:{NUMBER}", Channel.CHAT)),
        (CALL, Received(CA, NUMBER, Channel.VOICE)),
        ({"CallSid": CA, "Caller": NUMBER}, Received(CA, NUMBER, Channel.VOICE)),
        ({**CALL, "From": "", "Caller": NUMBER}, Received(CA, NUMBER, Channel.VOICE)),
        ({**CALL, "From": ""}, Received(CA, "", Channel.VOICE)),
        ({**CALL, "To": LINE}, Received(CA, NUMBER, Channel.VOICE, to=(LINE,))),
        ({**MESSAGE, "To": "", "Called": LINE}, Received(SM, NUMBER, Channel.SMS, to=(LINE,))),
        ({**CALL, "ForwardedFrom": NUMBER}, Received(CA, NUMBER, Channel.VOICE, diverted=True)),
        ({**CALL, "ForwardedFrom": ""}, Received(CA, NUMBER, Channel.VOICE)),
        ({**CALL, "StirVerstat": "NULL"}, Received(CA, NUMBER, Channel.VOICE, verification=Verification.FAILED)),
        (
            {**CALL, "StirVerstat": "x"},
            Received(CA, NUMBER, Channel.VOICE, verification=Verification.FAILED, unknown_verification=True),
        ),
        (
            {**CALL, "StirVerstat": ""},
            Received(CA, NUMBER, Channel.VOICE, verification=Verification.FAILED, unknown_verification=True),
        ),
        ({**CALL, "Direction": "outbound-dial"}, None),
        ({**MESSAGE, "SmsStatus": "sent"}, None),
    ],
)
def test_twilio_s_parameters_are_read(told: dict[str, str], expected: Received | None) -> None:
    assert form(told) == expected
    assert read(Provider.TWILIO, told) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"CallSid": CA}, ("/From", Code.MISSING_FIELD)),
        ({"From": NUMBER}, ("/CallSid", Code.MISSING_FIELD)),
        ({**MESSAGE, "MessageSid": " "}, ("/MessageSid", Code.MISSING_FIELD)),
        ({**CALL, "CallSid": "C" * 33}, ("/CallSid", Code.INVALID_VALUE)),
        ([*CALL.items(), ("From", NUMBER)], ("/From", Code.INVALID_VALUE)),
    ],
)
def test_what_twilio_never_sends_is_refused(told: Any, expected: tuple[str, Code]) -> None:
    assert refusal(Provider.TWILIO, told, as_form=True) == expected


@pytest.mark.parametrize(
    "more",
    [
        {"Body": f"hiFrom{LINE}"},
        {"Body": f"XCalled{LINE}"},
        {"Body": f"XMessageSid{MM}"},
        {"FromCity": f"XFrom{NUMBER}"},
        {"FromCity": "XTo2065550177"},
        {"FromCity": "XTowhatsapp:1"},
        {"FromCity": "XFromanonymous"},
        {"FromZip": f"98101MessageSid{SM}"},
        {"Sms": f"MessageSid{SM}"},
        {f"FromCityXFrom{NUMBER}": "x"},
        {"XFrom2065550177": "x"},
        {"FromA": "x"},
        {"MessageSidX": "x"},
        {"CallSidCA0": "x"},
        {"ToTo": "x"},
        {"A name": "x"},
        {"": "x"},
    ],
)
def test_a_form_whose_characters_could_be_cut_otherwise_is_refused(more: dict[str, str]) -> None:
    assert refusal(Provider.TWILIO, {**MESSAGE, **more}, as_form=True)[1] is Code.INVALID_VALUE


def test_what_twilio_sends_besides_is_taken() -> None:
    more = {
        **{f"{side}{what}": "X" for side in ("From", "To", "Caller", "Called") for what in ("City", "Zip", "State")},
        "SmsMessageSid": SM,
        "SmsSid": SM,
        "MessagingServiceSid": "MG" + SM[2:],
        "ForwardedFrom": NUMBER,
        "Body": f"Tomorrow: from {NUMBER} To: {LINE}",
        "SipHeader_X-Call.Id": "1",
        "CallToken": "{}",
        "MediaUrl0": f"https://api.twilio.com/2010-04-01/Accounts/{SM}/Messages/{MM}/Media/{MM}",
    }
    assert form({**MESSAGE, **more}) == Received(SM, NUMBER, Channel.SMS)


def telnyx(kind: str, payload: Any, at: str | None = None) -> dict[str, Any]:
    return {"data": {"event_type": kind, "occurred_at": at, "payload": payload}}


def test_a_telnyx_message_is_read() -> None:
    payload = {"direction": "inbound", "id": "7", "type": "SMS", "from": {"phone_number": NUMBER}}
    then = datetime(2026, 11, 15, 11, 59, tzinfo=UTC)
    told = telnyx("message.received", payload, "2026-11-15T11:59:00Z")
    assert read(Provider.TELNYX, told) == Received("7", NUMBER, Channel.SMS, then)
    assert read(Provider.TELNYX, telnyx("message.received", {**payload, "type": "MMS"})) == Received(
        "7", NUMBER, Channel.MMS
    )


def test_a_telnyx_call_is_read() -> None:
    payload = {"direction": "incoming", "call_control_id": "v3:1", "from": NUMBER}
    assert read(Provider.TELNYX, telnyx("call.initiated", payload)) == Received("v3:1", NUMBER, Channel.VOICE)
    more = {"call_leg_id": "leg", "shaken_stir_attestation": "B", "shaken_stir_validated": True}
    headers = [{"name": "User-to-User"}, {"name": "diversion"}]
    told = telnyx("call.initiated", {**payload, **more, "sip_headers": headers})
    assert read(Provider.TELNYX, told) == Received(
        *("leg", NUMBER, Channel.VOICE),
        attestation=Attestation.B,
        verification=Verification.PASSED,
        diverted=True,
    )


@pytest.mark.parametrize(
    ("attested", "validated", "verification", "unknown"),
    [
        ("A", "true", Verification.PASSED, False),
        ("A", "false", Verification.FAILED, False),
        ("A", "True", Verification.PASSED, False),
        ("A", "FALSE", Verification.FAILED, False),
        ("A", "", None, False),
        ("", "false", Verification.ABSENT, False),
        ("", "true", None, False),
        ("D", "true", Verification.FAILED, True),
        ("A", "yes", Verification.FAILED, True),
    ],
)
def test_what_telnyx_says_of_a_caller_id_is_matched_exactly(
    attested: str, validated: str, verification: Verification | None, *, unknown: bool
) -> None:
    told = {**CALL, "ShakenStirAttestation": attested, "ShakenStirValidated": validated}
    found = form(told, Provider.TELNYX)
    assert found is not None
    assert (found.verification, found.unknown_verification) == (verification, unknown)
    assert found.attestation == (Attestation.A if verification is Verification.PASSED else None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (LINE, (LINE,)),
        ([{"phone_number": LINE}], (LINE,)),
        ([{"phone_number": NUMBER}, {"phone_number": LINE}, {"phone_number": ""}, 7], (NUMBER, LINE)),
        ([], ()),
        ("", ()),
        (None, ()),
        (7, ()),
    ],
)
def test_which_line_telnyx_means_is_a_text_or_a_list(told: object, expected: tuple[str, ...]) -> None:
    message = {"direction": "inbound", "id": "7", "from": {"phone_number": NUMBER}, "to": told}
    call = {"direction": "incoming", "call_control_id": "v3:1", "from": NUMBER, "to": told}
    for kind, payload in (("message.received", message), ("call.initiated", call)):
        found = read(Provider.TELNYX, telnyx(kind, payload))
        assert found is not None
        assert found.to == expected
    found = form({**CALL, "To": LINE}, Provider.TELNYX)
    assert found is not None
    assert found.to == (LINE,)


def test_what_is_no_contact_of_telnyx_is_none() -> None:
    assert form({**CALL, "Direction": "outbound"}, Provider.TELNYX) is None
    assert read(Provider.TELNYX, telnyx("call.hangup", {"direction": "incoming"})) is None
    assert read(Provider.TELNYX, telnyx("call.initiated", {"direction": "outgoing"})) is None
    assert read(Provider.TELNYX, telnyx("call.initiated", [])) is None


def generic(**more: Any) -> dict[str, Any]:
    data = {"id": "1", "number": NUMBER, "channel": "voice", **more}
    return {"type": "contact.received", "data": {name: value for name, value in data.items() if value is not ...}}


def test_a_generic_contact_is_read() -> None:
    assert read(Provider.GENERIC, generic()) == Received("1", NUMBER, Channel.VOICE)
    told = generic(occurred_at="2026-11-01T10:00:00Z", region="US", to=LINE, verification="absent", diverted=True)
    assert read(Provider.GENERIC, told) == Received(
        *("1", NUMBER, Channel.VOICE, datetime(2026, 11, 1, 10, tzinfo=UTC), "US", (LINE,)),
        verification=Verification.ABSENT,
        diverted=True,
    )
    assert read(Provider.GENERIC, {**generic(), "type": "other"}) is None


@pytest.mark.parametrize(
    ("verification", "expected"), [("passed", Attestation.A), (..., Attestation.A), ("absent", None), ("failed", None)]
)
def test_an_attestation_that_did_not_hold_is_nobodys_word(verification: object, expected: Attestation | None) -> None:
    found = read(Provider.GENERIC, generic(attestation="A", verification=verification))
    assert found is not None
    assert found.attestation == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (generic(channel=...), ("/data/channel", Code.MISSING_FIELD)),
        (generic(channel="fax"), ("/data/channel", Code.INVALID_VALUE)),
        (generic(number=...), ("/data/number", Code.MISSING_FIELD)),
        (generic(number=12065550177), ("/data/number", Code.WRONG_TYPE)),
        (generic(occurred_at="today"), ("/data/occurred_at", Code.INVALID_VALUE)),
        (generic(diverted=1), ("/data/diverted", Code.WRONG_TYPE)),
        (generic(id=...), ("/data/id", Code.MISSING_FIELD)),
        (generic(id="x" * 201), ("/data/id", Code.INVALID_VALUE)),
        (generic(id="\ud800"), ("/data/id", Code.INVALID_UTF8)),
        (b'{"type": "a", "type": "b"}', ("", Code.INVALID_JSON)),
        (b'{"type": Infinity}', ("", Code.INVALID_JSON)),
        (b"[" * 100_000, ("", Code.INVALID_JSON)),
        (b"7", ("", Code.INVALID_JSON)),
        (b"\xff", ("", Code.INVALID_UTF8)),
    ],
)
def test_what_cannot_be_understood_is_refused(told: Any, expected: tuple[str, Code]) -> None:
    assert refusal(Provider.GENERIC, told) == expected


def test_a_form_that_is_not_utf_8_is_refused() -> None:
    for body in (b"From=%ff", b"From=\xff"):
        with pytest.raises(Refused, match="UTF-8"):
            contact_of(Delivery(Provider.TWILIO, "https://x/", body, {}, NOW, form=True))


def test_a_contact_shows_neither_number_nor_id() -> None:
    shown = repr(form(MESSAGE))
    assert NUMBER[1:] not in shown
    assert SM not in shown
