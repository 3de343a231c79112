"""The tests of the client share one registry behind a port. Whoever harms it opens one of his own."""

from collections.abc import Generator

import pytest
from client_scene import Scene, scene_in
from house import opened_database, opened_house
from members import Member

from registry.client import RegistryClient
from registry.db.embedded import EmbeddedUrls


@pytest.fixture(scope="session")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house, scene_in(house) as opened:
        yield opened


@pytest.fixture
def asker(scene: Scene) -> Member:
    """A new organisation, so that what it is charged is known."""
    return scene.asker()


@pytest.fixture
def registry_client(scene: Scene, asker: Member) -> Generator[RegistryClient]:
    with scene.client(asker) as opened:
        yield opened
