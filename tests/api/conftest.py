"""The tests of the API share one registry. Whoever needs one to himself opens it with `opened_house`."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House, fictional_numbers, opened_database, opened_house
from members import NOW, Clock, Member
from starlette.testclient import TestClient

from registry.db.embedded import EmbeddedUrls
from registry.operations.registry import Registry
from registry.settings import Settings


@pytest.fixture(scope="session")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="session")
def other_house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A live registry whose operator has set everything differently. Its limits are small."""
    settings = Settings.build(
        mode="live",
        guidance_url="https://registry.example/what-now",
        served_regions="CA,AU,DE,FR",
        burn_in_days=3,
        retention_months=6,
        dispute_days=10,
        json_body_bytes=2_048,
        file_body_bytes=4_096,
        file_rows=5,
        requests_per_minute=90,
        numbers_per_day=40,
        failures_per_minute=10_000,
    )
    with opened_database(cluster, template) as urls, opened_house(urls, settings, address="127.0.0.1") as opened:
        yield opened


@pytest.fixture(scope="session")
def registry(house: House) -> Registry:
    return house.registry


@pytest.fixture(scope="session")
def client(house: House) -> TestClient:
    return house.client


@pytest.fixture(scope="session")
def superuser(house: House) -> psycopg.Connection[tuple[Any, ...]]:
    return house.superuser


@pytest.fixture(scope="session")
def trail(house: House) -> AuditTrail:
    return AuditTrail(house.superuser)


@pytest.fixture
def clock(house: House) -> Iterator[Clock]:
    """The shared registry's clock, set back afterwards."""
    yield house.clock
    house.clock.now = NOW


@pytest.fixture(scope="session")
def investigator(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture(scope="session")
def second_investigator(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture(scope="session")
def employer(house: House) -> Member:
    return house.member("employer")


@pytest.fixture(scope="session")
def operator(house: House) -> Member:
    return house.member("operator")


@pytest.fixture(scope="session")
def fresh_number() -> Callable[[], str]:
    """A number that no other test has used."""
    return fictional_numbers().__next__


@pytest.fixture
def number(fresh_number: Callable[[], str]) -> str:
    return fresh_number()


@pytest.fixture
def decoy(investigator: Member, fresh_number: Callable[[], str]) -> str:
    """The id of an advertisement of the investigator that is always live."""
    return investigator.register_decoy(fresh_number())
