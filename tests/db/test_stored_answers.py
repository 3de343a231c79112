"""Answers kept under an Idempotency-Key: for a day, with what the operation did, and never a number or a secret."""

from collections.abc import Generator
from typing import Any, Final

import pytest
from house import House, fictional_numbers, opened_database, opened_house
from members import Member, hit

from registry.db.embedded import EmbeddedUrls
from registry.db.idempotency import KEPT_FOR

NUMBERS: Final = fictional_numbers()


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def member(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def body(member: Member) -> dict[str, Any]:
    """One new contact."""
    return {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}


def age(house: House, hours: float) -> None:
    """Makes every stored answer so many hours older."""
    house.superuser.execute(
        "UPDATE registry.idempotency_keys SET created_at = created_at - make_interval(secs => %s)", (hours * 3_600,)
    )


def stored(house: House) -> int:
    row = house.superuser.execute("SELECT count(*) FROM registry.idempotency_keys").fetchone()
    assert row is not None
    return int(row[0])


def post(member: Member, body: dict[str, Any], key: str) -> Any:
    return member.post("/v1/hits", body, headers={"Idempotency-Key": f'"{key}"'})


def test_an_answer_is_kept_for_nearly_a_day(house: House, member: Member, body: dict[str, Any]) -> None:
    first = post(member, body, "nearly a day")
    age(house, 23.9)
    again = post(member, body, "nearly a day")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"


def test_after_a_day_the_key_is_new_and_the_event_still_counts_once(
    house: House, member: Member, body: dict[str, Any]
) -> None:
    first = post(member, body, "a day")
    age(house, KEPT_FOR.total_seconds() / 3_600 + 0.01)
    again = post(member, body, "a day")
    assert again.status_code == 200
    assert "Idempotency-Replayed" not in again.headers
    assert (again.json()["recorded"], again.json()["duplicate"]) == (0, 1)
    assert again.json()["results"][0]["id"] == first.json()["results"][0]["id"]
    assert post(member, body, "a day").json() == again.json()


def test_after_a_day_a_key_may_be_used_for_another_request(house: House, member: Member, body: dict[str, Any]) -> None:
    assert post(member, body, "another").status_code == 201
    other = {"hits": [{**body["hits"][0], "number": next(NUMBERS)}]}
    assert post(member, other, "another").json()["code"] == "idempotency_key_reused"
    age(house, 24.1)
    assert post(member, other, "another").json()["recorded"] == 1


def test_old_answers_are_forgotten_a_few_at_a_time_without_a_job(
    house: House, member: Member, body: dict[str, Any]
) -> None:
    house.superuser.execute("TRUNCATE registry.idempotency_keys")
    house.superuser.execute(
        "INSERT INTO registry.idempotency_keys"
        " SELECT gen_random_uuid(), sha256(n::text::bytea), sha256('r'), 200, '{}',"
        " now() - make_interval(hours => CASE WHEN n <= 25 THEN 25 ELSE 23 END) FROM generate_series(1, 30) AS n"
    )
    left: list[int] = []
    for turn in range(4):
        post(member, body, f"turn {turn}")
        left.append(stored(house) - turn - 1)  # without the turns' own
    assert left == [20, 10, 5, 5]


def test_two_organisations_may_use_the_same_key(house: House, member: Member, body: dict[str, Any]) -> None:
    other = house.member("investigator")
    own = {"hits": [hit(other.register_decoy(next(NUMBERS)), next(NUMBERS))]}
    assert post(member, body, "shared").json()["recorded"] == 1
    assert post(other, own, "shared").json()["recorded"] == 1


def test_a_refused_write_keeps_no_answer_and_may_be_tried_again(
    house: House, member: Member, body: dict[str, Any]
) -> None:
    before = stored(house)
    decoy = member.register_decoy(next(NUMBERS))
    path, headers = f"/v1/hits/{decoy}/retraction", {"Idempotency-Key": '"refused"'}
    for _ in range(2):
        refused = member.post(path, {"reason": "other"}, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert stored(house) == before


def test_what_is_stored_holds_neither_number_nor_key(house: House, member: Member, body: dict[str, Any]) -> None:
    post(member, body, "nothing to read")
    digits = body["hits"][0]["number"].removeprefix("+1")
    for row in house.superuser.execute("SELECT i::text, encode(body, 'escape') FROM registry.idempotency_keys AS i"):
        assert digits not in "".join(row)
        assert "nothing to read" not in "".join(row)
        assert digits.encode().hex() not in "".join(row)
