"""POST /v1/hits/retractions: the contacts on one line that occurred in a stretch of time, taken back in chunks."""

from itertools import islice
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY, BODY
from api.resources.hits import RETRACTING
from api.resources.model import AnswerModel, AuditId, Flag, Identifier, Moment, RequestModel
from registry.domain.errors import Code
from registry.domain.windows import Window
from registry.operations.retract_hit import RetractionReason
from registry.operations.retract_hits import (
    CHUNK_HITS,
    RehearseRetractions,
    RetractHits,
    retract_in_chunks,
)

router = APIRouter(prefix="/v1/hits", tags=["Hits"], route_class=ProtectedRoute)
MOST_CHUNKS: Final = 5
MOST_HITS: Final = MOST_CHUNKS * CHUNK_HITS


class RetractionsRequest(RequestModel):
    decoy_id: Identifier
    since: Moment | None = Field(None, description="Only contacts that occurred at or after it.")
    until: Moment | None = Field(None, description="Only contacts that occurred before it.")
    reason: RetractionReason
    dry_run: Flag = Field(default=False, description="Say how many would be retracted; retract none.")


class RetractionsAnswer(AnswerModel):
    retracted: int = Field(
        description="By this request. With `dry_run`: how many would be, in as many requests as it takes."
    )
    remaining: int = Field(description="What is left of them. Send the request again until it is 0.")
    dry_run: bool
    audit_id: AuditId
    audit_ids: list[UUID] = Field(description="One for each chunk of contacts.")


@router.post(
    "/retractions",
    operation_id="retractHits",
    summary="Take back the contacts of a line",
    response_model=RetractionsAnswer,
    responses=responses(*ANY, *BODY, Code.NOT_FOUND, Code.WINDOW_REVERSED),
    description=f"All contacts on one of your lines, or for the operator on anybody's, that occurred in the window and "
    f"are not retracted yet; without a window, whenever they occurred. They stay on record and count no more.\n\n"
    f"At most {MOST_HITS:,} in one request, in chunks that are each done as a whole: `remaining` says what is left. "
    f"What is retracted stays so where a later chunk fails. Sent again, it does the rest, so it takes no "
    f"Idempotency-Key. Contacts that arrive meanwhile are retracted too if a chunk finds them: give `until`.",
)
def retract_hits(
    call: Annotated[Call, Depends(call_for(RETRACTING, RetractHits))], retraction: RetractionsRequest
) -> Response:
    kind = RehearseRetractions if retraction.dry_run else RetractHits
    operation = kind(retraction.decoy_id, Window(retraction.since, retraction.until), retraction.reason)
    charged = call.admit(operation)
    chunks = retract_in_chunks(operation, lambda chunk: call.run(chunk, charged=charged))
    *_, done = islice(chunks, MOST_CHUNKS)
    answer = RetractionsAnswer(
        retracted=done.retracted,
        remaining=done.remaining,
        dry_run=retraction.dry_run,
        audit_id=done.audit_ids[-1],
        audit_ids=done.audit_ids,
    )
    return call.respond(answer, 200)
