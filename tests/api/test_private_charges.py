"""What a blinded batch costs, once however often it is repeated under its Idempotency-Key, and what is kept of it."""

import base64
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from audit_trail import AuditTrail
from blinding import Batch, encoded, set_id, split
from holders import tags as tags_of
from house import House
from members import Member
from private_asker import PUBLIC_KEYS, PrivateAsker, left_today, private_asker
from shapes import refusal_of

IDENTITY: Final = bytes(32)
GOOD: Final = Batch.of_numbers(["+12065550100", "+12065550101", "+12065550102"]).blinded


def test_the_days_limit_refuses_before_any_element_is_looked_at(thrifty: PrivateAsker, trail: AuditTrail) -> None:
    assert left_today(thrifty.send(GOOD)) == 2
    for blinded in (GOOD, IDENTITY * 3):
        answer = thrifty.send(blinded)
        problem = refusal_of(answer, 429, "quota_exceeded")
        assert problem["violated-policies"] == ["org-day"]
        assert left_today(answer) == 2
        assert trail.only(answer)["count"] == {"submitted": 3, "charged": 0}
    assert left_today(thrifty.send(GOOD[:64])) == 0


def test_several_generations_cost_no_more_than_one(rearranged: House) -> None:
    thrifty = private_asker(rearranged, numbers_per_day=6)
    assert left_today(thrifty.send(GOOD, generations=[2, 3, 4])) == 3
    assert left_today(thrifty.send(GOOD)) == 0


def test_an_evaluation_is_recorded_with_how_many_and_why_and_nothing_of_the_numbers(
    house: House, asker: PrivateAsker, trail: AuditTrail, fresh_number: Callable[[], str]
) -> None:
    numbers = [fresh_number(), fresh_number()]
    batch = Batch.of_numbers(numbers)
    answer = asker.send(batch.blinded, case_ref="HR-2026-118")
    (told,) = answer.json()["evaluations"]
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("evaluate_blinded", "ok")
    assert event["request"]["route"] == "POST /v1/private/evaluations"
    assert event["actor"] == {
        "organisation": str(asker.member.id),
        "key": asker.member.key[9:17],
        "on_behalf_of": None,
    }
    assert (event["purpose"], event["case"]) == ("company_number", "HR-2026-118")
    assert event["count"] == {"submitted": 2, "charged": 2, "evaluated": 2, "generations": 1}
    assert (event["policy"], event["generation"], event["subjects"]) == (None, 1, None)
    assert trail.disclosed(event["id"]) == []
    evaluated, proof = base64.b64decode(told["evaluated"]), base64.b64decode(told["proof"])
    stored = house.everything_stored()
    tags = batch.tags(evaluated, proof, PUBLIC_KEYS[1])
    for secret in (*split(batch.blinded, 32), *split(evaluated, 32), proof[:32], proof[32:], *tags):
        assert secret.hex() not in stored
        assert encoded(secret)[:40] not in stored
    for number, tag in zip(numbers, tags, strict=True):
        assert tag == tags_of(house.registry, number)[0]
        assert set_id(1, tag).hex() not in stored
        assert number[-10:] not in stored


def repeated(asker: PrivateAsker, key: str, blinded: bytes = GOOD, **more: Any) -> Any:
    return asker.send(blinded, headers={"Idempotency-Key": f'"{key}"'}, **more)


def test_a_batch_that_is_repeated_under_its_key_is_answered_again_and_charged_once(
    thrifty: PrivateAsker, trail: AuditTrail
) -> None:
    answers = [repeated(thrifty, "batch 1") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert [left_today(answer) for answer in answers] == [2] * 3
    assert len({answer.json()["evaluations"][0]["evaluated"] for answer in answers}) == 1
    assert len({answer.json()["audit_id"] for answer in answers}) == 3
    charged = [trail.only(answer)["count"]["charged"] for answer in answers]
    assert charged == [3, 0, 0]
    assert left_today(repeated(thrifty, "batch 2", GOOD[:32])) == 1


def test_the_same_key_with_another_batch_is_refused_and_costs_nothing(thrifty: PrivateAsker, trail: AuditTrail) -> None:
    assert left_today(repeated(thrifty, "one")) == 2
    for other in (repeated(thrifty, "one", GOOD[:32]), repeated(thrifty, "one", case_ref="HR-1")):
        refusal_of(other, 422, "idempotency_key_reused")
        assert left_today(other) == 2
        assert trail.only(other)["count"]["charged"] == 0
    assert repeated(thrifty, "one").status_code == 200


def test_a_refused_element_is_charged_once_however_often_it_is_sent_under_one_key(thrifty: PrivateAsker) -> None:
    for _ in range(3):
        answer = repeated(thrifty, "bad", IDENTITY * 2)
        refusal_of(answer, 400, "invalid_element", "/blinded")
        assert left_today(answer) == 3


def test_a_refused_shape_and_a_spent_day_leave_the_key_free(house: House, operator: Member) -> None:
    asker = private_asker(house, numbers_per_day=2)
    refusal_of(repeated(asker, "free", GOOD[:31]), 400, "invalid_encoding", "/blinded")
    refusal_of(repeated(asker, "free"), 429, "quota_exceeded")
    operator.patch(f"/v1/organisations/{asker.member.id}/limits", {"numbers_per_day": 4})
    assert [left_today(repeated(asker, "free")) for _ in range(2)] == [1, 1]


def test_a_key_is_forgotten_after_a_day(house: House, thrifty: PrivateAsker) -> None:
    assert left_today(repeated(thrifty, "daily", GOOD[:64])) == 3
    statement = "UPDATE registry.charges SET charged_at = charged_at - interval '25 hours' WHERE organisation_id = %s"
    assert house.superuser.execute(statement, (thrifty.member.id,)).rowcount == 1
    assert left_today(repeated(thrifty, "daily", GOOD[32:])) == 1


def test_one_key_pays_once_when_it_comes_several_times_at_once(thrifty: PrivateAsker) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(repeated, [thrifty] * 6, ["at once"] * 6))
    assert {answer.status_code for answer in answers} == {200}
    assert left_today(thrifty.send(GOOD[:32])) == 1


def test_two_organisations_may_use_the_same_key(thrifty: PrivateAsker, house: House) -> None:
    other = private_asker(house, numbers_per_day=5)
    assert left_today(repeated(thrifty, "shared")) == 2
    assert left_today(repeated(other, "shared", GOOD[:32])) == 4
