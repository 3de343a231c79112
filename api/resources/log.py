"""The log's public side, for anyone and without a key: signed checkpoints, tiles of hashes, proofs of consistency.

Everything here is the same for everybody and tells no event. It is served so that caches can carry it.
"""

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from api.problems import responses
from api.resources.model import AnswerModel
from registry.db.database import Database
from registry.domain.errors import Code, Refused
from registry.domain.merkle import TILE_WIDTH
from registry.domain.signed_notes import hashes_text
from registry.domain.tile_paths import TilePathInvalid, parse_tile_path
from registry.operations.read_log import MOST_SIZE, newest_checkpoint, prove_consistency, read_tile

if TYPE_CHECKING:
    from threading import BoundedSemaphore

    from registry.operations.registry import Registry

router = APIRouter(tags=["Audit log"])

_FOR_EVER: Final = "public, max-age=31536000, immutable"
_MOMENT: Final = "public, max-age=5"
_PARTIAL: Final = "public, max-age=60"
_PATIENCE_SECONDS: Final = 0.2
_TEXT: Final = "text/plain"
_BYTES: Final = "application/octet-stream"
_STANDING: Final = (Code.DATABASE_UNAVAILABLE, Code.OVERLOADED, Code.INTERNAL)
_CACHED: Final[dict[str, Any]] = {
    "Cache-Control": {"description": "How long it may be kept, by anyone.", "schema": {"type": "string"}},
}
_TAGGED: Final[dict[str, Any]] = {
    **_CACHED,
    "ETag": {"description": "Other content, other tag.", "schema": {"type": "string"}},
}


class ConsistencyAnswer(AnswerModel):
    """The roots that it leads from and to stand in the signed checkpoints of these sizes."""

    from_: int = Field(ge=0, serialization_alias="from")
    to: int = Field(ge=0)
    hashes: list[str] = Field(description="RFC 6962, section 2.1.2, in base64. Empty where there is nothing to prove.")


@router.get(
    "/log/checkpoint",
    operation_id="getCheckpoint",
    summary="The log's newest checkpoint",
    response_class=Response,
    responses={
        200: {
            "description": "C2SP tlog-checkpoint: a signed note of the log's name, size and root.",
            "content": {_TEXT: {"schema": {"type": "string"}}},
            "headers": _TAGGED,
        },
        304: {"description": "The caller has it already (If-None-Match).", "headers": _TAGGED},
        **responses(Code.NOT_FOUND, *_STANDING),
    },
)
def get_checkpoint(request: Request) -> Response:
    """Keep what you fetch: a later checkpoint that does not continue it proves that the log was altered."""
    with _turn(request) as database:
        note = newest_checkpoint(database).encode()
    etag = f'"{hashlib.sha256(note).hexdigest()[:32]}"'
    headers = {"Cache-Control": _MOMENT, "ETag": etag}
    if {etag, "*"} & _known(request):
        return Response(None, 304, headers)
    return Response(note, 200, headers, f"{_TEXT}; charset=utf-8")


@router.get(
    "/log/tile/{level}/{index:path}",
    operation_id="getTile",
    summary="A tile of the log's hashes",
    response_class=Response,
    responses={
        200: {
            "description": "Hashes of 32 bytes each, side by side.",
            "content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}},
            "headers": _CACHED,
        },
        **responses(Code.NOT_FOUND, *_STANDING),
    },
)
def get_tile(
    request: Request,
    level: Annotated[
        str, Path(description="0 for hashes of events; 1 and up for those of full tiles.", examples=["0"])
    ],
    index: Annotated[
        str,
        Path(
            description="In groups of three digits, all but the last with an `x`: `x001/x234/067` is 1234067. `.p/W` "
            "after it asks for the first W hashes, which is how a tile is asked for that is not full yet.",
            examples=["000.p/1"],
        ),
    ],
) -> Response:
    """C2SP tlog-tiles. There are no entries: events are for those whom they are about."""
    path = f"tile/{level}/{index}"
    try:
        tile, width = parse_tile_path(path)
    except TilePathInvalid:
        raise Refused(Code.NOT_FOUND, "There is nothing at this address.") from None
    if not request.scope["path"].endswith(path):  # a line break at the end, which the router overlooks
        raise Refused(Code.NOT_FOUND, "There is nothing at this address.")
    with _turn(request) as database:
        hashes = read_tile(database, tile, width)
    return Response(hashes, 200, {"Cache-Control": _FOR_EVER if width == TILE_WIDTH else _PARTIAL}, _BYTES)


@router.get(
    "/v1/audit/consistency",
    operation_id="getConsistency",
    summary="Prove that a checkpoint continues an earlier one",
    response_model=ConsistencyAnswer,
    responses={
        200: {"headers": _CACHED},
        **responses(
            *(Code.INVALID_REQUEST, Code.INVALID_VALUE, Code.MISSING_FIELD, Code.WRONG_TYPE, Code.UNKNOWN_CHECKPOINT),
            *_STANDING,
        ),
    },
)
def get_consistency(
    request: Request,
    old: Annotated[int, Query(alias="from", ge=0, le=MOST_SIZE, description="The earlier checkpoint's size, or 0.")],
    new: Annotated[int, Query(alias="to", ge=0, le=MOST_SIZE, description="The later checkpoint's size.")],
) -> Response:
    """Whoever holds an old checkpoint and this proof sees that nothing before it was altered, removed or reordered."""
    with _turn(request) as database:
        hashes = prove_consistency(database, old, new)
    answer = ConsistencyAnswer(from_=old, to=new, hashes=hashes_text(hashes))
    content = answer.model_dump_json(by_alias=True)
    return Response(content, 200, {"Cache-Control": _FOR_EVER}, "application/json")


@contextmanager
def _turn(request: Request) -> Generator[Database]:
    """Strangers together never have more than a part of the process' database connections. Refused(overloaded) where
    all of that is in use.
    """
    turns: BoundedSemaphore = request.app.state.strangers
    registry: Registry = request.app.state.registry
    if not turns.acquire(timeout=_PATIENCE_SECONDS):
        raise Refused(Code.OVERLOADED, "Too many ask for the log just now.", retry_after=1.0)
    try:
        yield registry.database
    finally:
        turns.release()


def _known(request: Request) -> frozenset[str]:
    """The entity tags of If-None-Match, which compares weakly (RFC 9110, section 13.1.2)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return frozenset(tag.strip().removeprefix("W/") for tag in given.split(","))
