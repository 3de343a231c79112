"""One filled registry for all of these tests, and a copy of it for each."""

from collections.abc import Generator
from pathlib import Path

import pytest
from house import opened_database
from rekey_scene import Filled, Leaked, copied, fill
from sqlalchemy import make_url

from registry.db.embedded import EmbeddedUrls


@pytest.fixture(scope="session")
def filled(cluster: EmbeddedUrls, template: str) -> Generator[Filled]:
    with opened_database(cluster, template) as urls:
        name = make_url(urls.owner).database
        assert name is not None
        yield fill(urls, name)


@pytest.fixture
def scene(cluster: EmbeddedUrls, filled: Filled, tmp_path: Path) -> Generator[Leaked]:
    with copied(cluster, filled, tmp_path) as opened:
        yield opened
