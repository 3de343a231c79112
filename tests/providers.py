"""Requests as telephony providers send them, signed by their own libraries. Telnyx has none for it: what it signs is
signed here with Ed25519 itself.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from importlib import import_module
from typing import Any, Final
from urllib.parse import urlencode

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from members import Member
from standardwebhooks import Webhook

FORM: Final = "application/x-www-form-urlencoded"
ACCOUNT: Final = "AC" + "0123456789abcdef" * 2
THE_LINE: Final = "+12065550000"
"""Stands for the number of the line that something is sent to."""
AUTH_TOKEN: Final = "an auth token of the tests".replace(" ", "-")
TWIML: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'


# The library is not annotated.
TwilioValidator: Final[Any] = import_module("twilio.request_validator").RequestValidator


def twilio_signature(token: str, url: str, parameters: Mapping[str, str], algorithm: str | None = None) -> str:
    """As Twilio's own library signs. parameters: of a form; empty where something else is in the body."""
    return str(TwilioValidator(token).compute_signature(url, parameters, algorithm))


def new_sid(kind: str) -> str:
    return kind + secrets.token_hex(16)


def message(number: str, **more: str) -> dict[str, str]:
    """What Twilio sends of an incoming text message, with much that nobody must keep."""
    sid = more.pop("MessageSid", new_sid("SM"))
    return {
        "ToCountry": "US",
        "ToState": "WA",
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "ToCity": "SEATTLE",
        "FromZip": "98101",
        "SmsSid": sid,
        "FromState": "WA",
        "SmsStatus": "received",
        "FromCity": "SEATTLE",
        "Body": "are you there",
        "FromCountry": "US",
        "To": THE_LINE,
        "ToZip": "",
        "NumSegments": "1",
        "MessageSid": sid,
        "AccountSid": ACCOUNT,
        "From": number,
        "ApiVersion": "2010-04-01",
        **more,
    }


def call(number: str, **more: str) -> dict[str, str]:
    """What Twilio sends when a call comes in."""
    return {
        "CallSid": new_sid("CA"),
        "AccountSid": ACCOUNT,
        "From": number,
        "To": THE_LINE,
        "Caller": number,
        "CallStatus": "ringing",
        "Direction": "inbound",
        "CallerName": "SOMEBODY",
        "CallerCity": "SEATTLE",
        **more,
    }


class Several(dict[str, str]):
    """Parameters of which some come more than once, as twilio's validator takes them."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        super().__init__(pairs)
        self.pairs = pairs

    def getlist(self, name: str) -> list[str]:
        return [value for known, value in self.pairs if known == name]


@dataclass
class Line:
    """A decoy with its address at each provider. member: its organisation."""

    member: Member
    decoy: str
    urls: Mapping[str, str] = field(repr=False)
    number: str = field(default="+12065550199", repr=False)

    def hits(self) -> list[dict[str, Any]]:
        """What was recorded on it, newest first."""
        listed = self.member.get("/v1/hits", params={"limit": 500}).json()["data"]
        return [hit for hit in listed if hit["decoy_id"] == self.decoy]

    def path(self, provider: str) -> str:
        start = self.urls[provider].index("/v1/intake/")
        return self.urls[provider][start:]

    def twilio(self, parameters: Mapping[str, str], *, token: str = AUTH_TOKEN, url: str | None = None) -> Any:
        """A form, signed for the line's address, or another, with this auth token."""
        parameters = self.called(parameters)
        signature = twilio_signature(token, url or self.urls["twilio"], parameters)
        return self.send_form(parameters, {"X-Twilio-Signature": signature})

    def called(self, parameters: Mapping[str, str]) -> Mapping[str, str]:
        """The same, as sent to this line, where they leave open to which."""
        if isinstance(parameters, Several):
            return Several([(n, self.number if v == THE_LINE else v) for n, v in parameters.pairs])
        return {n: self.number if v == THE_LINE else v for n, v in parameters.items()}

    def send_form(
        self, parameters: Mapping[str, str], headers: Mapping[str, str], kind: str = FORM, query: str = ""
    ) -> Any:
        content = urlencode(parameters.pairs if isinstance(parameters, Several) else list(parameters.items()))
        return self.send("twilio", content.encode(), {"Content-Type": kind, **headers}, query)

    def twilio_json(self, content: object, *, token: str = AUTH_TOKEN) -> Any:
        body = json.dumps(content).replace(THE_LINE, self.number).encode()
        query = f"?bodySHA256={sha256(body).hexdigest()}"
        signature = twilio_signature(token, self.urls["twilio"] + query, {})
        headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}
        return self.send("twilio", body, headers, query)

    def telnyx(self, content: object, key: Ed25519PrivateKey, at: datetime, kind: str = "application/json") -> Any:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        body = body.replace(THE_LINE.encode(), self.number.encode())
        timestamp = str(int(at.timestamp()))
        signature = base64.b64encode(key.sign(f"{timestamp}|".encode() + body)).decode()
        headers = {"telnyx-timestamp": timestamp, "telnyx-signature-ed25519": signature, "Content-Type": kind}
        return self.send("telnyx", body, headers)

    def generic(self, content: object, secret: str, at: datetime, id_: str = "msg_1") -> Any:
        body = json.dumps(content)
        headers = {
            "webhook-id": id_,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(secret).sign(id_, at, body),
            "Content-Type": "application/json",
        }
        return self.send("generic", body.encode(), headers)

    def send(self, provider: str, body: bytes, headers: Mapping[str, str], query: str = "") -> Any:
        return self.member.client.post(self.path(provider) + query, content=body, headers=dict(headers))


def assert_refused(answer: Any, line: Line, status: int = 403, code: str = "signature_refused") -> None:
    """And nothing recorded."""
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert line.hits() == []


def new_line(member: Member, number: str, **more: Any) -> Line:
    """An advertised line of the member's with an address; its credentials are not touched."""
    decoy = member.register_decoy(number, **more)
    answer = member.post(f"/v1/decoys/{decoy}/intake-token")
    assert answer.status_code == 201, answer.text
    return Line(member, decoy, answer.json()["urls"], number)


def add_credential(member: Member, provider: str, **members: str) -> str:
    answer = member.post("/v1/provider-credentials", {"provider": provider, **members})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def add_twilio(member: Member, token: str = AUTH_TOKEN, account: str = ACCOUNT) -> str:
    return add_credential(member, "twilio", account_sid=account, auth_token=token)


def public_key(key: Ed25519PrivateKey) -> str:
    return base64.b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def telnyx_message(number: str, /, **more: Any) -> dict[str, Any]:
    payload = {
        "direction": "inbound",
        "id": secrets.token_hex(16),
        "type": "SMS",
        "from": {"phone_number": number, "carrier": "A carrier", "line_type": "Wireless"},
        "to": [{"phone_number": THE_LINE, "status": "delivered"}],
        "text": "are you there",
        **more,
    }
    return {"data": {"event_type": "message.received", "id": secrets.token_hex(8), "payload": payload}}


def telnyx_call(number: str, **more: Any) -> dict[str, Any]:
    payload = {
        "direction": "incoming",
        "call_control_id": "v3:" + secrets.token_hex(16),
        "call_leg_id": secrets.token_hex(16),
        "from": number,
        "to": THE_LINE,
        "state": "parked",
        "caller_id_name": "SOMEBODY",
        **more,
    }
    return {"data": {"event_type": "call.initiated", "id": secrets.token_hex(8), "payload": payload}}


def contact(number: str, /, **more: Any) -> dict[str, Any]:
    data = {"id": secrets.token_hex(8), "number": number, "channel": "sms", **more}
    return {"type": "contact.received", "data": data, "note": "nobody reads this"}
