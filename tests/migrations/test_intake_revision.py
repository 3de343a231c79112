"""Revision 0004 on a registry that was in use before it: contacts that were recorded before it are counted by decoy and
day, and nothing is lost on the way there, back, and there again.
"""

from collections import Counter
from datetime import datetime
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls
from house import fictional_numbers, opened_database, opened_house
from members import Member, hit
from revisions import Columns, columns_of, copy_rows, downgrade, rows_of, upgrade

from registry.db import schema_dump
from registry.db.embedded import EmbeddedUrls

BEFORE, AFTER = "0003", "0004"
NUMBERS: Final = fictional_numbers()
DAYS: Final = (
    "2026-11-01T23:59:59.999999Z",
    "2026-11-01T00:00:00Z",
    "2026-11-02T00:00:00Z",
    "2025-11-30T18:30:00-06:00",
)


def used(investigator: Member) -> str:
    """Two lines with contacts on several days, one of them retracted. Returns the line that has that one."""
    first, second = (investigator.register_decoy(next(NUMBERS)) for _ in range(2))
    contacts = [hit(decoy, next(NUMBERS), at) for decoy in (first, second) for at in DAYS]
    investigator.record(*contacts, hit(first, next(NUMBERS), DAYS[0]))
    recorded = investigator.record(hit(first, next(NUMBERS), DAYS[2]))["results"][0]["id"]
    assert investigator.post(f"/v1/hits/{recorded}/retraction", {"reason": "spoofed"}).status_code == 200
    return first


@pytest.fixture
def in_use(cluster: EmbeddedUrls, template: str, empty: DatabaseUrls) -> str:
    """Brings the empty database to 0003 with the rows of a registry in use. Returns `used`'s line."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            line = used(house.member("investigator"))
        upgrade(empty, BEFORE)
        copy_rows(urls, empty)
    return line


def counted(urls: DatabaseUrls) -> Counter[tuple[str, ...]]:
    columns: Columns = {("registry", "decoy_days"): ["decoy_id", "day", "provider", "contacts", "forgiven"]}
    (rows,) = rows_of(urls, columns).values()
    return Counter(tuple(row.strip("()").split(",")) for row in rows)


def test_contacts_that_were_recorded_before_are_counted_by_decoy_and_day(in_use: str, empty: DatabaseUrls) -> None:
    upgrade(empty, AFTER)
    rows = counted(empty)
    of_first = {row[1:]: many for row, many in rows.items() if row[0] == in_use}
    assert of_first == {
        ("2026-11-01", '""', "3", "0"): 1,
        ("2026-11-02", '""', "1", "0"): 1,
        ("2025-12-01", '""', "1", "0"): 1,
    }
    assert sum(int(row[3]) * many for row, many in rows.items()) == 9


def test_nothing_is_lost_by_upgrade_downgrade_and_upgrade(in_use: str, empty: DatabaseUrls) -> None:
    columns, schema = columns_of(empty), schema_dump.dump(empty.owner)
    rows = rows_of(empty, columns)
    upgrade(empty, AFTER)
    assert rows_of(empty, columns) == rows
    days = counted(empty)
    downgrade(empty, BEFORE)
    assert schema_dump.dump(empty.owner) == schema
    assert rows_of(empty, columns) == rows
    upgrade(empty, AFTER)
    assert counted(empty) == days
    assert in_use


def test_what_did_not_count_does_not_count_in_the_version_before(in_use: str, empty: DatabaseUrls) -> None:
    upgrade(empty, AFTER)
    with psycopg.connect(empty.superuser_dsn) as superuser:
        superuser.execute(
            "UPDATE registry.decoys SET quarantined_at = now(), quarantine_reason = 'flood' WHERE id = %s", (in_use,)
        )
        failed = "UPDATE registry.hits SET verification = 'failed' WHERE decoy_id <> %s AND occurred_at = %s"
        assert superuser.execute(failed, (in_use, DAYS[1])).rowcount == 1
    downgrade(empty, BEFORE)
    with psycopg.connect(empty.superuser_dsn) as superuser:
        counted = superuser.execute(
            "SELECT decoy_id::text, occurred_at FROM registry.hits WHERE NOT diverted"
        ).fetchall()
    moments = {datetime.fromisoformat(day) for day in DAYS} - {datetime.fromisoformat(DAYS[1])}
    assert in_use not in {decoy for decoy, _ in counted}
    assert sorted(at for _, at in counted) == sorted(moments)


def test_a_contact_of_an_older_process_is_counted_nowhere_and_may_be_retracted(
    cluster: EmbeddedUrls, template: str
) -> None:
    """Which goes on for a moment on the new schema, and knows nothing of the new table."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        investigator = house.member("investigator")
        decoy = investigator.register_decoy(next(NUMBERS))
        recorded: Any = investigator.record(*(hit(decoy, next(NUMBERS)) for _ in range(2)))["results"]
        house.superuser.execute("UPDATE registry.decoy_days SET contacts = 1")
        for one in recorded:
            path = f"/v1/hits/{one['id']}/retraction"
            assert investigator.post(path, {"reason": "other"}).status_code == 200
        assert house.superuser.execute("SELECT contacts FROM registry.decoy_days").fetchall() == [(0,)]
