"""One sealed log for all tests that change it, and a copy of it for each."""

import secrets
from collections.abc import Generator

import pytest
from house import opened_database
from tampered_log import Sealed, TamperedLog, copied, filled

from registry.db.embedded import EmbeddedUrls


@pytest.fixture(scope="session")
def sealed_log(cluster: EmbeddedUrls, template: str) -> Generator[Sealed]:
    with opened_database(cluster, template) as urls:
        yield filled(urls)


@pytest.fixture
def log(cluster: EmbeddedUrls, sealed_log: Sealed) -> Generator[TamperedLog]:
    with copied(cluster, sealed_log, f"tampered_{secrets.token_hex(6)}") as opened:
        yield opened
