"""Twilio's webhooks for incoming messages and calls (Twilio, "TwiML for Programmable SMS: Twilio's request to your
application", "TwiML Voice: Twilio's request to your application", "Trusted Calling with SHAKEN/STIR").

Of all that comes along, message bodies, names, places and media, nothing is read but what is named here.
"""

from collections.abc import Mapping
from itertools import product
from typing import Final

from registry.domain.errors import Code
from registry.domain.intake.bodies import json_object, refused, single, text
from registry.domain.intake.received import Delivery, Received
from registry.domain.intake.twilio_forms import check_pairs, check_sid
from registry.domain.policy import Attestation, Channel, Verification

_READ: Final = (
    *("MessageSid", "SmsSid", "SmsStatus", "MessageStatus", "NumMedia"),
    *("CallSid", "Direction", "StirVerstat", "ForwardedFrom"),
    *("From", "Caller", "To", "Called", "AccountSid"),
)
_MMS_SID: Final = "MM"
_INCOMING: Final = frozenset({"received", "receiving"})
_CHAT_ADDRESSES: Final = ("whatsapp:", "messenger:", "rcs:")

STIR_VERSTAT: Final[Mapping[str, tuple[Verification, Attestation | None, bool]]] = {
    # It is told only of calls that were signed: so these, too, say of a signature that it does not bear the caller out.
    **dict.fromkeys(("No-TN-Validation", "TN-Validation-Failed", "NULL"), (Verification.FAILED, None, False)),
} | {
    f"TN-Validation-{result}-{attestation}{variant}": (
        verification,
        # What a signature that does not hold attested is nobody's word.
        attestation if verification is Verification.PASSED else None,
        variant == "-Diverted",
    )
    for (result, verification), attestation, variant in product(
        (("Passed", Verification.PASSED), ("Failed", Verification.FAILED)),
        Attestation,
        ("", "-Diverted", "-Passthrough"),
    )
}
"""Every value that Twilio documents: verification, attestation, diverted. Matched exactly."""
_NOT_TOLD: Final = (None, None, False)
_UNKNOWN: Final = (Verification.FAILED, None, False)


def received(delivery: Delivery) -> Received | None:
    """None for what is no inbound contact, such as a status of a message that was sent. Raises Refused."""
    if delivery.form:
        pairs = delivery.pairs()
        check_pairs(pairs)
        given = single(pairs, *_READ)
    else:
        content = json_object(delivery.body)
        given = {name: text(content, name) for name in _READ if name in content}
    number = given.get("From") or given.get("Caller", given.get("From"))
    if number is None:
        raise refused(Code.MISSING_FIELD, "From", "Who called or wrote is missing.")
    sid = given.get("MessageSid") or given.get("SmsSid")
    if sid is not None:
        return _message(given, sid, number)
    return _call(given, check_sid(given.get("CallSid", ""), "CallSid"), number)


def _message(given: dict[str, str], sid: str, number: str) -> Received | None:
    statuses = {given[name] for name in ("SmsStatus", "MessageStatus") if given.get(name)}
    if not statuses <= _INCOMING:
        return None
    channel = Channel.SMS
    if number.lower().startswith(_CHAT_ADDRESSES):
        channel = Channel.CHAT
    elif sid.startswith(_MMS_SID) or given.get("NumMedia", "0").strip("0"):
        channel = Channel.MMS
    return Received(check_sid(sid, "MessageSid"), number, channel, to=_to(given))


def _call(given: dict[str, str], sid: str, number: str) -> Received | None:
    if given.get("Direction", "inbound") != "inbound":
        return None
    told = given.get("StirVerstat")
    verification, attestation, diverted = _NOT_TOLD if told is None else STIR_VERSTAT.get(told, _UNKNOWN)
    return Received(
        sid,
        number,
        Channel.VOICE,
        to=_to(given),
        attestation=attestation,
        verification=verification,
        diverted=diverted or bool(given.get("ForwardedFrom")),
        unknown_verification=told is not None and told not in STIR_VERSTAT,
    )


def _to(given: dict[str, str]) -> tuple[str, ...]:
    told = given.get("To") or given.get("Called")
    return (told,) if told else ()
