"""Revision 0008: on the way back what flooded goes on counting for nothing. There again it is not known when a flood
began; it did within two days before its hold.
"""

from datetime import timedelta
from typing import Any

import psycopg
from databases import DatabaseUrls, dsn
from flooding import NUMBERS, at, burst, flood_settings, submit
from house import opened_database, opened_house
from members import NOW, Member, hit
from revisions import downgrade, upgrade

from registry.db import migrate, schema_dump
from registry.db.embedded import EmbeddedUrls

SINCE = "SELECT covers_since FROM registry.exclusions"
DIVERTED = "SELECT count(*) FILTER (WHERE diverted), count(*) FROM registry.hits"


def rows(urls: DatabaseUrls, statement: str) -> list[Any]:
    with psycopg.connect(urls.superuser_dsn) as superuser:
        return superuser.execute(statement.encode()).fetchall()


def test_what_flooded_does_not_count_in_the_version_before(cluster: EmbeddedUrls, template: str) -> None:
    """What somebody let go of does."""
    flooding, released = next(NUMBERS), next(NUMBERS)
    with opened_database(cluster, template) as urls:
        with opened_house(urls, flood_settings()) as house:
            watch, operator = house.member("investigator"), house.member("operator")
            employer = house.member("employer")
            decoys = [watch.register_decoy(next(NUMBERS)) for _ in range(2)]
            early = [hit(decoys[0], number, at(start=NOW - timedelta(days=9))) for number in (flooding, released)]
            submit(watch, early)
            for decoy, number in zip(decoys, (flooding, released), strict=True):
                submit(watch, burst(decoy, number, 4))
            assert operator.post("/v1/exclusions/removals", {"number": released}).status_code == 200
        assert sum(row[0] is not None for row in rows(urls, SINCE)) == 2
        schema = schema_dump.dump(urls.owner)
        downgrade(urls, "0007")
        assert rows(urls, DIVERTED) == [(4, 10)]
        upgrade(urls, migrate.head())
        assert schema_dump.dump(urls.owner) == schema
        assert rows(urls, SINCE) == rows(urls, "SELECT created_at - interval '2 days' FROM registry.exclusions")
        with opened_house(urls, flood_settings()) as house:
            house.clock.advance(days=8)
            asker = Member(employer.id, employer.key, house.client)
            assert [asker.look_up(number)["evidence"]["contacts"] for number in (flooding, released)] == [1, 5]


def test_what_runs_on_the_version_before_runs_on_this(cluster: EmbeddedUrls, template: str) -> None:
    """An older process goes on for a moment on the new schema, and notes of no flood when it began."""
    with opened_database(cluster, template) as urls:
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
            superuser.execute("INSERT INTO registry.generations (number, public_key) VALUES (1, sha256('1'))")
        with psycopg.connect(dsn(urls.app), autocommit=True) as application:
            added: Any = application.execute(
                "INSERT INTO registry.exclusions (tag, id, generation, organisation_id, reason, expires_at)"
                " VALUES (sha256('a'), gen_random_uuid(), 1, NULL, 'flood', now()) RETURNING covers_since"
            ).fetchall()
            assert added == [(None,)]
