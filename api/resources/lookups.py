"""POST /v1/lookups: one number asked."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.answers import EvidenceModel
from api.resources.common_problems import ASKING, CHARGED_ONCE, NUMBER
from api.resources.model import AnswerModel, AuditId, CaseRef, Day, NumberText, Region, RequestModel
from registry.domain.credentials import Purpose, Scope
from registry.domain.errors import Code
from registry.domain.policy import Outcome, Reason
from registry.operations.look_up import LookUp
from registry.operations.operation import Answered
from registry.operations.questions import Answer, Question

router = APIRouter(prefix="/v1", tags=["Questions"], route_class=ProtectedRoute)


class LookupRequest(RequestModel):
    number: NumberText
    region: Region | None = None
    possessed_since: Day | None = Field(None, description="First day on which you held the number.")
    possessed_until: Day | None = Field(None, description="Last day on which you held it; null: still.")
    purpose: Purpose = Field(description="Why you ask. Goes to the audit log.")
    case_ref: CaseRef | None = None


class LookupAnswer(AnswerModel):
    number: str = Field(description="The number as it was understood, in E.164.", examples=["+12065550177"])
    outcome: Outcome
    reason: Reason | None = Field(description="Why the outcome is `indeterminate`.")
    notes: list[str] = Field(examples=[["extension_ignored"]])
    evidence: EvidenceModel | None = Field(description="Null unless contact was observed.")
    guidance: str = Field(description="What to do next. Read it before you act on any answer.")
    audit_id: AuditId


@router.post(
    "/lookups",
    operation_id="createLookup",
    summary="Ask about one number",
    response_model=LookupAnswer,
    responses=responses(*ASKING, *CHARGED_ONCE, *NUMBER, Code.DATE_IN_FUTURE, Code.WINDOW_REVERSED),
)
def create_lookup(call: Annotated[Call, Depends(call_for(Scope.LOOKUPS, LookUp))], question: LookupRequest) -> Response:
    asked = Question(question.number, question.region, question.possessed_since, question.possessed_until)
    guidance = call.registry.settings.guidance_url

    def render(answered: Answered[Answer]) -> LookupAnswer:
        answer = answered.result
        return LookupAnswer(
            number=answer.e164,
            outcome=answer.outcome,
            reason=answer.reason,
            notes=list(answer.notes),
            evidence=EvidenceModel.of(answer.evidence),
            guidance=guidance,
            audit_id=answered.audit_id,
        )

    return call.read(LookUp(asked, question.purpose, question.case_ref), render)
