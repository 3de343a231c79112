"""Clients that go away, over real sockets."""

import time
from collections.abc import Generator
from typing import Any

import pytest
from databases import as_superuser
from house import House, opened_database, opened_house
from psycopg import sql
from serving import Caller, Served, served
from sqlalchemy import make_url

from registry.db.embedded import EmbeddedUrls

pytestmark = pytest.mark.long

AT = "2026-11-01T{:02}:{:02}:00Z"
CHUNK = 2_000
CHUNKS = 12


@pytest.fixture(scope="module")
def own_house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        yield house


@pytest.fixture(scope="module")
def server(own_house: House) -> Generator[Served]:
    with served(own_house) as found:
        yield found


def events(house: House, operation: str, request_id: str | None = None) -> list[tuple[Any, ...]]:
    """result and count of every event of an operation, in their order."""
    statement = (
        "SELECT audit.field(body, 'result'), (audit.field(body, 'count', 'submitted'))::int FROM audit.event"
        " WHERE operation = %s AND coalesce(audit.field(body, 'request', 'id') = %s, true) ORDER BY id"
    )
    return house.superuser.execute(statement, (operation, request_id)).fetchall()


@pytest.mark.parametrize(
    ("kind", "target", "operation"),
    [
        ("employer", "/v1/checks/files?purpose=company_number", "check_file"),
        ("investigator", "/v1/hits/imports", "import_hits"),
    ],
)
def test_an_upload_that_is_cut_off_is_recorded_as_such_and_nothing_is_done(
    own_house: House, server: Served, kind: str, target: str, operation: str
) -> None:
    before = len(events(own_house, operation))
    caller = Caller(server.address)
    caller.begin(own_house.member(kind), target, length=10_000)
    caller.send(b"number,occurred_at\n+12065550188,2026-11-01T10:00:00Z\n")
    caller.hang_up()
    while len(found := events(own_house, operation)) == before:
        time.sleep(0.02)
    assert found[before:] == [("upload_incomplete", 0)]
    assert "2065550188" not in own_house.everything_stored()


def table(decoy: str, rows: int) -> bytes:
    """Different contacts of one number; only every hundredth row is one, so that the test is quick."""

    def line(row: int) -> str:
        number = "+12065550177" if row % 100 == 0 else "withheld"
        return f"row-{row},{number},{decoy},sms,{AT.format(row // 1_000, row // 100 % 60)}\n"

    return ("source_id,number,decoy_id,channel,occurred_at\n" + "".join(map(line, range(rows)))).encode()


def test_an_import_whose_client_goes_away_stops_and_can_be_run_again(own_house: House, server: Served) -> None:
    investigator = own_house.member("investigator")
    content = table(investigator.register_decoy("+12065550199"), CHUNKS * CHUNK)
    caller = Caller(server.address)
    caller.begin(investigator, "/v1/hits/imports", length=len(content), accept="application/x-ndjson")
    caller.send(content)
    request_id = caller.read_head()["x-request-id"]
    while "progress" not in (event := caller.read_event()):
        assert event["refused"]["code"] == "withheld"
    assert event["progress"] == {"rows": CHUNK, "of": CHUNKS * CHUNK}
    caller.hang_up()
    server.settle()
    done = events(own_house, "import_hits", request_id)
    assert 1 <= len(done) < CHUNKS
    assert set(done) == {("ok", CHUNK)}

    again = investigator.post("/v1/hits/imports", content=content, headers={"Content-Type": "text/csv"}).json()
    assert again["duplicate"] == 20 * len(done)
    assert again["recorded"] == 20 * (CHUNKS - len(done))
    assert again["refused"] == CHUNKS * (CHUNK - 20)
    assert own_house.member("employer").look_up("+12065550177")["evidence"]["contacts"] == 20 * CHUNKS


def test_a_file_check_whose_client_goes_away_stops_at_the_next_chunk(own_house: House, server: Served) -> None:
    employer = own_house.member("employer")
    content = b"name,phone\n" + b"somebody or other,withheld\n" * (40 * CHUNK)
    caller = Caller(server.address)
    caller.begin(employer, "/v1/checks/files?purpose=company_number", length=len(content))
    caller.send(content)
    request_id = caller.read_head()["x-request-id"]
    caller.hang_up()
    server.settle()
    done = events(own_house, "check_file", request_id)
    assert 1 <= len(done) < 40
    assert set(done) == {("ok", CHUNK)}


def test_an_import_that_loses_its_database_says_so_in_its_last_line_and_can_be_run_again(
    cluster: EmbeddedUrls, template: str
) -> None:
    allow = sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}")
    end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
    with opened_database(cluster, template) as urls, opened_house(urls) as house, served(house) as server:
        name = make_url(urls.app).database or ""
        investigator = house.member("investigator")
        content = table(investigator.register_decoy("+12065550199"), 10 * CHUNK)
        caller = Caller(server.address)
        caller.begin(investigator, "/v1/hits/imports", length=len(content), accept="application/x-ndjson")
        caller.send(content)
        caller.read_head()
        while "progress" not in caller.read_event():
            pass
        as_superuser(cluster, allow.format(sql.Identifier(name), sql.SQL("false")), end.format(sql.Literal(name)))
        while (event := caller.read_event()).keys() <= {"refused", "progress"}:
            pass
        problem = event["problem"]
        assert (problem["code"], problem["status"]) == ("database_unavailable", 503)
        caller.hang_up()
        as_superuser(cluster, allow.format(sql.Identifier(name), sql.SQL("true")))
        again = investigator.post("/v1/hits/imports", content=content, headers={"Content-Type": "text/csv"}).json()
        assert again["duplicate"] >= 20
        assert again["recorded"] + again["duplicate"] == 200
        assert house.member("employer").look_up("+12065550177")["evidence"]["contacts"] == 200
