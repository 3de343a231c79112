"""PostgreSQL goes away under load and comes back, or is only busy: it is told, and nothing acknowledged is lost."""

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, as_superuser
from house import fictional_numbers
from interleaved import wait_until
from members import Member, hit
from psycopg import sql
from recomputed import recomputed_listings, stored_listings
from running_api import Operator, RunningApi, operating, running_api
from sealed import LOG_KEY, waiting

from registry import log_key
from registry.db import migrate
from registry.db.embedded import APP_LOGIN, EmbeddedPostgres
from registry.db.postmaster import Postmaster
from registry.domain.merkle import root_of
from registry.domain.signed_notes import Checkpoint, opened
from registry.operations.registry import utc_now
from registry.signatures import holds

pytestmark = [pytest.mark.xdist_group("heavy"), pytest.mark.long]

NUMBERS: Final = fictional_numbers()
CLIENTS: Final = 4
AWAY: Final = {"database_unavailable", "overloaded"}


@dataclass
class Load:
    """Clients that submit one contact after the other, each until it is acknowledged."""

    member: Member
    decoy: str
    numbers: list[str]
    acknowledged: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Source id and hit id."""
    refused: list[Any] = field(default_factory=list[Any])
    stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Generator[None]:
        """What is begun is brought to its end before the block's end."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._submit_on, client) for client in range(CLIENTS)]
            try:
                yield
            finally:
                self.stop.set()
            for client in clients:
                client.result()

    def _submit_on(self, client: int) -> None:
        turn = 0
        while not self.stop.is_set():
            source = f"{client}-{turn}"
            number = self.numbers[turn % len(self.numbers)]
            self.acknowledged.append((source, self._submit(hit(self.decoy, number, source_id=source))))
            turn += 1

    def _submit(self, contact: dict[str, Any]) -> str:
        deadline = monotonic() + 40
        while monotonic() < deadline:
            answer = self.member.post("/v1/hits", {"hits": [contact]})
            if answer.status_code in {200, 201}:
                return str(answer.json()["results"][0]["id"])
            self.refused.append(answer)
            self.stop.wait(0.02)
        raise AssertionError("the API did not recover")

    def grows(self, by: int) -> None:
        """Waits for more acknowledgements."""
        wanted = len(self.acknowledged) + by
        wait_until(lambda: len(self.acknowledged) >= wanted, 40)


@dataclass
class Installation:
    """A server of PostgreSQL that may be stopped and killed, and an API that runs on it."""

    postgres: EmbeddedPostgres
    pgdata: Path
    urls: DatabaseUrls
    api: RunningApi

    def kill_postgres(self) -> None:
        """`kill -9` on the postmaster, whose other processes then end by themselves."""
        found = Postmaster.read(self.pgdata)
        assert found is not None
        os.kill(found.pid, signal.SIGKILL)
        self.postgres.stop()


@pytest.fixture(scope="module")
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="registry-away-"))
    postgres = EmbeddedPostgres(folder)  # durable: what was acknowledged has to be on the disk
    try:
        embedded = postgres.start()
        migrate.migrate(embedded.owner)
        as_superuser(embedded, sql.SQL("GRANT registry_app TO {}").format(sql.Identifier(APP_LOGIN)))
        superuser = embedded.superuser.replace("/postgres?", "/demand_registry?")
        urls = DatabaseUrls(embedded.owner, embedded.app, superuser)
        with operating(urls):
            pass  # the database learns of the tests' keys
        log_key.write(folder / "log-key.json", LOG_KEY, None)
        with running_api(urls, folder, failures_per_minute=10_000, log_key_file=folder / "log-key.json") as api:
            yield Installation(postgres, folder / "postgres", urls, api)
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_postgresql_under_load_is(installation: Installation, how: str) -> None:
    api = installation.api
    with operating(installation.urls) as operator:
        member = operator.member(api, "investigator")
        load = Load(member, member.register_decoy(next(NUMBERS)), [next(NUMBERS) for _ in range(5)])
    with load.running(), watched_log(installation.urls) as published:
        load.grows(20)
        installation.postgres.stop() if how == "stopped" else installation.kill_postgres()
        wait_until(lambda: len(load.refused) >= 2 * CLIENTS)
        ready, live = api.http.get("/health/ready"), api.http.get("/health/live")
        lookup = member.get("/v1/account")
        installation.postgres.start()
        load.grows(20)
        seen = len(published)
        wait_until(lambda: len(published) > seen)
    assert (ready.status_code, ready.json()["database"], live.status_code) == (503, False, 200)
    assert (lookup.status_code, lookup.json()["code"]) == (503, "database_unavailable")
    assert {answer.status_code for answer in load.refused} == {503}
    assert {answer.json()["code"] for answer in load.refused} <= AWAY
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in load.refused)
    assert api.http.get("/health/ready").status_code == 200
    with operating(installation.urls) as operator:
        complete(operator, load)
        sealed_completely(operator, published)


@contextmanager
def watched_log(urls: DatabaseUrls) -> Generator[dict[int, str]]:
    """Every checkpoint that anybody could have seen, by its size."""
    seen: dict[int, str] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            with suppress(psycopg.OperationalError), psycopg.connect(urls.superuser_dsn) as connection:
                last = max(seen, default=0)
                rows = connection.execute("SELECT size, note FROM audit.checkpoint WHERE size > %s", (last,))
                seen.update({int(size): str(note) for size, note in rows})

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield seen
        finally:
            ended.set()
            watching.result()


def sealed_completely(operator: Operator, published: dict[int, str]) -> None:
    """Every event that is there has one place, and no published head was taken back or replaced by another."""
    wait_until(lambda: not waiting(operator.registry.database))
    rows = operator.superuser.execute("SELECT idx, hash FROM audit.leaf ORDER BY idx").fetchall()
    hashes = [bytes(hash_) for _, hash_ in rows]
    assert [idx for idx, _ in rows] == list(range(len(rows)))
    assert operator.value("SELECT count(*) FROM audit.event e JOIN audit.leaf l USING (xid, id)") == len(rows)
    assert operator.value("SELECT count(*) FROM audit.event") == len(rows)
    stored = dict(operator.superuser.execute("SELECT size, note FROM audit.checkpoint").fetchall())
    assert published.items() <= stored.items()
    for size, note in stored.items():
        signed = Checkpoint.parse(opened(note, LOG_KEY.verifier, holds), LOG_KEY.origin)
        assert (signed.size, signed.root) == (size, root_of(hashes[:size]))


def complete(operator: Operator, load: Load) -> None:
    """Every acknowledged contact is there, and no contact is there twice or unasked."""
    rows = operator.superuser.execute(
        "SELECT h.id::text FROM registry.hits h JOIN registry.submissions s ON s.hit_id = h.id AND s.tag = h.tag"
        " WHERE h.organisation_id = %s",
        (load.member.id,),
    ).fetchall()
    assert sorted(id_ for (id_,) in rows) == sorted(id_ for _, id_ in load.acknowledged)
    assert len({source for source, _ in load.acknowledged}) == len(load.acknowledged)
    policy = operator.registry.policy
    assert stored_listings(operator.superuser) == recomputed_listings(operator.superuser, policy, utc_now())


def test_with_every_connection_busy_requests_are_refused_soon_and_served_again_later(
    urls: DatabaseUrls, tmp_path: Path
) -> None:
    with (
        operating(urls) as operator,
        running_api(urls, tmp_path, pool_size=1, pool_wait_seconds=0.3) as api,
        ThreadPoolExecutor(1) as pool,
    ):
        investigator, employer = operator.member(api, "investigator"), operator.member(api, "employer")
        body = {"hits": [hit(investigator.register_decoy(next(NUMBERS)), next(NUMBERS))]}
        question = {"number": next(NUMBERS), "purpose": "company_number"}
        with operator.holding("LOCK TABLE registry.hits IN EXCLUSIVE MODE"):
            running = pool.submit(investigator.post, "/v1/hits", body)
            wait_until(lambda: operator.waiting() == 1)
            began = monotonic()
            refused = [employer.post("/v1/lookups", question) for _ in range(3)]
            took = monotonic() - began
            ready, live = api.http.get("/health/ready"), api.http.get("/health/live")
            assert not running.done()
        assert running.result().status_code == 201
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["code"] for answer in refused} == {"overloaded"}
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
        assert took < 10
        assert (ready.status_code, live.status_code) == (503, 200)
        assert employer.post("/v1/lookups", question).status_code == 200
        assert api.http.get("/health/ready").status_code == 200
