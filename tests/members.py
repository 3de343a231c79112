"""Organisations as tests use them: a key, and requests made with it. And the clock and keys that tests run under."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from holders import in_process
from starlette.testclient import TestClient

from registry.db.database import Database
from registry.domain.credentials import OrganisationKind, Scope
from registry.key_file import KeyFile
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.manage_keys import IssueKey
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.registry import Registry
from registry.settings import Settings

KEYS = KeyFile({1: bytes(range(32))}, bytes(range(32, 64)))
NOW = datetime(2026, 11, 15, 12, 0, tzinfo=UTC)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        self.now += timedelta(**by)


def open_test_registry(database: Database, clock: Callable[[], datetime], wanted: Settings) -> Registry:
    """A registry on an empty, migrated database under the tests' keys."""
    adopt_keys(database, public_keys(KEYS))
    return Registry.of(wanted, database, in_process(wanted, KEYS), clock)


@dataclass
class Member:
    """An organisation with a key, and requests made with it."""

    id: UUID
    key: str = field(repr=False)
    client: TestClient = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def post(self, path: str, json: object = None, **more: Any) -> Any:
        headers = {**self.headers, **more.pop("headers", {})}
        return self.client.post(path, json=json, headers=headers, **more)

    def patch(self, path: str, json: object) -> Any:
        return self.client.patch(path, json=json, headers=self.headers)

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, headers=self.headers, **more)

    def look_up(self, number: str, **more: Any) -> Any:
        answer = self.post("/v1/lookups", {"number": number, "purpose": "company_number", **more})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def register_decoy(self, number: str, **more: Any) -> str:
        body = {"label": "A line", "number": number, "role": "advertisement", **more}
        answer = self.post("/v1/decoys", body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def record(self, *hits: dict[str, Any]) -> Any:
        answer = self.post("/v1/hits", {"hits": list(hits)})
        assert answer.status_code in {200, 201}, answer.text
        return answer.json()


def new_member(
    registry: Registry,
    client: TestClient,
    kind: str,
    *,
    scopes: frozenset[Scope] | None = None,
    **limits: int,
) -> Member:
    """An organisation of its own, through the same operations that the command line uses."""
    request = Request(registry.new_id(), "test")
    name = f"Test {kind} {secrets.token_hex(4).translate(str.maketrans('0123456789', 'ghijklmnop'))}"
    organisation = registry.run(CreateOrganisation(OrganisationKind(kind), name, **limits), COMMAND_LINE, request)
    issued = registry.run(IssueKey(organisation.result.id, scopes), COMMAND_LINE, request)
    return Member(organisation.result.id, issued.result.text, client)


def hit(decoy: str, number: str, at: str = "2026-11-01T10:00:00Z", **more: Any) -> dict[str, Any]:
    """A text message to a decoy, as POST /v1/hits takes it."""
    return {"decoy_id": decoy, "number": number, "region": "US", "channel": "sms", "occurred_at": at, **more}
