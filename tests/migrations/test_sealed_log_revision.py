"""Revision 0003 on a registry that was in use before it, and that goes on being used: all of its events get sealed."""

import re
import shutil
import tempfile
from hashlib import sha256
from itertools import count
from pathlib import Path

import psycopg
import pytest
from databases import DatabaseUrls, dsn, named
from house import House, fictional_numbers, opened_house
from members import hit
from revisions import columns_of, copy_rows, downgrade, rows_of, upgrade
from sqlalchemy.exc import DBAPIError

from registry.db import migrate, schema_dump, sealed_log
from registry.db.database import Database
from registry.db.embedded import DATABASE, EmbeddedPostgres
from registry.domain.merkle import root_of
from registry.domain.signed_notes import Checkpoint, opened
from registry.log_key import LogKey
from registry.operations.seal import Sealer
from registry.signatures import holds

BEFORE, AFTER = "0002", "0003"
NUMBERS = fictional_numbers()
KEY = LogKey("registry.example.org/log", bytes(range(32)))


class InUse:
    """An installation with an investigator and an employer, whose database `copied` is, as it was before a migration.

    What is written there from then on are events, in the words of whatever version made them.
    """

    def __init__(self, house: House, urls: DatabaseUrls, copied: DatabaseUrls) -> None:
        self.house, self.copied = house, copied
        self.investigator, self.employer = house.member("investigator"), house.member("employer")
        self.times = count()
        self.decoy = self.investigator.register_decoy(next(NUMBERS))
        self.work()
        copy_rows(urls, copied)
        self.told = len(self.events())

    def work(self) -> None:
        """It writes, discloses, refuses, repeats, lists."""
        number = next(NUMBERS)
        assert self.investigator.record(hit(self.decoy, number))["recorded"] == 1
        assert self.employer.look_up(number)["outcome"] == "contact_observed"
        body = {"purpose": "company_number", "items": [{"number": number}, {"number": "nothing"}]}
        once = {"Idempotency-Key": f'"for the {next(self.times)}. time"'}
        for _ in range(2):
            assert self.employer.post("/v1/checks", body, headers=once).status_code == 200
        assert self.employer.get("/v1/hits").status_code == 401
        assert self.investigator.get("/v1/decoys").status_code == 200

    def go_on(self) -> None:
        """More work, whose events the copy gets as the application, which knows nothing of a log, writes them."""
        self.work()
        events = self.events()
        with psycopg.connect(dsn(self.copied.app)) as application:
            for body in events[self.told :]:
                application.execute("INSERT INTO audit.event (body) VALUES (%s)", [body])
                application.commit()
        assert len(events) > self.told
        self.told = len(events)

    def events(self) -> list[bytes]:
        rows = self.house.superuser.execute("SELECT body FROM audit.event ORDER BY xid, id").fetchall()
        return [bytes(body) for (body,) in rows]


def test_a_registry_in_use_is_migrated_sealed_taken_back_and_migrated_again(
    urls: DatabaseUrls, empty: DatabaseUrls
) -> None:
    upgrade(empty, BEFORE)
    with opened_house(urls) as house:
        used = InUse(house, urls, empty)
        columns, schema = columns_of(empty), schema_dump.dump(empty.owner)
        rows = rows_of(empty, columns)
        upgrade(empty, AFTER)
        assert rows_of(empty, columns) == rows
        assert rows_of(empty, columns_of(empty)) == rows, "the log begins when somebody seals"
        first = sealed(empty)

        used.go_on()
        assert sealed(empty)[: len(first)] == first
        written = rows_of(empty, columns)
        downgrade(empty, BEFORE)
        assert schema_dump.dump(empty.owner) == schema
        assert rows_of(empty, columns) == written
        used.go_on()
        upgrade(empty, AFTER)
        used.go_on()
        assert sealed(empty)[: len(first)] == first, "events have their order by themselves"


def sealed(urls: DatabaseUrls) -> list[bytes]:
    """Seals what there is and answers the leaf hashes, once these are those of all events, under a signature."""
    database = Database(urls.app)
    try:
        while (done := Sealer(database, KEY).seal()) is not None:
            assert done.leaves > 0
        stored = database.transaction(sealed_log.last_checkpoint)
    finally:
        database.dispose()
    with psycopg.connect(urls.superuser_dsn) as superuser:
        bodies = superuser.execute("SELECT body FROM audit.event ORDER BY xid, id").fetchall()
        leaves = superuser.execute("SELECT hash FROM audit.leaf ORDER BY idx").fetchall()
    hashes = [bytes(hash_) for (hash_,) in leaves]
    assert hashes == [sha256(b"\x00" + body).digest() for (body,) in bodies]
    assert stored is not None
    head = Checkpoint.parse(opened(stored.note, KEY.verifier, holds), KEY.origin)
    assert head == Checkpoint(KEY.origin, len(bodies), root_of(hashes))
    return hashes


def test_a_login_that_may_create_no_roles_is_told_what_a_superuser_does_first() -> None:
    """Step by step: what the hint says is what is missing, and nothing else is."""
    folder = Path(tempfile.mkdtemp(prefix="registry-roles-"))
    try:
        with EmbeddedPostgres(folder, durable=False) as cluster:
            urls = named(cluster, DATABASE)
            with psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
                superuser.execute("ALTER ROLE registry_owner NOCREATEROLE")
                superuser.execute("CREATE ROLE registry_app NOLOGIN")
                roles = ("registry_log_reader", "registry_sealer")
                for missing in (s.format(one) for one in roles for s in ("{} does not exist", "a member of {}")):
                    with pytest.raises(DBAPIError, match=missing) as caught:
                        upgrade(urls, AFTER)
                    statements = re.findall(r"(?:CREATE|GRANT) [^;]+;", str(caught.value.orig))
                    superuser.execute(statements[0])
                upgrade(urls, AFTER)
                migrate.migrate(urls.owner)
                assert schema_dump.dump(urls.owner).encode() == schema_dump.PATH.read_bytes()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
