"""What a Twilio account sends of incoming messages and calls, and how it signs that.

Written after Twilio's documentation ("Webhooks security"), as an integrator would, and apart from what verifies it. It
must never be used for an account that exists.
"""

import base64
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from registry.domain.confidential import Confidential


@dataclass(frozen=True, slots=True)
class Account(Confidential):
    """An account that nobody has."""

    sid: str
    auth_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message or call of this moment, told when it happens.

    decoy: a decoy's key. caller: what Twilio writes for who called: E.164, or the digits that stand for a withheld
    number; `number` is then None. verstat: `StirVerstat`, of calls only.
    """

    sid: str
    decoy: str
    caller: str
    number: str | None
    verstat: str | None = None

    @property
    def is_call(self) -> bool:
        return self.sid.startswith("CA")


def made_up_account() -> Account:
    return Account(f"AC{secrets.token_hex(16)}", secrets.token_hex(16))


def form(delivery: Delivery, account: Account, line: str) -> dict[str, str]:
    """The parameters of the request. line: the decoy's number, E.164."""
    told = {"AccountSid": account.sid, "ApiVersion": "2010-04-01", "From": delivery.caller, "To": line}
    if not delivery.is_call:
        return told | {
            "MessageSid": delivery.sid,
            "SmsStatus": "received",
            "NumMedia": "0",
            "NumSegments": "1",
            "Body": "hi is this still up",
        }
    told |= {"CallSid": delivery.sid, "CallStatus": "ringing", "Direction": "inbound", "CallerName": "SOMEBODY"}
    return told if delivery.verstat is None else told | {"StirVerstat": delivery.verstat}


def signature(auth_token: str, url: str, parameters: Mapping[str, str]) -> str:
    """The value of `X-Twilio-Signature` for a form posted to the URL."""
    signed = url + "".join(name + parameters[name] for name in sorted(parameters))
    return base64.b64encode(hmac.digest(auth_token.encode(), signed.encode(), "sha1")).decode()
