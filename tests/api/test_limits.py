import re
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from shapes import refusal_of

RATE_LIMIT = re.compile(r'"key";r=([0-9]+);t=([0-9]+), "org-day";r=([0-9]+);t=([0-9]+)')
NUMBER = "+12065550177"


def ask(member: Member, number: str = NUMBER) -> Any:
    return member.post("/v1/lookups", {"number": number, "purpose": "company_number"})


def check(member: Member, many: int) -> Any:
    return member.post("/v1/checks", {"purpose": "company_number", "items": [{"number": NUMBER}] * many})


def remaining(answer: Any) -> tuple[int, int]:
    """Requests of the key, numbers of the organisation."""
    found = RATE_LIMIT.fullmatch(answer.headers["ratelimit"])
    assert found is not None
    return int(found[1]), int(found[3])


def test_every_answer_says_what_the_limits_are_and_what_is_left(house: House) -> None:
    member = house.member("employer", requests_per_minute=4, numbers_per_day=50)
    policy = '"key";q=4;w=60, "org-day";q=50;w=86400;reg-unit="numbers"'
    answered, refused, unread = ask(member), ask(member, "nonsense!"), member.post("/v1/lookups", {})
    assert [answer.status_code for answer in (answered, refused, unread)] == [200, 422, 422]
    assert {answer.headers["ratelimit-policy"] for answer in (answered, refused, unread)} == {policy}
    assert [remaining(answer) for answer in (answered, refused, unread)] == [(3, 49), (2, 48), (1, 48)]
    reset = RATE_LIMIT.fullmatch(answered.headers["ratelimit"])
    assert reset is not None
    assert int(reset[2]) == 15
    assert 1 <= int(reset[4]) <= 86_400


def test_the_whole_quota_of_requests_may_come_at_once_and_no_more(house: House, trail: AuditTrail) -> None:
    member = house.member("employer", requests_per_minute=3)
    assert [ask(member).status_code for _ in range(3)] == [200] * 3
    over = ask(member)
    problem = refusal_of(over, 429, "quota_exceeded")
    assert problem["violated-policies"] == ["key"]
    assert over.headers["retry-after"] == "20"
    assert remaining(over)[0] == 0
    event = trail.only(over)
    assert (event["result"], event["operation"]) == ("quota_exceeded", "look_up")
    assert event["count"] == {"submitted": 1, "charged": 0}


def test_a_key_earns_its_requests_back_one_by_one(house: House) -> None:
    member = house.member("employer", requests_per_minute=3)
    assert [ask(member).status_code for _ in range(4)] == [200, 200, 200, 429]
    earlier = "UPDATE registry.key_rates SET tat = tat - 20000000 WHERE key_id = %s"  # 20 seconds pass
    house.superuser.execute(earlier, (member.key[9:17],))
    assert [ask(member).status_code for _ in range(2)] == [200, 429]


def test_numbers_are_counted_per_organisation_and_day_whatever_the_endpoint(house: House, trail: AuditTrail) -> None:
    member = house.member("investigator", numbers_per_day=14)
    decoy = member.register_decoy("+12065550199")
    steps = [
        (ask(member), 12),
        (check(member, 3), 9),
        (member.post("/v1/hits", {"hits": [hit(decoy, NUMBER), hit(decoy, "anonymous")]}), 7),
        (member.post("/v1/checks/files?purpose=investigation", content=f"phone\n{NUMBER}\n", **csv()), 6),
        (member.post("/v1/hits/imports", content=f"{OWN}\nS1,{decoy},{NUMBER},sms,{AT}\n", **csv()), 5),
        (member.post("/v1/exclusions", {"number": NUMBER, "reason": "outreach"}), 4),
        (member.post("/v1/exclusions/imports?reason=outreach", content=f"{NUMBER}\n", **csv()), 3),
        (member.get("/v1/decoys"), 3),
    ]
    assert [answer.status_code for answer, _ in steps] == [200, 200, 201, 200, 200, 201, 200, 200]
    assert [remaining(answer)[1] for answer, _ in steps] == [left for _, left in steps]
    over = check(member, 4)
    problem = refusal_of(over, 429, "quota_exceeded")
    assert problem["violated-policies"] == ["org-day"]
    assert 1 <= int(over.headers["retry-after"]) <= 86_400
    assert trail.only(over)["count"] == {"submitted": 4, "charged": 0}
    assert check(member, 3).status_code == 200
    refusal_of(ask(member), 429, "quota_exceeded")
    assert member.get("/v1/decoys").status_code == 200  # no number is asked


OWN = "source_id,decoy_id,number,channel,occurred_at"
AT = "2026-11-01T10:00:00Z"


def csv() -> dict[str, dict[str, str]]:
    return {"headers": {"Content-Type": "text/csv"}}


def test_the_next_utc_day_brings_the_numbers_back(house: House) -> None:
    member = house.member("employer", numbers_per_day=1)
    assert [ask(member).status_code for _ in range(2)] == [200, 429]
    statement = "UPDATE registry.organisation_days SET day = day - 1 WHERE organisation_id = %s"
    house.superuser.execute(statement, (member.id,))
    assert ask(member).status_code == 200


@pytest.mark.parametrize("number", ["nonsense!", "anonymous", "555-0177", "+442079460123"])
def test_a_refusal_costs_what_an_answer_costs(house: House, number: str) -> None:
    member = house.member("employer", numbers_per_day=1)
    ask(member, number)
    refusal_of(ask(member), 429, "quota_exceeded")


def test_refused_items_of_a_check_cost_what_answered_ones_cost(house: House) -> None:
    member = house.member("employer", numbers_per_day=3)
    items = [{"number": number} for number in ("", NUMBER, "?")]
    assert member.post("/v1/checks", {"purpose": "company_number", "items": items}).status_code == 200
    refusal_of(ask(member), 429, "quota_exceeded")


def test_more_than_a_whole_days_numbers_is_told_that_waiting_cannot_help(house: House) -> None:
    member = house.member("employer", numbers_per_day=5)
    over = check(member, 6)
    problem = refusal_of(over, 429, "quota_exceeded")
    assert problem["violated-policies"] == ["org-day"]
    assert "waiting cannot help" in problem["detail"]
    assert 1 <= int(over.headers["retry-after"]) <= 86_400
    assert remaining(over)[1] == 5
    assert check(member, 5).status_code == 200


def test_what_one_limit_refuses_spends_nothing_of_the_other(house: House) -> None:
    member = house.member("employer", requests_per_minute=2, numbers_per_day=5)
    check(member, 6)
    assert [ask(member).status_code for _ in range(3)] == [200, 200, 429]
    house.superuser.execute("UPDATE registry.key_rates SET tat = 0 WHERE key_id = %s", (member.key[9:17],))
    assert remaining(ask(member))[1] == 2  # the request that came too soon cost no number


def test_keys_of_one_organisation_share_its_day_and_not_its_rate(house: House, operator: Member) -> None:
    first = house.member("employer", requests_per_minute=2, numbers_per_day=3)
    issued = operator.post(f"/v1/organisations/{first.id}/keys", {}).json()
    second = Member(first.id, issued["key"], house.client)
    assert [ask(first).status_code for _ in range(2)] == [200, 200]
    assert ask(second).status_code == 200
    assert refusal_of(ask(second), 429, "quota_exceeded")["violated-policies"] == ["org-day"]
    assert refusal_of(ask(first), 429, "quota_exceeded")["violated-policies"] == ["key", "org-day"]


def test_a_file_is_charged_as_a_whole_before_its_first_answer(house: House, trail: AuditTrail) -> None:
    member = house.member("employer", numbers_per_day=4)
    rows = "".join(f"{NUMBER}\n" for _ in range(5))
    path = "/v1/checks/files?purpose=company_number"
    over = member.post(path, content=f"phone\n{rows}", **csv())
    refusal_of(over, 429, "quota_exceeded")
    assert trail.only(over)["operation"] == "check_file"
    assert remaining(over)[1] == 4
    assert member.post(path, content=f"phone\n\n{rows[:52]}\n", **csv()).status_code == 200  # blank rows are free
    refusal_of(ask(member), 429, "quota_exceeded")
