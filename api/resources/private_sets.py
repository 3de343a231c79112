"""GET /v1/private/set and its buckets: what a private check's client compares with (docs/private-checks.md)."""

from collections.abc import AsyncIterator
from typing import IO, Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.calls import Call, call_for
from api.problems import responses
from api.refusals import ProtectedRoute
from api.resources.common_problems import ANY
from api.resources.model import Text
from api.streams import ReleasingStream
from registry.domain.credentials import Scope
from registry.domain.errors import Code
from registry.domain.private_sets import EPOCH_SECONDS
from registry.operations.download_private_set import DownloadPrivateBucket, DownloadPrivateSet, spool

router = APIRouter(prefix="/v1/private", tags=["Private checks"], route_class=ProtectedRoute)
_TYPE: Final = "application/octet-stream"
_PIECE_BYTES: Final = 262_144
_CACHED: Final = f"private, max-age={EPOCH_SECONDS}"
_HEADERS: Final[dict[str, Any]] = {
    "ETag": {"description": "Other content, other tag.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "An epoch; for the caller alone.", "schema": {"type": "string"}},
}
_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Set ids of 8 bytes each, ascending.",
        "content": {_TYPE: {"schema": {"type": "string", "format": "binary"}}},
        "headers": _HEADERS,
    },
    304: {"description": "The caller has it already (If-None-Match).", "headers": _HEADERS},
}
_PROBLEMS: Final = (
    *ANY,
    Code.INVALID_REQUEST,
    Code.INVALID_VALUE,
    Code.MISSING_FIELD,
    Code.UNKNOWN_GENERATION,
    Code.RETIRED_GENERATION,
)
Generation = Annotated[int, Query(ge=1, le=32_767, description="An active generation.")]


@router.get(
    "/set",
    operation_id="getPrivateSet",
    summary="The set of everything that a check would not answer `none` to",
    response_class=StreamingResponse,
    responses={**_ANSWERS, **responses(*_PROBLEMS)},
)
def get_private_set(
    call: Annotated[Call, Depends(call_for(Scope.PRIVATE, DownloadPrivateSet))],
    request: Request,
    generation: Generation,
) -> Response:
    """The same for a whole epoch. A set id is the first 8 bytes of SHA-256 over `demand-registry|set|v1|`, the
    generation, `|` and the tag. Keep it as safe as what you check: with the registry's key it could be reversed.
    """
    file = spool(call.registry.settings)
    try:
        operation = DownloadPrivateSet(generation, file, _known(request))
        found = call.run(operation, charged=call.admit(operation)).result
    except BaseException:
        file.close()
        raise
    headers = _headers(call, found.etag)
    if found.length is None:
        file.close()
        return Response(None, 304, headers)
    headers["Content-Length"] = str(found.length)
    return ReleasingStream(_pieces(file), headers, _TYPE, file.close)


@router.get(
    "/set/{prefix}",
    operation_id="getPrivateBucket",
    summary="One bucket of the set",
    response_class=Response,
    responses={**_ANSWERS, **responses(*_PROBLEMS, Code.NOT_FOUND)},
)
def get_private_bucket(
    call: Annotated[Call, Depends(call_for(Scope.PRIVATE, DownloadPrivateBucket))],
    request: Request,
    prefix: Annotated[Text, Path(description="The first `prefix_bits` bits of the ids, in lower-case hexadecimal.")],
    generation: Generation,
) -> Response:
    """Only where `prefix_bits` is not 0. Every bucket has the same size; what is missing is filled with dummies.

    Which bucket is asked for tells the registry that many bits of a pseudonym. The whole set tells it nothing.
    """
    operation = DownloadPrivateBucket(generation, prefix, _known(request))
    answered = call.run(operation, charged=call.admit(operation))
    found = answered.result
    headers = _headers(call, found.etag)
    return Response(None, 304, headers) if found.content is None else Response(found.content, 200, headers, _TYPE)


def _known(request: Request) -> frozenset[str]:
    """The entity tags of If-None-Match."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return frozenset(tag.strip() for tag in given.split(",") if tag.strip())


def _headers(call: Call, etag: str) -> dict[str, str]:
    return {**call.headers(), "ETag": etag, "Cache-Control": _CACHED}


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await run_in_threadpool(file.read, _PIECE_BYTES):
        yield piece
