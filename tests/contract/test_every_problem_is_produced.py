"""Every problem code is produced: by a real request, or by a real fault of what the registry stands on.

The client holds each answer against the OpenAPI document, so that an operation that does not list what it answers
fails here as well.
"""

import csv
import io
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from blinding import Batch
from databases import DatabaseUrls
from house import House, example_number, opened_database, opened_house
from members import Member, hit
from private_asker import PrivateAsker, private_asker
from shapes import refusal_of

from api.problems import CATALOGUE, Place
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Code
from registry.settings import Settings

NUMBER = "+12065550177"
AT = "2026-11-01T10:00:00Z"
CSV = {"headers": {"Content-Type": "text/csv"}}
NDJSON = {"headers": {"Content-Type": "application/x-ndjson"}}
FILE = "/v1/checks/files?purpose=company_number"


@dataclass
class World:
    house: House
    live: House
    """A live registry with small caps."""
    investigator: Member
    employer: Member
    operator: Member
    asker: PrivateAsker
    decoy: str

    def look_up(self, **change: Any) -> Any:
        return self.employer.post("/v1/lookups", {"number": NUMBER, "purpose": "company_number", **change})

    def send(self, content: bytes) -> Any:
        return self.employer.post("/v1/lookups", content=content, headers={"Content-Type": "application/json"})

    def check(self, **change: Any) -> Any:
        items = [{"number": NUMBER, **change}]
        return self.employer.post("/v1/checks", {"purpose": "company_number", "items": items})

    def record(self, **change: Any) -> Any:
        return self.investigator.post("/v1/hits", {"hits": [{**hit(self.decoy, NUMBER), **change}]})

    def lines(self, content: bytes) -> Any:
        return self.investigator.post("/v1/hits/imports", content=content, **NDJSON)

    def file(self, content: bytes, member: Member | None = None) -> Any:
        return (member or self.employer).post(FILE, content=content, **CSV)

    def twice(self, act: Callable[[], Any]) -> Any:
        assert act().status_code < 300
        return act()


@pytest.fixture(scope="module")
def world(cluster: EmbeddedUrls, template: str) -> Generator[World]:
    small = Settings.build(served_regions="US,CA", file_rows=3, file_body_bytes=4_096, json_body_bytes=2_048)
    with (
        opened_database(cluster, template) as urls,
        having_retired(urls, 2),
        opened_house(urls) as house,
        opened_database(cluster, template) as other_urls,
        opened_house(other_urls, small) as live,
    ):
        investigator, employer, operator = (house.member(kind) for kind in ("investigator", "employer", "operator"))
        decoy = investigator.register_decoy("+12065550199")
        yield World(house, live, investigator, employer, operator, private_asker(house), decoy)


@contextmanager
def having_retired(urls: DatabaseUrls, generation: int) -> Generator[None]:
    """A generation that was in use before the registry is opened."""
    with psycopg.connect(urls.superuser_dsn) as superuser:
        superuser.execute(
            "INSERT INTO registry.generations (number, public_key, retired_at) VALUES (%s, sha256('2'), now())",
            (generation,),
        )
    yield


def retraction(world: World) -> Any:
    id_ = world.record(occurred_at="2026-10-01T10:00:00Z").json()["results"][0]["id"]
    return world.twice(lambda: world.investigator.post(f"/v1/hits/{id_}/retraction", {"reason": "other"}))


def imposed(world: World) -> Any:
    decoy = world.investigator.register_decoy("+12065550145")
    assert world.operator.post(f"/v1/decoys/{decoy}/quarantine").status_code == 200
    return world.investigator.post(f"/v1/decoys/{decoy}/release")


def closure(world: World) -> Any:
    id_ = world.operator.post("/v1/disputes", {"number": "+12065550141"}).json()["id"]
    return world.twice(lambda: world.operator.post(f"/v1/disputes/{id_}/closure", {"resolution": "confirmed"}))


def reused_key(world: World) -> Any:
    headers = {"Idempotency-Key": '"once"'}
    path = f"/v1/decoys/{world.decoy}"
    headers = {**world.investigator.headers, **headers}
    assert world.investigator.client.patch(path, json={"label": "a"}, headers=headers).status_code == 200
    return world.investigator.client.patch(path, json={"label": "b"}, headers=headers)


def unsealed(world: World) -> Any:
    """No sealer works here, so that the event waits for ever."""
    event = world.look_up().json()["audit_id"]
    return world.operator.get(f"/v1/audit/events/{event}/proof")


def other_role(world: World) -> Any:
    decoy = world.investigator.register_decoy("+12065550143", role="control")
    world.investigator.record(hit(decoy, NUMBER))
    return world.investigator.patch(f"/v1/decoys/{decoy}", {"role": "advertisement"})


def registered(world: World, filled_with: str) -> Any:
    secret = f"whsec_{filled_with * 32}"
    return world.investigator.post("/v1/provider-credentials", {"provider": "generic", "secret": secret})


def retired_before(world: World) -> Any:
    id_ = registered(world, "B").json()["id"]
    assert world.investigator.post(f"/v1/provider-credentials/{id_}/retirement").status_code == 200
    return registered(world, "B")


Request = Callable[[World], Any]
WHOLE: dict[Code, Request] = {
    Code.EMPTY: lambda w: w.look_up(number=""),
    Code.TOO_LONG: lambda w: w.look_up(number="1" * 65),
    Code.NOT_A_NUMBER: lambda w: w.look_up(number="no number at all"),
    Code.UNKNOWN_REGION: lambda w: w.look_up(region="XX"),
    Code.TOO_SHORT: lambda w: w.look_up(number="+1 206 555"),
    Code.TOO_MANY_DIGITS: lambda w: w.look_up(number="+1 206 555 0177 0177 0"),
    Code.NOT_VALID: lambda w: w.look_up(number="+1 206 055 0177"),
    Code.SHORT_CODE: lambda w: w.look_up(number="72345", region="US"),
    Code.SENDER_NAME: lambda w: w.look_up(number="MYBANK", region="US"),
    Code.WITHHELD: lambda w: w.look_up(number="anonymous"),
    Code.FICTIONAL: lambda w: w.live.member("employer").post(
        "/v1/lookups", {"number": NUMBER, "purpose": "company_number"}
    ),
    Code.INVALID_REQUEST: lambda w: w.look_up(number=1, purpose="none"),
    Code.INVALID_JSON: lambda w: w.send(b"{"),
    Code.INVALID_UTF8: lambda w: w.send(b'{"number": "\xff"}'),
    Code.NUL_BYTE: lambda w: w.send(b'{"number": "\0"}'),
    Code.WRONG_TYPE: lambda w: w.look_up(number={}),
    Code.UNKNOWN_FIELD: lambda w: w.look_up(possesed_since="2026-01-01"),
    Code.MISSING_FIELD: lambda w: w.employer.post("/v1/lookups", {"number": NUMBER}),
    Code.INVALID_VALUE: lambda w: w.look_up(purpose="curiosity"),
    Code.EMPTY_LIST: lambda w: w.investigator.post("/v1/hits", {"hits": []}),
    Code.TOO_MANY_ITEMS: lambda w: w.investigator.post("/v1/hits", {"hits": [hit(w.decoy, "")] * 1_001}),
    Code.DATE_IN_FUTURE: lambda w: w.look_up(possessed_since="2026-12-24"),
    Code.WINDOW_REVERSED: lambda w: w.look_up(possessed_since="2026-02-02", possessed_until="2026-02-01"),
    Code.INVALID_ENCODING: lambda w: w.asker.send("no base64"),
    Code.INVALID_ELEMENT: lambda w: w.asker.send(bytes(32)),
    Code.UNKNOWN_GENERATION: lambda w: w.asker.send(Batch.of_numbers([NUMBER]).blinded, generations=[9]),
    Code.RETIRED_GENERATION: lambda w: w.asker.send(Batch.of_numbers([NUMBER]).blinded, generations=[2]),
    Code.NUMBER_IN_TEXT: lambda w: w.look_up(case_ref="2065550177"),
    Code.INVALID_CURSOR: lambda w: w.investigator.get("/v1/decoys?cursor=x"),
    Code.BODY_TOO_LARGE: lambda w: w.send(b" " * 1_048_577),
    Code.UNSUPPORTED_MEDIA_TYPE: lambda w: w.employer.post("/v1/lookups", content=b"{}"),
    Code.FILE_EMPTY: lambda w: w.file(b""),
    Code.FILE_NOT_TEXT: lambda w: w.file(b"PK\x03\x04"),
    Code.COLUMN_NOT_FOUND: lambda w: w.file(b"Name,Device\nAnn,17\n"),
    Code.TOO_MANY_ROWS: lambda w: w.file(b"Phone\n" + b"x\n" * 4, w.live.member("employer")),
    Code.ROW_TOO_LONG: lambda w: w.file(b'Phone,Name\nx,"never closed\n'),
    Code.UNAUTHORIZED: lambda w: w.employer.get("/v1/decoys"),
    Code.SIGNATURE_REFUSED: lambda w: w.house.client.post(
        f"/v1/intake/generic/{'A' * 43}", content=b"{}", headers={"Content-Type": "application/json"}
    ),
    Code.QUOTA_EXCEEDED: lambda w: w.house.member("employer", numbers_per_day=0).post(
        "/v1/lookups", {"number": NUMBER, "purpose": "company_number"}
    ),
    Code.NOT_FOUND: lambda w: w.investigator.post(f"/v1/hits/{uuid4()}/retraction", {"reason": "other"}),
    Code.ROLE_IN_USE: other_role,
    Code.DECOY_NUMBER_TAKEN: lambda w: w.twice(
        lambda: w.investigator.post("/v1/decoys", {"label": "a", "number": "+12065550142", "role": "test"})
    ),
    Code.NAME_TAKEN: lambda w: w.twice(
        lambda: w.operator.post("/v1/organisations", {"name": "The same", "kind": "partner"})
    ),
    Code.QUARANTINED_BY_OPERATOR: imposed,
    Code.ALREADY_RETRACTED: retraction,
    Code.ALREADY_EXCLUDED: lambda w: w.twice(
        lambda: w.operator.post("/v1/exclusions", {"number": "+12065550143", "reason": "other"})
    ),
    Code.ALREADY_DISPUTED: lambda w: w.twice(lambda: w.operator.post("/v1/disputes", {"number": "+12065550144"})),
    Code.ALREADY_CLOSED: closure,
    Code.CREDENTIAL_IN_USE: lambda w: w.twice(lambda: registered(w, "A")),
    Code.CREDENTIAL_RETIRED: retired_before,
    Code.NOT_SEALED: unsealed,
    Code.UNKNOWN_CHECKPOINT: lambda w: w.house.client.get("/v1/audit/consistency?from=0&to=1"),
    Code.IDEMPOTENCY_KEY_REUSED: reused_key,
    Code.METHOD_NOT_ALLOWED: lambda w: w.employer.get("/v1/lookups"),
}
ITEMS: dict[Code, Request] = {
    Code.EMPTY: lambda w: w.check(number=" "),
    Code.TOO_LONG: lambda w: w.check(number="1" * 65),
    Code.NOT_A_NUMBER: lambda w: w.check(number="no number at all"),
    Code.UNKNOWN_REGION: lambda w: w.check(region="XX"),
    Code.TOO_SHORT: lambda w: w.check(number="+1 206 555"),
    Code.TOO_MANY_DIGITS: lambda w: w.check(number="+1 206 555 0177 0177 0"),
    Code.NOT_VALID: lambda w: w.check(number="+1 206 055 0177"),
    Code.SHORT_CODE: lambda w: w.check(number="72345", region="US"),
    Code.SENDER_NAME: lambda w: w.check(number="MYBANK", region="US"),
    Code.WITHHELD: lambda w: w.file(b"Phone\n+2562533\n"),
    Code.FICTIONAL: lambda w: w.file(f"Phone\n{NUMBER}\n".encode(), w.live.member("employer")),
    Code.REGION_NOT_SERVED: lambda w: w.record(number=example_number("GB")),
    Code.INVALID_JSON: lambda w: w.lines(b"{"),
    Code.INVALID_UTF8: lambda w: w.lines(b'{"number": "\xff"}'),
    Code.NUL_BYTE: lambda w: w.lines(b'{"number": "\\u0000"}'),
    Code.WRONG_TYPE: lambda w: w.lines(b"[]"),
    Code.UNKNOWN_FIELD: lambda w: w.lines(b'{"body": "x"}'),
    Code.MISSING_FIELD: lambda w: w.lines(b"{}"),
    Code.INVALID_VALUE: lambda w: w.investigator.post(
        "/v1/hits/imports", content=f"number,occurred_at,decoy_id,channel\n1,never,{w.decoy},sms\n", **CSV
    ),
    Code.DATE_IN_FUTURE: lambda w: w.record(occurred_at="2027-01-01T00:00:00Z"),
    Code.WINDOW_REVERSED: lambda w: w.check(possessed_since="2026-02-02", possessed_until="2026-02-01"),
    Code.ROW_TOO_LONG: lambda w: w.live.member("investigator").post("/v1/hits/imports", content=b"x" * 2_049, **NDJSON),
    Code.UNKNOWN_DECOY: lambda w: w.record(decoy_id=str(uuid4())),
}
FAULTS = frozenset(
    {
        *(Code.DATABASE_UNAVAILABLE, Code.OVERLOADED, Code.KEYS_OUT_OF_DATE, Code.SIGNER_UNAVAILABLE, Code.INTERNAL),
        *(Code.IDEMPOTENCY_KEY_IN_USE, Code.UPLOAD_INCOMPLETE),
    }
)
"""Produced by test_every_fault_is_produced.py."""


def codes_of_items(answer: Any) -> set[str]:
    if answer.headers["content-type"].startswith("text/csv"):
        return {row["problem"] for row in csv.DictReader(io.StringIO(answer.text))}
    told = answer.json()
    if "refused_rows" in told:
        return {row["code"] for row in told["refused_rows"]}
    return {result["problem"]["code"] for result in told["results"]}


def test_no_code_is_left_out() -> None:
    assert WHOLE.keys() | ITEMS.keys() | FAULTS == set(Code)


@pytest.mark.parametrize("code", WHOLE)
def test_it_is_the_whole_answer(world: World, code: Code) -> None:
    answer = WHOLE[code](world)
    assert answer.status_code == CATALOGUE[code].status, answer.text
    problem = answer.json()
    assert problem["code"] == code
    assert problem["title"] == CATALOGUE[code].title
    assert Place.ANSWER in CATALOGUE[code].places
    for entry in problem["errors"]:
        assert Place.ERRORS in CATALOGUE[Code(entry["code"])].places
    header = CATALOGUE[code].header
    if header is not None and code is not Code.QUOTA_EXCEEDED:  # no wait helps against a quota of nothing
        assert header in answer.headers


@pytest.mark.parametrize("code", ITEMS)
def test_it_is_the_problem_of_one_item(world: World, code: Code) -> None:
    answer = ITEMS[code](world)
    assert answer.status_code == 200, answer.text
    assert codes_of_items(answer) == {code.value}
    assert Place.ITEM in CATALOGUE[code].places


def test_half_a_character_is_an_entry_of_errors(world: World) -> None:
    answer = world.send(json.dumps({"number": "\ud83d", "purpose": "company_number"}).encode())
    refusal_of(answer, 400, "invalid_utf8", "/number")
    assert Place.ERRORS in CATALOGUE[Code.INVALID_UTF8].places
