"""Numbers and decoys with far more contacts than usual are held back, told about, and not listed."""

import logging
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from audit_trail import AuditTrail
from flooding import NUMBERS, TODAY, at, burst, callers, submit
from house import House, opened_database, opened_house, sandbox_settings
from members import NOW, Member, hit
from recomputed import recomputed_listings, stored_listings
from waiting import until_waiting

from api import metrics
from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope

COUNTERS: Final[tuple[str, ...]] = ("number", "decoy")


@pytest.fixture(scope="module")
def investigator(flooded: House) -> Member:
    return flooded.member("investigator")


@pytest.fixture(scope="module")
def employer(flooded: House) -> Member:
    return flooded.member("employer")


@pytest.fixture(scope="module")
def operator(flooded: House) -> Member:
    return flooded.member("operator")


@pytest.fixture(scope="module")
def trail(flooded: House) -> AuditTrail:
    return AuditTrail(flooded.superuser)


@pytest.fixture
def decoy(investigator: Member) -> str:
    return investigator.register_decoy(next(NUMBERS))


@pytest.fixture
def number() -> str:
    return next(NUMBERS)


@pytest.fixture(autouse=True)
def _listings_are_right(flooded: House) -> Generator[None]:
    yield
    due = recomputed_listings(flooded.superuser, flooded.registry.policy, flooded.clock.now)
    assert stored_listings(flooded.superuser) == due


def standing(investigator: Member, decoy: str) -> Any:
    """Why the decoy is in quarantine; None where it is not."""
    (found,) = (one for one in investigator.get("/v1/decoys?limit=500").json()["data"] if one["id"] == decoy)
    return found["quarantine_reason"]


def held(trail: AuditTrail, *answers: Any) -> dict[str, int]:
    """What the registry's own events of these requests say was held back."""
    found: dict[str, int] = {}
    for answer in answers:
        for event in trail.of(answer):
            if event["operation"] == "hold_flood":
                assert event["actor"] == {"organisation": None, "key": None, "on_behalf_of": None}
                assert event["private"] is None
                count = dict(event["count"])
                assert (count.pop("submitted"), count.pop("charged")) == (0, 0)
                found = {name: found.get(name, 0) + count.get(name, 0) for name in {*found, *count}}
    return found


def alarms() -> dict[str, float]:
    """What the metrics have counted so far."""
    found: dict[str, float] = dict.fromkeys(COUNTERS, 0.0)
    for line in metrics.exposition().decode().splitlines():
        for kind in COUNTERS:
            if line.startswith(f'registry_flood_total{{kind="{kind}"}}'):
                found[kind] = float(line.split()[-1])
    return found


def test_a_number_that_floods_is_held_and_told_about_without_being_named(
    flooded: House, investigator: Member, employer: Member, operator: Member, trail: AuditTrail, decoy: str,
    number: str, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    assert employer.look_up(number)["outcome"] == "none"
    submit(investigator, burst(decoy, number, 3))
    assert employer.look_up(number)["evidence"]["contacts"] == 3
    with caplog.at_level(logging.WARNING, logger="registry"):
        answer = submit(investigator, [hit(decoy, number, at(30))])
    assert employer.look_up(number)["outcome"] == "none"
    told = answer.json()
    assert told.keys() == {"results", "recorded", "duplicate", "refused", "audit_id"}
    event, own = trail.of(answer)
    assert event["id"] == told["audit_id"]
    assert event["count"] == {"submitted": 1, "charged": 1, "recorded": 1, "duplicate": 0, "refused": 0}
    assert (own["operation"], own["request"]) == ("hold_flood", event["request"])
    assert held(trail, answer) == {"held_numbers": 1}
    (record,) = caplog.records
    assert (vars(record)["flooded"], vars(record)["audit_id"]) == ("number", event["id"])
    assert "decoy_id" not in vars(record)
    shown = operator.get("/v1/exclusions").json()["data"][0]
    ends = (flooded.clock.now + timedelta(days=7)).isoformat().replace("+00:00", "Z")
    assert (shown["reason"], shown["expires_at"], shown["removed_at"]) == ("flood", ends, None)
    assert standing(investigator, decoy) is None


def test_contacts_of_a_number_on_several_decoys_are_counted_together(
    investigator: Member, employer: Member, number: str
) -> None:
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(2)]
    submit(investigator, [one for decoy in decoys for one in burst(decoy, number, 2)])
    assert employer.look_up(number)["outcome"] == "none"


def test_a_number_that_calls_often_but_not_at_once_is_listed(
    investigator: Member, employer: Member, number: str
) -> None:
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(2)]
    submit(investigator, [hit(decoys[n % 2], number, at(-61 * n)) for n in range(8)])
    assert employer.look_up(number)["evidence"]["contacts"] == 8


def test_whoever_submits_reads_nothing_of_what_was_held_in_the_audit_log(flooded: House, operator: Member) -> None:
    """Else two floods would tell whether the operator excludes a number."""
    reader = flooded.member("investigator", scopes=frozenset({Scope.HITS, Scope.DECOYS, Scope.AUDIT}))
    decoys = [reader.register_decoy(next(NUMBERS)) for _ in range(2)]
    plain, excluded = next(NUMBERS), next(NUMBERS)
    assert operator.post("/v1/exclusions", {"number": excluded, "reason": "police"}).status_code == 201
    for decoy, number in zip(decoys, (plain, excluded), strict=True):
        submit(reader, burst(decoy, number, 4))
    events = reader.get("/v1/audit/events").json()["data"]
    told = [event["count"] for event in events if event["operation"] == "record_hits"]
    assert told == [{"submitted": 4, "charged": 4, "recorded": 4, "duplicate": 0, "refused": 0}] * 2
    assert {event["operation"] for event in events} == {"record_hits", "register_decoy"}


def test_a_number_that_the_operator_excludes_is_not_held_besides(
    investigator: Member, operator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    assert operator.post("/v1/exclusions", {"number": number, "reason": "police"}).status_code == 201
    answer = submit(investigator, burst(decoy, number, 4))
    assert trail.only(answer)["count"].keys() == {"submitted", "charged", "recorded", "duplicate", "refused"}
    assert operator.post("/v1/exclusions/removals", {"number": number}).status_code == 200


def test_a_decoy_that_is_flooded_goes_into_quarantine_with_all_its_contacts(
    flooded: House, investigator: Member, employer: Member, trail: AuditTrail, decoy: str, number: str,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    before = alarms()
    submit(investigator, [hit(decoy, number, at(30)), *callers(decoy, 4)])
    assert standing(investigator, decoy) is None
    assert employer.look_up(number)["outcome"] == "contact_observed"
    with caplog.at_level(logging.WARNING, logger="registry"):
        answer = submit(investigator, callers(decoy, 1))
    assert held(trail, answer) == {"quarantined_decoys": 1}
    assert standing(investigator, decoy) == "flood"
    assert employer.look_up(number)["outcome"] == "none"
    (record,) = caplog.records
    assert (vars(record)["flooded"], vars(record)["decoy_id"]) == ("decoy", decoy)
    assert alarms() == {**before, "decoy": before["decoy"] + 1}
    answer = submit(investigator, callers(decoy, 1))
    assert held(trail, answer) == {}


def test_the_operator_finds_the_decoy_that_was_flooded_and_lets_go_of_it(
    investigator: Member, operator: Member, employer: Member, decoy: str, number: str
) -> None:
    submit(investigator, [hit(decoy, number, at(30)), *callers(decoy, 5)])
    found = operator.get("/v1/decoys", params={"quarantined": "true", "limit": 500}).json()["data"]
    (one,) = (one for one in found if one["id"] == decoy)
    assert (one["quarantine_reason"], one["organisation_id"]) == ("flood", str(investigator.id))
    assert operator.post(f"/v1/decoys/{decoy}/release").json()["quarantine_reason"] is None
    assert employer.look_up(number)["outcome"] == "contact_observed"
    submit(investigator, callers(decoy, 1))
    assert standing(investigator, decoy) is None


def test_one_submission_can_flood_a_decoy_by_itself_and_a_number_with_it(
    investigator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    answer = submit(investigator, burst(decoy, number, 6))
    assert held(trail, answer) == {"held_numbers": 1, "quarantined_decoys": 1}


def test_a_decoy_that_is_used_to_many_may_have_ten_times_as_many(investigator: Member, decoy: str) -> None:
    yesterday = NOW - timedelta(days=1, hours=2)
    submit(investigator, callers(decoy, 1, yesterday))
    submit(investigator, callers(decoy, 3, yesterday - timedelta(days=1)))
    submit(investigator, callers(decoy, 20))  # the mean is two
    assert standing(investigator, decoy) is None
    submit(investigator, callers(decoy, 1))
    assert standing(investigator, decoy) == "flood"


def test_a_released_decoy_is_not_quarantined_again_for_what_came_before(
    investigator: Member, employer: Member, decoy: str
) -> None:
    hits = callers(decoy, 6)
    submit(investigator, hits)
    assert investigator.post(f"/v1/decoys/{decoy}/release").json()["quarantine_reason"] is None
    assert employer.look_up(hits[0]["number"])["outcome"] == "contact_observed"
    submit(investigator, callers(decoy, 5))
    assert standing(investigator, decoy) is None
    submit(investigator, callers(decoy, 1))
    assert standing(investigator, decoy) == "flood"


def test_a_flood_in_quarantine_that_its_owner_asked_for_keeps_its_reason(investigator: Member, decoy: str) -> None:
    investigator.post(f"/v1/decoys/{decoy}/quarantine")
    submit(investigator, callers(decoy, 9))
    assert standing(investigator, decoy) == "manual"


def test_retracted_contacts_flood_nothing(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    for result in submit(investigator, burst(decoy, number, 3)).json()["results"]:
        path = f"/v1/hits/{result['id']}/retraction"
        assert investigator.post(path, {"reason": "test_call"}).status_code == 200
    submit(investigator, burst(decoy, number, 3, TODAY + timedelta(minutes=20)))
    assert employer.look_up(number)["evidence"]["contacts"] == 3
    assert standing(investigator, decoy) is None


def test_duplicates_flood_nothing(investigator: Member, decoy: str) -> None:
    hits = callers(decoy, 5)
    submit(investigator, hits)
    for _ in range(3):
        assert investigator.record(*hits)["duplicate"] == 5
    assert standing(investigator, decoy) is None


def test_the_file_of_a_year_floods_nothing_by_its_length(investigator: Member, employer: Member, decoy: str) -> None:
    number = next(NUMBERS)
    old = NOW - timedelta(days=3)
    rows = [f"{decoy},{one},sms,{at(minute, old)}" for minute in range(40) for one in (number, next(NUMBERS))]
    file = "decoy_id,number,channel,occurred_at\n" + "\n".join(rows)
    told = investigator.post("/v1/hits/imports", content=file, headers={"Content-Type": "text/csv"}).json()
    assert told["recorded"] == 80
    assert standing(investigator, decoy) is None
    assert employer.look_up(number)["evidence"]["contacts"] == 40


def test_a_file_of_today_is_watched_too(investigator: Member, trail: AuditTrail, decoy: str) -> None:
    file = "decoy_id,number,channel,occurred_at\n" + "\n".join(
        f"{decoy},{next(NUMBERS)},sms,{at(minute)}" for minute in range(6)
    )
    path, headers = "/v1/hits/imports", {"Content-Type": "text/csv"}
    rehearsed = investigator.post(f"{path}?dry_run=true", content=file, headers=headers)
    assert trail.of(rehearsed)[0]["count"].keys() == {"submitted", "charged", "recorded", "duplicate", "refused"}
    assert standing(investigator, decoy) is None
    investigator.post(path, content=file, headers=headers)
    assert standing(investigator, decoy) == "flood"


def test_two_batches_at_once_that_are_too_many_together_are_seen_by_the_next_contact(
    flooded: House, investigator: Member, decoy: str
) -> None:
    with psycopg.connect(flooded.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE audit.event IN SHARE MODE")
        both = [threads.submit(submit, investigator, callers(decoy, 3)) for _ in range(2)]
        until_waiting(flooded, 2)
        gate.rollback()
        assert [one.result().status_code for one in both] == [201, 201]
    assert standing(investigator, decoy) is None
    submit(investigator, callers(decoy, 1))
    assert standing(investigator, decoy) == "flood"


def test_of_two_batches_at_once_that_flood_a_decoy_one_quarantines_it_and_both_are_recorded(
    flooded: House, investigator: Member, employer: Member, trail: AuditTrail, decoy: str
) -> None:
    submit(investigator, callers(decoy, 5))
    batches = [callers(decoy, 2) for _ in range(6)]
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(partial(submit, investigator), batches))
    assert held(trail, *answers) == {"quarantined_decoys": 1}
    assert standing(investigator, decoy) == "flood"
    outcomes = {employer.look_up(one["number"])["outcome"] for batch in batches for one in batch}
    assert outcomes == {"none"}


def test_of_two_batches_at_once_that_hold_a_number_the_second_sees_the_first(
    flooded: House, investigator: Member, employer: Member, trail: AuditTrail
) -> None:
    number = next(NUMBERS)
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(4)]
    batches = [burst(decoy, number, 2, TODAY + timedelta(minutes=n)) for n, decoy in enumerate(decoys)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(partial(submit, investigator), batches))
    assert held(trail, *answers) == {"held_numbers": 1}
    assert employer.look_up(number)["outcome"] == "none"


def test_both_rules_can_be_switched_off(cluster: EmbeddedUrls, template: str) -> None:
    settings = sandbox_settings(flood_number_contacts=0, flood_decoy_contacts=0)
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as house:
        investigator = house.member("investigator")
        decoy, number = investigator.register_decoy(next(NUMBERS)), next(NUMBERS)
        submit(investigator, [*burst(decoy, number, 60), *callers(decoy, 30)])
        assert standing(investigator, decoy) is None
        assert house.member("employer").look_up(number)["evidence"]["contacts"] == 60
