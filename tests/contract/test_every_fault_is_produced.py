"""The problems that no request can cause alone: the database, the signers, the keys or the client must fail first."""

import os
import signal
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from audit_trail import AuditTrail
from databases import DatabaseUrls, as_superuser
from house import House, opened_database, opened_house
from members import Member
from psycopg import sql
from serving import Caller, served
from shapes import refusal_of
from sqlalchemy import make_url

from registry.db.database import DatabaseOptions
from registry.db.embedded import EmbeddedUrls
from registry.signers import Signers

NUMBER = "+12065550177"


@pytest.fixture
def own_urls(cluster: EmbeddedUrls, template: str) -> Generator[DatabaseUrls]:
    with opened_database(cluster, template) as urls:
        yield urls


def ask(member: Member, number: str = NUMBER) -> Any:
    return member.post("/v1/lookups", {"number": number, "purpose": "company_number"})


def until_waiting(house: House) -> None:
    """Until a session of the application waits for a lock."""
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND application_name = 'demand-registry'"
    )
    while house.superuser.execute(statement).fetchone() == (0,):
        time.sleep(0.005)


def test_database_unavailable(cluster: EmbeddedUrls, own_urls: DatabaseUrls) -> None:
    with opened_house(own_urls) as house:
        employer = house.member("employer")
        assert ask(employer).status_code == 200
        name = make_url(own_urls.app).database or ""
        as_superuser(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        answer = ask(employer)
        refusal_of(answer, 503, "database_unavailable")
        assert answer.headers["retry-after"] == "5"


def test_overloaded(own_urls: DatabaseUrls) -> None:
    """The only connection of this process is held by a request that waits."""
    with opened_house(own_urls, options=DatabaseOptions(pool_size=1, pool_wait=0.1)) as house:
        employer = house.member("employer")
        ask(employer)
        with psycopg.connect(own_urls.superuser_dsn) as gate, ThreadPoolExecutor(1) as thread:
            gate.execute("LOCK TABLE audit.event IN SHARE MODE")
            first = thread.submit(ask, employer)
            until_waiting(house)
            second = ask(employer)
            gate.rollback()
            assert first.result().status_code == 200
        refusal_of(second, 503, "overloaded")
        assert second.headers["retry-after"] == "1"
        assert AuditTrail(house.superuser).of(second) == []
        assert ask(employer).status_code == 200


def test_keys_out_of_date(own_urls: DatabaseUrls) -> None:
    with opened_house(own_urls) as house:
        employer = house.member("employer")
        house.superuser.execute("INSERT INTO registry.generations (number, public_key) VALUES (7, sha256('seven'))")
        answer = ask(employer)
        refusal_of(answer, 503, "keys_out_of_date")
        assert answer.headers["retry-after"] == "30"
        assert AuditTrail(house.superuser).only(answer)["result"] == "keys_out_of_date"


def test_internal(own_urls: DatabaseUrls) -> None:
    with opened_house(own_urls) as house:
        employer = house.member("employer")
        house.superuser.execute("ALTER TABLE registry.listings RENAME TO listings_of_old")
        answer = ask(employer)
        problem = refusal_of(answer, 500, "internal")
        assert "listings" not in answer.text
        assert problem["detail"].startswith("An unexpected fault occurred.")
        (event,) = AuditTrail(house.superuser).of(answer)
        assert (event["operation"], event["result"]) == ("look_up", "internal")
        assert event["count"] == {"submitted": 1, "charged": 1}
        house.superuser.execute("ALTER TABLE registry.listings_of_old RENAME TO listings")
        assert ask(employer).status_code == 200


def test_idempotency_key_in_use(own_urls: DatabaseUrls) -> None:
    with opened_house(own_urls) as house:
        operator = house.member("operator")

        def create() -> Any:
            headers = {"Idempotency-Key": '"once"'}
            return operator.post("/v1/organisations", {"name": "First", "kind": "partner"}, headers=headers)

        with psycopg.connect(own_urls.superuser_dsn) as gate, ThreadPoolExecutor(1) as thread:
            gate.execute("LOCK TABLE registry.organisations IN SHARE MODE")
            first = thread.submit(create)
            until_waiting(house)
            second = create()
            gate.rollback()
            assert first.result().status_code == 201
        refusal_of(second, 409, "idempotency_key_in_use")
        assert second.headers["retry-after"] == "1"


@pytest.mark.xdist_group("heavy")
def test_signer_unavailable(own_urls: DatabaseUrls) -> None:
    """The only signer for many numbers is halted, given work, and killed over it."""
    with opened_house(own_urls, signers=1) as house:
        employer = house.member("employer")
        signers = house.registry.tagging
        assert isinstance(signers, Signers)
        (signer,) = signers.pids_for_many

        def check() -> Any:
            items = [{"number": NUMBER}] * 200
            return employer.post("/v1/checks", {"purpose": "company_number", "items": items})

        assert check().status_code == 200
        os.kill(signer, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(check)
            time.sleep(0.5)
            os.kill(signer, signal.SIGKILL)
            answer = asked.result()
        refusal_of(answer, 503, "signer_unavailable")
        assert int(answer.headers["retry-after"]) >= 1
        assert AuditTrail(house.superuser).only(answer)["result"] == "signer_unavailable"
        assert check().status_code == 200  # another one took its place


def test_upload_incomplete(own_urls: DatabaseUrls) -> None:
    with opened_house(own_urls) as house, served(house) as server:
        caller = Caller(server.address)
        target = "/v1/checks/files?purpose=company_number"
        caller.begin(house.member("employer"), target, length=1_000)
        caller.send(b"Phone\n")
        caller.hang_up()
        statement = "SELECT audit.field(body, 'result') FROM audit.event WHERE operation = 'check_file'"
        while (found := house.superuser.execute(statement).fetchone()) is None:
            time.sleep(0.01)
        assert found == ("upload_incomplete",)
