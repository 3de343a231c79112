"""POST /v1/exclusions/imports: a file of numbers that must never be listed, excluded in chunks."""

from collections.abc import Generator
from datetime import datetime
from typing import IO, Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.calls import Call, call_for
from api.columns import ColumnsModel, told_columns
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
from api.resources.exclusions import SIDES, GivenReason
from api.resources.model import AnswerModel, AuditId, Moment, Text
from api.uploads import spool
from registry.domain.errors import Code
from registry.operations.ahead import prepared_ahead
from registry.operations.exclusion_files import (
    ExclusionFile,
    ExclusionFileOptions,
    ExclusionLines,
    ExclusionRow,
    ExclusionTable,
)
from registry.operations.import_exclusions import ImportCounts, ImportExclusions, chunks, refused_rows
from registry.operations.manage_exclusions import require_future, require_reason, side_of

router = APIRouter(prefix="/v1/exclusions", tags=["Exclusions"], route_class=UploadRoute)
PATH = "/v1/exclusions/imports"


class ExclusionImportAnswer(AnswerModel):
    rows: int = Field(description="Rows of data.")
    added: int = Field(description="Numbers that are excluded since now.")
    extended: int = Field(description="Numbers that your side excluded already, and until later now.")
    already: int = Field(description="Rows whose number your side excludes already: they were left as they are.")
    refused: int
    dry_run: bool
    columns: ColumnsModel | None = Field(description="Which were read and which were not. Null for NDJSON.")
    audit_id: AuditId
    audit_ids: list[UUID] = Field(description="One for each chunk of the file.")
    refused_rows: list[RefusedRowModel]


@router.post(
    "/imports",
    operation_id="importExclusions",
    summary="Exclude a file of numbers",
    response_model=ExclusionImportAnswer,
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
                    "example": "number,region,reason,expires_at\n"
                    "(206) 555-0177,US,own_staff,2027-01-31T00:00:00Z\n(206) 555-0178,US,outreach,\n",
                },
                NDJSON: {"schema": {"type": "string"}},
            },
        }
    },
)
async def import_exclusions(
    request: Request,
    call: Annotated[Call, Depends(call_for(SIDES, ImportExclusions))],
    dry_run: Annotated[bool, Query(description="Say what would happen; exclude nothing.")] = False,
    mapping: Annotated[
        list[Text] | None,
        Query(alias="map", max_length=4, description="`field=column`, for a file with other names; may be repeated."),
    ] = None,
    reason: Annotated[GivenReason | None, Query(description="For rows that name none.")] = None,
    region: Annotated[Text | None, Query(max_length=16, description="For rows that name none.")] = None,
    expires_at: Annotated[Moment | None, Query(description="For rows that name none.")] = None,
) -> Response:
    """Our own header (`number,region,reason,expires_at`, of which only `number` is needed), any other by `map`, a plain
    list of numbers, or NDJSON. `columns` says which columns were read: only the one that was read as `number` is
    excluded. A row with more cells than the header has columns is refused. Numbers that your side excludes already keep
    their reason, and their end is only ever moved to a later one that the file names: so a file can be imported again,
    and one that was cut off half way too. Of a time that is only a day, its first moment (UTC) is meant.
    """
    await run_in_threadpool(call.admit, ImportExclusions.name, numbers=0)
    settings = call.registry.settings
    file = await spool(request, most=settings.file_body_bytes, folder=settings.spool_dir)
    lines = request.headers.get("content-type", "").lower().startswith((NDJSON, "application/ndjson"))
    try:
        options = call.recorded(_options, call, mapping or [], reason, region, expires_at)
        exclusion_file = await run_in_threadpool(_open, call, file, options, lines=lines)
    except BaseException:
        file.close()
        raise
    progress = Progress(ImportCounts())
    steps = _steps(call, exclusion_file, progress, dry_run=dry_run)
    columns = told_columns(exclusion_file.columns)
    events = import_events(request, steps, progress, of=exclusion_file.rows, dry_run=dry_run, also=columns)

    def release() -> None:
        steps.close()  # what works ahead is still reading the file
        file.close()

    return await import_answer(request, call, events, release)


def _options(
    call: Call, mapping: list[str], reason: GivenReason | None, region: str | None, expires_at: datetime | None
) -> ExclusionFileOptions:
    """What no row could be excluded with is refused before any is read."""
    if reason is not None:
        require_reason(reason, side_of(call.caller))
    if expires_at is not None:
        require_future(expires_at, call.registry.clock())
    return ExclusionFileOptions(column_mapping(mapping), reason, region, expires_at)


def _open(call: Call, file: IO[bytes], options: ExclusionFileOptions, *, lines: bool) -> ExclusionFile[ExclusionRow]:
    settings = call.registry.settings
    if lines:
        opened: ExclusionFile[ExclusionRow] = call.recorded(
            ExclusionLines[ExclusionRow],
            file,
            options,
            max_rows=settings.file_rows,
            max_line_bytes=settings.json_body_bytes,
        )
    else:
        opened = call.recorded(ExclusionTable[ExclusionRow], file, options, max_rows=settings.file_rows)
    call.charge(ImportExclusions.name, opened.rows)
    return opened


def _steps(
    call: Call, file: ExclusionFile[ExclusionRow], progress: Progress[ImportCounts], *, dry_run: bool
) -> Generator[list[Event]]:
    """One chunk at a time: excluded, counted, and its refused rows given out."""
    for chunk, operation, prepare in prepared_ahead(call.registry, chunks(file, dry_run=dry_run)):
        answered = call.run(operation, charged=operation.submitted, prepare=prepare)
        progress.audit_ids.append(str(answered.audit_id))
        progress.counts.add(answered.result)
        yield [refused_event(row.line, row.refusal) for row in refused_rows(chunk, answered.result)]
