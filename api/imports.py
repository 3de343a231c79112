"""Answering an import: what becomes of a file's rows, told line by line while it happens or as one document at the end.

Whose rows they are is the resource's business. Nothing here holds more of a file than the chunk that is dealt with.
"""

import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from fastapi import Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api.calls import Call
from api.problems import problem_document
from api.resources.model import AnswerModel
from api.streams import ReleasingStream
from registry.domain.errors import Code, Refused
from registry.operations.questions import ItemRefusal

NDJSON: Final = "application/x-ndjson"

Event = dict[str, Any]


class Counts(Protocol):
    """What became of the rows: plain attributes, which are the summary's members."""

    rows: int


C = TypeVar("C", bound=Counts)


@dataclass
class Progress(Generic[C]):
    counts: C
    audit_ids: list[str] = field(default_factory=list[str])


class RefusedRowModel(AnswerModel):
    line: int = Field(description="In the file, from 1.")
    code: Code
    field: str
    detail: str


def column_mapping(entries: Sequence[str]) -> dict[str, str]:
    """From `field=column` texts. Raises Refused."""
    pairs = [entry.partition("=") for entry in entries]
    if any(not name or not column for name, _, column in pairs):
        raise Refused(Code.INVALID_VALUE, "A mapping is written field=column.")
    return {name.strip(): column for name, _, column in pairs}


def refused_event(line: int, refusal: ItemRefusal) -> Event:
    return {
        "refused": {"line": line, "code": refusal.code.value, "field": refusal.field, "detail": refusal.detail},
    }


async def import_events(
    request: Request,
    steps: Iterator[list[Event]],
    progress: Progress[C],
    *,
    of: int,
    dry_run: bool,
    also: Mapping[str, Any] | None = None,
) -> AsyncIterator[Event]:
    """What happens, as it happens. Stops at the next chunk when the client has gone. also: more of the summary."""
    counts, audit_ids = progress.counts, progress.audit_ids
    while (events := await run_in_threadpool(next, steps, None)) is not None:
        for event in events:
            yield event
        yield {"progress": {"rows": counts.rows, "of": of}}
        if await request.is_disconnected():
            return
    receipts = {"audit_id": audit_ids[-1], "audit_ids": audit_ids}
    yield {"summary": {**vars(counts), "dry_run": dry_run, **(also or {}), **receipts}}


async def import_answer(
    request: Request,
    call: Call,
    events: AsyncIterator[Event],
    release: Callable[[], None],
    *,
    listed: Sequence[str] = ("refused",),
) -> Response:
    """Lines where the client asks for them, else one document. release: waits for what works ahead, closes the file.

    listed: the events that the document lists under their name and `_rows`.
    """
    if NDJSON in request.headers.get("accept", ""):
        return ReleasingStream(_lines(events, call), call.headers(), NDJSON, release)
    try:
        return await _whole(events, call, listed)
    finally:
        await run_in_threadpool(release)


async def _lines(events: AsyncIterator[Event], call: Call) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield json.dumps(event).encode() + b"\n"
    except Refused as refused:
        document = problem_document(refused, instance=str(call.request.id))
        yield json.dumps({"problem": document}).encode() + b"\n"


async def _whole(events: AsyncIterator[Event], call: Call, listed: Sequence[str]) -> Response:
    """One JSON document. Listed rows wait in files, not in memory, until the counts before them are known."""
    with ExitStack() as closing:
        waiting = {name: closing.enter_context(tempfile.SpooledTemporaryFile(max_size=1_048_576)) for name in listed}
        summary: Event = {}
        async for event in events:
            for name in event.keys() & waiting.keys():
                file = waiting[name]
                file.write((b"," if file.tell() else b"") + json.dumps(event[name]).encode())
            summary = event.get("summary", summary)
        if not summary:
            raise Refused(Code.UPLOAD_INCOMPLETE, "The client went away.")
        sent = closing.pop_all()

    def parts() -> Iterator[bytes]:
        with sent:
            yield json.dumps(summary).encode()[:-1]
            for name, file in waiting.items():
                yield f', "{name}_rows": ['.encode()
                file.seek(0)
                while part := file.read(65_536):
                    yield part
                yield b"]"
            yield b"}"

    return StreamingResponse(parts(), 200, call.headers(), "application/json")
