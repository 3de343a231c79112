"""Questions under an Idempotency-Key: repeated within a day they are answered anew, and paid for once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House
from interleaved import wait_until
from members import Member, hit
from shapes import refusal_of

from registry.domain.credentials import Scope
from registry.operations.manage_keys import IssueKey
from registry.operations.operation import COMMAND_LINE, Request

WAITING: Final = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
TIMES: Final = 4


@pytest.fixture
def key() -> str:
    return f"try {uuid4()}"


@pytest.fixture
def asker(house: House) -> Member:
    """May ask about ten numbers a day."""
    return house.member("employer", numbers_per_day=10)


def look_up(member: Member, number: str, key: str | None, **more: Any) -> Any:
    headers = {} if key is None else {"Idempotency-Key": f'"{key}"'}
    body = {"number": number, "purpose": "company_number", **more}
    return member.post("/v1/lookups", body, headers=headers)


def check(member: Member, numbers: list[str], key: str) -> Any:
    body = {"purpose": "company_number", "items": [{"number": number} for number in numbers]}
    return member.post("/v1/checks", body, headers={"Idempotency-Key": f'"{key}"'})


def used(member: Member) -> int:
    """Numbers of the day, as the account shows them."""
    (day,) = [limit for limit in member.get("/v1/account").json()["limits"] if limit["name"] == "org-day"]
    return int(day["quota"]) - int(day["remaining"])


def charges(house: House, member: Member) -> int:
    row = house.superuser.execute(
        "SELECT count(*) FROM registry.charges WHERE organisation_id = %s", (member.id,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_lookup_that_is_repeated_is_answered_anew_and_charged_once(
    asker: Member, investigator: Member, trail: AuditTrail, decoy: str, number: str, key: str
) -> None:
    first = look_up(asker, number, key)
    investigator.record(hit(decoy, number))
    again, once_more = look_up(asker, number, key), look_up(asker, number, key)
    assert [answer.json()["outcome"] for answer in (first, again, once_more)] == [
        *("none", "contact_observed", "contact_observed")
    ]
    assert used(asker) == 1
    assert "idempotency-replayed" not in again.headers
    events = [trail.only(answer) for answer in (first, again, once_more)]
    assert len({event["id"] for event in events}) == 3
    assert [(event["result"], event["count"]["charged"]) for event in events] == [("ok", 1), ("ok", 0), ("ok", 0)]
    assert {event["count"]["submitted"] for event in events} == {1}


def test_a_check_that_is_repeated_is_charged_once_and_may_be_when_the_day_is_used_up(
    asker: Member, fresh_number: Callable[[], str], key: str
) -> None:
    numbers = [fresh_number() for _ in range(10)]
    assert check(asker, numbers, key).json()["counts"]["none"] == 10
    refusal_of(look_up(asker, numbers[0], None), 429, "quota_exceeded")
    again = check(asker, numbers, key)
    assert (again.status_code, again.json()["counts"]["none"]) == (200, 10)
    assert '"org-day";r=0;' in again.headers["ratelimit"]
    assert used(asker) == 10


def test_each_repetition_is_a_request_of_the_minute(house: House, number: str, key: str) -> None:
    member = house.member("employer", requests_per_minute=3)
    answers = [look_up(member, number, key) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].json()["violated-policies"] == ["key"]


def test_another_question_under_the_key_is_refused_and_charged_nothing(
    asker: Member, trail: AuditTrail, fresh_number: Callable[[], str], key: str
) -> None:
    number, other = fresh_number(), fresh_number()
    assert look_up(asker, number, key).status_code == 200
    for answer in (
        look_up(asker, other, key),
        look_up(asker, number, key, case_ref="HR-2026-118"),
        check(asker, [number], key),
    ):
        refusal_of(answer, 422, "idempotency_key_reused")
        event = trail.only(answer)
        assert (event["result"], event["count"]["charged"]) == ("idempotency_key_reused", 0)
    assert used(asker) == 1
    assert look_up(asker, number, key).status_code == 200
    assert used(asker) == 1


def test_without_a_key_or_under_another_a_question_is_charged_each_time(asker: Member, number: str, key: str) -> None:
    for given in (key, f"{key} again", None, None):
        assert look_up(asker, number, given).status_code == 200
    assert used(asker) == 4


def test_a_key_is_one_organisations_own_and_all_of_its_api_keys(
    house: House, asker: Member, number: str, key: str
) -> None:
    other = house.member("employer")
    request = Request(house.registry.new_id(), "test")
    second = house.registry.run(IssueKey(asker.id, None), COMMAND_LINE, request).result.text
    assert look_up(asker, number, key).status_code == look_up(other, number, key).status_code == 200
    assert look_up(Member(asker.id, second, asker.client), number, key).status_code == 200
    assert (used(asker), used(other)) == (1, 1)


def test_a_write_and_a_question_may_have_the_same_key(investigator: Member, decoy: str, number: str, key: str) -> None:
    """A write's key keeps its answer, a question's what was paid: neither is taken for the other."""
    headers = {"Idempotency-Key": f'"{key}"'}
    assert investigator.post("/v1/hits", {"hits": [hit(decoy, number)]}, headers=headers).status_code == 201
    assert look_up(investigator, number, key).json()["outcome"] == "contact_observed"


def test_after_a_day_the_question_is_charged_again_and_the_key_free_for_another(
    house: House, asker: Member, fresh_number: Callable[[], str], key: str
) -> None:
    number = fresh_number()
    earlier = (
        "UPDATE registry.charges SET charged_at = charged_at - %s * interval '1 minute' WHERE organisation_id = %s"
    )
    assert look_up(asker, number, key).status_code == 200
    house.superuser.execute(earlier, (24 * 60 - 1, asker.id))
    assert look_up(asker, number, key).status_code == 200
    assert used(asker) == 1
    house.superuser.execute(earlier, (2, asker.id))
    assert look_up(asker, number, key).status_code == 200
    assert used(asker) == 2
    house.superuser.execute(earlier, (24 * 60 + 1, asker.id))
    assert look_up(asker, fresh_number(), key).status_code == 200
    assert (used(asker), charges(house, asker)) == (3, 1)


def test_a_charge_that_the_days_limit_refuses_leaves_nothing_and_is_made_once_the_limit_is_raised(
    house: House, operator: Member, asker: Member, trail: AuditTrail, fresh_number: Callable[[], str], key: str
) -> None:
    numbers = [fresh_number() for _ in range(12)]
    for _ in range(2):
        refused = check(asker, numbers, key)
        refusal_of(refused, 429, "quota_exceeded")
        assert trail.only(refused)["count"]["charged"] == 0
    assert (used(asker), charges(house, asker)) == (0, 0)
    raised = operator.patch(f"/v1/organisations/{asker.id}/limits", {"numbers_per_day": 20})
    assert raised.status_code == 200, raised.text
    for _ in range(2):
        assert check(asker, numbers, key).status_code == 200
    assert used(asker) == 12


def test_a_question_that_cannot_be_answered_is_charged_once_too(asker: Member, trail: AuditTrail, key: str) -> None:
    answers = [look_up(asker, "no number at all", key) for _ in range(3)]
    for answer in answers:
        refusal_of(answer, 422, "not_a_number", "/number")
    assert [trail.only(answer)["count"]["charged"] for answer in answers] == [1, 0, 0]
    assert used(asker) == 1


def test_many_at_once_under_one_key_are_charged_once_and_all_answered(
    house: House, asker: Member, trail: AuditTrail, number: str, key: str
) -> None:
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(TIMES) as pool:
        gate.execute("LOCK TABLE registry.charges IN SHARE MODE")
        asked = [pool.submit(look_up, asker, number, key) for _ in range(TIMES)]
        wait_until(lambda: house.superuser.execute(WAITING).fetchone() == (TIMES,))
        gate.rollback()
        answers = [one.result() for one in asked]
    assert [answer.status_code for answer in answers] == [200] * TIMES
    assert sorted(trail.only(answer)["count"]["charged"] for answer in answers) == [0] * (TIMES - 1) + [1]
    assert used(asker) == 1


def test_a_key_that_is_revoked_meanwhile_gets_no_answer_though_the_question_was_paid(
    house: House, operator: Member, asker: Member, trail: AuditTrail, number: str, key: str
) -> None:
    assert look_up(asker, number, key).status_code == 200
    assert operator.post(f"/v1/keys/{asker.key[9:17]}/revocation").status_code == 200
    refused = look_up(asker, number, key)
    refusal_of(refused, 401, "unauthorized")
    assert trail.of(refused)[0]["count"]["charged"] == 0
    row = house.superuser.execute(
        "SELECT used FROM registry.organisation_days WHERE organisation_id = %s", (asker.id,)
    ).fetchone()
    assert row == (1,)


def test_a_key_that_is_revoked_between_its_request_and_its_charge_is_charged_nothing(
    house: House, operator: Member, asker: Member, number: str, key: str
) -> None:
    """The request was admitted and waits to be charged when the key ends."""
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(1) as pool:
        gate.execute("LOCK TABLE registry.charges IN SHARE MODE")
        asked = pool.submit(look_up, asker, number, key)
        wait_until(lambda: house.superuser.execute(WAITING).fetchone() == (1,))
        assert operator.post(f"/v1/keys/{asker.key[9:17]}/revocation").status_code == 200
        gate.rollback()
        refusal_of(asked.result(), 401, "unauthorized")
    assert charges(house, asker) == 0
    row = house.superuser.execute(
        "SELECT sum(used) FROM registry.organisation_days WHERE organisation_id = %s", (asker.id,)
    ).fetchone()
    assert row == (None,)


def test_a_key_without_the_scope_is_charged_nothing(house: House, asker: Member, number: str, key: str) -> None:
    assert look_up(asker, number, key).status_code == 200
    request = Request(house.registry.new_id(), "test")
    scopes = frozenset({Scope.PRIVATE})
    narrow = house.registry.run(IssueKey(asker.id, scopes), COMMAND_LINE, request).result.text
    refusal_of(look_up(Member(asker.id, narrow, asker.client), number, key), 401, "unauthorized")
    refusal_of(look_up(Member(asker.id, narrow, asker.client), number, f"{key} again"), 401, "unauthorized")
    assert (used(asker), charges(house, asker)) == (1, 1)


def test_neither_the_key_nor_the_question_is_stored_readable(house: House, asker: Member, number: str) -> None:
    assert look_up(asker, number, f"canary of {number}").status_code == 200
    stored = house.everything_stored()
    assert charges(house, asker) == 1
    assert number[-10:] not in stored
    assert "canary of" not in stored
