"""The address of a line for its telephony provider: issued and removed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import WRITING
from api.resources.model import AnswerModel, AuditId
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.policy import Provider
from registry.operations.manage_intake import IssuedToken, IssueIntakeToken, RemoveIntakeToken
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/decoys", tags=["Intake"], route_class=ProtectedRoute)


class IntakeUrls(AnswerModel):
    """What to paste into the provider's console, as it is."""

    twilio: str
    telnyx: str
    generic: str


class IntakeTokenAnswer(AnswerModel):
    decoy_id: UUID
    token: str | None = Field(
        description="It is shown this once; a repeated request gets null, since it is stored nowhere."
    )
    urls: IntakeUrls | None
    audit_id: AuditId


class RemovedIntakeTokenAnswer(AnswerModel):
    decoy_id: UUID
    audit_id: AuditId


@router.post(
    "/{decoy_id}/intake-token",
    operation_id="issueIntakeToken",
    summary="Give a line an address for its provider",
    response_model=IntakeTokenAnswer,
    status_code=201,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def issue_intake_token(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, IssueIntakeToken))], decoy_id: UUID
) -> Response:
    """An address that the line had before takes nothing from then on."""
    start = call.registry.settings.public_address

    def shown(answered: Answered[IssuedToken]) -> IntakeTokenAnswer:
        token = answered.result.text
        urls = {provider.value: f"{start}/v1/intake/{provider.value}/{token}" for provider in Provider}
        return IntakeTokenAnswer(
            decoy_id=answered.result.decoy_id, token=token, urls=IntakeUrls(**urls), audit_id=answered.audit_id
        )

    return call.write(
        IssueIntakeToken(decoy_id),
        shown,
        201,
        stored=lambda answered: shown(answered).model_copy(update={"token": None, "urls": None}),
    )


@router.post(
    "/{decoy_id}/intake-token/removal",
    operation_id="removeIntakeToken",
    summary="Take a line's address away",
    response_model=RemovedIntakeTokenAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def remove_intake_token(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, RemoveIntakeToken))], decoy_id: UUID
) -> Response:
    """The line takes nothing from its provider until it is given a new one."""
    return call.write(
        RemoveIntakeToken(decoy_id),
        lambda answered: RemovedIntakeTokenAnswer(decoy_id=answered.result, audit_id=answered.audit_id),
    )
