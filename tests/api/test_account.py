import pytest
from audit_trail import AuditTrail
from house import House
from shapes import ACCOUNT, LIMIT


@pytest.mark.parametrize(
    ("kind", "scopes"),
    [
        ("investigator", ["decoys", "hits", "lookups"]),
        ("employer", ["lookups"]),
        ("partner", ["lookups"]),
        ("operator", ["audit", "lookups", "operator"]),
    ],
)
def test_every_key_can_ask_who_it_is(house: House, trail: AuditTrail, kind: str, scopes: list[str]) -> None:
    member = house.member(kind)
    answer = member.get("/v1/account")
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == ACCOUNT
    assert (told["organisation_id"], told["kind"]) == (str(member.id), kind)
    assert told["organisation"].startswith(f"Test {kind}")
    assert (told["key"], told["scopes"], told["mode"]) == (member.key[9:17], scopes, "sandbox")
    assert member.key[17:] not in answer.text
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("view_account", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0}


def test_it_tells_the_limits_and_what_is_left_of_them(house: House, number: str) -> None:
    member = house.member("employer", requests_per_minute=6, numbers_per_day=100)
    for _ in range(3):
        member.look_up(number)
    requests, numbers = member.get("/v1/account").json()["limits"]
    assert requests.keys() == numbers.keys() == LIMIT
    assert (requests["name"], requests["quota"], requests["window_seconds"]) == ("key", 6, 60)
    assert (requests["unit"], numbers["unit"]) == ("requests", "numbers")
    assert requests["remaining"] == 2  # of which one comes back every ten seconds
    assert 30 < requests["reset_seconds"] <= 40
    assert (numbers["name"], numbers["quota"], numbers["window_seconds"]) == ("org-day", 100, 86_400)
    assert numbers["remaining"] == 97
    assert 1 <= numbers["reset_seconds"] <= 86_400


def test_a_live_registry_says_that_it_is_one(other_house: House) -> None:
    told = other_house.member("employer").get("/v1/account").json()
    assert told["mode"] == "live"


def test_asking_who_one_is_costs_a_request_and_no_number(house: House) -> None:
    member = house.member("employer", requests_per_minute=2, numbers_per_day=0)
    assert [member.get("/v1/account").status_code for _ in range(3)] == [200, 200, 429]
