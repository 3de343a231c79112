"""Decoys: an investigator's lines. The operator sees everybody's, and may quarantine and release them."""

from datetime import date, datetime
from typing import Annotated, Final
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
    Day,
    Moment,
    NumberText,
    Region,
    RequestModel,
    Text,
    decode_cursor,
    encode_cursor,
)
from registry.db.decoys import Decoy, ListedDecoy
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.policy import Role
from registry.operations.list_records import WITHHELD_DAYS, ListDecoys, Page
from registry.operations.manage_decoys import LABEL_LENGTH, ChangeDecoy, RegisterDecoy
from registry.operations.operation import Answered
from registry.operations.quarantine_decoy import QuarantineDecoy, QuarantineReason, ReleaseDecoy

router = APIRouter(prefix="/v1/decoys", tags=["Decoys"], route_class=ProtectedRoute)
WATCHING: Final = frozenset({Scope.DECOYS, Scope.OPERATOR})
"""Who has a line may look at it and take it out of the count, and so may the operator."""

LabelText = Annotated[Text, Field(min_length=1, max_length=LABEL_LENGTH, examples=["Line 4, north side"])]


class DecoyRequest(RequestModel):
    label: LabelText = Field(description="Yours, to tell your lines apart. Without numbers.")
    number: NumberText
    role: Role
    region: Region | None = None
    live_from: Moment | None = Field(None, description="Contacts before it do not count.")
    live_until: Moment | None = Field(
        None,
        description="Contacts at or after it do not count. Until then the line's own number is never listed: set it"
        " when the number goes back to its carrier.",
    )
    acquired_on: Day | None = Field(None, description="When you got the line; its first days do not count.")


class DecoyChange(RequestModel):
    """Only what is sent is changed; null clears a date or the region."""

    label: LabelText | None = None
    number: NumberText | None = None
    role: Role | None = None
    region: Region | None = None
    live_from: Moment | None = None
    live_until: Moment | None = None
    acquired_on: Day | None = None


class DecoyModel(AnswerModel):
    """A registered line. Its number is not stored; provider logs find it by its tag."""

    id: UUID
    label: str
    role: Role
    region: str | None
    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    created_at: datetime
    updated_at: datetime
    quarantined_at: datetime | None = Field(description="None of its contacts counts while this is set.")
    quarantine_reason: QuarantineReason | None = Field(
        description="`manual`: its owner asked for it. `flood`: it had far more contacts than usual. `operator`: the "
        "registry's operator asked for it, and alone releases it."
    )

    @classmethod
    def of(cls, decoy: Decoy) -> "DecoyModel":
        return cls(
            id=decoy.id,
            label=decoy.label,
            role=Role(decoy.role),
            region=decoy.region,
            live_from=decoy.live_from,
            live_until=decoy.live_until,
            acquired_on=decoy.acquired_on,
            created_at=decoy.created_at,
            updated_at=decoy.updated_at,
            quarantined_at=decoy.quarantined_at,
            quarantine_reason=None if decoy.quarantine_reason is None else QuarantineReason(decoy.quarantine_reason),
        )


class DecoyAnswer(DecoyModel):
    audit_id: AuditId


class ListedDecoyModel(DecoyModel):
    organisation_id: UUID = Field(description="Whose line it is.")
    organisation: str
    withheld_contacts: int = Field(
        description=f"Callers of the last {WITHHELD_DAYS} days that withheld their number, as the provider told. "
        "They are no hits, and count against nobody."
    )
    last_intake_day: date | None = Field(
        description="Whether the line's webhook works: the UTC day of the last contact that a provider told of, in a "
        "signed request. Null: of none so far. Contacts that you submit or import yourself leave it as it is."
    )

    @classmethod
    def listed(cls, decoy: ListedDecoy) -> "ListedDecoyModel":
        return cls(
            **dict(DecoyModel.of(decoy)),
            organisation_id=decoy.organisation_id,
            organisation=decoy.organisation,
            withheld_contacts=decoy.withheld_contacts,
            last_intake_day=decoy.last_intake_day,
        )


class DecoyList(AnswerModel):
    data: list[ListedDecoyModel]
    next_cursor: str | None
    audit_id: AuditId


def _answer(answered: Answered[Decoy]) -> DecoyAnswer:
    return DecoyAnswer(**dict(DecoyModel.of(answered.result)), audit_id=answered.audit_id)


@router.post(
    "",
    operation_id="createDecoy",
    summary="Register a line",
    response_model=DecoyAnswer,
    status_code=201,
    responses=responses(
        *WRITING, *NUMBER, Code.NUMBER_IN_TEXT, Code.DATE_IN_FUTURE, Code.WINDOW_REVERSED, Code.DECOY_NUMBER_TAKEN
    ),
)
def create_decoy(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, RegisterDecoy))], decoy: DecoyRequest
) -> Response:
    operation = RegisterDecoy(
        label=decoy.label,
        number=decoy.number,
        role=decoy.role,
        region=decoy.region,
        live_from=decoy.live_from,
        live_until=decoy.live_until,
        acquired_on=decoy.acquired_on,
    )
    return call.write(operation, _answer, 201)


@router.get(
    "",
    operation_id="listDecoys",
    summary="List the lines",
    response_model=DecoyList,
    responses=responses(*PAGED),
)
def list_decoys(
    call: Annotated[Call, Depends(call_for(WATCHING, ListDecoys))],
    organisation: Annotated[UUID | None, Query(description="Only its lines.")] = None,
    quarantined: Annotated[
        bool | None, Query(description="Only lines that are in quarantine, or only those that are not.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Newest first: your own lines, or, for the operator, everybody's. Another organisation's `organisation` finds
    nothing, unless you are the operator.
    """

    def render(answered: Answered[Page[ListedDecoy]]) -> DecoyList:
        page = answered.result
        return DecoyList(
            data=[ListedDecoyModel.listed(decoy) for decoy in page.items],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    return call.read(ListDecoys(decode_cursor(cursor), limit, organisation, quarantined), render)


@router.patch(
    "/{decoy_id}",
    operation_id="changeDecoy",
    summary="Change a line",
    response_model=DecoyAnswer,
    responses=responses(
        *WRITING,
        *NUMBER,
        Code.NOT_FOUND,
        Code.NUMBER_IN_TEXT,
        Code.DATE_IN_FUTURE,
        Code.WINDOW_REVERSED,
        Code.DECOY_NUMBER_TAKEN,
        Code.ROLE_IN_USE,
    ),
)
def change_decoy(
    call: Annotated[Call, Depends(call_for(Scope.DECOYS, ChangeDecoy))], decoy_id: UUID, change: DecoyChange
) -> Response:
    """Other dates change at once what the line's hits amount to. Another number leaves an exclusion of the old one that
    has ended, so that what it did while it was the line's never counts. The role of a line that has hits which are not
    retracted stays what it is: register another line, and end this one with `live_until`.
    """
    changes = {name: getattr(change, name) for name in change.model_fields_set}
    if isinstance(changes.get("role"), Role):
        changes["role"] = changes["role"].value
    return call.write(ChangeDecoy(decoy_id, changes), _answer)


@router.post(
    "/{decoy_id}/quarantine",
    operation_id="quarantineDecoy",
    summary="Put a line into quarantine",
    response_model=DecoyAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND),
)
def quarantine_decoy(call: Annotated[Call, Depends(call_for(WATCHING, QuarantineDecoy))], decoy_id: UUID) -> Response:
    """From now on none of its contacts counts, those before included. It goes on recording them. Asked again it changes
    nothing; but asked by the operator, who may ask it for anybody's line, it is the operator's from then on.
    """
    return call.write(QuarantineDecoy(decoy_id), _answer)


@router.post(
    "/{decoy_id}/release",
    operation_id="releaseDecoy",
    summary="Release a line from quarantine",
    response_model=DecoyAnswer,
    responses=responses(*WRITING, Code.NOT_FOUND, Code.QUARANTINED_BY_OPERATOR),
)
def release_decoy(call: Annotated[Call, Depends(call_for(WATCHING, ReleaseDecoy))], decoy_id: UUID) -> Response:
    """All its contacts count again, those recorded meanwhile too: retract those that should not. Asked again it changes
    nothing. What the operator has put into quarantine the operator alone releases.
    """
    return call.write(ReleaseDecoy(decoy_id), _answer)
