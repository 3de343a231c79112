"""Health and metrics: for orchestrators and the operator's network. They ask nothing about numbers, and need no key."""

import logging
from ipaddress import ip_address
from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from api import metrics
from api.problems import responses
from api.resources.model import AnswerModel
from registry.domain.errors import Code, Refused
from registry.operations.readiness import Readiness, readiness

if TYPE_CHECKING:
    from registry.operations.registry import Registry

router = APIRouter(tags=["Health"])
_log = logging.getLogger("registry.health")


class LiveAnswer(AnswerModel):
    status: Literal["live"]


class ReadyAnswer(AnswerModel):
    """ready only if everything below is true."""

    ready: bool
    database: bool = Field(description="Answers.")
    migrations: bool = Field(description="The schema is the one this code was written for.")
    keys: bool = Field(description="The loaded tag keys are those of the database's active generations.")


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
    answer = ReadyAnswer(ready=found.ready, database=found.database, migrations=found.migrations, keys=found.keys)
    if not found.ready:
        _log.warning("not ready", extra={"why": found.why})
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
    content = await run_in_threadpool(metrics.exposition)
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")
