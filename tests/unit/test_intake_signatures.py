"""What a request claims to be signed with, against the providers' own libraries and against what is not signed."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from providers import TwilioValidator, twilio_signature
from standardwebhooks import Webhook

from registry.domain.errors import Refused
from registry.domain.intake.received import Delivery
from registry.domain.intake.signatures import Claim, ProviderSecret, Scheme, claim_of, holds
from registry.domain.policy import Provider

NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
TOKEN = "an-auth-token-of-the-tests"
TWILIO = ProviderSecret(TOKEN.encode(), "AC1")
FORM = b"AccountSid=AC1&From=%2B12065550177&Body=+two+spaces+&Empty=&Media=b&Media=a&Media=b"
PARAMETERS = {"AccountSid": "AC1", "From": "+12065550177", "Body": " two spaces ", "Empty": "", "Media": "ab"}


def twilio(url: str, headers: Mapping[str, str], body: bytes = FORM, *, form: bool = True) -> Delivery:
    return Delivery(Provider.TWILIO, url, body, headers, NOW, form)


def signed(url: str, parameters: Any = None, token: str = TOKEN) -> dict[str, str]:
    class Doubled(dict[str, str]):
        def getlist(self, name: str) -> list[str]:
            return ["b", "a", "b"] if name == "Media" else [self[name]]

    signature = twilio_signature(token, url, Doubled(PARAMETERS) if parameters is None else parameters)
    return {"x-twilio-signature": signature}


def borne_out(delivery: Delivery, secret: ProviderSecret = TWILIO) -> bool:
    claim = claim_of(delivery)
    return claim is not None and holds(claim, secret)


@pytest.mark.parametrize(
    ("configured", "called"),
    [
        ("https://registry.example.org/x", "https://registry.example.org/x"),
        ("https://registry.example.org/x", "https://registry.example.org:443/x"),
        ("https://registry.example.org:443/x", "https://registry.example.org/x"),
        ("http://registry.example.org/x?a=b", "http://registry.example.org:80/x?a=b"),
        ("http://registry.example.org:8000/x", "http://registry.example.org:8000/x"),
        ("http://registry.example.org:8000/x", "http://registry.example.org/x"),
        ("http://[2001:db8::1]:8000/x", "http://[2001:db8::1]/x"),
        ("http://[2001:db8::1]/x", "http://[2001:db8::1]:80/x"),
    ],
)
def test_twilio_signs_an_address_with_its_port_or_without(configured: str, called: str) -> None:
    assert borne_out(twilio(configured, signed(called)))


@pytest.mark.parametrize(
    ("configured", "called"),
    [
        ("https://registry.example.org/x", "http://registry.example.org/x"),
        ("https://registry.example.org/x", "https://registry.example.org:444/x"),
        ("https://registry.example.org/x", "https://registry.example.org/X"),
        ("https://registry.example.org/x?a=b%20c", "https://registry.example.org/x?a=b+c"),
    ],
)
def test_another_address_is_not_the_one_that_was_signed(configured: str, called: str) -> None:
    assert not borne_out(twilio(configured, signed(called)))


def test_twilio_s_own_validator_and_this_one_agree() -> None:
    url = "https://registry.example.org/x"
    headers = signed(url, {"AccountSid": "AC1", "B": "2", "a": "1"})
    body = b"a=1&B=2&AccountSid=AC1"
    assert TwilioValidator(TOKEN).validate(
        url, {"AccountSid": "AC1", "B": "2", "a": "1"}, headers["x-twilio-signature"]
    )
    assert borne_out(twilio(url, headers, body))


def test_a_secret_of_another_account_bears_nothing_out() -> None:
    url = "https://registry.example.org/x"
    assert not borne_out(twilio(url, signed(url)), ProviderSecret(TOKEN.encode(), "AC2"))
    assert not borne_out(twilio(url, signed(url)), ProviderSecret(b"another", "AC1"))


@pytest.mark.parametrize("signature", ["", "====", "é", "not base64!", "YWJj\n"])
def test_a_signature_of_another_form_is_none(signature: str) -> None:
    assert claim_of(twilio("https://registry.example.org/x", {"x-twilio-signature": signature})) is None


def test_the_algorithm_is_the_one_that_twilio_names() -> None:
    url = "https://registry.example.org/x"
    body, parameters = b"AccountSid=AC1", {"AccountSid": "AC1"}
    by_sha256 = twilio_signature(TOKEN, url, parameters, "HMAC_SHA256")
    for settings, expected in (
        ("key=k,algorithm=HMAC_SHA256", True),
        ("algorithm=hmac_sha256", True),
        ("key=k,algorithm=HMAC_SHA1", False),
        ("key=k", False),
        ("algorithm=", False),
        ("algorithm=HMAC_MD5", False),
    ):
        headers = {"x-twilio-signature": by_sha256, "x-twilio-webhooks-signature-settings": settings}
        assert borne_out(twilio(url, headers, body)) is expected, settings


def test_of_a_json_body_twilio_signs_the_digest() -> None:
    body = b'{"AccountSid": "AC1"}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"https://registry.example.org/x?a=b&bodySHA256={digest}"
    assert borne_out(twilio(url, signed(url, {}), body, form=False))
    for wrong in (
        "https://registry.example.org/x",
        f"{url}&bodySHA256={digest}",
        url.replace(digest, "0" * 64),
        url.replace(digest, digest.upper()),
    ):
        assert not borne_out(twilio(wrong, signed(wrong, {}), body, form=False))
    assert not borne_out(twilio(url, signed(url, {}), b'{"AccountSid": "AC2"}', form=False))


def test_a_body_that_names_its_account_twice_is_refused() -> None:
    url = "https://registry.example.org/x"
    with pytest.raises(Refused):
        claim_of(twilio(url, signed(url), b"AccountSid=AC1&AccountSid=AC1"))


def telnyx(key: Ed25519PrivateKey, body: bytes = b"{}", stamp: str = STAMP) -> Delivery:
    signature = base64.b64encode(key.sign(stamp.encode() + b"|" + body)).decode()
    headers = {"telnyx-signature-ed25519": signature, "telnyx-timestamp": stamp}
    return Delivery(Provider.TELNYX, "https://registry.example.org/x", body, headers, NOW)


def test_telnyx_signs_the_time_and_the_body() -> None:
    key = Ed25519PrivateKey.generate()
    secret = ProviderSecret(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))
    assert borne_out(telnyx(key), secret)
    assert not borne_out(telnyx(Ed25519PrivateKey.generate()), secret)
    assert not borne_out(telnyx(key), ProviderSecret(bytes(31)))
    headers = telnyx(key).headers
    assert not borne_out(Delivery(Provider.TELNYX, "https://x/", b"{ }", headers, NOW), secret)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(-300, True), (300, True), (-301, False), (301, False), (-86_400, False)]
)
def test_a_signed_time_lies_within_five_minutes(seconds: int, *, expected: bool) -> None:
    stamp = str(int((NOW + timedelta(seconds=seconds)).timestamp()))
    assert (claim_of(telnyx(Ed25519PrivateKey.generate(), stamp=stamp)) is not None) is expected


@pytest.mark.parametrize(
    "stamp",
    ["", " ", "-1", "1.5", "٣", "9" * 11, "9" * 5_000, "0" * 12 + "9" * 400, "0" * 12 + "9" * 5_000, f"{STAMP}0000"],
)
def test_what_is_no_time_is_no_signed_time(stamp: str) -> None:
    assert claim_of(telnyx(Ed25519PrivateKey.generate(), stamp=stamp)) is None


def standard(signature: str, id_: str = "msg_1", stamp: str = STAMP) -> Delivery:
    headers = {"webhook-id": id_, "webhook-timestamp": stamp, "webhook-signature": signature}
    return Delivery(Provider.GENERIC, "https://registry.example.org/x", b"{}", headers, NOW)


def test_standard_webhooks_sign_id_time_and_body() -> None:
    key = bytes(range(24))
    secret = ProviderSecret(key)
    good = Webhook(key).sign("msg_1", NOW, "{}")
    assert borne_out(standard(good), secret)
    assert borne_out(standard(f"v1,AAAA v1a,AAAA nonsense {good}"), secret)
    assert not borne_out(standard(good, id_="msg_2"), secret)
    assert not borne_out(standard(good), ProviderSecret(bytes(24)))
    for delivery in (standard(good, id_=""), standard(""), standard("v2,AAAA"), standard(good, stamp="1")):
        assert claim_of(delivery) is None


def test_any_signature_over_any_message_is_enough() -> None:
    good = hmac.digest(b"key", b"message", "sha1")
    claim = Claim(Scheme.HMAC_SHA1, (b"another", b"message"), (b"short", good))
    assert holds(claim, ProviderSecret(b"key"))
    assert not holds(Claim(Scheme.HMAC_SHA1, (b"another",), (good,)), ProviderSecret(b"key"))


def test_nothing_that_is_signed_or_signs_is_in_a_repr() -> None:
    delivery = twilio("https://registry.example.org/t0ken", signed("https://registry.example.org/t0ken"))
    claim = claim_of(delivery)
    shown = f"{delivery!r} {claim!r} {TWILIO!r}"
    assert [
        word for word in ("t0ken", TOKEN, "2065550177", delivery.headers["x-twilio-signature"]) if word in shown
    ] == []
