"""Revision 0010: lines of the version before cover their own numbers from then on, and on the way back nothing that
they covered is counted.
"""

from typing import Any

import psycopg
from databases import DatabaseUrls
from house import House, fictional_numbers, opened_database, opened_house
from members import Member, hit
from revisions import downgrade, upgrade

from registry.db import migrate, schema_dump
from registry.db.embedded import EmbeddedUrls
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.verify_listings import Verified, VerifyListings

BEFORE, AFTER = "2026-11-01T10:00:00Z", "2026-11-08T10:00:00Z"
DIVERTED = "SELECT count(*) FILTER (WHERE diverted), count(*) FROM registry.hits"


def ask(urls: DatabaseUrls, statement: str) -> list[Any]:
    with psycopg.connect(urls.superuser_dsn) as superuser:
        return superuser.execute(statement.encode()).fetchall()


def do(urls: DatabaseUrls, statement: str) -> None:
    with psycopg.connect(urls.superuser_dsn) as superuser:
        superuser.execute(statement.encode())


def verify(house: House) -> Verified:
    return house.registry.run(VerifyListings(), COMMAND_LINE, Request(house.registry.new_id(), "cli")).result


def test_what_lines_covered_does_not_count_in_the_version_before(cluster: EmbeddedUrls, template: str) -> None:
    """One that lives, one that has ended, and one whose number nobody used."""
    numbers = fictional_numbers()
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            watch, employer = house.member("investigator"), house.member("employer")
            decoy, lives, ended = (next(numbers) for _ in range(3))
            line = watch.register_decoy(decoy)
            watch.register_decoy(lives)
            watch.register_decoy(ended, live_until="2026-11-05T00:00:00Z")
            watch.record(*(hit(line, number, at) for number in (lives, ended) for at in (BEFORE, AFTER)))
        schema = schema_dump.dump(urls.owner)
        downgrade(urls, "0009")
        assert ask(urls, DIVERTED) == [(3, 4)]
        # As the version before leaves them: no listing where nobody called.
        do(urls, "DELETE FROM registry.listings l WHERE NOT EXISTS (SELECT FROM registry.hits h WHERE h.tag = l.tag)")
        do(urls, "UPDATE registry.listings SET policy = '2026-12.3', excluded = false")
        do(urls, "UPDATE registry.hits SET diverted = false")
        upgrade(urls, migrate.head())
        assert schema_dump.dump(urls.owner) == schema
        assert ask(urls, "SELECT count(*) FROM registry.listings WHERE excluded") == [(1,)]
        with opened_house(urls) as house:
            asker = Member(employer.id, employer.key, house.client)
            assert [asker.look_up(number)["outcome"] for number in (decoy, lives)] == ["none"] * 2
            assert asker.look_up(ended)["evidence"]["contacts"] == 1
            assert (verify(house).wrong, verify(house).stale) == (0, 3)
