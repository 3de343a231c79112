"""A real PostgreSQL for every test: one cluster a session, one migrated template, a fresh copy of it for each test."""

import gc
import os
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from argon2 import PasswordHasher
from databases import DatabaseUrls, as_superuser, named
from hypothesis import HealthCheck, settings
from measuring import unmeasured
from members import Clock, Member, new_member, open_test_registry
from psycopg import sql
from starlette.testclient import TestClient

from api import authentication
from api.app import wire
from registry.db import migrate
from registry.db.database import Database, DatabaseOptions
from registry.db.embedded import APP_LOGIN, OWNER_ROLE, EmbeddedPostgres, EmbeddedUrls
from registry.operations import manage_keys
from registry.operations.registry import Registry
from registry.settings import Settings

_PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Every run draws other examples, so that the runs of a day together see many; CI, which has more time, draws more in
# each. There a failure can be repeated from what is printed; `deep` is for a night.
settings.register_profile("dev", _PATIENT, max_examples=30)
settings.register_profile("ci", _PATIENT, max_examples=50, print_blob=True)
settings.register_profile("deep", _PATIENT, max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
# In a shell's background job Ctrl-C is ignored, and under nohup a closed terminal, which every program that is started
# here would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "long: of a file that takes so long that no core should be left with it at the end, nor measure it"
    )
    config.option.loadscopereorder = False  # else files of few tests come last, however long these take


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Nothing of all that is imported and collected here is garbage before the end: nobody need look through it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Coverage looks away from tests of long files and of properties: the lines that they run are measured in shorter
    tests.
    """
    of_properties = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    if not of_properties and item.get_closest_marker("long") is None:
        return (yield)
    with unmeasured():
        return (yield)


@pytest.fixture(scope="session", autouse=True)
def hasher() -> Iterator[PasswordHasher]:
    """The one of API keys' secrets, as it is in life. Tests make thousands of keys, and hash them more cheaply."""
    cheaper = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        in_life = manage_keys.HASHER
        for module in (manage_keys, authentication):
            patch.setattr(module, "HASHER", cheaper)
        yield in_life


@pytest.fixture(scope="session")
def cluster() -> Iterator[EmbeddedUrls]:
    """The session's server. Directly under the temporary folder: as root, another account must get through to it."""
    folder = Path(tempfile.mkdtemp(prefix="registry-tests-"))
    try:
        with EmbeddedPostgres(folder, durable=False, settings={"max_connections": "200"}) as urls:
            yield urls
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(cluster: EmbeddedUrls) -> str:
    """The name of a migrated database that nobody is connected to."""
    name = "template_registry"
    create = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER_ROLE))
    as_superuser(cluster, create)
    migrate.migrate(named(cluster, name).owner)
    as_superuser(cluster, sql.SQL("GRANT registry_app TO {}").format(sql.Identifier(APP_LOGIN)))
    return name


@pytest.fixture
def make_database(cluster: EmbeddedUrls, template: str) -> Iterator[Callable[[], DatabaseUrls]]:
    made: list[str] = []

    def make() -> DatabaseUrls:
        name = f"test_{secrets.token_hex(6)}"
        copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(template), sql.Identifier(OWNER_ROLE)
        )
        as_superuser(cluster, copy)
        made.append(name)
        return named(cluster, name)

    yield make
    drops = [sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)) for name in made]
    as_superuser(cluster, *drops)


@pytest.fixture
def urls(make_database: Callable[[], DatabaseUrls]) -> DatabaseUrls:
    """A fresh, migrated, empty database."""
    return make_database()


@pytest.fixture
def database(urls: DatabaseUrls) -> Iterator[Database]:
    opened = Database(urls.app, DatabaseOptions(pool_size=8, pool_wait=10))
    yield opened
    opened.dispose()


@pytest.fixture
def superuser(urls: DatabaseUrls) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Looks behind the application's back."""
    with psycopg.connect(urls.superuser_dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sandbox() -> Settings:
    """The settings of the tests' registries: fictional numbers are accepted, limits are out of the way."""
    return Settings.build(mode="sandbox", requests_per_minute=100_000, numbers_per_day=10_000_000)


@pytest.fixture
def registry(database: Database, clock: Clock, sandbox: Settings) -> Registry:
    return open_test_registry(database, clock, sandbox)


@pytest.fixture
def client(registry: Registry) -> Iterator[TestClient]:
    with TestClient(wire(registry), raise_server_exceptions=False) as opened:
        yield opened


@pytest.fixture
def investigator(registry: Registry, client: TestClient) -> Member:
    return new_member(registry, client, "investigator")


@pytest.fixture
def employer(registry: Registry, client: TestClient) -> Member:
    return new_member(registry, client, "employer")


@pytest.fixture
def operator(registry: Registry, client: TestClient) -> Member:
    return new_member(registry, client, "operator")
