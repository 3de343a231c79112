"""What the operator sees of everybody's lines and hits, and what it takes out of the count."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member, hit
from recomputed import recomputed_listings, stored_listings
from shapes import LISTED_DECOY, refusal_of
from waiting import until_waiting


def act(member: Member, decoy: str, what: str) -> Any:
    return member.post(f"/v1/decoys/{decoy}/{what}")


def done(member: Member, decoy: str, what: str) -> tuple[str | None, str | None]:
    """When it went into the quarantine that it is in, and why."""
    answer = act(member, decoy, what)
    assert answer.status_code == 200, answer.text
    return answer.json()["quarantined_at"], answer.json()["quarantine_reason"]


def listed(member: Member, **query: Any) -> list[dict[str, Any]]:
    answer = member.get("/v1/decoys", params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def ids(decoys: list[dict[str, Any]]) -> list[str]:
    return [decoy["id"] for decoy in decoys]


@pytest.fixture
def watch(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def line(watch: Member, fresh_number: Callable[[], str]) -> str:
    return watch.register_decoy(fresh_number())


def test_the_operator_sees_everybodys_lines_and_whose_each_is(
    watch: Member, second_investigator: Member, operator: Member, line: str, fresh_number: Callable[[], str]
) -> None:
    theirs = second_investigator.register_decoy(fresh_number())
    seen = {one["id"]: one for one in listed(operator)}
    assert seen[line].keys() == LISTED_DECOY
    for member, decoy in ((watch, line), (second_investigator, theirs)):
        name = member.get("/v1/account").json()["organisation"]
        assert (seen[decoy]["organisation_id"], seen[decoy]["organisation"]) == (str(member.id), name)
        assert seen[decoy] in listed(member)
    assert ids(listed(watch)) == [line]


def test_the_list_is_narrowed_to_an_organisation_and_to_what_is_in_quarantine(
    watch: Member, operator: Member, line: str, clock: Clock, fresh_number: Callable[[], str]
) -> None:
    clock.advance(seconds=1)
    other = watch.register_decoy(fresh_number())
    act(operator, line, "quarantine")
    own = {"organisation": str(watch.id)}
    for member in (operator, watch):
        assert ids(listed(member, **own)) == [other, line]
        assert ids(listed(member, **own, quarantined="true")) == [line]
        assert ids(listed(member, **own, quarantined="false")) == [other]
    first = operator.get("/v1/decoys", params={**own, "limit": 1}).json()
    second = operator.get("/v1/decoys", params={**own, "limit": 1, "cursor": first["next_cursor"]}).json()
    assert (ids(first["data"]), ids(second["data"]), second["next_cursor"]) == ([other], [line], None)


def test_another_organisations_lines_are_not_found_whether_it_exists_or_not(
    watch: Member, second_investigator: Member, operator: Member, line: str
) -> None:
    for organisation in (watch.id, uuid4()):
        assert listed(second_investigator, organisation=str(organisation)) == []
    assert listed(operator, organisation=str(uuid4())) == []
    refusal_of(operator.get("/v1/decoys?organisation=watch"), 422, "invalid_value", "")


def test_a_line_that_the_registry_holds_back_is_found_in_the_operators_list(
    house: House, watch: Member, operator: Member, line: str
) -> None:
    house.superuser.execute(
        "UPDATE registry.decoys SET quarantined_at = now(), quarantine_reason = 'flood' WHERE id = %s", (line,)
    )
    (found,) = (one for one in listed(operator, quarantined="true") if one["quarantine_reason"] == "flood")
    assert (found["id"], found["organisation_id"]) == (line, str(watch.id))
    assert done(operator, line, "release") == (None, None)


def test_what_the_operator_quarantines_counts_for_nothing_until_the_operator_releases_it(
    house: House, watch: Member, operator: Member, employer: Member, line: str, number: str, trail: AuditTrail
) -> None:
    watch.record(hit(line, number))
    answer = act(operator, line, "quarantine")
    assert answer.json()["quarantine_reason"] == "operator"
    event = trail.only(answer)
    assert (event["operation"], event["actor"]["organisation"]) == ("quarantine_decoy", str(operator.id))
    assert event["count"] == {"submitted": 0, "charged": 0, "quarantined": 1}
    assert listed(watch)[0]["quarantine_reason"] == "operator"
    assert employer.look_up(number)["outcome"] == "none"

    refused = act(watch, line, "release")
    problem = refusal_of(refused, 409, "quarantined_by_operator")
    assert "alone releases it" in problem["detail"]
    event = trail.only(refused)
    assert (event["operation"], event["result"]) == ("release_decoy", "quarantined_by_operator")
    assert employer.look_up(number)["outcome"] == "none"
    assert done(watch, line, "quarantine") == (listed(watch)[0]["quarantined_at"], "operator")
    assert watch.patch(f"/v1/decoys/{line}", {"label": "B line"}).json()["quarantine_reason"] == "operator"

    assert done(operator, line, "release") == (None, None)
    assert employer.look_up(number)["outcome"] == "contact_observed"
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


def test_the_operator_takes_over_a_quarantine_that_its_owner_began(
    watch: Member, operator: Member, line: str, trail: AuditTrail
) -> None:
    since, reason = done(watch, line, "quarantine")
    assert reason == "manual"
    answer = act(operator, line, "quarantine")
    assert (answer.json()["quarantined_at"], answer.json()["quarantine_reason"]) == (since, "operator")
    assert trail.only(answer)["count"]["quarantined"] == 1
    again = act(operator, line, "quarantine")
    assert trail.only(again)["count"]["quarantined"] == 0
    refusal_of(act(watch, line, "release"), 409, "quarantined_by_operator")
    assert done(operator, line, "release") == (None, None)
    assert done(watch, line, "quarantine")[1] == "manual"
    assert done(operator, line, "release") == (None, None)
    assert done(watch, line, "release") == (None, None)


@pytest.mark.parametrize("what", ["quarantine", "release"])
def test_a_line_that_there_is_not_is_not_found_by_the_operator(operator: Member, what: str) -> None:
    refusal_of(act(operator, str(uuid4()), what), 404, "not_found")


def test_an_owner_whose_release_meets_the_operators_quarantine_does_not_undo_it(
    house: House, watch: Member, operator: Member, line: str
) -> None:
    act(watch, line, "quarantine")
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE audit.event IN SHARE MODE")
        imposing = threads.submit(done, operator, line, "quarantine")
        until_waiting(house, 1)
        releasing = threads.submit(act, watch, line, "release")
        until_waiting(house, 2)
        gate.rollback()
        assert imposing.result()[1] == "operator"
        refusal_of(releasing.result(), 409, "quarantined_by_operator")
    assert listed(watch)[0]["quarantine_reason"] == "operator"


def test_the_operator_takes_back_a_contact_that_was_reported_by_its_id(
    watch: Member,
    second_investigator: Member,
    operator: Member,
    employer: Member,
    line: str,
    number: str,
    trail: AuditTrail,
) -> None:
    reported = watch.record(hit(line, number))["results"][0]["id"]
    path = f"/v1/hits/{reported}/retraction"
    refusal_of(second_investigator.post(path, {"reason": "spoofed"}), 404, "not_found")
    answer = operator.post(path, {"reason": "spoofed"})
    assert answer.status_code == 200, answer.text
    assert (answer.json()["hit"]["id"], answer.json()["hit"]["retraction_reason"]) == (reported, "spoofed")
    event = trail.only(answer)
    assert (event["operation"], event["actor"]["organisation"]) == ("retract_hit", str(operator.id))
    assert employer.look_up(number)["outcome"] == "none"
    (own,) = watch.get("/v1/hits").json()["data"]
    assert own["retraction_reason"] == "spoofed"
    refusal_of(watch.post(path, {"reason": "misdial"}), 409, "already_retracted")
    refusal_of(operator.post(f"/v1/hits/{uuid4()}/retraction", {"reason": "other"}), 404, "not_found")


def test_the_operator_still_submits_no_contact_and_has_no_line(operator: Member, line: str, number: str) -> None:
    refusal_of(operator.post("/v1/hits", {"hits": [hit(line, number)]}), 401, "unauthorized")
    refusal_of(operator.get("/v1/hits"), 401, "unauthorized")
    csv = {"Content-Type": "text/csv"}
    refusal_of(operator.post("/v1/hits/imports", content="number\n", headers=csv), 401, "unauthorized")
    refusal_of(operator.patch(f"/v1/decoys/{line}", {"label": "Mine"}), 401, "unauthorized")
    body = {"label": "a", "number": number, "role": "test"}
    refusal_of(operator.post("/v1/decoys", body), 401, "unauthorized")
