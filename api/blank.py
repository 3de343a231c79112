"""The application without a database behind it, for building its documentation. It can answer no request."""

from fastapi import FastAPI

from api.app import create_app
from registry.db.database import Database
from registry.domain.generations import Generation, Generations
from registry.keys import SecretKey
from registry.settings import Settings
from registry.tagging import WithoutKeys


def blank_app() -> FastAPI:
    """Its address leads nowhere and it has no keys; nothing is connected to until a request comes."""
    keys = WithoutKeys(Generations.of([Generation(1, SecretKey(bytes(32)).public_key)]))
    return create_app(Settings.build(), Database("postgresql+psycopg://nobody@/nothing?host=/nonexistent"), keys)
