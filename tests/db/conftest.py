"""Folders for embedded servers."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.db.embedded import EmbeddedPostgres


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder that is not there yet, with a path short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="registry-test-") as folder:
        yield Path(folder) / "data"


@pytest.fixture(scope="module")
def made_dir() -> Iterator[Path]:
    """One folder with a cluster, for the tests that take and leave it with no server running."""
    with tempfile.TemporaryDirectory(prefix="registry-test-") as folder:
        data_dir = Path(folder) / "data"
        with EmbeddedPostgres(data_dir, durable=False):
            pass
        yield data_dir
