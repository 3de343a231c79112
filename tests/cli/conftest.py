"""An installation for commands to work on: a migrated database, a key file, and the settings that name them."""

import tempfile
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from client_scene import Scene, scene_in
from command_line import CommandLine
from databases import DatabaseUrls
from house import opened_database, opened_house
from members import KEYS

from registry import key_file
from registry.db.database import Database
from registry.db.embedded import EmbeddedUrls
from registry.operations.assembly import adopt_keys, public_keys


@pytest.fixture
def blank(make_database: Callable[[], DatabaseUrls], tmp_path: Path) -> CommandLine:
    """A migrated database that no key file belongs to yet, and the path where one may be made."""
    return _beside(make_database(), tmp_path)


@pytest.fixture
def cli(blank: CommandLine) -> CommandLine:
    """The command line beside an installation with one generation, and nothing else in it."""
    return _with_keys(blank)


@pytest.fixture(scope="module")
def shared(cluster: EmbeddedUrls, template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[CommandLine]:
    """Like `cli`, for tests that do not mind what others have left in it."""
    with opened_database(cluster, template) as urls:
        yield _with_keys(_beside(urls, tmp_path_factory.mktemp("shared")))


@pytest.fixture(scope="session")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    """A registry behind a port, for the commands that only speak HTTP."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house, scene_in(house) as opened:
        yield opened


@pytest.fixture(scope="module")
def short_folder() -> Generator[Path]:
    """For data folders: directly under the temporary folder, so that a socket's path fits, and open for passage, so
    that PostgreSQL's own account gets there when the tests run as root.
    """
    with tempfile.TemporaryDirectory(prefix="registry-cli-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        yield folder


def _beside(urls: DatabaseUrls, folder: Path) -> CommandLine:
    return CommandLine(
        {
            "REGISTRY_MODE": "sandbox",
            "REGISTRY_DATABASE_URL": urls.app,
            "REGISTRY_OWNER_DATABASE_URL": urls.owner,
            "REGISTRY_KEY_FILE": str(folder / "keys.json"),
            "REGISTRY_DATA_DIR": str(folder / "data"),
        }
    )


def _with_keys(blank: CommandLine) -> CommandLine:
    key_file.write(Path(blank.environment["REGISTRY_KEY_FILE"]), KEYS, None)
    database = Database(blank.environment["REGISTRY_DATABASE_URL"])
    adopt_keys(database, public_keys(KEYS))
    database.dispose()
    return blank
