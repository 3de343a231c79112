from collections.abc import Callable
from typing import Any

import pytest
from audit_trail import AuditTrail
from holders import tags as tags_of
from house import House
from members import Member, hit
from shapes import CHECK, CHECK_COUNTS, CHECK_RESULT, EVIDENCE, ITEM_PROBLEM, refusal_of


def check(employer: Member, *items: dict[str, Any], **more: Any) -> Any:
    return employer.post("/v1/checks", {"purpose": "company_number", "items": list(items), **more})


def test_every_item_is_answered_in_order_refusals_included(
    investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    seen, unseen = fresh_number(), fresh_number()
    investigator.record(hit(decoy, seen, "2026-11-01T10:00:00Z"))
    answer = check(
        employer,
        {"ref": "phone-17", "number": seen},
        {"number": "123"},
        {"ref": "phone-18", "number": f"{unseen} x7", "region": "US"},
        {"ref": "London", "number": "+44 20 7946 0123"},
        {"ref": "phone-17", "number": seen, "possessed_since": "2026-11-01"},
        {"ref": "", "number": seen, "possessed_until": "2026-10-31"},
    )
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == CHECK
    assert told["guidance"] == "/guidance"
    assert told["counts"].keys() == CHECK_COUNTS
    assert told["counts"] == {"contact_observed": 1, "none": 2, "indeterminate": 2, "refused": 1}
    results = told["results"]
    assert all(result.keys() == CHECK_RESULT for result in results)
    assert [result["index"] for result in results] == [0, 1, 2, 3, 4, 5]
    assert [result["ref"] for result in results] == ["phone-17", None, "phone-18", "London", "phone-17", ""]
    assert [result["number"] for result in results] == [seen, None, unseen, "+442079460123", seen, seen]
    outcomes = ["contact_observed", None, "none", "indeterminate", "indeterminate", "none"]
    assert [result["outcome"] for result in results] == outcomes
    reasons = [None, None, None, "region_not_served", "possession_boundary", None]
    assert [result["reason"] for result in results] == reasons
    assert [result["notes"] for result in results] == [[], [], ["extension_ignored"], [], [], []]
    assert results[0]["evidence"].keys() == EVIDENCE
    assert [result["evidence"] for result in results[1:]] == [None] * 5
    assert [result["problem"] is None for result in results] == [True, False, True, True, True, True]
    assert results[1]["problem"].keys() == ITEM_PROBLEM


@pytest.mark.parametrize(
    ("item", "code", "member"),
    [
        ({"number": ""}, "empty", "number"),
        ({"number": "Anonymous"}, "withheld", "number"),
        ({"number": "2065550177", "region": "XX"}, "unknown_region", "region"),
        ({"number": "2065550177"}, "unknown_region", "number"),
        ({"possessed_since": "2026-03-02", "possessed_until": "2026-03-01"}, "window_reversed", "possessed_until"),
        ({"possessed_since": "2026-12-24"}, "date_in_future", "possessed_since"),
        ({"possessed_until": "2026-12-24"}, "date_in_future", "possessed_until"),
    ],
)
def test_an_item_that_cannot_be_answered_says_why_and_stops_nobody_else(
    employer: Member, number: str, item: dict[str, Any], code: str, member: str
) -> None:
    told = check(employer, {"number": number}, {"number": number, **item}, {"number": number}).json()
    assert [result["outcome"] for result in told["results"]] == ["none", None, "none"]
    problem = told["results"][1]["problem"]
    assert (problem["code"], problem["pointer"]) == (code, f"/items/1/{member}")
    assert told["counts"]["refused"] == 1


def test_a_check_and_a_lookup_answer_alike(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, "2026-11-01T10:00:00Z"))
    second_investigator.record(hit(second_investigator.register_decoy(number), number, "2026-11-03T10:00:00Z"))
    for window in ({}, {"possessed_since": "2026-11-02"}, {"possessed_until": "2026-11-01"}):
        (result,) = check(employer, {"number": number, **window}).json()["results"]
        looked_up = employer.look_up(number, **window)
        for member in ("number", "outcome", "reason", "notes", "evidence"):
            assert result[member] == looked_up[member]


def test_the_same_number_may_stand_in_a_check_many_times(
    investigator: Member, employer: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number))
    answer = check(employer, *({"ref": str(n), "number": number} for n in range(7)))
    assert answer.json()["counts"]["contact_observed"] == 7
    event = trail.only(answer)
    assert event["count"]["submitted"] == event["count"]["charged"] == 7
    assert len(trail.disclosed(event["id"])) == 1


def test_a_check_leaves_one_event_with_its_counts_and_the_tags_that_were_disclosed(
    house: House,
    investigator: Member,
    employer: Member,
    trail: AuditTrail,
    decoy: str,
    fresh_number: Callable[[], str],
) -> None:
    seen, also_seen, unseen = fresh_number(), fresh_number(), fresh_number()
    investigator.record(hit(decoy, seen), hit(decoy, also_seen, "2026-11-03T10:00:00Z"))
    items = [{"number": text} for text in (unseen, also_seen, "nonsense!", seen)]
    items[1]["possessed_since"] = "2026-11-03"  # on the boundary: indeterminate, and disclosed all the same
    event = trail.only(check(employer, *items, case_ref="HR-2026-118"))
    assert (event["operation"], event["result"]) == ("check", "ok")
    assert (event["purpose"], event["case"]) == ("company_number", "HR-2026-118")
    counts = {"contact_observed": 1, "none": 1, "indeterminate": 1, "refused": 1}
    assert event["count"] == {"submitted": 4, "charged": 4, **counts}
    tags = [tags_of(house.registry, number)[0] for number in (seen, also_seen)]
    assert trail.disclosed(event["id"]) == sorted(tags)


def test_ten_thousand_items_are_answered_and_one_more_is_refused(employer: Member, trail: AuditTrail) -> None:
    """Items that are refused at once, so that the test is quick. Short enough for 1 MB of JSON."""
    items = [{"number": ""}] * 10_000
    answer = check(employer, *items)
    assert answer.status_code == 200
    assert len(answer.json()["results"]) == 10_000
    assert trail.only(answer)["count"]["refused"] == 10_000
    too_many = check(employer, *items, {"number": ""})
    refusal_of(too_many, 422, "too_many_items", "/items")
    event = trail.only(too_many)
    assert (event["result"], event["count"]) == ("too_many_items", {"submitted": 0, "charged": 0})


def test_a_check_of_nothing_is_refused(employer: Member) -> None:
    refusal_of(check(employer), 422, "empty_list", "/items")


def test_a_reference_comes_back_and_is_not_stored(house: House, employer: Member, number: str) -> None:
    canary = "ref-of-Ms-Canary-4711"
    told = check(employer, {"ref": canary, "number": number}).json()
    assert told["results"][0]["ref"] == canary
    assert canary not in house.everything_stored()
