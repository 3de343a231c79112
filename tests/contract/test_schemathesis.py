"""schemathesis drives the API from the committed document, on a real database, with all of its checks.

First with whatever the document allows and does not allow: every answer must be one that the document describes. Then
with texts that mean something, which the document cannot say: those must be accepted.
"""

import base64
import itertools
import json
import secrets
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest
import schemathesis
from blinding import Batch, encoded
from house import House, opened_database, opened_house, sandbox_settings
from hypothesis import HealthCheck, settings
from members import Member, hit
from private_asker import private_asker
from schemathesis.config import SchemathesisConfig
from starlette.types import ASGIApp, Receive, Scope, Send

from api import openapi
from registry.db.embedded import EmbeddedUrls
from registry.log_key import LogKey
from registry.operations.seal import Sealer

pytestmark = pytest.mark.xdist_group("schemathesis")
_UPLOADS: Final = ["checkFile", "importHits", "importExclusions", "removeExclusionFile"]
_CHECKS: Final = {
    # 422: what a schema cannot say, such as whether a text is a number. 400: NUL and halves of characters are text to a
    # schema, and to nobody else. Requests that mean something have none of either.
    "positive_data_acceptance": {"expected-statuses": ["2XX", "400", "404", "409", "422"]},
    # 413: 10,000 items can be larger than a body may be.
    "negative_data_rejection": {"expected-statuses": ["400", "401", "404", "405", "413", "415", "422"]},
}
# Whatever a file is said to be made of, its bytes are a text.
_FILES: Final = {"include-operation-id": _UPLOADS, "checks": {"negative_data_rejection": {"enabled": False}}}
# A schema cannot say either what is an element of the group, or which generations there are.
_PRIVATE: Final = {
    "include-operation-id": [
        *("createPrivateEvaluation", "createPrivateDisclosure", "getPrivateSet", "getPrivateBucket"),
    ],
    "checks": {"positive_data_acceptance": {"expected-statuses": ["2XX", "400", "404", "422"]}},
}
# Any text can stand where a tile's place does; what is no place leads nowhere, which a schema need not say.
_TILES: Final = {"include-operation-id": ["getTile"], "checks": {"negative_data_rejection": {"enabled": False}}}
# Nothing that is made from a schema is signed.
_SIGNED: Final = {
    "include-operation-id": ["takeIn"],
    "checks": {
        "positive_data_acceptance": {"expected-statuses": ["403", "404", "415", "422"]},
        "negative_data_rejection": {"expected-statuses": ["400", "403", "404", "405", "413", "415", "422"]},
    },
}
_BOUNDED: Final = settings(
    max_examples=15,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
_MEANINGS: Final = {
    "region": "US",
    "possessed_since": "2026-01-15",
    "possessed_until": "2026-03-01",
    "live_from": "2026-01-15T00:00:00Z",
    "live_until": "2027-01-15T00:00:00Z",
    "acquired_on": "2026-01-01",
    "occurred_at": "2026-03-01T10:00:00Z",
    "expires_at": "2030-01-01T00:00:00Z",
    "case_ref": "HR-2026-118",
    "scopes": ["lookups"],
    "blinded": encoded(Batch.of_numbers(["+12065550101", "+12065550102"]).blinded),
    "generations": [1],
    "tag": encoded(bytes(32)),
    "cursor": "A" * 22,
}


_CREDENTIAL: Final = {"provider": "telnyx", "public_key": base64.b64encode(bytes(32)).decode()}


class _Current:
    """Stands for the application until there is one."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError  # whoever opened the application has started it already
        await self.app(scope, receive, send)


def _driver(**more: Any) -> Any:
    configured = {"seed": 1, "checks": _CHECKS, "operations": [_FILES, _PRIVATE, _TILES, _SIGNED], **more}
    library: Any = SchemathesisConfig
    config = library.from_dict(configured)
    driver = schemathesis.openapi.from_dict(json.loads(openapi.PATH.read_bytes()), config=config)
    driver.app = _CURRENT
    return driver


def each_operation(driver: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    found: Callable[[Callable[..., None]], Callable[..., None]] = driver.parametrize()
    return found


@schemathesis.serializer("application/x-ndjson")
def _as_it_is(_context: Any, value: Any) -> Any:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


_CURRENT: Final = _Current()
ANYTHING: Final = _driver()
MEANINGFUL: Final = _driver(
    generation={"mode": "positive", "allow-x00": False, "codec": "utf-8"},
    phases={"coverage": {"enabled": False}},
)


@dataclass
class Inhabited:
    """A registry with something of everything. answered: how often, by operation and status."""

    house: House
    investigator: Member
    operator: Member
    asker: Member
    ids: dict[str, str]
    sealed: int
    """The size of the log's only checkpoint."""
    answered: Counter[tuple[str, int]] = field(default_factory=Counter[tuple[str, int]])
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, case: Any) -> int:
        """Sends the request, holds the answer against all checks, and returns its status."""
        described: dict[str, Any] = case.operation.definition.raw
        members = {"operator": self.operator, "audit": self.operator, "private": self.asker}
        text = described.get("description", "")
        member = next((found for scope, found in members.items() if f"scope `{scope}`" in text), self.investigator)
        status: int = case.call_and_validate(headers=member.headers).status_code
        self.answered[described["operationId"], status] += 1
        return status

    def meaningful(self, content: Any) -> Any:
        """The same structure, with a meaning in the place of every text that needs one."""
        if isinstance(content, list):
            return [self.meaningful(item) for item in cast("Sequence[Any]", content)]
        if not isinstance(content, dict):
            return content
        return {name: self._meaning(name, value) for name, value in cast("dict[str, Any]", content).items()}

    def _meaning(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        one = next(self.numbers)
        if name == "number":
            return f"+1 {200 + one // 100 % 700} 555 01{one % 100:02}"
        if name in {"label", "name"}:
            return f"Number {one} of several"
        return _MEANINGS.get(name, self.ids.get(name, self.meaningful(value)))


@pytest.fixture(scope="module")
def inhabited(cluster: EmbeddedUrls, template: str) -> Generator[Inhabited]:
    with_buckets = sandbox_settings(private_bucket_entries=1)
    with opened_database(cluster, template) as urls, opened_house(urls, with_buckets) as house:
        _CURRENT.app = house.client.app
        investigator, operator, other = (house.member(kind) for kind in ("investigator", "operator", "employer"))
        decoy = investigator.register_decoy("+1 206 555 0100")
        recorded = investigator.record(hit(decoy, "+1 206 555 0101"), hit(decoy, "+1 206 555 0102"))
        dispute = operator.post("/v1/disputes", {"number": "+1 206 555 0102"}).json()
        ids = {"decoy_id": decoy, "hit_id": recorded["results"][0]["id"], "dispute_id": dispute["id"]}
        ids |= {"organisation_id": str(other.id), "key_id": other.key[9:17]}
        exclusion = investigator.post("/v1/exclusions", {"number": "+1 206 555 0103", "reason": "outreach"}).json()
        ids |= {"exclusion_id": exclusion["id"], "organisation": str(investigator.id)}
        asker = private_asker(house)
        credential = investigator.post("/v1/provider-credentials", _CREDENTIAL).json()
        ids |= {"credential_id": credential["id"], "provider": "twilio", "token": "A" * 43}
        bits = asker.parameters()["generations"][0]["set"]["prefix_bits"]
        ids["prefix"] = "0" * -(-bits // 4)
        ids |= {"event_id": recorded["audit_id"], "level": "0", "index": "000.p/1"}
        sealed = Sealer(house.registry.database, LogKey("registry.example.org/log", bytes(32))).seal()
        assert sealed is not None
        yield Inhabited(house, investigator, operator, asker.member, ids, sealed.checkpoint.size)


@each_operation(ANYTHING)
@_BOUNDED
def test_every_answer_is_one_that_the_document_describes(case: Any, inhabited: Inhabited) -> None:
    inhabited.call(case)


@each_operation(MEANINGFUL)
@_BOUNDED
def test_what_means_something_is_accepted(case: Any, inhabited: Inhabited) -> None:
    operation = case.operation.definition.raw["operationId"]
    for name in case.path_parameters:
        case.path_parameters[name] = inhabited.ids[name]
    kept = {"limit", "dry_run", "purpose", "generation"}
    case.query = {name: 1 if name == "generation" else value for name, value in case.query.items() if name in kept}
    if operation == "getConsistency":
        case.query = {"from": 0, "to": inhabited.sealed}
    if operation in _UPLOADS:
        case.media_type = "text/csv"
        case.body = (
            "number,decoy_id,channel,occurred_at,reason\n"
            f"2065550177,{inhabited.ids['decoy_id']},sms,2026-03-01T10:00:00Z,outreach\n"
        )
    else:
        body = case.body = inhabited.meaningful(case.body)
        if operation == "removeExclusion":
            told = {name: value for name, value in body.items() if name in {"number", "region"}}
            inhabited.investigator.post("/v1/exclusions", {**told, "reason": "outreach"})
        if operation == "addProviderCredential":
            key = secrets.token_bytes(32)  # which members it has depends on one of them, and none is taken twice
            case.body = {**_CREDENTIAL, "public_key": base64.b64encode(key).decode()}
    if operation == "takeIn":
        assert inhabited.call(case) in {403, 415, 422}
        return
    # 404 and 409: what was there is excluded, retracted, closed already. 422: nothing to change, a key used before.
    assert inhabited.call(case) in {200, 201, 404, 409, 422}


def test_every_operation_was_answered_with_success(inhabited: Inhabited) -> None:
    """In this file the tests run in their order, so that this one looks back on the others."""
    succeeded = {operation for operation, status in inhabited.answered if status < 300}
    asked = {operation for operation, _ in inhabited.answered}
    # One is for the operator's network alone, and the other for those who sign.
    assert asked - succeeded <= {"getMetrics", "takeIn"}
