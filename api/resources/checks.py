"""POST /v1/checks: up to 10,000 numbers asked in one request."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import ItemProblem, responses
from api.refusals import ProtectedRoute
from api.resources.answers import EvidenceModel, item_refusal
from api.resources.common_problems import ASKING, CHARGED_ONCE
from api.resources.model import AnswerModel, AuditId, CaseRef, Day, NumberText, Region, RequestModel, Text
from registry.domain.credentials import Purpose, Scope
from registry.domain.errors import Code
from registry.domain.policy import Outcome, Reason
from registry.operations.check import Answers, Check, tally
from registry.operations.operation import Answered
from registry.operations.questions import Answer, ItemRefusal, Question

router = APIRouter(prefix="/v1", tags=["Questions"], route_class=ProtectedRoute)
MOST_ITEMS: Final = 10_000


class CheckItem(RequestModel):
    ref: Text | None = Field(None, max_length=200, description="Yours; comes back with the answer, is not stored.")
    number: NumberText
    region: Region | None = None
    possessed_since: Day | None = None
    possessed_until: Day | None = None


class CheckRequest(RequestModel):
    purpose: Purpose = Field(description="Why you ask. Goes to the audit log.")
    case_ref: CaseRef | None = None
    items: list[CheckItem] = Field(min_length=1, max_length=MOST_ITEMS)


class CheckResult(AnswerModel):
    """One item's answer, or the problem it has."""

    index: int
    ref: str | None
    number: str | None = Field(description="In E.164; null for an item that was refused.")
    outcome: Outcome | None
    reason: Reason | None
    notes: list[str]
    evidence: EvidenceModel | None
    problem: ItemProblem | None


class CheckCounts(AnswerModel):
    contact_observed: int
    none: int
    indeterminate: int
    refused: int


class CheckAnswer(AnswerModel):
    results: list[CheckResult] = Field(description="In the order of the items.")
    counts: CheckCounts
    guidance: str
    audit_id: AuditId


@router.post(
    "/checks",
    operation_id="createCheck",
    summary="Ask about many numbers",
    response_model=CheckAnswer,
    responses=responses(*ASKING, *CHARGED_ONCE, Code.EMPTY_LIST, Code.TOO_MANY_ITEMS),
)
def create_check(call: Annotated[Call, Depends(call_for(Scope.LOOKUPS, Check))], question: CheckRequest) -> Response:
    """Every item is answered in order. One that cannot be answered says why in `problem` and stops nobody else."""
    asked = [Question(i.number, i.region, i.possessed_since, i.possessed_until) for i in question.items]
    guidance = call.registry.settings.guidance_url

    def render(answered: Answered[Answers]) -> CheckAnswer:
        pairs = zip(question.items, answered.result, strict=True)
        return CheckAnswer(
            results=[_result(index, item.ref, one) for index, (item, one) in enumerate(pairs)],
            counts=CheckCounts(**tally(answered.result)),
            guidance=guidance,
            audit_id=answered.audit_id,
        )

    return call.read(Check(asked, question.purpose, question.case_ref), render)


def _result(index: int, ref: str | None, one: Answer | ItemRefusal) -> CheckResult:
    if isinstance(one, ItemRefusal):
        return CheckResult(
            index=index,
            ref=ref,
            number=None,
            outcome=None,
            reason=None,
            notes=[],
            evidence=None,
            problem=item_refusal(one, f"/items/{index}"),
        )
    return CheckResult(
        index=index,
        ref=ref,
        number=one.e164,
        outcome=one.outcome,
        reason=one.reason,
        notes=list(one.notes),
        evidence=EvidenceModel.of(one.evidence),
        problem=None,
    )
