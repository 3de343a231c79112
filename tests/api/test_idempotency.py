from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from shapes import refusal_of


def once(member: Member, path: str, body: object, key: str, method: str = "POST") -> Any:
    headers = {**member.headers, "Idempotency-Key": f'"{key}"'}
    return member.client.request(method, path, json=body, headers=headers)


@pytest.fixture
def key() -> str:
    return f"try {uuid4()}"


def test_a_repeated_write_gets_the_stored_answer_and_is_done_once(
    investigator: Member, employer: Member, trail: AuditTrail, decoy: str, number: str, key: str
) -> None:
    body = {"hits": [hit(decoy, number), hit(decoy, "anonymous")]}
    first, second, third = (once(investigator, "/v1/hits", body, key) for _ in range(3))
    assert first.status_code == second.status_code == third.status_code == 201
    assert first.content == second.content == third.content
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == third.headers["idempotency-replayed"] == "true"
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    assert trail.only(first)["count"]["recorded"] == 1
    (event,) = trail.of(second)
    assert (event["operation"], event["result"]) == ("record_hits", "ok")
    assert event["count"] == {"submitted": 2, "charged": 2, "replayed": 1}
    assert event["id"] != first.json()["audit_id"]


def test_a_repetition_costs_what_the_first_try_cost(house: House, decoy: str, number: str, key: str) -> None:
    member = house.member("investigator", numbers_per_day=3)
    body = {"hits": [hit(decoy, number)]}
    statuses = [once(member, "/v1/hits", body, key).status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_the_same_key_with_another_body_or_at_another_address_is_refused(
    investigator: Member, trail: AuditTrail, decoy: str, number: str, key: str
) -> None:
    body = {"role": "test"}
    path = f"/v1/decoys/{decoy}"
    assert once(investigator, path, body, key, "PATCH").status_code == 200
    others = [
        once(investigator, path, {"role": "control"}, key, "PATCH"),
        once(investigator, f"/v1/decoys/{uuid4()}", body, key, "PATCH"),
        once(investigator, "/v1/hits", {"hits": [hit(decoy, number)]}, key),
    ]
    for answer in others:
        refusal_of(answer, 422, "idempotency_key_reused")
        assert trail.only(answer)["result"] == "idempotency_key_reused"
    assert once(investigator, path, body, key, "PATCH").headers["idempotency-replayed"] == "true"


def test_a_key_is_one_organisations_own(
    investigator: Member, second_investigator: Member, fresh_number: Callable[[], str], key: str
) -> None:
    body = {"label": "A line", "number": fresh_number(), "role": "advertisement"}
    answers = [once(member, "/v1/decoys", body, key) for member in (investigator, second_investigator)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_a_refused_write_leaves_its_key_free(investigator: Member, fresh_number: Callable[[], str], key: str) -> None:
    taken, free = fresh_number(), fresh_number()
    investigator.register_decoy(taken)
    for number, status in ((taken, 409), ("nonsense!", 422), (free, 201)):
        body = {"label": "A line", "number": number, "role": "advertisement"}
        assert once(investigator, "/v1/decoys", body, key).status_code == status


def test_while_the_first_is_running_the_second_is_refused_and_may_come_again(
    house: House, investigator: Member, trail: AuditTrail, number: str, key: str
) -> None:
    body = {"label": "A line", "number": number, "role": "advertisement"}
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(1) as thread:
        gate.execute("LOCK TABLE registry.decoys IN SHARE MODE")
        first = thread.submit(once, investigator, "/v1/decoys", body, key)
        while not holds_a_key(house):
            pass
        second = once(investigator, "/v1/decoys", body, key)
        gate.rollback()
        assert first.result().status_code == 201
    refusal_of(second, 409, "idempotency_key_in_use")
    assert second.headers["retry-after"] == "1"
    assert trail.only(second)["result"] == "idempotency_key_in_use"
    assert once(investigator, "/v1/decoys", body, key).content == first.result().content


def holds_a_key(house: House) -> bool:
    statement = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted)"
    row = house.superuser.execute(statement).fetchone()
    return row is not None and bool(row[0])


def test_an_issued_key_is_not_kept_for_a_repetition(house: House, operator: Member, employer: Member, key: str) -> None:
    path = f"/v1/organisations/{employer.id}/keys"
    first, second = (once(operator, path, {}, key) for _ in range(2))
    assert first.status_code == second.status_code == 201
    issued = first.json()
    assert second.json() == {**issued, "key": None}
    assert issued["key"][17:49] not in house.everything_stored()


def test_a_key_is_forgotten_after_a_day(house: House, investigator: Member, decoy: str, number: str, key: str) -> None:
    assert once(investigator, "/v1/hits", {"hits": [hit(decoy, number)]}, key).status_code == 201
    house.superuser.execute("UPDATE registry.idempotency_keys SET created_at = created_at - interval '25 hours'")
    other = {"hits": [hit(decoy, number, "2026-11-02T10:00:00Z")]}
    again = once(investigator, "/v1/hits", other, key)
    assert (again.status_code, again.json()["recorded"]) == (201, 1)
    assert "idempotency-replayed" not in again.headers
    assert once(investigator, "/v1/hits", other, key).headers["idempotency-replayed"] == "true"


def test_a_question_is_asked_anew_each_time(
    investigator: Member, employer: Member, decoy: str, number: str, key: str
) -> None:
    body = {"number": number, "purpose": "company_number"}
    assert once(employer, "/v1/lookups", body, key).json()["outcome"] == "none"
    investigator.record(hit(decoy, number))
    assert once(employer, "/v1/lookups", body, key).json()["outcome"] == "contact_observed"


@pytest.mark.parametrize("header", ["bare", '""', '"', '"a" b', "'a'", '"' + "x" * 256 + '"', '"caf\u00e9"', '"a"b"'])
def test_a_key_that_is_no_quoted_string_is_refused(
    investigator: Member, trail: AuditTrail, decoy: str, number: str, header: str
) -> None:
    sent = {**investigator.headers, "Idempotency-Key": header}
    headers = {name.encode(): value.encode("latin-1") for name, value in sent.items()}
    answer = investigator.client.post("/v1/hits", json={"hits": [hit(decoy, number)]}, headers=headers)
    refusal_of(answer, 422, "invalid_value")
    assert trail.only(answer)["result"] == "invalid_value"


def test_neither_a_key_nor_the_request_is_stored_readable(
    house: House, investigator: Member, decoy: str, number: str
) -> None:
    once(investigator, "/v1/hits", {"hits": [hit(decoy, number)]}, f"for {number} canary")
    stored = house.everything_stored()
    assert number[-10:] not in stored
    assert "canary" not in stored
