"""The demo's requests against Twilio's own library: an implementation that shares nothing with it nor with ours."""

from datetime import date
from importlib import import_module
from random import Random
from typing import Any, Final

import httpx
import pytest

from registry.demo.http import DemoApi
from registry.demo.pointing import team_csv
from registry.demo.samples import generate
from registry.demo.twilio import Delivery, form, made_up_account, signature

# The library is not annotated.
Validator: Final[Any] = import_module("twilio.request_validator").RequestValidator
URL: Final = "https://registry.example.org/v1/intake/twilio/a-token"
SAMPLES: Final = generate(Random("krtbmw"), date(2026, 11, 21), "krtbmw")  # noqa: S311 - repeatable, not secret


def test_twilios_validator_takes_the_demos_signature_and_no_other() -> None:
    account = made_up_account()
    lines = {decoy.key: decoy.number.e164 for decoy in SAMPLES.decoys()}
    for delivery in SAMPLES.live.deliveries:
        told = form(delivery, account, lines[delivery.decoy])
        signed = signature(account.auth_token, URL, told)
        assert Validator(account.auth_token).validate(URL, told, signed)
        assert not Validator(account.auth_token).validate(URL, {**told, "From": "+12065550199"}, signed)
        assert not Validator(made_up_account().auth_token).validate(URL, told, signed)


def test_an_account_is_made_up_anew_and_shows_no_token() -> None:
    one, other = made_up_account(), made_up_account()
    assert len({one.sid, other.sid, one.auth_token, other.auth_token}) == 4
    assert (one.sid[:2], len(one.sid), len(one.auth_token)) == ("AC", 34, 32)
    assert one.auth_token not in repr(one)


def test_a_form_says_what_twilio_says_of_a_message_and_of_a_call() -> None:
    account = made_up_account()
    text = form(Delivery("SM1", "a line", "+12065550101", "+12065550101"), account, "+12065550199")
    assert (text["MessageSid"], text["SmsStatus"], text["To"]) == ("SM1", "received", "+12065550199")
    assert "StirVerstat" not in text
    told = form(Delivery("CA1", "a line", "+12065550101", "+12065550101", "No-TN-Validation"), account, "+12065550199")
    assert (told["CallSid"], told["StirVerstat"], told["Direction"]) == ("CA1", "No-TN-Validation", "inbound")
    assert "StirVerstat" not in form(Delivery("CA2", "a line", "+12065550101", None), account, "+12065550199")


def test_the_teams_file_is_a_table_with_every_number() -> None:
    header, *rows = team_csv(SAMPLES.live).decode().splitlines()
    assert header == "Team,number"
    assert [row.partition(",")[2] for row in rows] == [member.e164 for member in SAMPLES.live.team]


@pytest.mark.parametrize("public", ["http://registry.test", "https://registry.example.org/behind/a/proxy"])
def test_a_request_is_sent_to_the_registry_that_is_played_against_without_a_key(public: str) -> None:
    sent: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200)

    with DemoApi("http://registry.test", "drk_test_key", transport=httpx.MockTransport(take)) as api:
        api.deliver(f"{public}/v1/intake/twilio/a-token", {"From": "+12065550101"}, "c2lnbmVk")
    (request,) = sent
    assert (request.method, str(request.url)) == ("POST", "http://registry.test/v1/intake/twilio/a-token")
    assert request.content == b"From=%2B12065550101"
    assert request.headers["X-Twilio-Signature"] == "c2lnbmVk"
    assert "Authorization" not in request.headers
