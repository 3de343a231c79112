"""Health and metrics: for orchestrators and the operator's network. They ask nothing about numbers, and need no key."""

import logging
import math
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api import metrics
from api.problems import responses
from api.resources.model import AnswerModel
from registry.db.database import DatabaseFault
from registry.domain.errors import Code, Refused
from registry.operations.readiness import LONGEST_UNSEALED_SECONDS, Readiness, Warned, lag, readiness

if TYPE_CHECKING:
    from registry.operations.registry import Registry

router = APIRouter(tags=["Health"])
_log = logging.getLogger("registry.health")


class LiveAnswer(AnswerModel):
    status: Literal["live"]


class ReadyAnswer(AnswerModel):
    """ready only if the next three are true."""

    ready: bool
    database: bool = Field(description="Answers.")
    migrations: bool = Field(description="The schema is the one this code was written for.")
    keys: bool = Field(description="The loaded tag keys are those of the database's active generations.")
    warnings: list[Warned] = Field(
        description="What is wrong while it can answer. `events_unsealed`: the oldest event waits for longer than "
        f"{LONGEST_UNSEALED_SECONDS:.0f} seconds, so that no sealer works."
    )
    oldest_unsealed_seconds: float | None = Field(
        ge=0, description="How long the oldest event waits for the log; null if none does, or it cannot be told."
    )


@router.get("/health/live", operation_id="getLiveness", summary="Does the process run")
async def get_liveness() -> LiveAnswer:
    return LiveAnswer(status="live")


@router.get(
    "/health/ready",
    operation_id="getReadiness",
    summary="Can it answer",
    response_model=ReadyAnswer,
    responses={503: {"description": "Not now.", "model": ReadyAnswer}},
)
async def get_readiness(request: Request) -> Response:
    registry: Registry = request.app.state.registry
    found: Readiness = await run_in_threadpool(readiness, registry)
    answer = ReadyAnswer(
        ready=found.ready,
        database=found.database,
        migrations=found.migrations,
        keys=found.keys,
        warnings=list(found.warnings),
        oldest_unsealed_seconds=None if found.oldest_unsealed is None else round(found.oldest_unsealed, 3),
    )
    if not found.ready:
        _log.warning("not ready", extra={"why": found.why})
    for warned in found.warnings:
        _log.warning("ready, but something is wrong", extra={"why": warned.value})
    headers = {} if found.ready else {"Retry-After": "5"}
    return Response(answer.model_dump_json(), 200 if found.ready else 503, headers, "application/json")


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Text format 0.0.4."},
        **responses(Code.NOT_FOUND),
    },
)
async def get_metrics(request: Request) -> Response:
    """Only from the operator's network (REGISTRY_METRICS_NETWORKS); anyone else is told that there is nothing."""
    registry: Registry = request.app.state.registry
    host = "" if request.client is None else request.client.host
    try:
        inside = any(ip_address(host) in network for network in registry.settings.metrics_networks)
    except ValueError:
        inside = False
    if not inside:
        raise Refused(Code.NOT_FOUND, "There is nothing at this address.")
    content = await run_in_threadpool(_exposition, registry)
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")


def _exposition(registry: "Registry") -> bytes:
    """With the log's state as it is now. Without a database there is still all that this process counts."""
    size = oldest = math.nan
    with suppress(Refused, DatabaseFault):
        behind = lag(registry.database)
        size, oldest = float(behind.size), behind.oldest_unsealed or 0.0
    metrics.log_size.set(size)
    metrics.oldest_unsealed_event_seconds.set(oldest)
    return metrics.exposition()
