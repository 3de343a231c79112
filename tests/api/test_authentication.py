from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from argon2 import PasswordHasher, Type
from audit_trail import AuditTrail
from house import House, opened_database, opened_house, sandbox_settings
from members import Member
from shapes import PROBLEM, refusal_of
from starlette.testclient import TestClient

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Mode, Scope, compose

FAILURES = 3


@pytest.fixture(scope="module")
def wary(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A registry that lets an address fail three times a minute."""
    settings = sandbox_settings(failures_per_minute=FAILURES)
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as house:
        yield house


@pytest.fixture(scope="module")
def new_client(wary: House) -> Callable[[], TestClient]:
    """A client with an address of its own."""
    addresses = (f"198.51.100.{last}" for last in count(1))
    return lambda: TestClient(wary.client.app, client=(next(addresses), 50_000), raise_server_exceptions=False)


def recomposed(key: str, *, id_: str | None = None, secret: str | None = None, mode: Mode = Mode.SANDBOX) -> str:
    """A key with a right checksum and something else in it changed."""
    return compose(mode, id_ or key[9:17], secret or key[17:49])


def headers_of_every_bad_key(house: House, operator: Member) -> dict[str, dict[str, str]]:
    """What is wrong -> the headers of a request that has it wrong. The keys are those of real organisations."""
    member = house.member("employer")
    good = member.key
    revoked, expired, suspended = (house.member("employer") for _ in range(3))
    narrow = house.member("investigator", scopes=frozenset({Scope.DECOYS}))
    assert operator.post(f"/v1/keys/{revoked.key[9:17]}/revocation").status_code == 200
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert operator.patch(f"/v1/keys/{expired.key[9:17]}", {"expires_at": past}).status_code == 200
    assert operator.post(f"/v1/organisations/{suspended.id}/suspension").status_code == 200
    keys = {
        "wrong checksum": good[:-1] + ("0" if good[-1] != "0" else "1"),
        "mistyped": good[:20] + ("0" if good[20] != "0" else "1") + good[21:],
        "cut off": good[:-1],
        "quoted": f'"{good}"',
        "unknown": recomposed(good, id_="00000000"),
        "wrong secret": recomposed(good, secret="0" * 32),
        "of a live registry": recomposed(good, mode=Mode.LIVE),
        "revoked": revoked.key,
        "expired": expired.key,
        "of a suspended organisation": suspended.key,
        "without the scope": narrow.key,
        "empty": "",
        "not ASCII": "drk_test_\u00e9",
    }
    schemes = {"other scheme": f"Basic {good}", "no scheme": good}
    bad = {name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()}
    return {**bad, **{name: {"Authorization": text} for name, text in schemes.items()}, "no header": {}}


def ask(client: TestClient, headers: dict[str, str]) -> Any:
    sent = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    body = {"number": "+12065550177", "purpose": "company_number"}
    return client.post("/v1/lookups", json=body, headers=sent)


def told(answer: Any) -> tuple[Any, ...]:
    """All of an answer but the request's id."""
    body = answer.json()
    body.pop("instance")
    headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
    return answer.status_code, body, headers


def test_a_secret_is_hashed_as_owasp_recommends_first(hasher: PasswordHasher) -> None:
    assert hasher.type is Type.ID
    assert (hasher.memory_cost, hasher.time_cost, hasher.parallelism) == (19 * 1024, 2, 1)


def test_the_answers_do_not_tell_what_is_wrong_with_a_key(house: House, operator: Member) -> None:
    answers = {name: ask(house.client, sent) for name, sent in headers_of_every_bad_key(house, operator).items()}
    expected = told(answers["no header"])
    assert expected[0] == 401
    assert expected[1].keys() == PROBLEM - {"instance"}
    assert expected[1]["code"] == "unauthorized"
    assert expected[2]["www-authenticate"] == "Bearer"
    assert {name: told(answer) for name, answer in answers.items()} == dict.fromkeys(answers, expected)


def test_each_failure_costs_the_guesser_whatever_the_cause(wary: House, new_client: Callable[[], TestClient]) -> None:
    for name, sent in headers_of_every_bad_key(wary, wary.member("operator")).items():
        client = new_client()
        statuses = [ask(client, sent).status_code for _ in range(FAILURES + 1)]
        assert statuses == [401] * FAILURES + [429], name
        answer = ask(client, sent)
        problem = refusal_of(answer, 429, "quota_exceeded")
        assert problem["violated-policies"] == ["address"]
        assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_a_blocked_address_keeps_nobody_out_whose_key_was_proved_before(
    wary: House, new_client: Callable[[], TestClient]
) -> None:
    client, known, unknown = new_client(), wary.member("employer"), wary.member("employer")
    assert ask(wary.client, known.headers).status_code == 200
    for _ in range(FAILURES + 1):
        ask(client, {})
    assert ask(client, known.headers).status_code == 200
    assert ask(client, unknown.headers).status_code == 429
    assert ask(wary.client, unknown.headers).status_code == 200  # from another address


def test_a_failure_is_recorded_where_it_names_a_key_and_noise_is_not(
    house: House, operator: Member, trail: AuditTrail
) -> None:
    recorded: dict[str, bool] = {}
    for name, sent in headers_of_every_bad_key(house, operator).items():
        events = trail.of(ask(house.client, sent))
        recorded[name] = bool(events)
        for event in events:
            assert (event["operation"], event["result"]) == ("look_up", "unauthorized")
            assert event["actor"]["key"] is not None
            assert event["count"]["charged"] == 0
        assert len(events) <= 1
    known = {"wrong secret", "revoked", "expired", "of a suspended organisation", "without the scope"}
    assert {name for name, was in recorded.items() if was} == known


def test_whoever_claims_a_key_without_its_secret_does_not_spend_its_limits(house: House) -> None:
    member = house.member("employer", requests_per_minute=2)
    forged = {"Authorization": f"Bearer {recomposed(member.key, secret='1' * 32)}"}
    assert [ask(house.client, forged).status_code for _ in range(4)] == [401] * 4
    assert [ask(house.client, member.headers).status_code for _ in range(3)] == [200, 200, 429]


def test_a_key_that_lacks_the_scope_spends_its_requests_all_the_same(house: House) -> None:
    narrow = house.member("investigator", scopes=frozenset({Scope.DECOYS}), requests_per_minute=3)
    assert [ask(house.client, narrow.headers).status_code for _ in range(2)] == [401] * 2
    assert [narrow.get("/v1/decoys").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize("written", ["Bearer {}", "bearer {}", "BEARER {}", "Bearer   {}"])
def test_the_scheme_is_read_as_http_reads_it(house: House, employer: Member, written: str) -> None:
    assert ask(house.client, {"Authorization": written.format(employer.key)}).status_code == 200


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"number": 1}', b"x" * 2_000_000])
def test_without_a_key_nothing_is_said_about_the_body(house: House, body: bytes) -> None:
    answer = house.client.post("/v1/lookups", content=body, headers={"Content-Type": "application/json"})
    refusal_of(answer, 401, "unauthorized")


@pytest.mark.parametrize("path", ["/v1/checks/files?purpose=company_number", "/v1/checks/files", "/v1/hits/imports"])
def test_without_a_key_no_file_is_taken(house: House, path: str) -> None:
    answer = house.client.post(path, content=b"number\n1\n", headers={"Content-Type": "text/csv"})
    refusal_of(answer, 401, "unauthorized")
