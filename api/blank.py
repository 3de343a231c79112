"""The application without a database behind it, for building its documentation. It can answer no request."""

from fastapi import FastAPI

from api.app import create_app
from registry.db.database import Database
from registry.key_file import KeyFile
from registry.keys import KeyRing, SecretKey
from registry.settings import Settings


def blank_app() -> FastAPI:
    """Its address leads nowhere and its keys are zeros; nothing is connected to until a request comes."""
    seed = bytes(32)
    keys = KeyRing.of(KeyFile({1: seed}, seed), {1: SecretKey(seed).public_key})
    return create_app(Settings.build(), Database("postgresql+psycopg://nobody@/nothing?host=/nonexistent"), keys)
