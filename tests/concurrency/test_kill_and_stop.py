"""The API's processes end: asked to, or by `kill -9` at the worst moment. What was acknowledged is there, once."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from databases import DatabaseUrls
from holders import tags
from house import fictional_numbers
from interleaved import wait_until
from killed_before_answer import PATH_VARIABLE
from members import Member, hit
from running_api import Operator, RunningApi, living, operating, running_api

pytestmark = [pytest.mark.xdist_group("heavy"), pytest.mark.long]

NUMBERS: Final = fictional_numbers()
KEY: Final = {"Idempotency-Key": '"once"'}
IMPORTED_ROWS: Final = 2_300
"""Two chunks."""

ABANDONED: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'registry_api'"
    " AND state <> 'idle'"
)
"""Sessions of the application that are at work."""
HOLD_LISTINGS: Final = (
    "INSERT INTO registry.listings (tag, generation, contacts, decoys, organisations, channels, excluded, disputed,"
    " policy) SELECT tag, 1, 0, 0, 0, '{}', false, false, '' FROM unnest(%s::bytea[]) AS tag"
)


@pytest.fixture
def operator(urls: DatabaseUrls) -> Iterator[Operator]:
    with operating(urls) as opened:
        yield opened


def moved(member: Member, api: RunningApi) -> Member:
    """The same organisation at another start of the API."""
    member.client = api.http  # type: ignore[assignment]  # both are the same kind of client, by two releases of one library
    return member


def tags_of(operator: Operator, *numbers: str) -> list[bytes]:
    return [tags(operator.registry, number)[0] for number in numbers]


def hits_of(operator: Operator, member: Member) -> int:
    return int(operator.value("SELECT count(*) FROM registry.hits WHERE organisation_id = %s", member.id))


def test_killed_between_commit_and_answer_the_retry_gets_the_stored_answer_and_nothing_is_recorded_twice(
    urls: DatabaseUrls, operator: Operator, tmp_path: Path
) -> None:
    with running_api(
        urls, tmp_path, factory="killed_before_answer:build", environment={PATH_VARIABLE: "/v1/hits"}
    ) as dying:
        member = operator.member(dying, "investigator")
        number = next(NUMBERS)
        body = {"hits": [hit(member.register_decoy(next(NUMBERS)), number, source_id="one event")]}
        with pytest.raises(httpx.RemoteProtocolError):
            member.post("/v1/hits", body, headers=KEY)
        assert dying.process.wait(10) == -signal.SIGKILL
    assert hits_of(operator, member) == 1
    first_event = operator.value("SELECT event_id::text FROM audit.event WHERE operation = 'record_hits'")

    with running_api(urls, tmp_path) as api:
        moved(member, api)
        again = member.post("/v1/hits", body, headers=KEY)
        assert (again.status_code, again.headers["Idempotency-Replayed"]) == (201, "true")
        assert again.json()["recorded"] == 1
        assert again.json()["audit_id"] == first_event
        assert hits_of(operator, member) == 1
        # Whoever forgot its key is covered by the event's own id.
        other = member.post("/v1/hits", body)
        assert (other.status_code, other.json()["duplicate"]) == (200, 1)
        assert other.json()["results"][0]["id"] == again.json()["results"][0]["id"]
        assert operator.member(api, "employer").look_up(number)["evidence"]["contacts"] == 1
    assert operator.events(operation="record_hits", result="ok") == 3


def test_killed_before_commit_nothing_is_recorded_and_the_retry_does_the_work(
    urls: DatabaseUrls, operator: Operator, tmp_path: Path
) -> None:
    """A single contact, and the second chunk of a file whose first was committed."""
    with running_api(urls, tmp_path) as api, ThreadPoolExecutor(2) as pool:
        member = operator.member(api, "investigator")
        decoy = member.register_decoy(next(NUMBERS))
        body = {"hits": [hit(decoy, next(NUMBERS), source_id="one event")]}
        numbers = [next(NUMBERS) for _ in range(IMPORTED_ROWS)]
        last = numbers[-1]
        rows = [f"{turn},{decoy},{number},US,sms,2026-11-01T10:00:00Z" for turn, number in enumerate(numbers)]
        file = "\n".join(["source_id,decoy_id,number,region,channel,occurred_at", *rows]).encode()
        with operator.holding(HOLD_LISTINGS, tags_of(operator, body["hits"][0]["number"], last)):
            importing = pool.submit(post_file, member, file)
            posting = pool.submit(member.post, "/v1/hits", body, headers=KEY)
            wait_until(lambda: operator.waiting() == 2)
            assert len(api.pids()) >= 3  # the signers are among them
            api.kill()
            for lost in (importing, posting):
                assert isinstance(lost.exception(), httpx.TransportError)
        assert not living(api.process.pid)
    # The database notices in its own time that nobody is there any more.
    wait_until(lambda: operator.value(ABANDONED) == 0)
    assert hits_of(operator, member) == 2_000
    assert operator.events(operation="record_hits") == 0

    with running_api(urls, tmp_path) as api:
        moved(member, api)
        again = member.post("/v1/hits", body, headers=KEY)
        assert (again.status_code, again.json()["recorded"]) == (201, 1)
        assert "Idempotency-Replayed" not in again.headers
        imported = post_file(member, file).json()
        assert (imported["recorded"], imported["duplicate"]) == (IMPORTED_ROWS - 2_000, 2_000)
    assert hits_of(operator, member) == IMPORTED_ROWS + 1


def post_file(member: Member, content: bytes) -> Any:
    headers = {**member.headers, "Content-Type": "text/csv"}
    return member.client.post("/v1/hits/imports", content=content, headers=headers)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_stop_lets_the_request_in_flight_finish_and_ends_well(
    urls: DatabaseUrls, operator: Operator, tmp_path: Path, workers: int
) -> None:
    with running_api(urls, tmp_path, workers=workers) as api, ThreadPoolExecutor(1) as pool:
        member = operator.member(api, "investigator")
        body = {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}
        with operator.holding("LOCK TABLE registry.hits IN EXCLUSIVE MODE"):
            running = pool.submit(member.post, "/v1/hits", body)
            wait_until(lambda: operator.waiting() == 1)
            api.process.terminate()
            wait_until(lambda: not answers(api))
            assert not running.done()
            assert api.process.poll() is None
        answer = running.result()
        assert (answer.status_code, answer.json()["recorded"]) == (201, 1)
        assert api.process.wait(20) == 0
        wait_until(lambda: not api.pids())
    assert hits_of(operator, member) == 1


def answers(api: RunningApi) -> bool:
    """Whether a new client is still let in."""
    try:
        return httpx.get(f"http://127.0.0.1:{api.port}/health/live", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def test_a_stop_does_not_wait_for_ever_for_a_request(urls: DatabaseUrls, operator: Operator, tmp_path: Path) -> None:
    """Nor for the database: a statement ends in its own time."""
    with running_api(urls, tmp_path, shutdown_seconds=1, statement_seconds=2) as api, ThreadPoolExecutor(1) as pool:
        member = operator.member(api, "investigator")
        body = {"hits": [hit(member.register_decoy(next(NUMBERS)), next(NUMBERS))]}
        with operator.holding("LOCK TABLE registry.hits IN EXCLUSIVE MODE"):
            running = pool.submit(member.post, "/v1/hits", body)
            wait_until(lambda: operator.waiting() == 1)
            api.process.terminate()
            assert api.process.wait(20) == 0
        assert running.exception() is not None or running.result().status_code in {500, 503}
    assert hits_of(operator, member) == 0
