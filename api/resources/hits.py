"""Hits: submitted one request at a time, listed, retracted."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import ItemProblem, responses
from api.refusals import ProtectedRoute
from api.resources.answers import item_refusal
from api.resources.common_problems import PAGED, WRITING
from api.resources.model import (
    AnswerModel,
    AuditId,
    Flag,
    Identifier,
    Moment,
    NumberText,
    Region,
    RequestModel,
    Text,
    decode_cursor,
    encode_cursor,
)
from registry.db.submissions import Submission, Wanted
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.policy import Attestation, Channel, Verification
from registry.domain.windows import Window
from registry.operations.list_records import ListHits, Page
from registry.operations.operation import Answered
from registry.operations.questions import ItemRefusal
from registry.operations.record_hits import Outcome, RecordHits, Status, tally
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit, consistent

router = APIRouter(prefix="/v1/hits", tags=["Hits"], route_class=ProtectedRoute)
MOST_HITS: Final = 1_000
RETRACTING: Final = frozenset({Scope.HITS, Scope.OPERATOR})
"""Who records contacts may take them back, and so may the operator."""


class HitModel(RequestModel):
    source_id: Text | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="Your provider's id of this event. One event counts once, however often it is sent.",
    )
    decoy_id: Identifier
    number: NumberText
    region: Region | None = None
    channel: Channel
    occurred_at: Moment = Field(description="At most 5 minutes ahead of our clock, and then it is taken for now.")
    attestation: Attestation | None = Field(None, description="STIR/SHAKEN level of a call's caller ID.")
    verification: Verification | None = Field(
        None,
        description="What your provider made of the signature on a call's caller ID. `failed`, which is also for one "
        "that could not be checked, never counts; `absent` is for a call that carried none. An `attestation` goes with "
        "`passed`, or with none given.",
    )
    diverted: Flag = Field(default=False, description="The call was forwarded: its caller ID may be somebody else's.")


class HitsRequest(RequestModel):
    hits: list[HitModel] = Field(min_length=1, max_length=MOST_HITS)


class HitResult(AnswerModel):
    index: int
    status: Status
    id: UUID | None = Field(description="The hit's id; for a duplicate, that of the hit recorded first.")
    notes: list[str]
    problem: ItemProblem | None


class HitsAnswer(AnswerModel):
    results: list[HitResult] = Field(description="In the order of the hits.")
    recorded: int
    duplicate: int
    refused: int
    audit_id: AuditId


class SubmittedHit(AnswerModel):
    """A hit as its submitter sees it again. Its number is not stored."""

    id: UUID
    decoy_id: UUID
    channel: Channel
    attestation: Attestation | None
    verification: Verification | None
    diverted: bool
    occurred_at: datetime
    recorded_at: datetime
    retracted_at: datetime | None
    retraction_reason: RetractionReason | None

    @classmethod
    def of(cls, hit: Submission) -> "SubmittedHit":
        return cls(
            id=hit.id,
            decoy_id=hit.decoy_id,
            channel=Channel(hit.channel),
            attestation=None if hit.attestation is None else Attestation(hit.attestation),
            verification=None if hit.verification is None else Verification(hit.verification),
            diverted=hit.diverted,
            occurred_at=hit.occurred_at,
            recorded_at=hit.recorded_at,
            retracted_at=hit.retracted_at,
            retraction_reason=None if hit.retraction_reason is None else RetractionReason(hit.retraction_reason),
        )


class HitList(AnswerModel):
    data: list[SubmittedHit]
    next_cursor: str | None
    audit_id: AuditId


class RetractionRequest(RequestModel):
    reason: RetractionReason


class RetractionAnswer(AnswerModel):
    hit: SubmittedHit
    audit_id: AuditId


@router.post(
    "",
    operation_id="createHits",
    summary="Submit contacts",
    response_model=HitsAnswer,
    status_code=201,
    responses={
        200: {"description": "Nothing new was recorded.", "model": HitsAnswer},
        **responses(*WRITING, Code.EMPTY_LIST, Code.TOO_MANY_ITEMS),
    },
)
def create_hits(call: Annotated[Call, Depends(call_for(Scope.HITS, RecordHits))], submission: HitsRequest) -> Response:
    """Every hit is answered in order: recorded, duplicate, or refused with its problem."""
    operation = RecordHits([_submitted(hit) for hit in submission.hits])
    return call.write(operation, _answer, _status)


@router.get(
    "",
    operation_id="listHits",
    summary="List your own submissions",
    response_model=HitList,
    responses=responses(*PAGED, Code.WINDOW_REVERSED),
)
def list_hits(
    call: Annotated[Call, Depends(call_for(Scope.HITS, ListHits))],
    decoy_id: Annotated[UUID | None, Query(description="Only those on this line.")] = None,
    since: Annotated[Moment | None, Query(description="Only those that occurred at or after it.")] = None,
    until: Annotated[Moment | None, Query(description="Only those that occurred before it.")] = None,
    retracted: Annotated[
        bool | None, Query(description="Only those that are retracted, or only those that are not.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Those recorded last come first. No numbers: they are not stored. Another organisation's line finds nothing."""

    def render(answered: Answered[Page[Submission]]) -> HitList:
        page = answered.result
        return HitList(
            data=[SubmittedHit.of(hit) for hit in page.items],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    wanted = Wanted(decoy_id, Window(since, until), retracted)
    return call.read(ListHits(decode_cursor(cursor), limit, wanted), render)


@router.post(
    "/{hit_id}/retraction",
    operation_id="retractHit",
    summary="Take a contact back",
    response_model=RetractionAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND, Code.ALREADY_RETRACTED),
)
def retract_hit(
    call: Annotated[Call, Depends(call_for(RETRACTING, RetractHit))], hit_id: UUID, retraction: RetractionRequest
) -> Response:
    """The hit stays on record and counts no more, from this moment on. The operator may take back anybody's."""
    return call.write(
        RetractHit(hit_id, retraction.reason),
        lambda done: RetractionAnswer(hit=SubmittedHit.of(done.result), audit_id=done.audit_id),
    )


def _submitted(hit: HitModel) -> Hit | ItemRefusal:
    return consistent(
        Hit(
            number=hit.number,
            decoy=hit.decoy_id,
            channel=hit.channel,
            occurred_at=hit.occurred_at,
            region=hit.region,
            source_id=hit.source_id,
            attestation=hit.attestation,
            verification=hit.verification,
            diverted=hit.diverted,
        )
    )


def _answer(answered: Answered[list[Outcome]]) -> HitsAnswer:
    counts = tally(answered.result)
    return HitsAnswer(
        results=[_result(index, one) for index, one in enumerate(answered.result)],
        recorded=counts[Status.RECORDED],
        duplicate=counts[Status.DUPLICATE],
        refused=counts[Status.REFUSED],
        audit_id=answered.audit_id,
    )


def _status(outcomes: list[Outcome]) -> Literal[200, 201]:
    return 201 if tally(outcomes)[Status.RECORDED] else 200


def _result(index: int, one: Outcome) -> HitResult:
    if isinstance(one, ItemRefusal):
        problem = item_refusal(one, f"/hits/{index}")
        return HitResult(index=index, status=Status.REFUSED, id=None, notes=[], problem=problem)
    return HitResult(index=index, status=one.status, id=one.id, notes=list(one.notes), problem=None)
