"""Exclusions: numbers that are never listed. For the operator."""

from datetime import datetime
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
    Moment,
    NumberText,
    Region,
    RequestModel,
    Text,
    decode_cursor,
    encode_cursor,
)
from registry.db.exclusions import Exclusion
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.operations.list_records import ListExclusions, Page
from registry.operations.manage_exclusions import AddExclusion, Excluded, ExclusionReason, RemoveExclusion
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/exclusions", tags=["Operator"], route_class=ProtectedRoute)


class ExclusionRequest(RequestModel):
    number: NumberText
    region: Region | None = None
    reason: ExclusionReason
    expires_at: Moment | None = None


class ExclusionRemoval(RequestModel):
    number: NumberText
    region: Region | None = None


class ExclusionAnswer(AnswerModel):
    id: UUID
    reason: ExclusionReason
    expires_at: datetime | None
    audit_id: AuditId


class RemovalAnswer(AnswerModel):
    id: UUID = Field(description="The exclusion that was ended.")
    audit_id: AuditId


class ExclusionModel(AnswerModel):
    """Without its number, which is not stored."""

    id: UUID
    reason: ExclusionReason
    expires_at: datetime | None
    created_at: datetime
    removed_at: datetime | None


class ExclusionList(AnswerModel):
    data: list[ExclusionModel]
    next_cursor: str | None
    audit_id: AuditId


@router.post(
    "",
    operation_id="addExclusion",
    summary="Exclude a number",
    response_model=ExclusionAnswer,
    status_code=201,
    responses=responses(*WRITING, *NUMBER, Code.ALREADY_EXCLUDED),
)
def add_exclusion(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, AddExclusion))], exclusion: ExclusionRequest
) -> Response:
    """From now on every question about the number is answered like one that nobody ever saw."""

    def render(answered: Answered[Excluded]) -> ExclusionAnswer:
        excluded = answered.result
        return ExclusionAnswer(
            id=excluded.id,
            reason=exclusion.reason,
            expires_at=excluded.expires_at,
            audit_id=answered.audit_id,
        )

    operation = AddExclusion(exclusion.number, exclusion.reason, exclusion.region, exclusion.expires_at)
    return call.write(operation, render, 201)


@router.post(
    "/removals",
    operation_id="removeExclusion",
    summary="End a number's exclusion",
    response_model=RemovalAnswer,
    responses=responses(*WRITING, *NUMBER, Code.NOT_FOUND),
)
def remove_exclusion(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, RemoveExclusion))], removal: ExclusionRemoval
) -> Response:
    return call.write(
        RemoveExclusion(removal.number, removal.region),
        lambda done: RemovalAnswer(id=done.result.id, audit_id=done.audit_id),
    )


@router.get(
    "",
    operation_id="listExclusions",
    summary="List the exclusions",
    response_model=ExclusionList,
    responses=responses(*PAGED),
)
def list_exclusions(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ListExclusions))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Newest first, ended ones too, without numbers."""

    def render(answered: Answered[Page[Exclusion]]) -> ExclusionList:
        page = answered.result
        return ExclusionList(
            data=[
                ExclusionModel(
                    id=one.id,
                    reason=ExclusionReason(one.reason),
                    expires_at=one.expires_at,
                    created_at=one.created_at,
                    removed_at=one.removed_at,
                )
                for one in page.items
            ],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    return call.read(ListExclusions(decode_cursor(cursor), limit), render)
