"""GET /v1/account: who am I, what may I, and what is left of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY
from api.resources.model import AnswerModel, AuditId
from registry.domain.credentials import Mode, OrganisationKind, Scope
from registry.domain.limits import LimitName, Standing, Unit
from registry.operations.operation import Answered, Caller
from registry.operations.view_account import ViewAccount

router = APIRouter(prefix="/v1", tags=["Account"], route_class=ProtectedRoute)


class LimitModel(AnswerModel):
    name: LimitName
    quota: int
    window_seconds: int
    remaining: int
    reset_seconds: int = Field(description="Until the quota is complete again.")
    unit: Unit

    @classmethod
    def of(cls, standing: Standing) -> "LimitModel":
        return cls(
            name=standing.name,
            quota=standing.quota,
            window_seconds=standing.window,
            remaining=standing.remaining,
            reset_seconds=standing.reset,
            unit=standing.unit,
        )


class AccountAnswer(AnswerModel):
    organisation_id: UUID
    organisation: str
    kind: OrganisationKind
    key: str = Field(description="The public part of the key that you used.")
    scopes: list[Scope]
    mode: Mode
    limits: list[LimitModel]
    audit_id: AuditId


@router.get(
    "/account",
    operation_id="getAccount",
    summary="Who am I",
    response_model=AccountAnswer,
    responses=responses(*ANY),
)
def get_account(call: Annotated[Call, Depends(call_for(None, ViewAccount))]) -> Response:
    def render(answered: Answered[Caller]) -> AccountAnswer:
        caller = answered.result
        return AccountAnswer(
            organisation_id=caller.organisation(),
            organisation=caller.name or "",
            kind=OrganisationKind(caller.kind or ""),
            key=caller.key_id or "",
            scopes=sorted(caller.scopes),
            mode=Mode(call.registry.settings.mode),
            limits=[LimitModel.of(standing) for standing in call.standings],
            audit_id=answered.audit_id,
        )

    return call.read(ViewAccount(), render)
