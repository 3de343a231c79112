"""POST /v1/checks/files: a table in, the same table out with the answers appended."""

from collections.abc import AsyncIterator, Generator
from typing import IO, Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import UploadRoute
from api.resources.common_problems import UPLOAD
from api.resources.model import CaseRef, Text
from api.streams import ReleasingStream
from api.uploads import spool
from registry.domain.checked_table import QuestionColumns
from registry.domain.credentials import Purpose, Scope
from registry.domain.errors import Code
from registry.domain.tables import survey
from registry.operations.ahead import prepared_ahead
from registry.operations.check_file import CheckedFile, CheckFileChunk, FileQuestions

router = APIRouter(prefix="/v1", tags=["Questions"], route_class=UploadRoute)
PATH = "/v1/checks/files"

Column = Annotated[Text | None, Query(max_length=200)]


@router.post(
    "/checks/files",
    operation_id="checkFile",
    summary="Check a file",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The same rows in the same order, with columns appended: outcome, reason, grade, contacts, "
            "decoys, organisations, first_contact, last_contact, channels, policy, notes, problem, audit_id.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
            "headers": {
                "Link": {"description": "rel=help: what to do next.", "schema": {"type": "string"}},
            },
        },
        **responses(*UPLOAD, Code.NUMBER_IN_TEXT),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "Phone,Since\n(206) 555-0177,2026-01-15\n",
                }
            },
        }
    },
)
async def check_file(
    request: Request,
    call: Annotated[Call, Depends(call_for(Scope.LOOKUPS, CheckFileChunk))],
    purpose: Annotated[Purpose, Query(description="Why you ask. Goes to the audit log.")],
    case_ref: Annotated[CaseRef | None, Query()] = None,
    number_column: Column = None,
    region_column: Column = None,
    since_column: Column = None,
    until_column: Column = None,
    region: Annotated[Text | None, Query(max_length=16, description="For rows that name none.")] = None,
) -> Response:
    """Any delimiter, quoting, encoding and line ending; the answer keeps them. Up to 1,000,000 rows.

    Each row is answered by itself; one that cannot be says why in `problem`. The whole file is charged before the
    first answer. An answer that breaks off is incomplete: run it again.
    """
    await run_in_threadpool(call.admit, CheckFileChunk.name, numbers=0)
    settings = call.registry.settings
    file = await spool(request, most=settings.file_body_bytes, folder=settings.spool_dir)
    columns = QuestionColumns(number_column, region_column, since_column, until_column, region)
    questions = FileQuestions(purpose, case_ref, columns)
    try:
        parts = await run_in_threadpool(_begin, call, file, questions)
    except BaseException:
        file.close()
        raise
    headers = {**call.headers(), "Link": f'<{settings.guidance_url}>; rel="help"'}

    def release() -> None:
        parts.close()  # what works ahead is still reading the file
        file.close()

    return ReleasingStream(_stream(request, parts), headers, "text/csv", release)


def _begin(call: Call, file: IO[bytes], questions: FileQuestions) -> Generator[bytes, None, None]:
    """Surveys, charges and answers the first chunk, so that whatever can be refused is refused with a status."""
    found = call.recorded(survey, file, max_rows=call.registry.settings.file_rows)
    checked = call.recorded(CheckedFile, file, found, questions)
    call.charge(CheckFileChunk.name, checked.rows)
    parts = _answers(call, checked)
    first = next(parts)
    return _chain(first, parts)


def _chain(first: bytes, rest: Generator[bytes, None, None]) -> Generator[bytes, None, None]:
    yield first
    yield from rest


def _answers(call: Call, checked: CheckedFile) -> Generator[bytes, None, None]:
    waiting = checked.header()
    for chunk, operation, prepare in prepared_ahead(call.registry, checked.chunks()):
        answered = call.run(operation, charged=operation.submitted, prepare=prepare)
        waiting += checked.answered(chunk, answered.result, str(answered.audit_id))
        yield waiting
        waiting = b""


async def _stream(request: Request, parts: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Stops at the next chunk when the client has gone."""
    while (part := await run_in_threadpool(next, parts, None)) is not None:
        yield part
        if await request.is_disconnected():
            return
