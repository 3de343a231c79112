"""Who may drop bodies, and what others can do meanwhile."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from lived_months import Lived, month, opened_months
from psycopg import errors

from registry.db import audit_retention
from registry.db.database import DatabaseFault, Writing
from registry.domain.errors import Code, Refused
from registry.operations.drop_event_bodies import DropEventBodies, DropPrivateParts
from registry.operations.operation import COMMAND_LINE, Operation, Request

THIRD: Final = month(3)


@pytest.fixture
def lived(urls: DatabaseUrls) -> Iterator[Lived]:
    with opened_months(urls) as opened:
        yield opened


@pytest.mark.parametrize("operation", [DropEventBodies(THIRD), DropPrivateParts(THIRD)])
def test_the_application_may_not_drop(lived: Lived, operation: Operation[Any, Any]) -> None:
    before = lived.rows(), lived.disclosures(), lived.private_events()
    with pytest.raises(DatabaseFault, match="42501"):
        lived.application.run(operation, COMMAND_LINE, Request(lived.application.new_id(), "cli test"))
    rows = lived.rows()
    assert (rows[:-1], lived.disclosures(), lived.private_events()) == before
    assert rows[-1].said["result"] == "internal"


@pytest.mark.parametrize(("table", "column"), [("event", "at"), ("subject", "generation")])
def test_the_tables_are_append_only_again_afterwards(lived: Lived, urls: DatabaseUrls, table: str, column: str) -> None:
    lived.run(DropEventBodies(THIRD))
    statements = ("DELETE FROM audit.{0}", "UPDATE audit.{0} SET {1} = {1}", "TRUNCATE audit.{0}")
    with psycopg.connect(dsn(urls.owner), autocommit=True) as owner:
        for statement in statements:
            with pytest.raises(errors.InsufficientPrivilege, match=f"audit.{table} is append only"):
                owner.execute(statement.format(table, column).encode())
        guarded = owner.execute(
            "SELECT tgenabled FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass", (f"audit.{table}",)
        ).fetchall()
    assert guarded == [("A",), ("A",)]


def test_while_somebody_records_a_drop_waits_and_gives_up_without_a_trace(urls: DatabaseUrls) -> None:
    with opened_months(urls, lock_seconds=0.3) as lived, psycopg.connect(dsn(urls.app)) as writer:
        tag = lived.disclosures()[0][1]
        writer.execute("INSERT INTO audit.subject (tag, event) VALUES (%s, gen_random_uuid())", (tag,))
        before = lived.rows(), lived.disclosures(), lived.private_events()
        with pytest.raises(Refused) as caught:
            lived.run(DropEventBodies(THIRD))
        assert caught.value.code is Code.OVERLOADED
        writer.rollback()
        assert (lived.rows(), lived.disclosures(), lived.private_events()) == before
        assert lived.run(DropEventBodies(THIRD)).result.events > 0


def test_while_a_drop_deletes_nobody_records_and_nobody_finds_the_tables_unguarded(
    lived: Lived, urls: DatabaseUrls
) -> None:
    statements = (
        "INSERT INTO audit.subject (tag, event) VALUES (sha256('a'), gen_random_uuid())",
        "DELETE FROM audit.event",
    )

    def work(tx: Writing) -> None:
        audit_retention.drop(tx, 3)
        with psycopg.connect(urls.superuser_dsn, autocommit=True) as other:
            other.execute("SET lock_timeout = '100ms'")
            for statement in statements:
                with pytest.raises(errors.LockNotAvailable):
                    other.execute(statement.encode())

    lived.owner.database.transaction(work)


def test_what_is_recorded_while_a_drop_hashes_is_bound_by_its_event(
    lived: Lived, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One disclosure by a machine whose clock is right, and one by a machine whose clock is a month behind."""
    drop = audit_retention.drop
    now = lived.house.clock.now

    def after_others(tx: Writing, minimum_index: int) -> Any:
        for moment in (now, now - timedelta(days=31)):
            lived.house.clock.now = moment
            assert lived.asker.look_up(lived.listed)["outcome"] == "contact_observed"
        lived.house.clock.now = now
        return drop(tx, minimum_index)

    before = len(lived.disclosures())
    monkeypatch.setattr(audit_retention, "drop", after_others)
    lived.run(DropEventBodies(THIRD))
    assert len(lived.disclosures()) == before
    assert lived.last("drop_event_bodies")["subjects"] == lived.index_digest()


def test_a_drop_beside_a_rekeying_that_is_being_prepared_goes_through(lived: Lived) -> None:
    """What was prepared for tags that are dropped is left over, and used by nobody."""
    run = lived.house.superuser.execute
    run("INSERT INTO registry.rekeyings (generation, successor, public_key) VALUES (1, 2, sha256('k'))")
    run("INSERT INTO registry.rekeyed_tags SELECT DISTINCT 1, tag, sha256(tag) FROM audit.subject")
    assert lived.run(DropEventBodies(THIRD)).result.subjects == 2
