"""Many clients at once against an API of two processes: limits hold, and every event counts once."""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest
from hammering import PROCESSES, hammer_together
from house import fictional_numbers
from interleaved import wait_until
from members import Member, hit
from recomputed import recomputed_listings, stored_listings
from running_api import Shared

from registry.operations.manage_keys import RevokeKey
from registry.operations.manage_organisations import ResumeOrganisation, SuspendOrganisation
from registry.operations.operation import COMMAND_LINE, Operation, Request
from registry.operations.registry import utc_now
from registry.operations.verify_listings import VerifyListings

pytestmark = pytest.mark.xdist_group("heavy")

NUMBERS: Final = fictional_numbers()
THREADS: Final = 12


def all_at_once(ask: Callable[[int], Any], times: int = THREADS) -> list[Any]:
    """The answers of so many threads that ask together."""
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ask, range(times)))


def run(shared: Shared, operation: Operation[Any, Any]) -> Any:
    registry = shared.operator.registry
    return registry.run(operation, COMMAND_LINE, Request(registry.new_id(), "test")).result


def agree(shared: Shared) -> None:
    """Every listing says what its rows say, by two ways of asking."""
    superuser = shared.operator.superuser
    policy = shared.operator.registry.policy
    assert stored_listings(superuser) == recomputed_listings(superuser, policy, utc_now())
    assert run(shared, VerifyListings()).wrong == 0


def test_four_processes_on_one_key_are_allowed_what_gcra_allows_and_no_less(shared: Shared) -> None:
    quota = 60
    member = shared.member("employer", requests_per_minute=quota)
    before = shared.api.working_seconds()
    done = hammer_together(shared.api.port, member.key, 40)
    after = shared.api.working_seconds()  # of one that was started meanwhile nobody can say what it worked here
    worked = [pid for pid, seconds in before.items() if after.get(pid, seconds) - seconds > 0.05]
    assert len(worked) >= 2 or not before  # else one worker alone would have kept the count
    assert done.statuses.keys() == {200, 429}
    assert sum(done.statuses.values()) == 40 * PROCESSES
    assert quota <= done.statuses[200] <= quota + int(done.seconds * quota / 60)
    recorded = shared.operator.value(
        "SELECT count(*) FROM audit.event WHERE organisation = %s AND audit.field(body, 'result') = 'ok'", member.id
    )
    assert recorded == done.statuses[200]


def test_four_processes_of_one_organisation_use_up_its_day_to_the_last_number(shared: Shared) -> None:
    member = shared.member("employer", requests_per_minute=100_000, numbers_per_day=70)
    done = hammer_together(shared.api.port, member.key, 40)
    days = shared.operator.superuser.execute(
        "SELECT used FROM registry.organisation_days WHERE organisation_id = %s", (member.id,)
    ).fetchall()  # two of them if midnight passed meanwhile
    assert all(used <= 70 for (used,) in days)
    assert done.statuses[200] == sum(used for (used,) in days) >= 70
    assert done.statuses[429] == 40 * PROCESSES - done.statuses[200]


def test_one_event_submitted_by_many_at_once_is_recorded_once(shared: Shared) -> None:
    member = shared.member("investigator")
    number = next(NUMBERS)
    contact = hit(member.register_decoy(next(NUMBERS)), number, source_id="one event")
    answers = [answer.json() for answer in all_at_once(lambda _: member.post("/v1/hits", {"hits": [contact]}))]
    assert Counter(answer["results"][0]["status"] for answer in answers) == {"recorded": 1, "duplicate": THREADS - 1}
    assert len({answer["results"][0]["id"] for answer in answers}) == 1
    assert shared.operator.value("SELECT count(*) FROM registry.hits WHERE organisation_id = %s", member.id) == 1
    evidence = shared.member("employer").look_up(number)["evidence"]
    assert (evidence["contacts"], evidence["grade"]) == (1, "single")


def test_the_same_event_without_a_source_id_is_recorded_once_too(shared: Shared) -> None:
    member = shared.member("investigator")
    contact = hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))
    answers = all_at_once(lambda _: member.post("/v1/hits", {"hits": [contact]}))
    assert sum(answer.json()["recorded"] for answer in answers) == 1


def test_many_contacts_of_one_number_at_once_are_all_counted(shared: Shared) -> None:
    number = next(NUMBERS)
    members = [shared.member("investigator") for _ in range(2)]
    decoys = [member.register_decoy(next(NUMBERS)) for member in members]

    def record(turn: int) -> Any:
        contact = hit(decoys[turn % 2], number, source_id=f"event {turn}")
        return members[turn % 2].post("/v1/hits", {"hits": [contact]})

    assert {answer.status_code for answer in all_at_once(record)} == {201}
    evidence = shared.member("employer").look_up(number)["evidence"]
    assert (evidence["contacts"], evidence["organisations"], evidence["grade"]) == (THREADS, 2, "corroborated")


def test_of_many_with_one_idempotency_key_one_works_and_the_others_are_told(shared: Shared) -> None:
    member = shared.member("investigator")
    body = {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}
    answers = all_at_once(lambda _: member.post("/v1/hits", body, headers={"Idempotency-Key": '"same"'}))
    worked = [answer for answer in answers if answer.status_code == 201]
    waiting = [answer for answer in answers if answer.status_code == 409]
    assert len(worked) + len(waiting) == THREADS
    assert len({answer.text for answer in worked}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in worked].count(None) == 1
    assert {answer.json()["code"] for answer in waiting} <= {"idempotency_key_in_use"}
    assert shared.operator.value("SELECT count(*) FROM registry.hits WHERE organisation_id = %s", member.id) == 1


def test_a_second_request_with_the_key_of_a_running_one_is_told_to_wait_and_then_gets_its_answer(
    shared: Shared,
) -> None:
    member = shared.member("investigator")
    body = {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}
    headers = {"Idempotency-Key": '"running"'}
    with ThreadPoolExecutor(1) as pool:
        with shared.operator.holding("LOCK TABLE registry.hits IN EXCLUSIVE MODE"):
            running = pool.submit(member.post, "/v1/hits", body, headers=headers)
            wait_until(lambda: shared.operator.waiting() == 1)
            second = member.post("/v1/hits", body, headers=headers)
        first = running.result()
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_key_in_use")
    assert second.headers["Retry-After"] == "1"
    assert first.status_code == 201
    third = member.post("/v1/hits", body, headers=headers)
    assert (third.status_code, third.text, third.headers["Idempotency-Replayed"]) == (201, first.text, "true")


@pytest.mark.parametrize("how", ["the key is revoked", "the organisation is suspended"])
def test_while_requests_run_and(shared: Shared, how: str) -> None:
    """The request that was admitted before ends as it began; no later one is admitted, by no worker."""
    member = shared.member("investigator")
    body = {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}
    assert {answer.status_code for answer in all_at_once(lambda _: member.get("/v1/account"))} == {200}
    stop: Operation[Any, Any] = SuspendOrganisation(member.id)
    if how == "the key is revoked":
        stop = RevokeKey(member.key.removeprefix("drk_test_")[:8])
    with ThreadPoolExecutor(1) as pool:
        with shared.operator.holding("LOCK TABLE registry.hits IN EXCLUSIVE MODE"):
            running = pool.submit(member.post, "/v1/hits", body)
            wait_until(lambda: shared.operator.waiting() == 1)
            run(shared, stop)
            after = all_at_once(lambda _: member.get("/v1/account"))
        assert running.result().status_code == 201
    assert {answer.status_code for answer in after} == {401}
    assert {answer.json()["code"] for answer in after} == {"unauthorized"}
    if how == "the organisation is suspended":
        run(shared, ResumeOrganisation(member.id))
        assert {answer.status_code for answer in all_at_once(lambda _: member.get("/v1/account"))} == {200}


def contacts_file(decoy: str, numbers: Sequence[str], prefix: str) -> bytes:
    """A file of contacts, one of each number, whose source ids begin with the prefix."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["source_id", "decoy_id", "number", "region", "channel", "occurred_at"])
    writer.writerows([f"{prefix} {number}", decoy, number, "US", "sms", "2026-11-01T10:00:00Z"] for number in numbers)
    return text.getvalue().encode()


def post_file(member: Member, content: bytes) -> Any:
    headers = {**member.headers, "Content-Type": "text/csv"}
    return member.client.post("/v1/hits/imports", content=content, headers=headers)


def test_imports_of_overlapping_files_at_once_all_end_and_count_everything_once(shared: Shared) -> None:
    """Two chunks each, in opposite orders: whoever locked in the order of the file would wait in a circle."""
    one, other = (shared.member("investigator") for _ in range(2))
    numbers = [next(NUMBERS) for _ in range(2_400)]
    own = one.register_decoy(next(NUMBERS))
    files = [
        (one, contacts_file(own, numbers[:2_200], "shared")),
        (one, contacts_file(own, numbers[:199:-1], "shared")),
        (other, contacts_file(other.register_decoy(next(NUMBERS)), numbers[::-1], "other's")),
    ]
    answers = all_at_once(lambda turn: post_file(*files[turn]), len(files))
    assert [answer.status_code for answer in answers] == [200] * 3, [answer.text[:300] for answer in answers]
    sums = [answer.json() for answer in answers]
    assert [found["refused"] for found in sums] == [0, 0, 0]
    assert sums[0]["recorded"] + sums[1]["recorded"] == 2_400
    assert sums[0]["duplicate"] + sums[1]["duplicate"] == 2_000
    assert sums[2]["recorded"] == 2_400
    agree(shared)
    listed = Counter(row.contacts for row in stored_listings(shared.operator.superuser).values())
    assert listed[2] >= 2_400
