import pytest
from databases import as_superuser
from house import House, opened_database, opened_house
from members import Member
from psycopg import sql
from shapes import refusal_of
from sqlalchemy import make_url
from starlette.testclient import TestClient

from registry.db.embedded import EmbeddedUrls


def test_a_running_process_is_live_without_a_key(house: House) -> None:
    answer = house.client.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_it_is_ready_with_a_database_at_head_and_its_keys(house: House) -> None:
    answer = house.client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "database": True, "migrations": True, "keys": True}


def test_it_is_not_ready_with_a_schema_of_another_version(cluster: EmbeddedUrls, template: str) -> None:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        for version in ("0000_before", "9999_after"):
            house.superuser.execute("UPDATE registry.alembic_version SET version_num = %s", (version,))
            answer = house.client.get("/health/ready")
            assert answer.status_code == 503
            assert answer.json() == {"ready": False, "database": True, "migrations": False, "keys": False}
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
        away = {"ready": False, "database": False, "migrations": False, "keys": False}
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
    employer.post("/v1/lookups", {"number": "nonsense!", "purpose": "company_number"})
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
