"""Telnyx's webhooks for incoming messages and calls: `message.received` and `call.initiated` as JSON, and the form that
a TeXML application gets for a call (Telnyx API reference, "Inbound message", "Call initiated", "TeXML call initiated").

Of all that comes along, texts, names and media, nothing is read but what is named here.
"""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from registry.domain import cells
from registry.domain.errors import Code, Refused
from registry.domain.intake.bodies import json_object, member, refused, single, text
from registry.domain.intake.received import Delivery, Received, checked_sid
from registry.domain.policy import Attestation, Channel, Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

_TEXML: Final = ("CallSid", "From", "To", "Direction", "ForwardedFrom", "ShakenStirAttestation", "ShakenStirValidated")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
_INBOUND: Final = frozenset({"inbound", "incoming"})
_CHANNELS: Final = {"SMS": Channel.SMS, "MMS": Channel.MMS}
_OLDEST: Final = timedelta(days=7)
_SKEW: Final = timedelta(minutes=5)
_MOST_LINES: Final = 16
_FLAGS: Final = {True: True, False: False, "true": True, "false": False, None: None, "": None}


def received(delivery: Delivery) -> Received | None:
    """None for what is no inbound contact, such as a message that was sent. Raises Refused."""
    if delivery.form:
        return _texml(_texml_pairs(delivery))
    content = json_object(delivery.body)
    kind = text(content, "data", "event_type")
    payload = member(content, "data", "payload")
    if (
        kind not in {"message.received", "call.initiated"}
        or text(content, "data", "payload", "direction") not in _INBOUND
    ):
        return None
    at = _occurred_at(text(content, "data", "occurred_at"), delivery.at)
    if kind == "message.received":
        sid = checked_sid(text(content, "data", "payload", "id"), "data/payload/id")
        channel = _CHANNELS.get(text(content, "data", "payload", "type").upper(), Channel.SMS)
        number = text(content, "data", "payload", "from", "phone_number")
        return Received(sid, number, channel, at, to=_to(member(payload, "to")))
    sid = checked_sid(
        text(content, "data", "payload", "call_leg_id") or text(content, "data", "payload", "call_control_id"),
        "data/payload/call_leg_id",
    )
    return _call(
        sid,
        text(content, "data", "payload", "from"),
        member(payload, "shaken_stir_attestation"),
        member(payload, "shaken_stir_validated"),
        at=at,
        to=_to(member(payload, "to")),
        diverted=_has_diversion(payload),
    )


def _texml_pairs(delivery: Delivery) -> dict[str, str]:
    """Telnyx does not sign the content type: JSON, in which its sender wrote, is no form whatever is said of it."""
    pairs = delivery.pairs()
    if not all(_NAME.fullmatch(name) for name, _ in pairs):
        raise refused(Code.INVALID_VALUE, "", "A parameter's name is none of Telnyx's.")
    return single(pairs, *_TEXML)


def _texml(given: dict[str, str]) -> Received | None:
    sid = checked_sid(given.get("CallSid", ""), "CallSid")
    if given.get("Direction", "inbound") not in _INBOUND:
        return None
    return _call(
        sid,
        given.get("From", ""),
        given.get("ShakenStirAttestation"),
        given.get("ShakenStirValidated"),
        at=None,
        to=_to(given.get("To")),
        diverted=bool(given.get("ForwardedFrom")),
    )


def _call(
    sid: str,
    number: str,
    attested: object,
    validated: object,
    *,
    at: datetime | None,
    to: tuple[str, ...],
    diverted: bool,
) -> Received:
    """attested: a level or nothing. validated: whether its signature holds, as a truth value or its name.

    What is told and is neither is taken for a signature that failed, and so counts for nothing.
    """
    level = attested if isinstance(attested, str) and attested in set(Attestation) else None
    if isinstance(validated, str):
        validated = validated.lower()
    flag = _FLAGS.get(validated, "unknown") if isinstance(validated, str | bool | None) else "unknown"
    unknown = flag == "unknown" or (level is None and attested is not None and attested != "")
    verification = Verification.FAILED if unknown else None
    if not unknown and level is not None and flag is not None:
        verification = Verification.PASSED if flag else Verification.FAILED
    elif not unknown and flag is False:
        verification = Verification.ABSENT
    passed = level is not None and verification is Verification.PASSED
    return Received(
        sid,
        number,
        Channel.VOICE,
        at,
        to=to,
        attestation=Attestation(cast("str", level)) if passed else None,
        verification=verification,
        diverted=diverted,
        unknown_verification=unknown,
    )


def _to(written: object) -> tuple[str, ...]:
    """The line, as a text, or of a message the lines, each as an object. Nothing where it is not told."""
    several = cast("Sequence[object]", written) if isinstance(written, list) else ({"phone_number": written},)
    numbers = [member(one, "phone_number") for one in several[:_MOST_LINES]]
    return tuple(number for number in numbers if isinstance(number, str) and number)


def _has_diversion(payload: object) -> bool:
    """Whether the call carries the SIP header of one that was forwarded (RFC 5806)."""
    headers = member(payload, "sip_headers")
    found = cast("Sequence[object]", headers) if isinstance(headers, list) else ()
    return any(str(member(one, "name")).lower() == "diversion" for one in found)


def _occurred_at(written: str, now: datetime) -> datetime | None:
    """What a clock that is right can have said; anything else is not told."""
    try:
        found = cells.moment(written)
    except Refused:
        return None
    return found if now - _OLDEST <= found <= now + _SKEW else None
