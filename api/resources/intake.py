"""Where telephony providers send what they receive. Their signature is what lets them in; there is no API key."""

from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from api.deliveries import FORM, JSON, arrival
from api.problems import responses
from registry.domain.errors import Code
from registry.domain.policy import Provider

if TYPE_CHECKING:
    from api.intake_desk import IntakeDesk

router = APIRouter(prefix="/v1/intake", tags=["Intake"])

_TWIML: Final = "text/xml"
_EMPTY_TWIML: Final = '<?xml version="1.0" encoding="UTF-8"?><Response/>'
_EMPTY_JSON: Final = "{}"
_GENERIC: Final[dict[str, Any]] = {
    "type": "contact.received",
    "data": {
        "id": "call-0198",
        "number": "+12065550177",
        "to": "+12065550199",
        "channel": "voice",
        "occurred_at": "2026-03-01T10:00:00Z",
        "attestation": "A",
        "verification": "passed",
        "diverted": False,
    },
}
_TWILIO: Final = {
    "MessageSid": "SM00000000000000000000000000000000",
    "AccountSid": "AC00000000000000000000000000000000",
    "From": "+12065550177",
    "To": "+12065550199",
}

ProviderName = Annotated[str, Path(json_schema_extra={"enum": [one.value for one in Provider]})]
Token = Annotated[str, Path(description="From `POST /v1/decoys/{decoy_id}/intake-token`.")]


@router.post(
    "/{provider}/{token}",
    operation_id="takeIn",
    summary="Take in a provider's request",
    response_class=Response,
    responses={
        200: {
            "description": "Taken in, or of no interest: nothing is left to do. Empty TwiML for a form, else `{}`.",
            "content": {
                _TWIML: {"schema": {"type": "string"}, "example": _EMPTY_TWIML},
                JSON: {"schema": {"type": "object", "maxProperties": 0}},
            },
        },
        **responses(
            Code.SIGNATURE_REFUSED,
            Code.QUOTA_EXCEEDED,
            Code.NOT_FOUND,
            Code.BODY_TOO_LARGE,
            Code.UNSUPPORTED_MEDIA_TYPE,
            Code.UPLOAD_INCOMPLETE,
            Code.INVALID_UTF8,
            Code.INVALID_JSON,
            Code.MISSING_FIELD,
            Code.INVALID_VALUE,
            Code.WRONG_TYPE,
            Code.UNKNOWN_REGION,
            Code.DATE_IN_FUTURE,
            Code.DATABASE_UNAVAILABLE,
            Code.OVERLOADED,
            Code.KEYS_OUT_OF_DATE,
            Code.SIGNER_UNAVAILABLE,
            Code.INTERNAL,
        ),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM: {"schema": {"type": "object", "additionalProperties": {"type": "string"}}, "example": _TWILIO},
                JSON: {"schema": {"type": "object"}, "example": _GENERIC},
            },
        }
    },
)
async def take_in(request: Request, provider: ProviderName, token: Token) -> Response:
    """For Twilio (`X-Twilio-Signature`), Telnyx (`telnyx-signature-ed25519`) and, as `generic`, for anything that signs
    by the Standard Webhooks specification and sends `contact.received` events as in the example. An event that is told
    again is answered the same and recorded once. A caller ID that is no phone number is answered like any other, so
    that the provider does not repeat it, and not recorded; so is a contact with another line than this, where the
    request says with which. Nothing of a message's text, names, places or media is kept.
    """
    arrived = arrival(request, provider, token)
    delivery = await arrived.delivery(request)
    desk: IntakeDesk = request.app.state.intake_desk
    await desk.take(arrived, delivery)
    if delivery.form or delivery.provider is Provider.TWILIO:
        return Response(_EMPTY_TWIML, media_type=_TWIML)
    return Response(_EMPTY_JSON, media_type=JSON)
