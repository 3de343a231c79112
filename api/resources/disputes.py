"""Disputes: a subject's challenge to a listing. For the operator, who hears the subject."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import NUMBER, PAGED, WRITING
from api.resources.model import (
    AnswerModel,
    AuditId,
    NumberText,
    Region,
    RequestModel,
    Text,
    decode_cursor,
    encode_cursor,
)
from registry.db.disputes import Dispute
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.operations.list_records import ListDisputes, Page
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/disputes", tags=["Operator"], route_class=ProtectedRoute)


class DisputeRequest(RequestModel):
    number: NumberText
    region: Region | None = None


class ClosureRequest(RequestModel):
    resolution: Resolution


class DisputeModel(AnswerModel):
    """Without its number, which is not stored."""

    id: UUID
    opened_at: datetime
    due_on: date = Field(description="The day by which it must be decided.")
    closed_at: datetime | None
    resolution: Resolution | None

    @classmethod
    def of(cls, dispute: Dispute) -> "DisputeModel":
        return cls(
            id=dispute.id,
            opened_at=dispute.opened_at,
            due_on=dispute.due_on,
            closed_at=dispute.closed_at,
            resolution=None if dispute.resolution is None else Resolution(dispute.resolution),
        )


class DisputeAnswer(DisputeModel):
    audit_id: AuditId


class DisputeList(AnswerModel):
    data: list[DisputeModel]
    next_cursor: str | None
    audit_id: AuditId


def _answer(answered: Answered[Dispute]) -> DisputeAnswer:
    return DisputeAnswer(**dict(DisputeModel.of(answered.result)), audit_id=answered.audit_id)


@router.post(
    "",
    operation_id="openDispute",
    summary="Open a dispute",
    response_model=DisputeAnswer,
    status_code=201,
    responses=responses(*WRITING, *NUMBER, Code.ALREADY_DISPUTED),
)
def open_dispute(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, OpenDispute))], dispute: DisputeRequest
) -> Response:
    """While it is open, what would be observed is answered as `indeterminate`."""
    return call.write(OpenDispute(dispute.number, dispute.region), _answer, 201)


@router.post(
    "/{dispute_id}/closure",
    operation_id="closeDispute",
    summary="Close a dispute",
    response_model=DisputeAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND, Code.ALREADY_CLOSED),
)
def close_dispute(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, CloseDispute))], dispute_id: UUID, closure: ClosureRequest
) -> Response:
    return call.write(CloseDispute(dispute_id, closure.resolution), _answer)


@router.get(
    "",
    operation_id="listDisputes",
    summary="List the disputes",
    response_model=DisputeList,
    responses=responses(*PAGED),
)
def list_disputes(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ListDisputes))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Newest first, closed ones too, without numbers."""

    def render(answered: Answered[Page[Dispute]]) -> DisputeList:
        page = answered.result
        return DisputeList(
            data=[DisputeModel.of(one) for one in page.items],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    return call.read(ListDisputes(decode_cursor(cursor), limit), render)
