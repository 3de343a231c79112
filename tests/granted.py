"""A database with a row wherever a statement needs one to be refused for."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg
from databases import DatabaseUrls
from house import opened_database
from members import KEYS

from registry.db.database import Database
from registry.db.embedded import EmbeddedUrls
from registry.operations.assembly import adopt_keys, public_keys

EVENT: Final = '{"actor":{"organisation":null},"id":"0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d","operation":"look_up"}'
HIT: Final = (
    "INSERT INTO registry.hits (tag, id, generation, organisation_id, decoy_id, channel, diverted, line_type,"
    " occurred_at, normaliser_version) SELECT sha256('a'), gen_random_uuid(), 1, organisation_id, id, 'sms', false,"
    " 'mobile', now(), 'x' FROM registry.decoys"
)


@contextmanager
def with_rows(cluster: EmbeddedUrls, template: str) -> Generator[DatabaseUrls]:
    with opened_database(cluster, template) as urls:
        database = Database(urls.app)
        adopt_keys(database, public_keys(KEYS))
        database.dispose()
        with psycopg.connect(urls.superuser_dsn) as superuser:
            superuser.execute(
                "INSERT INTO registry.organisations VALUES (gen_random_uuid(), 'investigator', 'One', 1, 1)"
            )
            superuser.execute(
                "INSERT INTO registry.decoys (id, organisation_id, label, tag, generation, role)"
                " SELECT gen_random_uuid(), id, 'A line', sha256('d'), 1, 'test' FROM registry.organisations"
            )
            superuser.execute(HIT)
            superuser.execute("INSERT INTO audit.event (body) VALUES (convert_to(%s, 'UTF8'))", (EVENT,))
            superuser.execute("INSERT INTO audit.leaf SELECT 0, xid, id, leaf FROM audit.event")
            superuser.execute("INSERT INTO audit.tile SELECT 0, 0, decode(repeat('00', 8192), 'hex'), sha256('')")
            superuser.execute(
                "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note)"
                " SELECT 1, hash, xid, id, '' FROM audit.leaf"
            )
        yield urls
