"""Revision 0006 on a registry in use: exclusions that stand and that have ended, and what they covered. Nothing is lost
on the way back, and there again, but the word that an exclusion was a mistake.
"""

from datetime import UTC, datetime
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from members import Member, hit
from revisions import columns_of, copy_rows, downgrade, rows_of, upgrade

from registry.db import migrate, schema_dump
from registry.db.embedded import EmbeddedUrls

BEFORE, AFTER = "0005", "0006"
NUMBERS: Final = fictional_numbers()
AT: Final = "2026-11-01T10:00:00Z"
ENDS: Final = "2026-11-16T12:00:00Z"
LATER: Final = datetime(2026, 11, 20, tzinfo=UTC)
SEEN, EXPIRED, REMOVED, MISTAKEN, FLOODED, STANDING, SEEN_SINCE = (next(NUMBERS) for _ in range(7))


def used(house: House) -> Member:
    """Every number has a contact from before, and one has another since. Returns who asks."""
    investigator, operator = (house.member(kind) for kind in ("investigator", "operator"))
    decoy = investigator.register_decoy(next(NUMBERS))
    everybody = (SEEN, EXPIRED, REMOVED, MISTAKEN, FLOODED, STANDING, SEEN_SINCE)
    investigator.record(*(hit(decoy, number, AT) for number in everybody))
    for number in (EXPIRED, SEEN_SINCE):
        own = {"number": number, "reason": "own_staff", "expires_at": ENDS}
        assert investigator.post("/v1/exclusions", own).status_code == 201
    for number in (REMOVED, MISTAKEN, FLOODED, STANDING):
        assert operator.post("/v1/exclusions", {"number": number, "reason": "outreach"}).status_code == 201
    flooded = tags_of(house.registry, FLOODED)[0]
    house.superuser.execute("UPDATE registry.exclusions SET reason = 'flood' WHERE tag = %s", (flooded,))
    house.clock.now = LATER
    for number, mistaken in ((REMOVED, False), (FLOODED, False), (MISTAKEN, True)):
        body: dict[str, object] = {"number": number, "mistaken": mistaken}
        assert operator.post("/v1/exclusions/removals", body).status_code == 200
    investigator.record(hit(decoy, SEEN_SINCE, ENDS))
    return house.member("employer")


def counted(member: Member) -> dict[str, int]:
    """Contacts by number; 0 where the answer is `none`."""
    found: dict[str, int] = {}
    for number in (SEEN, EXPIRED, REMOVED, MISTAKEN, FLOODED, STANDING, SEEN_SINCE):
        evidence = member.look_up(number)["evidence"]
        found[number] = 0 if evidence is None else evidence["contacts"]
    return found


DUE: Final = {SEEN: 1, EXPIRED: 0, REMOVED: 0, MISTAKEN: 1, FLOODED: 1, STANDING: 0, SEEN_SINCE: 1}


@pytest.fixture
def in_use(cluster: EmbeddedUrls, template: str, empty: DatabaseUrls) -> str:
    """Brings the empty database to 0006 with the rows of a registry in use. Returns the key of who asks."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            employer = used(house)
            assert counted(employer) == DUE
        upgrade(empty, AFTER)
        copy_rows(urls, empty)
    return employer.key


def answers(urls: DatabaseUrls, key: str) -> dict[str, int]:
    """Of this version of the registry, from whatever is stored."""
    migrate.migrate(urls.owner)
    with opened_house(urls) as house:
        house.clock.now = LATER
        row = house.superuser.execute(
            "SELECT organisation_id FROM registry.api_keys WHERE id = %s", (key[9:17],)
        ).fetchone()
        assert row is not None
        return counted(Member(row[0], key, house.client))


def test_a_registry_in_use_keeps_its_rows_and_answers_through_downgrade_and_upgrade(
    in_use: str, empty: DatabaseUrls
) -> None:
    assert answers(empty, in_use) == DUE
    downgrade(empty, BEFORE)
    columns, schema = columns_of(empty), schema_dump.dump(empty.owner)
    rows = rows_of(empty, columns)
    upgrade(empty, AFTER)
    assert rows_of(empty, columns) == rows
    # What was a mistake is not known any more: that keeps out what came before, until somebody says so again.
    assert answers(empty, in_use) == {**DUE, MISTAKEN: 0}
    downgrade(empty, BEFORE)
    assert schema_dump.dump(empty.owner) == schema


def test_what_did_not_count_does_not_count_in_the_version_before(in_use: str, empty: DatabaseUrls) -> None:
    """Which counts everything again once an exclusion has ended, but nothing that was diverted."""
    assert in_use
    kept = "SELECT count(*) FILTER (WHERE diverted), count(*) FROM registry.hits"
    with psycopg.connect(empty.superuser_dsn, autocommit=True) as superuser:
        # Long enough ago to have expired by the database's clock.
        for column in ("hits SET occurred_at", "exclusions SET expires_at", "exclusions SET removed_at"):
            statement = f"UPDATE registry.{column} = {column.split()[-1]} - interval '2 years'"
            superuser.execute(statement.encode())
        downgrade(empty, BEFORE)
        assert superuser.execute(kept).fetchall() == [(3, 8)]
        since = "SELECT diverted FROM registry.hits WHERE occurred_at = %s::timestamptz - interval '2 years'"
        assert superuser.execute(since, (ENDS,)).fetchall() == [(False,)]


def test_what_runs_on_the_version_before_runs_on_this(cluster: EmbeddedUrls, template: str) -> None:
    """An older process goes on for a moment on the new schema, and knows nothing of mistakes."""
    with opened_database(cluster, template) as urls:
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
            superuser.execute("INSERT INTO registry.generations (number, public_key) VALUES (1, sha256('1'))")
        with psycopg.connect(dsn(urls.app), autocommit=True) as application:
            added: Any = application.execute(
                "INSERT INTO registry.exclusions (tag, id, generation, organisation_id, reason, expires_at)"
                " VALUES (sha256('a'), gen_random_uuid(), 1, NULL, 'police', NULL) RETURNING mistaken"
            ).fetchall()
            assert added == [(False,)]
            ended = "UPDATE registry.exclusions SET removed_at = clock_timestamp() RETURNING mistaken"
            assert application.execute(ended).fetchall() == [(False,)]
