import math
from typing import Any

import pytest
from databases import as_superuser
from house import House, opened_database, opened_house
from log_scene import opened_log_scene
from members import Member
from psycopg import sql
from shapes import refusal_of
from sqlalchemy import make_url
from starlette.testclient import TestClient

from registry.db.embedded import EmbeddedUrls
from registry.operations.readiness import LONGEST_UNSEALED_SECONDS

UNKNOWN: dict[str, Any] = {"warnings": [], "oldest_unsealed_seconds": None}
OLD = (
    "INSERT INTO audit.event (at, body) SELECT clock_timestamp() - make_interval(secs => %s), convert_to(format("
    '\'{"actor":{"organisation":null},"id":"%%s","operation":"filled"}\', gen_random_uuid()), \'UTF8\')'
)


def test_a_running_process_is_live_without_a_key(house: House) -> None:
    answer = house.client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_it_is_ready_with_a_database_at_head_and_its_keys(house: House) -> None:
    answer = house.client.get("/health/ready")
    assert answer.status_code == 200
    told = answer.json()
    waiting = told.pop("oldest_unsealed_seconds")
    assert waiting is None or waiting >= 0
    assert told == {"ready": True, "database": True, "migrations": True, "keys": True, "warnings": told["warnings"]}


def test_it_is_not_ready_with_a_schema_of_another_version(cluster: EmbeddedUrls, template: str) -> None:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        for version in ("0000_before", "9999_after"):
            house.superuser.execute("UPDATE registry.alembic_version SET version_num = %s", (version,))
            answer = house.client.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json() == {"ready": False, "database": True, "migrations": False, "keys": False, **UNKNOWN}
            assert answer.headers["retry-after"] == "5"


def test_it_is_live_and_not_ready_without_its_database_and_ready_again_when_that_is_back(
    cluster: EmbeddedUrls, template: str
) -> None:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        name = sql.Identifier(make_url(urls.app).database or "")
        member = house.member("employer")
        assert member.look_up("+12065550177")["outcome"] == "none"
        as_superuser(cluster, sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(name))
        end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
        as_superuser(cluster, end.format(sql.Literal(make_url(urls.app).database)))
        away: dict[str, Any] = {"ready": False, "database": False, "migrations": False, "keys": False, **UNKNOWN}
        answer = house.client.get("/health/ready")
        assert (answer.status_code, answer.json()) == (503, away)
        assert house.client.get("/health/live").status_code == 200
        asked = member.post("/v1/lookups", {"number": "+12065550177", "purpose": "company_number"})
        problem = refusal_of(asked, 503, "database_unavailable")
        assert "audit_id" not in problem
        assert int(asked.headers["retry-after"]) >= 1
        as_superuser(cluster, sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS true").format(name))
        assert house.client.get("/health/ready").status_code == 200
        assert member.look_up("+12065550177")["outcome"] == "none"


def test_events_that_nobody_seals_are_a_warning_and_no_reason_to_be_taken_out(
    cluster: EmbeddedUrls, template: str
) -> None:
    with opened_log_scene(cluster, template) as scene:
        client, superuser = scene.house.client, scene.house.superuser
        scene.seal()
        ready = client.get("/health/ready").json()
        assert (ready["warnings"], ready["oldest_unsealed_seconds"]) == ([], None)
        superuser.execute(OLD, (LONGEST_UNSEALED_SECONDS - 30,))
        ready = client.get("/health/ready").json()
        assert (ready["ready"], ready["warnings"]) == (True, [])
        assert LONGEST_UNSEALED_SECONDS - 30 <= ready["oldest_unsealed_seconds"] < LONGEST_UNSEALED_SECONDS
        scene.seal()
        superuser.execute(OLD, (LONGEST_UNSEALED_SECONDS + 1,))
        superuser.execute(OLD, (1,))
        answer = client.get("/health/ready")
        assert (answer.status_code, answer.json()["ready"]) == (200, True)
        assert answer.json()["warnings"] == ["events_unsealed"]
        assert answer.json()["oldest_unsealed_seconds"] > LONGEST_UNSEALED_SECONDS
        scene.seal()
        assert client.get("/health/ready").json()["warnings"] == []


def test_the_state_of_the_log_is_measured_when_it_is_asked_for(cluster: EmbeddedUrls, template: str) -> None:
    """And where there is no database to ask, all the rest still is."""
    with opened_log_scene(cluster, template) as scene:
        inside = TestClient(scene.house.client.app, client=("127.0.0.1", 50_000))
        (events,) = scene.row("SELECT count(*) FROM audit.event")
        assert gauges(inside)["registry_log_size"] == 0
        assert gauges(inside)["registry_oldest_unsealed_event_seconds"] > 0
        scene.seal()
        assert gauges(inside) == {"registry_log_size": events, "registry_oldest_unsealed_event_seconds": 0}
        scene.house.superuser.execute("ALTER TABLE audit.leaf RENAME TO away")
        assert all(math.isnan(value) for value in gauges(inside).values())
        name = make_url(scene.house.urls.app).database or ""
        as_superuser(cluster, sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        end = sql.SQL("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {}")
        as_superuser(cluster, end.format(sql.Literal(name)))
        assert all(math.isnan(value) for value in gauges(inside).values())
        assert "registry_requests_total" in inside.get("/metrics").text


def gauges(inside: TestClient) -> dict[str, float]:
    """Those of the log."""
    lines = [line.split(" ") for line in inside.get("/metrics").text.splitlines()]
    return {
        line[0]: float(line[1])
        for line in lines
        if line[0] in {"registry_log_size", "registry_oldest_unsealed_event_seconds"}
    }


def test_health_is_no_operation_and_leaves_no_event(house: House) -> None:
    count = "SELECT count(*) FROM audit.event"
    before = house.superuser.execute(count).fetchone()
    for path in ("/health/live", "/health/ready", "/metrics", "/docs", "/problems"):
        house.client.get(path)
    assert house.superuser.execute(count).fetchone() == before


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "testclient"])
def test_metrics_are_nowhere_outside_of_the_operators_network(house: House, address: str) -> None:
    outside = TestClient(house.client.app, client=(address, 50_000), raise_server_exceptions=False)
    refusal_of(outside.get("/metrics"), 404, "not_found")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_metrics_count_operations_by_name_and_hold_nothing_that_a_caller_sent(
    house: House, employer: Member, number: str, address: str
) -> None:
    inside = TestClient(house.client.app, client=(address, 50_000))
    employer.look_up(number)
    employer.post("/v1/lookups", {"number": "no number at all", "purpose": "company_number"})
    house.client.get(f"/v1/{number}")
    answer = inside.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    for line in (
        'registry_operations_total{operation="look_up",result="ok"}',
        'registry_operations_total{operation="look_up",result="not_a_number"}',
        'registry_requests_total{method="POST",route="/v1/lookups",status="200"}',
        'registry_requests_total{method="ANY",route="unmatched",status="404"}',
        'registry_numbers_total{operation="look_up"}',
    ):
        assert line in answer.text
    assert number[2:] not in answer.text
    assert str(employer.id) not in answer.text
