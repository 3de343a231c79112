"""What telephony providers send, signed as each of them signs, with canaries wherever a request can hold one: recorded,
told again, withheld, kept by nobody, not to be understood, and signed by somebody else. And a flood.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

from canaries import (
    AUTH_TOKEN,
    DECOY,
    LISTED,
    MESSAGE,
    NOT_SERVED,
    REFUSED,
    RETRACTED,
    SOURCE_ID,
    WEBHOOK_SECRET,
    national,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hunting_ground import Answer, Ask, Ground
from providers import ACCOUNT, FORM, call, contact, message, public_key, telnyx_call, telnyx_message, twilio_signature
from standardwebhooks import Webhook

_JSON = "application/json"
_FLOOD = 41
"""More contacts with one line, and by one number, than the hunting ground lets pass."""


@dataclass(frozen=True)
class Address:
    """A line's address at every provider."""

    ground: Ground
    token: str
    urls: Mapping[str, str] = field(repr=False)

    def send(self, provider: str, body: bytes, headers: Mapping[str, str], **query: str) -> Answer:
        path = {"provider": provider, "token": self.token}
        return self.ground.ask(Ask("takeIn", path=path, query=query, body=body, headers=headers))

    def twilio(self, told: Mapping[str, str], token: str = AUTH_TOKEN) -> Answer:
        signature = twilio_signature(token, self.urls["twilio"], told)
        return self.send("twilio", urlencode(told).encode(), {"Content-Type": FORM, "X-Twilio-Signature": signature})

    def twilio_json(self, told: Mapping[str, Any], token: str = AUTH_TOKEN) -> Answer:
        body = json.dumps(told).encode()
        digest = sha256(body).hexdigest()
        signature = twilio_signature(token, f"{self.urls['twilio']}?bodySHA256={digest}", {})
        headers = {"Content-Type": _JSON, "X-Twilio-Signature": signature}
        return self.send("twilio", body, headers, bodySHA256=digest)

    def telnyx(self, told: object, key: Ed25519PrivateKey) -> Answer:
        body, at = json.dumps(told).encode(), str(int(datetime.now(UTC).timestamp()))
        signature = base64.b64encode(key.sign(f"{at}|".encode() + body)).decode()
        headers = {"Content-Type": _JSON, "telnyx-timestamp": at, "telnyx-signature-ed25519": signature}
        return self.send("telnyx", body, headers)

    def generic(self, told: object, secret: str) -> Answer:
        body, now, id_ = json.dumps(told), datetime.now(UTC), f"{SOURCE_ID}{REFUSED}"
        headers = {"Content-Type": _JSON, "webhook-id": id_, "webhook-timestamp": str(int(now.timestamp()))}
        headers["webhook-signature"] = Webhook(secret).sign(id_, now, body)
        return self.send("generic", body.encode(), headers)


def take_in(ground: Ground, key: str, decoy: str) -> None:
    control = {"label": "Another", "number": RETRACTED, "role": "control"}
    other = str(ground.good(Ask("createDecoy", key=key).with_json(control)).json["id"])
    _address(ground, key, other)
    ground.good(Ask("removeIntakeToken", path={"decoy_id": other}, key=key))
    address = _address(ground, key, decoy)
    telnyx = Ed25519PrivateKey.generate()
    _credentials(ground, key, public_key(telnyx))
    _twilio(address)
    _telnyx(address, telnyx)
    _generic(address)
    _flood(ground, key, other)


def _address(ground: Ground, key: str, decoy: str) -> Address:
    """Its token is searched for from now on."""
    issued = ground.good(Ask("issueIntakeToken", path={"decoy_id": decoy}, key=key)).json
    ground.tokens[f"token of intake address {len(ground.tokens)}"] = issued["token"]
    return Address(ground, issued["token"], issued["urls"])


def _credentials(ground: Ground, key: str, telnyx: str) -> None:
    add = Ask("addProviderCredential", key=key)
    once = add.with_headers(Idempotency_Key=f'"{AUTH_TOKEN}"')
    twilio = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": AUTH_TOKEN}
    for _ in range(2):
        ground.good(once.with_json(twilio))
    assert ground.ask(add.with_json(twilio)).status == 409
    assert ground.ask(once.with_json({"provider": "generic", "secret": f"whsec_{AUTH_TOKEN}"})).status == 422
    retired = ground.good(add.with_json({"provider": "generic", "secret": f"whsec_{'A' * 32}"})).json["id"]
    ground.good(Ask("retireProviderCredential", path={"credential_id": retired}, key=key).with_json({"at_once": True}))
    ground.good(add.with_json({"provider": "generic", "secret": _whsec(WEBHOOK_SECRET)}))
    ground.good(add.with_json({"provider": "telnyx", "public_key": telnyx}))
    ground.good(Ask("listProviderCredentials", key=key))


def _whsec(secret: str) -> str:
    return f"whsec_{base64.b64encode(secret.encode()).decode()}"


def _twilio(address: Address) -> None:
    malformed = (
        message(NOT_SERVED, MessageSid=f"{SOURCE_ID}{NOT_SERVED}", To=DECOY),
        message(REFUSED, Body=f"{MESSAGE}From{REFUSED}", To=DECOY),
    )
    for told in (
        message(LISTED, MessageSid=SOURCE_ID, Body=f"{MESSAGE} {REFUSED}", FromCity=MESSAGE, To=DECOY),
        message(LISTED, MessageSid=SOURCE_ID, To=DECOY),
        call(LISTED, StirVerstat=f"{MESSAGE} {REFUSED}", ForwardedFrom=REFUSED, CallerName=MESSAGE, To=DECOY),
        call("anonymous", CallSid=SOURCE_ID, Caller=REFUSED, To=DECOY),
        message(REFUSED[:-3], To=DECOY),
        message(NOT_SERVED, To=DECOY),
        message(LISTED, To=REFUSED),
        {**message(REFUSED), "SmsStatus": REFUSED},
        *malformed,
    ):
        _expect(address.twilio(told), 422 if told in malformed else 200)
        _expect(address.twilio(told, REFUSED), 403)
    doubled = f"AccountSid={ACCOUNT}&From={REFUSED[1:]}&From={REFUSED[1:]}"
    _expect(address.send("twilio", doubled.encode(), {"Content-Type": FORM}), 403)

    written = {**message(LISTED, Body=f"{MESSAGE} {REFUSED}", To=DECOY), "Note": {REFUSED: MESSAGE}}
    _expect(address.twilio_json(written), 200)
    _expect(address.twilio_json({**written, "From": [REFUSED]}), 422)
    _expect(address.twilio_json({**written, "From": f"{REFUSED}\ud800"}), 400)
    _expect(address.twilio_json(written, REFUSED), 403)
    headers = {"Content-Type": _JSON, "X-Twilio-Signature": REFUSED}
    _expect(address.send("twilio", json.dumps(written).encode(), headers, bodySHA256=REFUSED), 403)


def _telnyx(address: Address, key: Ed25519PrivateKey) -> None:
    to = [{"phone_number": DECOY, "status": REFUSED}]
    sms = telnyx_message(LISTED, to=to, text=f"{MESSAGE} {REFUSED}")
    attested = {"shaken_stir_attestation": REFUSED, "shaken_stir_validated": f"{MESSAGE} {REFUSED}"}
    diversion = [{"name": "Diversion", "value": f"<tel:{REFUSED}>"}]
    for told, status in (
        (sms, 200),
        (sms, 200),
        (telnyx_call(LISTED, to=DECOY, caller_id_name=MESSAGE, sip_headers=diversion, **attested), 200),
        (telnyx_call("anonymous", to=DECOY, call_leg_id=f"{SOURCE_ID}{LISTED}"), 200),
        (telnyx_message(REFUSED[:-3], to=to), 200),
        (telnyx_message(LISTED, to=[{"phone_number": REFUSED}]), 200),
        (telnyx_message(LISTED, to=to, direction=REFUSED), 200),
        (telnyx_message(LISTED, to=to, id=REFUSED * 20), 422),
        (telnyx_message(LISTED, to=to, **{"from": {"phone_number": [REFUSED]}}), 422),
        ({REFUSED: {REFUSED: MESSAGE}}, 200),
        ([REFUSED], 400),
    ):
        _expect(address.telnyx(told, key), status)
        _expect(address.telnyx(told, Ed25519PrivateKey.generate()), 403)
    _expect(address.send("telnyx", REFUSED.encode(), {"Content-Type": f"text/plain; charset={REFUSED}"}), 415)


def _generic(address: Address) -> None:
    told = contact(LISTED, to=DECOY, note=f"{MESSAGE} {REFUSED}", id=f"{SOURCE_ID}{REFUSED}")
    for content, status in (
        (told, 200),
        (told, 200),
        (contact(national(LISTED), to=DECOY, region="US", attestation="A", verification="failed"), 200),
        (contact("withheld", to=DECOY, id=f"{SOURCE_ID}{LISTED}"), 200),
        (contact(LISTED, to=REFUSED), 200),
        (contact(LISTED, to=DECOY, channel=REFUSED), 422),
        (contact(LISTED, to=DECOY, occurred_at=f"{REFUSED} {MESSAGE}"), 422),
        (contact(LISTED, to=DECOY, region=REFUSED), 422),
        ({**told, "data": REFUSED}, 422),
    ):
        _expect(address.generic(content, _whsec(WEBHOOK_SECRET)), status)
        _expect(address.generic(content, _whsec(f"{REFUSED}{REFUSED}")), 403)


def _flood(ground: Ground, key: str, decoy: str) -> None:
    """One number on a line that is there for nothing else: both are held back."""
    now = datetime.now(UTC).isoformat()
    hits = [
        {"decoy_id": decoy, "number": RETRACTED, "channel": "sms", "occurred_at": now, "source_id": f"{SOURCE_ID}{one}"}
        for one in range(_FLOOD)
    ]
    answer = ground.good(Ask("createHits", key=key).with_json({"hits": hits})).json
    assert answer["recorded"] == _FLOOD


def _expect(answer: Answer, status: int) -> None:
    assert answer.status == status, (answer.ask, answer.status, answer.body)
