"""POST /v1/private/disclosures: what stands behind the members that a private check has found
(docs/private-checks.md).
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import ItemProblem, responses
from api.refusals import ProtectedRoute
from api.resources.answers import EvidenceModel, item_refusal
from api.resources.checks import CheckCounts
from api.resources.common_problems import ASKING, CHARGED_ONCE
from api.resources.encoded import TagText
from api.resources.model import AnswerModel, AuditId, CaseRef, Day, RequestModel, Text
from registry.domain.credentials import Purpose, Scope
from registry.domain.errors import Code
from registry.domain.policy import Outcome, Reason
from registry.operations.disclose import Disclose, Disclosed, TagItem, tally
from registry.operations.operation import Answered
from registry.operations.questions import ItemRefusal
from registry.operations.verdicts import Verdict

router = APIRouter(prefix="/v1/private", tags=["Private checks"], route_class=ProtectedRoute)
MOST_ITEMS: Final = 1_000


class DisclosureItem(RequestModel):
    tag: TagText
    possessed_since: Day | None = None
    possessed_until: Day | None = None
    ref: Text | None = Field(None, max_length=200, description="Yours; comes back with the answer, is not stored.")


class DisclosureRequest(RequestModel):
    purpose: Purpose = Field(description="Why you ask. Goes to the audit log.")
    case_ref: CaseRef | None = None
    items: list[DisclosureItem] = Field(min_length=1, max_length=MOST_ITEMS)


class DisclosureResult(AnswerModel):
    """One item's answer, or the problem it has."""

    index: int
    ref: str | None
    outcome: Outcome | None
    reason: Reason | None
    evidence: EvidenceModel | None
    problem: ItemProblem | None


class DisclosureAnswer(AnswerModel):
    results: list[DisclosureResult] = Field(description="In the order of the items.")
    counts: CheckCounts
    guidance: str
    audit_id: AuditId


@router.post(
    "/disclosures",
    operation_id="createPrivateDisclosure",
    summary="Ask about members of the set, by their tags",
    response_model=DisclosureAnswer,
    responses=responses(*ASKING, *CHARGED_ONCE, Code.EMPTY_LIST, Code.TOO_MANY_ITEMS, Code.INVALID_ENCODING),
)
def create_private_disclosure(
    call: Annotated[Call, Depends(call_for(Scope.PRIVATE, Disclose))], question: DisclosureRequest
) -> Response:
    """The same answer as a check gives for the number. This is the step that the registry sees, and records.

    A tag that is not listed is answered `none`, whether the registry knows it or not. Where a number is in the sets of
    several generations, ask by its tag of the newest of them.
    """
    asked = [TagItem(item.tag, item.possessed_since, item.possessed_until) for item in question.items]
    guidance = call.registry.settings.guidance_url

    def render(answered: Answered[Disclosed]) -> DisclosureAnswer:
        pairs = zip(question.items, answered.result, strict=True)
        return DisclosureAnswer(
            results=[_result(index, item.ref, one) for index, (item, one) in enumerate(pairs)],
            counts=CheckCounts(**tally(answered.result)),
            guidance=guidance,
            audit_id=answered.audit_id,
        )

    return call.read(Disclose(asked, question.purpose, question.case_ref), render)


def _result(index: int, ref: str | None, one: Verdict | ItemRefusal) -> DisclosureResult:
    if isinstance(one, ItemRefusal):
        return DisclosureResult(
            index=index,
            ref=ref,
            outcome=None,
            reason=None,
            evidence=None,
            problem=item_refusal(one, f"/items/{index}"),
        )
    return DisclosureResult(
        index=index,
        ref=ref,
        outcome=one.outcome,
        reason=one.reason,
        evidence=EvidenceModel.of(one.evidence),
        problem=None,
    )
