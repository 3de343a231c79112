"""Revision 0007: the version before knows no quarantine of the operator's, and leaves such a line in its quarantine."""

import psycopg
from databases import DatabaseUrls
from house import fictional_numbers, opened_database, opened_house
from revisions import downgrade, upgrade

from registry.db import migrate
from registry.db.embedded import EmbeddedUrls

SEEN = "SELECT quarantined_at, quarantine_reason FROM registry.decoys"


def test_on_the_way_back_a_line_stays_in_the_quarantine_that_the_operator_put_it_into(
    cluster: EmbeddedUrls, template: str
) -> None:
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            decoy = house.member("investigator").register_decoy(next(fictional_numbers()))
            since = house.member("operator").post(f"/v1/decoys/{decoy}/quarantine").json()["quarantined_at"]
        assert since is not None
        before = _rows(urls)
        assert [row[1] for row in before] == ["operator"]
        downgrade(urls, "0007-1")
        assert _rows(urls) == [(before[0][0], "manual")]
        upgrade(urls, migrate.head())
        assert _rows(urls) == [(before[0][0], "manual")]


def _rows(urls: DatabaseUrls) -> list[tuple[object, str]]:
    with psycopg.connect(urls.superuser_dsn) as superuser:
        return superuser.execute(SEEN).fetchall()
