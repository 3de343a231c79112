"""The audit log as those read it whom it is about: an organisation its own events, the operator all of them."""

import json
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY, PAGED
from api.resources.model import AnswerModel, AuditId, Moment, Text, decode_cursor, encode_cursor
from registry.db.audit_events import ListedEvent
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.operation_names import OperationName
from registry.operations.list_events import EventPage, ListEvents
from registry.operations.operation import Answered
from registry.operations.prove_event import ProveEvent

router = APIRouter(prefix="/v1/audit/events", tags=["Audit log"], route_class=ProtectedRoute)

_COUNT: Final[dict[str, Any]] = {
    "properties": {"submitted": {"type": "integer", "minimum": 0}, "charged": {"type": "integer", "minimum": 0}},
    "required": ["submitted", "charged"],
    "additionalProperties": {"type": "integer", "minimum": 0},
}
_PROOF: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "C2SP tlog-proof, with the event's exact bytes as `extra`.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "headers": {
            "Content-Disposition": {"description": "A name for the file.", "schema": {"type": "string"}},
        },
    }
}
Hex = Annotated[str, Field(pattern="^[0-9a-f]+$")]


class EventActor(AnswerModel):
    """All null for a request whose key is unknown, and for the command line."""

    organisation: UUID | None
    key: str | None = Field(description="The key's public id.")
    on_behalf_of: UUID | None


class EventRequest(AnswerModel):
    id: UUID
    route: str = Field(description="The route's template, or `cli` and a command.", examples=["POST /v1/lookups"])


class EventModel(AnswerModel):
    """An event's members. Without `index`, and written as RFC 8785 says, they are the bytes that its leaf hashes."""

    v: int
    id: UUID = Field(description="The receipt that the answer carried as `audit_id`.")
    time: str = Field(
        description="When the operation was done, to the microsecond.", json_schema_extra={"format": "date-time"}
    )
    operation: str = Field(examples=["look_up"])
    result: str = Field(description="`ok`, or the problem's code.", examples=["ok"])
    actor: EventActor
    purpose: str | None
    case: str | None
    request: EventRequest
    count: Annotated[dict[str, int], Field(json_schema_extra=_COUNT)] = Field(
        description="How many numbers were submitted and charged, and how many of each outcome or status."
    )
    policy: str | None
    generation: int | None
    subjects: Hex | None = Field(description="SHA-256 that binds which disclosures this event made.")
    private: Hex | None = Field(description="SHA-256 that binds the request's address and user agent.")
    nonce: Hex = Field(description="So that the event cannot be guessed from its hash.")
    index: int | None = Field(ge=0, description="Its place in the log; null until it is sealed.")

    @classmethod
    def of(cls, event: ListedEvent) -> "EventModel":
        return cls.model_validate({**json.loads(event.body), "index": event.index})


class EventList(AnswerModel):
    data: list[EventModel]
    next_cursor: str | None
    audit_id: AuditId


@router.get(
    "",
    operation_id="listEvents",
    summary="List audit events",
    response_model=EventList,
    responses=responses(*PAGED, Code.WINDOW_REVERSED),
)
def list_events(
    call: Annotated[Call, Depends(call_for(Scope.AUDIT, ListEvents))],
    organisation: Annotated[UUID | None, Query(description="Only its events.")] = None,
    operation: Annotated[OperationName | None, Query(description="Only this one's events.")] = None,
    since: Annotated[Moment | None, Query(description="At or after it.")] = None,
    until: Annotated[Moment | None, Query(description="Before it.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[Text | None, Query(max_length=64)] = None,
) -> Response:
    """Newest first: your organisation's, or, for the operator, everybody's. Another organisation's `organisation` finds
    nothing, unless you are the operator.

    `since` and `until` are held, in milliseconds, against the moment at which an event's id was made: when its work
    began, which can be a moment before its `time`. This request's own event is not in its answer.
    """

    def render(answered: Answered[EventPage]) -> EventList:
        page = answered.result
        return EventList(
            data=[EventModel.of(event) for event in page.items],
            next_cursor=encode_cursor(page.next),
            audit_id=answered.audit_id,
        )

    name = None if operation is None else operation.value
    return call.read(ListEvents(organisation, name, since, until, decode_cursor(cursor), limit), render)


@router.get(
    "/{event_id}/proof",
    operation_id="proveEvent",
    summary="Prove that an event is in the log",
    response_class=Response,
    responses={**_PROOF, **responses(*ANY, Code.NOT_FOUND, Code.NOT_SEALED)},
)
def prove_event(call: Annotated[Call, Depends(call_for(Scope.AUDIT, ProveEvent))], event_id: UUID) -> Response:
    """A file to keep: the event, its place, and the hashes that lead to a signed checkpoint. It can be verified offline
    with the log's public key alone, whatever becomes of the registry.
    """
    operation = ProveEvent(event_id)
    receipt = call.run(operation, charged=call.admit(operation)).result
    headers = {**call.headers(), "Content-Disposition": f'attachment; filename="event-{event_id}.tlog-proof"'}
    return Response(receipt.text(), 200, headers, "text/plain; charset=utf-8")
