"""The registry's own format, for every provider and telephone system that has no other: a Standard Webhooks event.

    {"type": "contact.received", "timestamp": "2026-03-01T10:00:03Z",
     "data": {"id": "call-0198", "number": "+12065550177", "channel": "voice", "occurred_at": "2026-03-01T10:00:00Z",
              "region": "US", "to": "+12065550199", "attestation": "A", "verification": "passed", "diverted": false}}

`id`, `number` and `channel` are needed. `to` is the line that was called or written to, for systems that have one
address for several. An attestation counts only where its verification passed, or none is told. Members that are not
named here are dropped, and so are other types of event.
"""

from enum import StrEnum
from typing import Final, TypeVar

from registry.domain import cells
from registry.domain.errors import Code, Refused
from registry.domain.intake.bodies import json_object, member, refused, text
from registry.domain.intake.received import Delivery, Received, checked_sid
from registry.domain.policy import Attestation, Channel, Verification

EVENT_TYPE: Final = "contact.received"
E = TypeVar("E", bound=StrEnum)


def received(delivery: Delivery) -> Received | None:
    """None for an event of another type. Raises Refused."""
    content = json_object(delivery.body)
    if text(content, "type") != EVENT_TYPE:
        return None
    channel = _one_of(Channel, content, "channel")
    if channel is None:
        raise refused(Code.MISSING_FIELD, "data/channel", "The channel is missing: sms, mms, chat or voice.")
    number = text(content, "data", "number")
    if not number:
        raise refused(Code.MISSING_FIELD, "data/number", "Who called or wrote is missing.")
    occurred_at = text(content, "data", "occurred_at")
    try:
        at = cells.moment(occurred_at) if occurred_at else None
    except Refused as wrong:
        raise refused(wrong.code, "data/occurred_at", wrong.detail) from None
    diverted = member(content, "data", "diverted")
    if not isinstance(diverted, bool | None):
        raise refused(Code.WRONG_TYPE, "data/diverted", "This member is true or false.")
    to = text(content, "data", "to")
    attestation = _one_of(Attestation, content, "attestation")
    verification = _one_of(Verification, content, "verification")
    return Received(
        checked_sid(text(content, "data", "id"), "data/id"),
        number,
        channel,
        at,
        region=text(content, "data", "region") or None,
        to=(to,) if to else (),
        # What a signature that does not hold attested is nobody's word.
        attestation=attestation if verification in {None, Verification.PASSED} else None,
        verification=verification,
        diverted=diverted is True,
    )


def _one_of(kind: type[E], content: object, name: str) -> E | None:
    written = text(content, "data", name)
    known = {one.value: one for one in kind}
    if written and written not in known:
        raise refused(Code.INVALID_VALUE, f"data/{name}", f"It takes: {', '.join(known)}.")
    return known.get(written)
