from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from uuid import uuid4

import psycopg
import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from recomputed import recomputed_listings, stored_listings
from shapes import DECOY, RECEIPT, refusal_of
from waiting import until_waiting

COUNTED: Final = (
    "SELECT decoy_id, day, contacts FROM registry.decoy_days WHERE decoy_id = ANY (%s::uuid[]) ORDER BY 1, 2"
)
RECOUNTED: Final = (
    "SELECT decoy_id, (occurred_at AT TIME ZONE 'UTC')::date, count(*)::integer FROM registry.hits"
    " WHERE decoy_id = ANY (%s::uuid[]) AND retracted_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2"
)


def quarantine(member: Member, decoy: str) -> Any:
    return member.post(f"/v1/decoys/{decoy}/quarantine")


def release(member: Member, decoy: str) -> Any:
    return member.post(f"/v1/decoys/{decoy}/release")


def listed(member: Member, decoy: str) -> Any:
    (found,) = (one for one in member.get("/v1/decoys", params={"limit": 500}).json()["data"] if one["id"] == decoy)
    return found


def listings_are_right(house: House) -> None:
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


def test_a_decoy_in_quarantine_counts_for_nothing_until_it_is_released(
    house: House, investigator: Member, employer: Member, decoy: str, trail: AuditTrail, fresh_number: Callable[[], str]
) -> None:
    before, during, elsewhere = fresh_number(), fresh_number(), fresh_number()
    other = investigator.register_decoy(fresh_number())
    investigator.record(hit(decoy, before), hit(decoy, elsewhere), hit(other, elsewhere))
    assert employer.look_up(elsewhere)["evidence"]["grade"] == "repeated"

    answer = quarantine(investigator, decoy)
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == DECOY | RECEIPT
    assert told["quarantine_reason"] == "manual"
    assert {name: told[name] for name in DECOY}.items() <= listed(investigator, decoy).items()
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("quarantine_decoy", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0, "quarantined": 1}
    assert investigator.record(hit(decoy, during))["recorded"] == 1
    assert [employer.look_up(number)["outcome"] for number in (before, during)] == ["none"] * 2
    assert employer.look_up(before, possessed_since="2026-01-01")["outcome"] == "none"
    assert employer.look_up(elsewhere)["evidence"]["grade"] == "single"
    listings_are_right(house)

    answer = release(investigator, decoy)
    assert answer.status_code == 200
    assert (answer.json()["quarantined_at"], answer.json()["quarantine_reason"]) == (None, None)
    event = trail.only(answer)
    assert (event["operation"], event["count"]["released"]) == ("release_decoy", 1)
    assert [employer.look_up(number)["outcome"] for number in (before, during)] == ["contact_observed"] * 2
    assert employer.look_up(elsewhere)["evidence"]["grade"] == "repeated"
    listings_are_right(house)


def test_asked_again_both_answer_the_same_and_change_nothing(
    investigator: Member, decoy: str, trail: AuditTrail
) -> None:
    for act in (quarantine, release):
        first, again = act(investigator, decoy), act(investigator, decoy)
        assert {**first.json(), "audit_id": None} == {**again.json(), "audit_id": None}
        assert list(trail.only(again)["count"].values()) == [0, 0, 0]


@pytest.mark.parametrize("act", [quarantine, release])
def test_somebody_elses_line_is_not_there(
    investigator: Member, second_investigator: Member, decoy: str, act: Callable[[Member, str], Any]
) -> None:
    problems = [refusal_of(act(second_investigator, id_), 404, "not_found") for id_ in (decoy, str(uuid4()), "line")]
    assert len({problem["detail"] for problem in problems}) == 1
    assert listed(investigator, decoy)["quarantined_at"] is None


@pytest.mark.parametrize("kind", ["employer", "partner"])
@pytest.mark.parametrize("act", [quarantine, release])
def test_whoever_asks_about_numbers_touches_no_line(
    house: House, decoy: str, kind: str, act: Callable[[Member, str], Any]
) -> None:
    refusal_of(act(house.member(kind), decoy), 401, "unauthorized")


def test_other_changes_leave_a_line_in_its_quarantine(investigator: Member, decoy: str) -> None:
    quarantined = quarantine(investigator, decoy).json()["quarantined_at"]
    assert investigator.patch(f"/v1/decoys/{decoy}", {"label": "B line"}).json()["quarantined_at"] == quarantined


def test_a_retracted_contact_stays_retracted_when_its_line_is_released(
    investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    recorded = investigator.record(hit(decoy, number))["results"][0]["id"]
    quarantine(investigator, decoy)
    assert investigator.post(f"/v1/hits/{recorded}/retraction", {"reason": "spoofed"}).status_code == 200
    release(investigator, decoy)
    assert employer.look_up(number)["outcome"] == "none"


def test_a_quarantine_that_meets_hits_on_their_way_in_holds_for_them_too(
    house: House, investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE audit.event IN SHARE MODE")
        recording = threads.submit(investigator.record, hit(decoy, number))
        until_waiting(house, 1)
        changing = threads.submit(quarantine, investigator, decoy)
        until_waiting(house, 2)
        gate.rollback()
        assert recording.result()["recorded"] == 1
        assert changing.result().status_code == 200
    assert employer.look_up(number)["outcome"] == "none"


def test_whatever_happens_to_two_lines_at_once_every_listing_and_every_day_is_right_afterwards(
    house: House, investigator: Member, fresh_number: Callable[[], str]
) -> None:
    decoys = [investigator.register_decoy(fresh_number()) for _ in range(2)]
    numbers = [fresh_number() for _ in range(6)]

    def record_and_retract(worker: int) -> None:
        for turn in range(6):
            at = f"2026-11-{worker + 1:02}T1{turn}:00:00Z"
            contacts = [hit(decoys[n % 2], number, at) for n, number in enumerate(numbers)]
            recorded = investigator.record(*contacts[:: 1 if worker % 2 else -1])["results"]
            answer = investigator.post(f"/v1/hits/{recorded[turn]['id']}/retraction", {"reason": "other"})
            assert answer.status_code == 200, answer.text

    def turn_on_and_off(worker: int) -> None:
        for turn in range(12):
            act = (quarantine, release)[turn % 2]
            assert act(investigator, decoys[worker % 2]).status_code == 200

    with ThreadPoolExecutor(6) as threads:
        done = [threads.submit(record_and_retract, worker) for worker in range(4)]
        done += [threads.submit(turn_on_and_off, worker) for worker in range(2)]
        for one in done:
            one.result()
    listings_are_right(house)
    counted = house.superuser.execute(COUNTED, (decoys,)).fetchall()
    assert len(counted) == 8
    assert sum(row[2] for row in counted) == 4 * 6 * 5
    assert counted == house.superuser.execute(RECOUNTED, (decoys,)).fetchall()
