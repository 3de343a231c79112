"""POST /v1/hits/imports: a file of contacts, recorded in chunks."""

import json
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from typing import IO, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.calls import Call, call_for
from api.problems import problem_document, responses
from api.refusals import UploadRoute
from api.resources.common_problems import UPLOAD
from api.resources.model import AnswerModel, AuditId, Text
from api.streams import ReleasingStream
from api.uploads import spool
from registry.domain.credentials import Scope
from registry.domain.errors import Code, Refused
from registry.domain.policy import Channel
from registry.operations.ahead import prepared_ahead
from registry.operations.hit_files import HitFile, HitFileOptions, HitLines, HitTable, Layout
from registry.operations.import_hits import ImportCounts, chunks, refused_rows
from registry.operations.record_hits import RecordHitsChunk

router = APIRouter(prefix="/v1/hits", tags=["Hits"], route_class=UploadRoute)
PATH = "/v1/hits/imports"
NDJSON = "application/x-ndjson"

Event = dict[str, Any]


class RefusedRowModel(AnswerModel):
    line: int = Field(description="In the file, from 1.")
    code: Code
    field: str
    detail: str


class ImportAnswer(AnswerModel):
    rows: int = Field(description="Rows of data, ignored ones included.")
    recorded: int
    duplicate: int
    refused: int
    ignored: int = Field(description="Rows that are no contact, such as a log's outbound messages.")
    dry_run: bool
    audit_id: AuditId
    audit_ids: list[UUID] = Field(description="One for each chunk of the file.")
    refused_rows: list[RefusedRowModel]


@router.post(
    "/imports",
    operation_id="importHits",
    summary="Import a file of contacts",
    response_model=ImportAnswer,
    responses={
        200: {
            "description": "What became of the rows. With `Accept: application/x-ndjson`, as lines while it happens: "
            "`progress`, `refused`, and `summary` or `problem` as the last.",
            "content": {NDJSON: {"schema": {"type": "string"}}},
        },
        **responses(*UPLOAD, Code.TOO_MANY_ITEMS),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": "source_id,decoy_id,number,region,channel,occurred_at\n"
                    "SM01,0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d,(206) 555-0177,US,sms,2026-03-01T10:00:00Z\n",
                },
                NDJSON: {"schema": {"type": "string"}},
            },
        }
    },
)
async def import_hits(
    request: Request,
    call: Annotated[Call, Depends(call_for(Scope.HITS, RecordHitsChunk))],
    dry_run: Annotated[bool, Query(description="Say what would happen; record nothing.")] = False,
    layout: Annotated[Layout, Query(alias="format")] = Layout.AUTO,
    mapping: Annotated[
        list[Text] | None,
        Query(alias="map", max_length=9, description="`field=column`, for a file with other names; may be repeated."),
    ] = None,
    decoy_id: Annotated[UUID | None, Query(description="For rows that name none.")] = None,
    channel: Annotated[Channel | None, Query(description="For rows that name none.")] = None,
    region: Annotated[Text | None, Query(max_length=16, description="For rows that name none.")] = None,
) -> Response:
    """Our own header (`source_id,decoy_id,number,region,channel,occurred_at,attestation,diverted`), Twilio's message
    log, any other by `map`, or NDJSON with the members of a hit. Rows that were recorded before are duplicates, so a
    file can be imported again, and one that was cut off half way too.
    """
    await run_in_threadpool(call.admit, RecordHitsChunk.name, numbers=0)
    settings = call.registry.settings
    file = await spool(request, most=settings.file_body_bytes, folder=settings.spool_dir)
    if request.headers.get("content-type", "").lower().startswith((NDJSON, "application/ndjson")):
        layout = Layout.NDJSON
    try:
        options = call.recorded(_options, layout, mapping or [], decoy_id, channel, region)
        hit_file = await run_in_threadpool(_open, call, file, options)
    except BaseException:
        file.close()
        raise
    progress = _Progress()
    steps = _steps(call, hit_file, progress, dry_run=dry_run)
    events = _events(request, steps, progress, of=hit_file.rows, dry_run=dry_run)

    def release() -> None:
        steps.close()  # what works ahead is still reading the file
        file.close()

    if NDJSON in request.headers.get("accept", ""):
        return ReleasingStream(_lines(events, call), call.headers(), NDJSON, release)
    try:
        return await _whole(events, call)
    finally:
        await run_in_threadpool(release)


def _options(
    layout: Layout, mapping: list[str], decoy_id: UUID | None, channel: Channel | None, region: str | None
) -> HitFileOptions:
    pairs = [entry.partition("=") for entry in mapping]
    if any(not name or not column for name, _, column in pairs):
        raise Refused(Code.INVALID_VALUE, "A mapping is written field=column.")
    return HitFileOptions(layout, {name.strip(): column for name, _, column in pairs}, decoy_id, channel, region)


def _open(call: Call, file: IO[bytes], options: HitFileOptions) -> HitFile:
    settings = call.registry.settings
    if options.layout is Layout.NDJSON:
        opened: HitFile = call.recorded(
            HitLines, file, options, max_rows=settings.file_rows, max_line_bytes=settings.json_body_bytes
        )
    else:
        opened = call.recorded(HitTable, file, options, max_rows=settings.file_rows)
    call.charge(RecordHitsChunk.name, opened.rows)
    return opened


@dataclass
class _Progress:
    counts: ImportCounts = field(default_factory=ImportCounts)
    audit_ids: list[str] = field(default_factory=list[str])


async def _events(
    request: Request, steps: Iterator[list[Event]], progress: _Progress, *, of: int, dry_run: bool
) -> AsyncIterator[Event]:
    """What happens, as it happens. Stops at the next chunk when the client has gone."""
    counts, audit_ids = progress.counts, progress.audit_ids
    while (events := await run_in_threadpool(next, steps, None)) is not None:
        for event in events:
            yield event
        yield {"progress": {"rows": counts.rows, "of": of}}
        if await request.is_disconnected():
            return
    yield {"summary": {**vars(counts), "dry_run": dry_run, "audit_id": audit_ids[-1], "audit_ids": audit_ids}}


def _steps(call: Call, hit_file: HitFile, progress: _Progress, *, dry_run: bool) -> Generator[list[Event], None, None]:
    """One chunk at a time: recorded, counted, and its refused rows given out."""
    for chunk, operation, prepare in prepared_ahead(call.registry, chunks(hit_file, dry_run=dry_run)):
        answered = call.run(operation, charged=operation.submitted, prepare=prepare)
        progress.audit_ids.append(str(answered.audit_id))
        progress.counts.add(len(chunk), answered.result)
        yield [
            {
                "refused": {
                    "line": row.line,
                    "code": row.refusal.code.value,
                    "field": row.refusal.field,
                    "detail": row.refusal.detail,
                }
            }
            for row in refused_rows(chunk, answered.result)
        ]


async def _lines(events: AsyncIterator[Event], call: Call) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield json.dumps(event).encode() + b"\n"
    except Refused as refused:
        document = problem_document(refused, instance=str(call.request.id))
        yield json.dumps({"problem": document}).encode() + b"\n"


async def _whole(events: AsyncIterator[Event], call: Call) -> Response:
    """One JSON document. Refused rows wait in a file, not in memory, until the counts before them are known."""
    waiting = tempfile.SpooledTemporaryFile(max_size=1_048_576)  # noqa: SIM115 - closed when it is sent
    summary: Event = {}
    try:
        async for event in events:
            if "refused" in event:
                waiting.write((b"," if waiting.tell() else b"") + json.dumps(event["refused"]).encode())
            summary = event.get("summary", summary)
        if not summary:
            raise Refused(Code.UPLOAD_INCOMPLETE, "The client went away.")
    except BaseException:
        waiting.close()
        raise

    def parts() -> Iterator[bytes]:
        with waiting:
            yield json.dumps(summary).encode()[:-1] + b', "refused_rows": ['
            waiting.seek(0)
            while part := waiting.read(65_536):
                yield part
            yield b"]}"

    return StreamingResponse(parts(), 200, call.headers(), "application/json")
