"""Exclusions: numbers that are never listed. For investigators and the operator, each on its own side."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Query, Response
from pydantic import Field, WithJsonSchema

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import NUMBER, PAGED, WRITING
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
from registry.db.exclusions import Exclusion
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.exclusions import GIVEN_REASONS, INVESTIGATORS_REASONS, ExclusionReason
from registry.operations.list_records import ListExclusions, Page
from registry.operations.manage_exclusions import AddExclusion, EndExclusion, Excluded, RemoveExclusion
from registry.operations.operation import Answered

router = APIRouter(prefix="/v1/exclusions", tags=["Exclusions"], route_class=ProtectedRoute)
SIDES: Final = frozenset({Scope.HITS, Scope.OPERATOR})
"""Who records contacts may say which of them must never count, and so may the operator."""

_GIVEN: Final = (
    "Why it must never be listed. An investigator's reasons are "
    f"{', '.join(f'`{reason}`' for reason in INVESTIGATORS_REASONS)}; the others are the operator's."
)
MISTAKEN: Final = (
    "It should never have been: the number's contacts from before its end count again. Otherwise they stay out for "
    "good."
)
GivenReason = Annotated[
    ExclusionReason,
    WithJsonSchema({"type": "string", "enum": [reason.value for reason in GIVEN_REASONS], "description": _GIVEN}),
]


class ExclusionRequest(RequestModel):
    number: NumberText
    region: Region | None = None
    reason: GivenReason
    expires_at: Moment | None = None


class ExclusionRemoval(RequestModel):
    number: NumberText
    region: Region | None = None
    organisation: Identifier | None = Field(
        default=None, description="For the operator: whose exclusion to end. Without it: the caller's own."
    )
    all: Flag = Field(default=False, description="For the operator: end the exclusions of every side.")
    mistaken: Flag = Field(default=False, description=MISTAKEN)


class ExclusionEnd(RequestModel):
    mistaken: Flag = Field(default=False, description=MISTAKEN)


_NO_MISTAKE: Final = ExclusionEnd()


class ExclusionAnswer(AnswerModel):
    id: UUID
    reason: ExclusionReason
    expires_at: datetime | None
    audit_id: AuditId


class RemovalAnswer(AnswerModel):
    id: UUID = Field(description="The exclusion that was ended, or called a mistake.")
    ids: list[UUID] = Field(description="All of them: several where `all` was asked.")
    given_back: list[UUID] = Field(
        description=(
            "Those of them after which contacts from before count again: they were `mistaken`, or a flood's hold that"
            " was ended before its time."
        )
    )
    audit_id: AuditId


class ExclusionModel(AnswerModel):
    """Without its number, which is not stored."""

    id: UUID
    reason: ExclusionReason
    expires_at: datetime | None
    created_at: datetime
    removed_at: datetime | None
    mistaken: bool = Field(description="Contacts from before its end count all the same.")
    covers_since: datetime | None = Field(
        description=(
            "Of a flood's hold: when the flood began. If the hold ends by itself, what happened from then until its end"
            " does not count, and what happened before does."
        )
    )
    expired: bool = Field(description="Its own time has ended it.")
    organisation_id: UUID | None = Field(description="The investigator that added it; null: the operator's side.")
    organisation: str | None


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
    call: Annotated[Call, Depends(call_for(SIDES, AddExclusion))], exclusion: ExclusionRequest
) -> Response:
    """From now on every question about the number is answered like one that nobody ever saw, whoever asks. It stays so
    whatever contacts are recorded or imported, until its end or until the side that added it, or the operator, removes
    it. Whether another side excludes the number too is not told.
    """

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
    call: Annotated[Call, Depends(call_for(SIDES, RemoveExclusion))], removal: ExclusionRemoval
) -> Response:
    """Only of the caller's own side; the operator may end anybody's, with `organisation` or `all`. Without either, a
    number that the operator's side does not exclude is `not_found`, whatever others do. While another side still
    excludes the number, its answers stay what they are. Afterwards only what happens from now on counts, unless the
    exclusion was `mistaken`.
    """
    operation = RemoveExclusion(removal.number, removal.region, removal.organisation, removal.all, removal.mistaken)
    return call.write(operation, _removed)


@router.post(
    "/{exclusion_id}/removal",
    operation_id="endExclusion",
    summary="End an exclusion of the list",
    response_model=RemovalAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def end_exclusion(
    call: Annotated[Call, Depends(call_for(SIDES, EndExclusion))],
    exclusion_id: UUID,
    end: Annotated[ExclusionEnd, Body()] = _NO_MISTAKE,
) -> Response:
    """By its id, for which nobody has to know the number. An investigator ends its own, the operator anybody's. Only
    what happens from now on counts, unless the exclusion was `mistaken`: that can also be said of one that has ended.
    """
    return call.write(EndExclusion(exclusion_id, end.mistaken), _removed)


def _removed(done: Answered[dict[UUID, bool]]) -> RemovalAnswer:
    ids = list(done.result)
    return RemovalAnswer(
        id=ids[0], ids=ids, given_back=[one for one in ids if done.result[one]], audit_id=done.audit_id
    )


@router.get(
    "",
    operation_id="listExclusions",
    summary="List the exclusions",
    response_model=ExclusionList,
    responses=responses(*PAGED),
)
def list_exclusions(
    call: Annotated[Call, Depends(call_for(SIDES, ListExclusions))],
    organisation: Annotated[UUID | None, Query(description="Only those that it added.")] = None,
    active: Annotated[
        bool | None, Query(description="Only those that are in force, or only those that were removed or have expired.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Newest first, ended ones too unless `active` says otherwise, without numbers: an investigator's own, or for the
    operator everybody's. Another organisation's `organisation` finds nothing, unless you are the operator.
    """

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
                    mistaken=one.mistaken,
                    covers_since=one.covers_since,
                    expired=one.expired(answered.at),
                    organisation_id=one.organisation_id,
                    organisation=one.organisation,
                )
                for one in page.items
            ],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    return call.read(ListExclusions(decode_cursor(cursor), limit, organisation, active), render)
