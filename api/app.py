"""The whole wiring of the HTTP API on one screen."""

from contextlib import asynccontextmanager
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api import openapi, refusals
from api.authentication import Authenticator
from api.intake_desk import IntakeDesk
from api.middleware import Edge
from api.resources import (
    account,
    audit_events,
    check_files,
    checks,
    decoys,
    disputes,
    documentation,
    exclusion_imports,
    exclusion_removals,
    exclusions,
    health,
    hit_imports,
    hit_retractions,
    hits,
    intake,
    intake_tokens,
    keys,
    log,
    lookups,
    organisations,
    private_disclosures,
    private_evaluations,
    private_sets,
    provider_credentials,
    statistics,
    subject_disclosures,
)
from registry.db.database import Database
from registry.log_key import LogKey
from registry.operations.registry import Registry
from registry.operations.sealing import Sealing
from registry.operations.signed_head import SignedHead
from registry.settings import Settings
from registry.tagging import Tagging

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

# The busiest first: a request's path is held against each in turn.
RESOURCES = (
    lookups,
    intake,
    checks,
    check_files,
    private_evaluations,
    private_sets,
    private_disclosures,
    decoys,
    intake_tokens,
    provider_credentials,
    statistics,
    hit_imports,
    hit_retractions,
    hits,
    account,
    organisations,
    keys,
    exclusions,
    exclusion_imports,
    exclusion_removals,
    disputes,
    subject_disclosures,
    audit_events,
    log,
    health,
    documentation,
)


def create_app(settings: Settings, database: Database, keys: Tagging) -> FastAPI:
    """The application for a database and whoever holds its keys. It closes both when it stops."""
    return wire(Registry.of(settings, database, keys))


def wire(registry: Registry, log_key: LogKey | None = None) -> FastAPI:
    """The application around a registry that is put together already. log_key: where this process is to seal."""
    desk = IntakeDesk(registry)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> "AsyncGenerator[None]":
        sealing = None if log_key is None else Sealing(registry.database, log_key, _head(registry.settings))
        yield
        if sealing is not None:
            await run_in_threadpool(sealing.close)
        await run_in_threadpool(desk.close)
        registry.close()

    app = FastAPI(
        title=openapi.TITLE,
        version=openapi.VERSION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.registry = registry
    app.state.strangers = BoundedSemaphore(max(1, registry.settings.pool_size // 4))
    app.state.authenticator = Authenticator(registry)
    app.state.intake_desk = desk
    for resource in RESOURCES:
        app.include_router(resource.router)
    refusals.install(app)
    mode = registry.settings.mode.value
    app.add_middleware(
        Edge,
        new_id=registry.new_id,
        body_cap=registry.settings.json_body_bytes,
        streamed=frozenset({check_files.PATH, hit_imports.PATH, exclusion_imports.PATH, exclusion_removals.PATH}),
        always={"Demand-Registry-Mode": mode},
    )
    return app


def _head(settings: Settings) -> SignedHead | None:
    return None if settings.log_key_file is None else SignedHead.beside(settings.log_key_file)
