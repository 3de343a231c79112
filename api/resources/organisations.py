"""Organisations and their limits. For the operator."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import PAGED, WRITING
from api.resources.model import AnswerModel, AuditId, RequestModel, Text, Whole, decode_cursor, encode_cursor
from registry.db.organisations import Organisation
from registry.domain.credentials import OrganisationKind, Scope
from registry.domain.errors import Code
from registry.operations.list_records import ListOrganisations, Page
from registry.operations.manage_organisations import (
    NAME_LENGTH,
    CreateOrganisation,
    ResumeOrganisation,
    SetLimits,
    SuspendOrganisation,
)
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/organisations", tags=["Operator"], route_class=ProtectedRoute)

RequestsPerMinute = Annotated[Whole, Field(ge=1, le=1_000_000, description="Of each of its keys.")]
NumbersPerDay = Annotated[Whole, Field(ge=0, le=1_000_000_000, description="Numbers asked or submitted, per UTC day.")]


class OrganisationRequest(RequestModel):
    name: Text = Field(min_length=1, max_length=NAME_LENGTH, examples=["Example Logistics"])
    kind: OrganisationKind
    requests_per_minute: RequestsPerMinute | None = None
    numbers_per_day: NumbersPerDay | None = None


class LimitsRequest(RequestModel):
    """What is left out stays as it is."""

    requests_per_minute: RequestsPerMinute | None = None
    numbers_per_day: NumbersPerDay | None = None


class OrganisationModel(AnswerModel):
    id: UUID
    kind: OrganisationKind
    name: str
    requests_per_minute: int
    numbers_per_day: int
    created_at: datetime
    suspended_at: datetime | None = Field(description="Null while its keys work.")

    @classmethod
    def of(cls, organisation: Organisation) -> "OrganisationModel":
        return cls(
            id=organisation.id,
            kind=OrganisationKind(organisation.kind),
            name=organisation.name,
            requests_per_minute=organisation.requests_per_minute,
            numbers_per_day=organisation.numbers_per_day,
            created_at=organisation.created_at,
            suspended_at=organisation.suspended_at,
        )


class OrganisationAnswer(OrganisationModel):
    audit_id: AuditId


class OrganisationList(AnswerModel):
    data: list[OrganisationModel]
    next_cursor: str | None
    audit_id: AuditId


def _answer(answered: Answered[Organisation]) -> OrganisationAnswer:
    return OrganisationAnswer(**dict(OrganisationModel.of(answered.result)), audit_id=answered.audit_id)


@router.post(
    "",
    operation_id="createOrganisation",
    summary="Add an organisation",
    response_model=OrganisationAnswer,
    status_code=201,
    responses=responses(*WRITING, Code.NUMBER_IN_TEXT, Code.NAME_TAKEN),
)
def create_organisation(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, CreateOrganisation))], organisation: OrganisationRequest
) -> Response:
    operation = CreateOrganisation(
        organisation.kind, organisation.name, organisation.requests_per_minute, organisation.numbers_per_day
    )
    return call.write(operation, _answer, 201)


@router.get(
    "",
    operation_id="listOrganisations",
    summary="List the organisations",
    response_model=OrganisationList,
    responses=responses(*PAGED),
)
def list_organisations(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ListOrganisations))],
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Oldest first."""

    def render(answered: Answered[Page[Organisation]]) -> OrganisationList:
        page = answered.result
        return OrganisationList(
            data=[OrganisationModel.of(one) for one in page.items],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    return call.read(ListOrganisations(decode_cursor(cursor), limit), render)


@router.post(
    "/{organisation_id}/suspension",
    operation_id="suspendOrganisation",
    summary="Stop all keys of an organisation at once",
    response_model=OrganisationAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def suspend_organisation(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, SuspendOrganisation))], organisation_id: UUID
) -> Response:
    return call.write(SuspendOrganisation(organisation_id), _answer)


@router.post(
    "/{organisation_id}/resumption",
    operation_id="resumeOrganisation",
    summary="Let a suspended organisation's keys work again",
    response_model=OrganisationAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def resume_organisation(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, ResumeOrganisation))], organisation_id: UUID
) -> Response:
    return call.write(ResumeOrganisation(organisation_id), _answer)


@router.patch(
    "/{organisation_id}/limits",
    operation_id="setLimits",
    summary="Set an organisation's limits",
    response_model=OrganisationAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def set_limits(
    call: Annotated[Call, Depends(call_for(Scope.OPERATOR, SetLimits))], organisation_id: UUID, change: LimitsRequest
) -> Response:
    """They hold from the next request on."""
    return call.write(SetLimits(organisation_id, change.requests_per_minute, change.numbers_per_day), _answer)
