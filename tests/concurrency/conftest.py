"""One API of two worker processes that the tests share which do it no harm. Whoever does harm runs one of its own."""

from collections.abc import Generator

import pytest
from house import opened_database
from running_api import Shared, operating, running_api

from registry.db.embedded import EmbeddedUrls


@pytest.fixture(scope="session")
def shared(cluster: EmbeddedUrls, template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Shared]:
    folder = tmp_path_factory.mktemp("shared-api")
    spool = folder / "spool"
    spool.mkdir()
    with (
        opened_database(cluster, template) as urls,
        operating(urls) as operator,
        running_api(urls, folder, workers=2, spool_dir=spool, failures_per_minute=10_000) as api,
    ):
        yield Shared(api, operator, spool)
