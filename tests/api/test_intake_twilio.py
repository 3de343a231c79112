"""Twilio's requests, signed with its own library: what is recorded of them, and what is refused."""

from collections.abc import Callable
from uuid import UUID

import pytest
from audit_trail import AuditTrail
from house import House
from members import NOW, Clock, Member
from providers import AUTH_TOKEN, TWIML, Line, add_twilio, call, message, new_line, new_sid

from registry.domain.intake.received import Received
from registry.domain.intake.twilio import STIR_VERSTAT
from registry.domain.policy import Channel, Provider
from registry.operations.operation import Caller, Request
from registry.operations.take_in import Intake, Taken


@pytest.fixture(scope="module")
def sender(house: House) -> Member:
    member = house.member("investigator")
    add_twilio(member)
    return member


@pytest.fixture
def line(sender: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(sender, fresh_number(), acquired_on="2026-01-01")


def test_a_signed_message_is_recorded_and_answered_with_empty_twiml(
    line: Line, employer: Member, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    number = fresh_number()
    answer = line.twilio(message(number))
    assert (answer.status_code, answer.text, answer.headers["content-type"].partition(";")[0]) == (
        *(200, TWIML),
        "text/xml",
    )
    (hit,) = line.hits()
    assert (hit["channel"], hit["diverted"], hit["occurred_at"]) == ("sms", False, "2026-11-15T12:00:00Z")
    assert employer.look_up(number)["evidence"]["grade"] == "single"
    (event,) = trail.of(answer)
    assert (event["operation"], event["result"]) == ("intake", "ok")
    assert event["actor"] == {"organisation": str(line.member.id), "key": None, "on_behalf_of": None}
    assert event["count"] == {"submitted": 1, "charged": 0, "recorded": 1}


def test_an_event_told_again_is_answered_the_same_and_recorded_once(
    line: Line, fresh_number: Callable[[], str], trail: AuditTrail
) -> None:
    told = message(fresh_number())
    first, second = line.twilio(told), line.twilio(told)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(line.hits()) == 1
    assert trail.of(second)[0]["count"] == {"submitted": 1, "charged": 0, "duplicate": 1}


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
    assert len(line.hits()) == 1


@pytest.mark.parametrize("told", list(STIR_VERSTAT))
def test_a_call_counts_as_its_attestation_deserves(
    line: Line, employer: Member, fresh_number: Callable[[], str], told: str
) -> None:
    number = fresh_number()
    assert line.twilio(call(number, StirVerstat=told)).status_code == 200
    (hit,) = line.hits()
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
def test_what_twilio_never_says_of_a_caller_id_counts_for_nothing(
    line: Line, employer: Member, fresh_number: Callable[[], str], trail: AuditTrail, told: str
) -> None:
    number = fresh_number()
    answer = line.twilio(call(number, StirVerstat=told))
    assert (line.hits()[0]["attestation"], line.hits()[0]["verification"]) == (None, "failed")
    assert trail.of(answer)[0]["count"]["unknown_verification"] == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_forwarded_call_does_not_count(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(call(number, StirVerstat="TN-Validation-Passed-A", ForwardedFrom="+12065550198"))
    assert line.hits()[0]["diverted"] is True
    assert employer.look_up(number)["outcome"] == "none"


@pytest.mark.parametrize(
    ("told", "channel"),
    [({"NumMedia": "2"}, "mms"), ({"MessageSid": "MM" + "0" * 31 + "1"}, "mms"), ({}, "sms")],
)
def test_the_channel_is_what_came_in(
    line: Line, fresh_number: Callable[[], str], told: dict[str, str], channel: str
) -> None:
    line.twilio(message(fresh_number(), **told))
    assert line.hits()[0]["channel"] == channel


def test_a_chat_is_a_chat(line: Line, employer: Member, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(message(f"whatsapp:{number}"))
    assert line.hits()[0]["channel"] == "chat"
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
    assert line.hits() == []
    assert trail.of(answer)[0]["count"] == {"submitted": 0, "charged": 0, "ignored": 1}


@pytest.mark.parametrize(
    ("number", "code"),
    [("40404", "short_code"), ("MYBANK", "sender_name"), ("+442079460018", "region_not_served")],
)
def test_a_caller_id_that_is_no_number_is_answered_so_that_it_is_not_repeated(
    line: Line, trail: AuditTrail, number: str, code: str
) -> None:
    answer = line.twilio(message(number))
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert line.hits() == []
    (event,) = trail.of(answer)
    assert (event["operation"], event["result"]) == ("intake", code)


@pytest.mark.parametrize("number", ["+266696687", "anonymous", "Restricted", ""])
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
    assert line.hits() == []


@pytest.mark.parametrize("caller", [None, "anonymous"])
@pytest.mark.parametrize("to", ["+12065550198", "+442079460018", "whatsapp:+12065550198", "40404", "sip:a@example.org"])
def test_a_contact_with_another_line_of_the_account_is_not_this_ones(
    line: Line, house: House, fresh_number: Callable[[], str], trail: AuditTrail, caller: str | None, to: str
) -> None:
    answer = line.twilio(call(caller or fresh_number(), To=to))
    assert (answer.status_code, answer.text) == (200, TWIML)
    assert line.hits() == []
    (event,) = trail.of(answer)
    assert (event["result"], event["count"]) == ("ok", {"submitted": 1, "charged": 0, "other_line": 1})
    statement = "SELECT count(*) FROM registry.withheld_contacts WHERE decoy_id = %s"
    assert house.superuser.execute(statement, (line.decoy,)).fetchall() == [(0,)]


def test_a_control_line_of_the_account_gets_nothing_of_the_advertised_line(
    line: Line, sender: Member, fresh_number: Callable[[], str]
) -> None:
    control = new_line(sender, fresh_number(), role="control")
    told = call(fresh_number(), To=control.number)
    assert line.twilio(told).status_code == 200
    assert control.twilio(told).status_code == 200
    assert (len(line.hits()), len(control.hits())) == (0, 1)


def test_a_line_that_is_told_as_an_address_of_a_chat_is_the_line(line: Line, fresh_number: Callable[[], str]) -> None:
    line.twilio(message(f"whatsapp:{fresh_number()}", To=f"whatsapp:{line.number}"))
    assert len(line.hits()) == 1


def test_a_line_whose_tag_was_replaced_since_it_was_found_is_still_the_line(
    line: Line, house: House, fresh_number: Callable[[], str]
) -> None:
    contact = Received(new_sid("CA"), fresh_number(), Channel.VOICE, to=(line.number,))
    intake = Intake(UUID(line.decoy), Provider.TWILIO, contact, bytes(32), "US")
    answered = house.registry.run(intake, Caller(line.member.id), Request(house.registry.new_id(), "test"))
    assert answered.result is Taken.RECORDED
    assert len(line.hits()) == 1


def test_nothing_but_the_contact_is_stored(line: Line, house: House, fresh_number: Callable[[], str]) -> None:
    number = fresh_number()
    line.twilio(message(number, Body="c4n4ry-of-a-body", FromCity="C4N4RY CITY", MediaUrl0="https://c4n4ry.example/1"))
    stored = house.everything_stored().lower()
    for canary in ("c4n4ry", b"c4n4ry".hex(), number[1:], AUTH_TOKEN, AUTH_TOKEN.encode().hex()):
        assert canary not in stored


def test_a_line_that_is_no_longer_live_keeps_the_contact_and_it_does_not_count(
    line: Line, employer: Member, fresh_number: Callable[[], str]
) -> None:
    line.member.patch(f"/v1/decoys/{line.decoy}", {"live_until": "2026-11-10T00:00:00Z"})
    number = fresh_number()
    assert line.twilio(message(number)).status_code == 200
    assert len(line.hits()) == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_quarantined_line_keeps_the_contact_and_it_does_not_count(
    line: Line, house: House, employer: Member, fresh_number: Callable[[], str]
) -> None:
    house.superuser.execute(
        "UPDATE registry.decoys SET quarantined_at = now(), quarantine_reason = 'manual' WHERE id = %s", (line.decoy,)
    )
    number = fresh_number()
    assert line.twilio(message(number)).status_code == 200
    assert len(line.hits()) == 1
    assert employer.look_up(number)["outcome"] == "none"


def test_a_fictional_number_of_a_live_registry_is_answered_and_not_recorded(other_house: House) -> None:
    member = other_house.member("investigator")
    add_twilio(member)
    line = new_line(member, "+15062345678")
    assert line.twilio(message("+12065550177")).status_code == 200
    assert line.hits() == []
    assert other_house.clock() == NOW
