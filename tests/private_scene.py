"""A registry with stories to tell, and a running API that is asked about them privately and plainly."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from caller_stories import Stories
from holders import in_process
from house import sandbox_settings
from members import Member
from noble import NobleClient
from running_api import Operator, RunningApi
from starlette.testclient import TestClient

from api.app import wire
from registry.key_file import KeyFile
from registry.keys import KEY_INFO, SecretKey
from registry.operations.registry import Registry, utc_now


@dataclass(frozen=True)
class PrivateScene:
    """pins: generation -> public key in base64, worked out from the seeds by the other implementation."""

    noble: NobleClient
    api: RunningApi
    employer: Member
    stories: Stories
    pins: Mapping[int, str]

    @property
    def job(self) -> dict[str, Any]:
        """What every job needs that speaks to the API."""
        address = f"http://127.0.0.1:{self.api.port}"
        return {"url": address, "key": self.employer.key, "purpose": "company_number", "pinned": self.pins}

    @property
    def parameters(self) -> Any:
        answer = self.employer.get("/v1/private/parameters")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask_privately(self, *, windows: bool = False, **more: Any) -> Any:
        """The other client's answers, the members that it found and its downloads."""
        given = {**more, "windows": self.stories.windows} if windows else more
        return self.noble.run("check", **{**self.job, "numbers": self.stories.everybody, **given})

    def ask_plainly(self, *, windows: bool = False) -> list[dict[str, Any]]:
        items = self.stories.items(windows=windows)
        answer = self.employer.post("/v1/checks", {"purpose": "company_number", "items": items})
        assert answer.status_code == 200, answer.text
        kept = ("number", "outcome", "reason", "evidence")
        return [{name: result[name] for name in kept} for result in answer.json()["results"]]


def pins_of(noble: NobleClient, keys: KeyFile) -> dict[int, str]:
    """The public keys of all its generations."""
    seeds = {number: seed.hex() for number, seed in keys.seeds.items()}
    told: dict[str, str] = noble.run("public_keys", info=KEY_INFO.decode(), seeds=seeds)
    return {int(number): key for number, key in told.items()}


@contextmanager
def started_here(
    operator: Operator, keys: KeyFile, parents: Mapping[int, int]
) -> Generator[tuple[Registry, TestClient]]:
    """The same registry in this process, where nothing is asked of it but to record. parents: child -> parent."""
    settings = sandbox_settings()
    registry = Registry.of(settings, operator.registry.database, in_process(settings, keys, parents), utc_now)
    with TestClient(wire(registry)) as client:
        yield registry, client


def move(members: Iterable[Member], api: RunningApi) -> None:
    """The same organisations at another start of the API."""
    for member in members:
        member.client = cast("TestClient", api.http)  # both are the same kind of client, by two releases of one library


def add_generations(
    operator: Operator, keys: KeyFile, parents: Mapping[int, int | None], *, retired: tuple[int, ...] = ()
) -> None:
    """Makes the database know them, as if its keys had changed before anything was in it. parents: child -> parent."""
    added = "INSERT INTO registry.generations (number, public_key, parent) VALUES (%s, %s, %s)"
    for number, parent in parents.items():
        operator.superuser.execute(added, (number, SecretKey(keys.seeds[number]).public_key, parent))
    ended = "UPDATE registry.generations SET retired_at = now() WHERE number = ANY (%s)"
    operator.superuser.execute(ended, (list(retired),))
