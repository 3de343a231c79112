"""POST /v1/exclusions/removals/files: a file of numbers whose exclusions end, in chunks."""

from collections.abc import Generator, Iterator
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
from api.resources.exclusions import MISTAKEN, SIDES
from api.resources.model import AnswerModel, AuditId, Text
from api.uploads import spool
from registry.domain.errors import Code
from registry.operations.ahead import prepared_ahead
from registry.operations.exclusion_files import (
    ExclusionFile,
    ExclusionLines,
    ExclusionTable,
    RemovalFileOptions,
    RemovalRow,
    Row,
)
from registry.operations.manage_exclusions import side_of
from registry.operations.questions import ItemRefusal
from registry.operations.remove_exclusions import RemovalCounts, RemoveExclusions, Sides, Status, chunks

router = APIRouter(prefix="/v1/exclusions", tags=["Exclusions"], route_class=UploadRoute)
PATH = "/v1/exclusions/removals/files"


class NotExcludedRow(AnswerModel):
    line: int = Field(description="In the file, from 1.")


class ExclusionRemovalFileAnswer(AnswerModel):
    rows: int = Field(description="Rows of data.")
    ended: int = Field(description="Numbers whose exclusion ended now.")
    not_excluded: int = Field(description="Rows whose number your side does not exclude, or not any more.")
    refused: int
    dry_run: bool
    columns: ColumnsModel | None = Field(description="Which were read and which were not. Null for NDJSON.")
    audit_id: AuditId
    audit_ids: list[UUID] = Field(description="One for each chunk of the file.")
    refused_rows: list[RefusedRowModel]
    not_excluded_rows: list[NotExcludedRow]


@router.post(
    "/removals/files",
    operation_id="removeExclusionFile",
    summary="End the exclusions of a file of numbers",
    response_model=ExclusionRemovalFileAnswer,
    responses={
        200: {
            "description": "What became of the rows. With `Accept: application/x-ndjson`, as lines while it happens: "
            "`progress`, `refused`, `not_excluded`, and `summary` or `problem` as the last.",
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
                    "example": "number,region\n(206) 555-0177,US\n(206) 555-0178,US\n",
                },
                NDJSON: {"schema": {"type": "string"}},
            },
        }
    },
)
async def remove_exclusion_file(
    request: Request,
    call: Annotated[Call, Depends(call_for(SIDES, RemoveExclusions))],
    dry_run: Annotated[bool, Query(description="Say what would happen; end nothing.")] = False,
    mapping: Annotated[
        list[Text] | None,
        Query(alias="map", max_length=4, description="`field=column`, for a file with other names; may be repeated."),
    ] = None,
    region: Annotated[Text | None, Query(max_length=16, description="For rows that name none.")] = None,
    organisation: Annotated[
        UUID | None, Query(description="For the operator: whose exclusions to end. Without it: the caller's own.")
    ] = None,
    every: Annotated[
        bool, Query(alias="all", description="For the operator: end the exclusions of every side.")
    ] = False,
    mistaken: Annotated[bool, Query(description=MISTAKEN)] = False,
) -> Response:
    """The same files as for an import, in which only the numbers and their regions are looked at: a file that was
    imported can be sent here as it is. `columns` says which columns were read. Only exclusions of the caller's own side
    end; the operator may end anybody's. While another side still excludes a number, its answers stay what they are. A
    file can be sent again. What has ended already is not called a mistake by it: that is said of single ones, by their
    ids.
    """
    await run_in_threadpool(call.admit, RemoveExclusions.name, numbers=0)
    settings = call.registry.settings
    file = await spool(request, most=settings.file_body_bytes, folder=settings.spool_dir)
    lines = request.headers.get("content-type", "").lower().startswith((NDJSON, "application/ndjson"))
    sides = Sides(organisation, every)
    try:
        call.recorded(sides.require_for, side_of(call.caller))
        options = RemovalFileOptions(call.recorded(column_mapping, mapping or []), region)
        opened = await run_in_threadpool(_open, call, file, options, lines=lines)
    except BaseException:
        file.close()
        raise
    progress = Progress(RemovalCounts())
    taken = chunks(opened, sides, mistaken=mistaken, dry_run=dry_run)
    steps = _steps(call, taken, progress)
    columns = told_columns(opened.columns)
    events = import_events(request, steps, progress, of=opened.rows, dry_run=dry_run, also=columns)

    def release() -> None:
        steps.close()  # what works ahead is still reading the file
        file.close()

    return await import_answer(request, call, events, release, listed=("refused", Status.NOT_EXCLUDED.value))


def _open(call: Call, file: IO[bytes], options: RemovalFileOptions, *, lines: bool) -> ExclusionFile[RemovalRow]:
    settings = call.registry.settings
    if lines:
        opened: ExclusionFile[RemovalRow] = call.recorded(
            ExclusionLines[RemovalRow],
            file,
            options,
            max_rows=settings.file_rows,
            max_line_bytes=settings.json_body_bytes,
        )
    else:
        opened = call.recorded(ExclusionTable[RemovalRow], file, options, max_rows=settings.file_rows)
    call.charge(RemoveExclusions.name, opened.rows)
    return opened


def _steps(
    call: Call, taken: Iterator[tuple[list[Row[RemovalRow]], RemoveExclusions]], progress: Progress[RemovalCounts]
) -> Generator[list[Event]]:
    """One chunk at a time: ended, counted, and its rows given out of which nothing ended."""
    for chunk, operation, prepare in prepared_ahead(call.registry, taken):
        answered = call.run(operation, charged=operation.submitted, prepare=prepare)
        progress.audit_ids.append(str(answered.audit_id))
        progress.counts.add(answered.result)
        events: list[Event] = []
        for row, outcome in zip(chunk, answered.result, strict=True):
            if isinstance(outcome, ItemRefusal):
                events.append(refused_event(row.line, outcome))
            elif outcome is Status.NOT_EXCLUDED:
                events.append({outcome.value: {"line": row.line}})
        yield events
