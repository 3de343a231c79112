"""POST /v1/hits/imports: a file of contacts, recorded in chunks."""

from collections.abc import Generator
from typing import IO, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.calls import Call, call_for
from api.imports import (
    NDJSON,
    Event,
    Progress,
    RefusedRowModel,
    column_mapping,
    import_answer,
    import_events,
    refused_event,
)
from api.problems import responses
from api.refusals import UploadRoute
from api.resources.common_problems import UPLOAD
from api.resources.model import AnswerModel, AuditId, Text
from api.uploads import spool
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.policy import Channel
from registry.operations.ahead import prepared_ahead
from registry.operations.hit_files import HitFile, HitFileOptions, HitLines, HitTable, Layout
from registry.operations.import_hits import ImportCounts, chunks, refused_rows
from registry.operations.record_hits import RecordHitsChunk

router = APIRouter(prefix="/v1/hits", tags=["Hits"], route_class=UploadRoute)
PATH = "/v1/hits/imports"


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
        Query(alias="map", max_length=10, description="`field=column`, for a file with other names; may be repeated."),
    ] = None,
    decoy_id: Annotated[UUID | None, Query(description="For rows that name none.")] = None,
    channel: Annotated[Channel | None, Query(description="For rows that name none.")] = None,
    region: Annotated[Text | None, Query(max_length=16, description="For rows that name none.")] = None,
) -> Response:
    """Our own header (`source_id,decoy_id,number,region,channel,occurred_at,attestation,verification,diverted`),
    Twilio's message log, any other by `map`, or NDJSON with the members of a hit. Rows that were recorded before are
    duplicates, so a file can be imported again, and one that was cut off half way too.
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
    progress = Progress(ImportCounts())
    steps = _steps(call, hit_file, progress, dry_run=dry_run)
    events = import_events(request, steps, progress, of=hit_file.rows, dry_run=dry_run)

    def release() -> None:
        steps.close()  # what works ahead is still reading the file
        file.close()

    return await import_answer(request, call, events, release)


def _options(
    layout: Layout, mapping: list[str], decoy_id: UUID | None, channel: Channel | None, region: str | None
) -> HitFileOptions:
    return HitFileOptions(layout, column_mapping(mapping), decoy_id, channel, region)


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


def _steps(call: Call, hit_file: HitFile, progress: Progress[ImportCounts], *, dry_run: bool) -> Generator[list[Event]]:
    """One chunk at a time: recorded, counted, and its refused rows given out."""
    for chunk, operation, prepare in prepared_ahead(call.registry, chunks(hit_file, dry_run=dry_run)):
        answered = call.run(operation, charged=operation.submitted, prepare=prepare)
        progress.audit_ids.append(str(answered.audit_id))
        progress.counts.add(len(chunk), answered.result)
        yield [refused_event(row.line, row.refusal) for row in refused_rows(chunk, answered.result)]
