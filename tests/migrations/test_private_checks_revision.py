"""Revision 0002 on a registry that was in use before it: nothing is lost on the way there, back, and there again."""

from typing import Any, Final

import pytest
from databases import DatabaseUrls
from house import House, fictional_numbers, opened_database, opened_house
from members import Member, hit
from private_asker import PrivateAsker
from revisions import columns_of, copy_rows, downgrade, rows_of, upgrade

from registry.db import migrate, schema_dump
from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope

BEFORE, AFTER = "0001", "0002"
NUMBERS: Final = fictional_numbers()
SEEN, SEEN_TWICE, RETRACTED, EXCLUDED, DISPUTED, UNSEEN = (next(NUMBERS) for _ in range(6))
EVERYBODY: Final = (SEEN, SEEN_TWICE, RETRACTED, EXCLUDED, DISPUTED, UNSEEN)


def used(house: House) -> Member:
    """What an installation has after some time in use: of everything something. Returns who asks."""
    investigator, operator = (house.member(kind) for kind in ("investigator", "operator"))
    decoys = [investigator.register_decoy(next(NUMBERS)) for _ in range(2)]
    investigator.record(
        *(hit(decoys[0], number) for number in (SEEN, SEEN_TWICE, EXCLUDED, DISPUTED)),
        hit(decoys[1], SEEN_TWICE, "2026-11-02T10:00:00Z"),
    )
    recorded = investigator.record(hit(decoys[0], RETRACTED))["results"][0]["id"]
    assert investigator.post(f"/v1/hits/{recorded}/retraction", {"reason": "spoofed"}).status_code == 200
    assert operator.post("/v1/exclusions", {"number": EXCLUDED, "reason": "police"}).status_code == 201
    assert operator.post("/v1/disputes", {"number": DISPUTED}).status_code == 201
    body = {"label": "A line", "number": next(NUMBERS), "role": "control"}
    assert investigator.post("/v1/decoys", body, headers={"Idempotency-Key": '"once"'}).status_code == 201
    return house.member("employer", scopes=frozenset({Scope.LOOKUPS, Scope.PRIVATE}))


def answers(employer: Member) -> list[dict[str, Any]]:
    """About each number, without what is new with every answer."""
    body = {"purpose": "company_number", "items": [{"number": number} for number in EVERYBODY]}
    answer = employer.post("/v1/checks", body, headers={"Idempotency-Key": '"asked"'})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


@pytest.fixture
def in_use(cluster: EmbeddedUrls, template: str, empty: DatabaseUrls) -> tuple[str, list[dict[str, Any]]]:
    """Brings the empty database to 0001 with the rows of a registry in use: who asks, by key, and the answers due."""
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            employer = used(house)
            due = answers(employer)
        upgrade(empty, BEFORE)
        copy_rows(urls, empty)
    return employer.key, due


def test_a_registry_in_use_keeps_its_rows_and_answers_through_upgrade_downgrade_and_upgrade(
    in_use: tuple[str, list[dict[str, Any]]], empty: DatabaseUrls
) -> None:
    key, due = in_use
    assert {one["outcome"] for one in due} == {"contact_observed", "none", "indeterminate"}
    columns, schema = columns_of(empty), schema_dump.dump(empty.owner)
    rows = rows_of(empty, columns)
    assert rows.keys() >= {"registry.hits", "registry.submissions", "registry.listings", "registry.idempotency_keys"}

    upgrade(empty, AFTER)
    assert rows_of(empty, columns) == rows
    new = rows_of(empty, columns_of(empty)).keys() - rows.keys()
    assert new == set()
    answers_are(due, empty, key)

    written = rows_of(empty, columns)
    assert {table for table, kept in written.items() if kept != rows.get(table)} >= {"audit.event", "audit.subject"}
    downgrade(empty, BEFORE)
    assert schema_dump.dump(empty.owner) == schema
    assert rows_of(empty, columns) == written
    upgrade(empty, AFTER)
    assert rows_of(empty, columns) == written
    answers_are(due, empty, key)


def answers_are(due: list[dict[str, Any]], urls: DatabaseUrls, key: str) -> None:
    """Asked plainly, and privately, by this version of the registry."""
    migrate.migrate(urls.owner)
    assert schema_dump.dump(urls.owner).encode() == schema_dump.PATH.read_bytes()
    with opened_house(urls) as house:
        asker = asking(house, key)
        assert answers(asker) == due
        private = PrivateAsker(asker).ask([{"number": number} for number in EVERYBODY])
        assert private == [(one["outcome"], one["reason"], one["evidence"]) for one in due]
        told = house.superuser.execute("SELECT DISTINCT generation FROM audit.subject").fetchall()
    assert told == [(1,)]


def asking(house: House, key: str) -> Member:
    """Whoever has the key, at this start of the registry."""
    found = house.superuser.execute("SELECT organisation_id FROM registry.api_keys WHERE id = %s", (key[9:17],))
    row = found.fetchone()
    assert row is not None
    return Member(row[0], key, house.client)
