"""Subject disclosures: who was told what about a number, for the person whose number it is. Asked by the operator."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ASKING, CHARGED_ONCE, NUMBER
from api.resources.model import (
    AnswerModel,
    AuditId,
    CaseRef,
    NumberText,
    Region,
    RequestModel,
    Text,
    Whole,
    decode_cursor,
    encode_cursor,
)
from registry.domain.credentials import OrganisationKind, Purpose, Scope
from registry.domain.disclosures import Disclosure, Recipient, SearchedGeneration, Told
from registry.domain.errors import Code
from registry.operations.operation import Answered
from registry.operations.subject_disclosures import Disclosures, SubjectDisclosures

router = APIRouter(prefix="/v1/subjects", tags=["Operator"], route_class=ProtectedRoute)


class SubjectDisclosuresRequest(RequestModel):
    number: NumberText
    region: Region | None = None
    purpose: Literal[Purpose.SUBJECT_REQUEST] = Field(
        description="The person whose number it is has asked. There is no other purpose."
    )
    case_ref: CaseRef | None = None
    cursor: Annotated[Text, Field(max_length=64)] | None = Field(
        None, description="`next_cursor` of the page before, for the same number."
    )
    limit: Annotated[Whole, Field(ge=1, le=100)] = 100


class RecipientModel(AnswerModel):
    id: UUID
    kind: OrganisationKind
    name: str

    @classmethod
    def of(cls, recipient: Recipient | None) -> "RecipientModel | None":
        if recipient is None:
            return None
        return cls(id=recipient.id, kind=OrganisationKind(recipient.kind), name=recipient.name)


class SubjectDisclosureModel(AnswerModel):
    """One answer about the number that was more than `none`."""

    event_id: UUID = Field(description="The receipt: `audit_id` of the answer in which it was told.")
    time: datetime
    operation: str = Field(examples=["look_up"])
    organisation: RecipientModel | None = Field(
        description="Who was told. Null: the operator itself, at its command line."
    )
    purpose: Purpose | None = Field(description="What the organisation gave as its reason.")
    case_ref: str | None = Field(description="The organisation's own reference.")
    numbers: int = Field(ge=0, description="How many numbers it asked about in the same request.")
    told: list[Told] = Field(
        description="What it was told about this number. The log counts outcomes and does not keep whose outcome was "
        "which: where several are given it was one of them, or more than one if the number was asked several times. "
        "`disclosures` is an answer to a request like this one."
    )
    policy: str | None = Field(description="Version of the rules that were applied.", examples=["2026-12.4"])
    sealed: bool = Field(description="False for the moment in which the event waits for the next checkpoint.")
    proof: str | None = Field(
        description="A C2SP tlog-proof file with the event's exact bytes, verifiable offline with the log's public "
        "key. Null while it is not sealed."
    )

    @classmethod
    def of(cls, one: Disclosure) -> "SubjectDisclosureModel":
        return cls(
            event_id=one.event,
            time=one.time,
            operation=one.operation,
            organisation=RecipientModel.of(one.recipient),
            purpose=None if one.purpose is None else Purpose(one.purpose),
            case_ref=one.case,
            numbers=one.numbers,
            told=list(one.told),
            policy=one.policy,
            sealed=one.sealed,
            proof=one.proof,
        )


class SearchedGenerationModel(AnswerModel):
    generation: int
    searched: bool = Field(
        description="False: its key was destroyed, so that nobody can find any more what was disclosed under it."
    )
    retired_at: datetime | None = Field(description="Nothing was disclosed under it after that.")

    @classmethod
    def of(cls, one: SearchedGeneration) -> "SearchedGenerationModel":
        return cls(generation=one.number, searched=one.searched, retired_at=one.retired_at)


class SubjectDisclosuresAnswer(AnswerModel):
    data: list[SubjectDisclosureModel]
    next_cursor: str | None
    generations: list[SearchedGenerationModel] = Field(description="Under which keys the number was looked for.")
    unsearchable_until: datetime | None = Field(
        description="Disclosures made until then may have been made under destroyed keys, and cannot be found. Null: "
        "every key is still held."
    )
    kept_since: datetime | None = Field(
        description="The oldest event that is still kept. Null: none was ever dropped for its age."
    )
    audit_id: AuditId


@router.post(
    "/disclosures",
    operation_id="listSubjectDisclosures",
    summary="List who was told about a number",
    response_model=SubjectDisclosuresAnswer,
    responses=responses(*ASKING, *CHARGED_ONCE, *NUMBER, Code.INVALID_CURSOR),
)
def list_subject_disclosures(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, SubjectDisclosures))], request: SubjectDisclosuresRequest
) -> Response:
    """For the person whose number it is: every answer about it other than `none`, newest first, each with its proof.

    Questions that were answered `none` never appear: they are not stored. An answer that lists something is a
    disclosure itself, to the operator, and appears from then on.
    """

    def render(answered: Answered[Disclosures]) -> SubjectDisclosuresAnswer:
        page = answered.result
        return SubjectDisclosuresAnswer(
            data=[SubjectDisclosureModel.of(one) for one in page.items],
            next_cursor=encode_cursor(page.next),
            generations=[SearchedGenerationModel.of(one) for one in page.reach.generations],
            unsearchable_until=page.reach.unsearchable_until,
            kept_since=page.reach.kept_since,
            audit_id=answered.audit_id,
        )

    asked = SubjectDisclosures(
        request.number,
        region=request.region,
        case=request.case_ref,
        after=decode_cursor(request.cursor),
        limit=request.limit,
    )
    return call.read(asked, render)
