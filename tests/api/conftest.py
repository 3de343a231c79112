"""The tests of the API share one registry. Whoever needs one to himself opens it with `opened_house`."""

from collections.abc import Callable, Generator, Iterator
from typing import Any

import psycopg
import pytest
from audit_trail import AuditTrail
from flooding import flood_settings
from house import House, fictional_numbers, opened_database, opened_house
from listing_scene import Scene
from members import NOW, Clock, Member
from private_asker import FOUR_KEYS, PrivateAsker, private_asker
from starlette.testclient import TestClient

from registry.db.embedded import EmbeddedUrls
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.registry import Registry
from registry.operations.verify_listings import VerifyListings
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


@pytest.fixture(scope="module")
def flooded(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A registry that takes little for a flood."""
    with opened_database(cluster, template) as urls, opened_house(urls, flood_settings()) as opened:
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
    """The shared registry's clock, set back afterwards, and the listings with it: no time goes back by itself."""
    yield house.clock
    house.clock.now = NOW
    house.registry.run(VerifyListings(repair=True), COMMAND_LINE, Request(house.registry.new_id(), "cli"))


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
def asker(house: House) -> PrivateAsker:
    return private_asker(house)


@pytest.fixture
def thrifty(house: House) -> PrivateAsker:
    """An organisation that may ask about 5 numbers a day."""
    return private_asker(house, numbers_per_day=5)


@pytest.fixture(scope="session")
def uncharged(house: House) -> PrivateAsker:
    """Another one, for requests that must cost it nothing."""
    return private_asker(house, numbers_per_day=5)


@pytest.fixture(scope="session")
def listing_scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    """Its clock goes on with every test, by minutes."""
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield Scene.of(opened)


@pytest.fixture
def scene(listing_scene: Scene) -> Scene:
    """In an epoch that nobody has asked for yet."""
    listing_scene.next_epoch()
    return listing_scene


@pytest.fixture(scope="session")
def rearranged(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A registry of four generations: 1 is retired, 2 as well but carried on by 3, and 4 is the newest."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls, keys=FOUR_KEYS) as house:
            house.superuser.execute("UPDATE registry.generations SET retired_at = now() WHERE number IN (1, 2)")
            house.superuser.execute("UPDATE registry.generations SET parent = 2 WHERE number = 3")
        with opened_house(urls, keys=FOUR_KEYS) as house:
            yield house


@pytest.fixture(scope="session")
def rearranged_asker(rearranged: House) -> PrivateAsker:
    return private_asker(rearranged)


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
