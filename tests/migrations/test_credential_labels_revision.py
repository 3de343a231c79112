"""Revision 0009: what providers sign with bears requests out on the way back and there again; labels alone are lost."""

from dataclasses import replace

import psycopg
from databases import DatabaseUrls, dsn
from house import fictional_numbers, opened_database, opened_house
from members import Member
from providers import ACCOUNT, AUTH_TOKEN, message, new_line
from revisions import downgrade, upgrade

from registry.db import migrate, schema_dump
from registry.db.embedded import EmbeddedUrls

NUMBERS = fictional_numbers()
LABELS = "SELECT label FROM registry.provider_credentials ORDER BY id"
TWILIO = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": AUTH_TOKEN}


def labels(urls: DatabaseUrls) -> list[str | None]:
    with psycopg.connect(urls.superuser_dsn) as superuser:
        return [row[0] for row in superuser.execute(LABELS)]


def test_credentials_bear_requests_out_whatever_becomes_of_their_labels(cluster: EmbeddedUrls, template: str) -> None:
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            member = house.member("investigator")
            line = new_line(member, next(NUMBERS))
            added = member.post("/v1/provider-credentials", {**TWILIO, "label": "Main account"})
            assert added.status_code == 201
        assert labels(urls) == ["Main account"]
        schema = schema_dump.dump(urls.owner)
        downgrade(urls, "0008")
        upgrade(urls, migrate.head())
        assert schema_dump.dump(urls.owner) == schema
        with psycopg.connect(dsn(urls.app), autocommit=True) as older:
            older.execute(
                "INSERT INTO registry.provider_credentials (id, organisation_id, provider, sealed)"
                " SELECT gen_random_uuid(), organisation_id, provider, sealed FROM registry.provider_credentials"
            )
        assert labels(urls) == [None, None]
        with opened_house(urls) as house:
            there = replace(line, member=Member(member.id, member.key, house.client))
            assert there.twilio(message(next(NUMBERS))).status_code == 200
            assert len(there.hits()) == 1
