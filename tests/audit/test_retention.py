"""Bodies are dropped, and the tree verifies as before: for what stays, what comes, and receipts that others kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from databases import DatabaseUrls
from lived_months import MONTHS, Lived, Row, month, opened_months
from sealed import LOG_KEY, seal_all

from registry.db import audit_entries, sealed_log
from registry.db.database import Writing
from registry.domain.audit import Actor, Event, Requested, index_digest
from registry.domain.contradictions import Contradiction
from registry.domain.errors import Code, Refused
from registry.domain.merkle import consistency_path, hashes_of, root_of, verify_consistency
from registry.domain.signed_notes import Checkpoint, Receipt
from registry.operations.drop_event_bodies import MINIMUM_AGE, DropEventBodies, DropPrivateParts, PlanDrop
from registry.operations.operation import COMMAND_LINE, Operation, Request
from registry.operations.prove_event import ProveEvent
from registry.operations.receipts import receipt_of
from registry.operations.seal import Sealer
from registry.operations.verify_log import verify_log
from registry.signatures import holds

THIRD: Final = month(3)
"""Events of the first two months are before it."""


@pytest.fixture
def lived(urls: DatabaseUrls) -> Iterator[Lived]:
    with opened_months(urls) as opened:
        yield opened


def receipts(lived: Lived, rows: list[Row]) -> list[Receipt]:
    """Against the newest checkpoint, as the API makes them."""

    def work(tx: Writing) -> list[Receipt]:
        with sealed_log.as_reader(tx):
            found = audit_entries.find(tx, [UUID(row.id) for row in rows])
        return [receipt_of(tx, found[UUID(row.id)]) for row in rows]

    return lived.application.database.transaction(work)


def assert_consistent(lived: Lived, old: Checkpoint, new: Checkpoint) -> None:
    path = consistency_path(old.size, new.size)
    proof = lived.application.database.transaction(
        lambda tx: hashes_of(path, lambda nodes: sealed_log.node_hashes(tx, new.size, nodes))
    )
    verify_consistency(old.size, old.root, new.size, new.root, proof)


def refusal(lived: Lived, operation: Operation[Any, Any]) -> Code:
    """Of what must be refused, recorded, and leave everything as it was."""
    before = lived.rows(), lived.disclosures(), lived.private_events()
    with pytest.raises(Refused) as caught:
        lived.run(operation)
    (event,) = [row for row in lived.rows() if row not in before[0]]
    assert (event.said["operation"], event.said["result"]) == (operation.name, caught.value.code)
    assert event.said["id"] == str(caught.value.audit_id)
    assert (lived.disclosures(), lived.private_events()) == before[1:]
    return caught.value.code


def test_what_is_older_goes_with_all_that_hangs_on_it_and_what_is_younger_stays(lived: Lived) -> None:
    before, minimum = lived.rows(), lived.first_index_from(THIRD)
    told, private = lived.disclosures(), lived.private_events()
    done = lived.run(DropEventBodies(THIRD)).result
    gone = {row.id for row in before if row.index is not None and row.index < minimum}
    assert (done.minimum_index, done.events) == (minimum, len(gone)) != (0, 0)
    assert lived.rows()[:-1] == [row for row in before if row.id not in gone]
    assert lived.disclosures() == [(event, tag) for event, tag in told if str(event) not in gone]
    assert lived.private_events() == private - gone
    assert done.subjects == len(told) - len(lived.disclosures()) == 2
    assert len(private & gone) > len(lived.private_events()) > 0
    assert lived.asker.look_up(lived.listed)["outcome"] == "contact_observed"


def test_dropping_is_an_event_that_binds_what_it_left(lived: Lived) -> None:
    planned = lived.run(PlanDrop(THIRD))
    expected = {"minimum_index": lived.first_index_from(THIRD), "dropped": planned.result.events, "subjects": 2}
    said = lived.last("drop_event_bodies_dry_run")
    assert (said["count"], said["subjects"]) == ({"submitted": 0, "charged": 0, **expected}, None)
    lived.run(DropEventBodies(THIRD))
    said = lived.last("drop_event_bodies")
    assert (said["result"], said["request"]["route"]) == ("ok", "cli test")
    assert said["count"] == {"submitted": 0, "charged": 0, **expected}
    assert said["subjects"] == lived.index_digest()


def test_every_proof_across_the_drop_verifies(lived: Lived) -> None:
    """Of events that stayed and of new ones against the new tree; from every old tree to the new one; and the receipts
    of dropped events that their holders have kept.
    """
    before = lived.rows()
    kept_outside = receipts(lived, before)
    lived.run(DropEventBodies(THIRD))
    leaves = lived.house.superuser.execute("SELECT count(*) FROM audit.leaf").fetchone()
    assert leaves == (len(before),)
    lived.live()
    head = lived.seal()  # by a sealer that knows nothing but the database
    rows = lived.rows()
    assert head.size == len(before) + 4 > len(rows)
    for receipt in receipts(lived, rows):
        assert receipt.verify(LOG_KEY.verifier, holds) == head
    assert len(lived.heads) == MONTHS
    for old in lived.heads:
        assert_consistent(lived, old, head)
    for receipt, row in zip(kept_outside, before, strict=True):
        assert (receipt.entry, receipt.verify(LOG_KEY.verifier, holds)) == (row.body, lived.heads[-1])


def test_the_sealer_that_was_running_and_one_that_starts_go_on_with_the_same_tree(lived: Lived) -> None:
    database = lived.application.database
    running = Sealer(database, LOG_KEY)
    lived.live()
    before = seal_all(database, sealer=running)
    lived.date_rows()
    lived.run(DropEventBodies(THIRD))
    after = seal_all(database, sealer=running)
    lived.live()
    last = seal_all(database, sealer=Sealer(database, LOG_KEY))
    hashes = [bytes(row[0]) for row in lived.house.superuser.execute("SELECT hash FROM audit.leaf ORDER BY idx")]
    assert before.size + 1 == after.size == last.size - 3
    for head in (before, after, last):
        assert head.root == root_of(hashes[: head.size])


def test_the_log_verifies_after_each_of_several_drops(lived: Lived) -> None:
    def verified() -> tuple[int, int]:
        lived.seal()
        found = verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)
        return found.dropped, found.bodies

    assert verified() == (0, len(lived.rows()))
    for first in (month(2), month(4)):
        lived.run(DropEventBodies(first))
        lived.live()
        minimum = lived.last("drop_event_bodies")["count"]["minimum_index"]
        assert verified() == (minimum, len(lived.rows()))


def test_a_drop_does_not_cover_up_that_the_index_was_changed_before(lived: Lived) -> None:
    """It binds the index as it leaves it; the events that stay go on binding their own rows."""
    kept = [row.id for row in lived.rows() if row.said["subjects"]][-1]
    lived.as_superuser("subject", f"DELETE FROM audit.subject WHERE event = '{kept}'")  # noqa: S608 - an id of ours
    lived.run(DropEventBodies(month(2)))
    lived.seal()
    with pytest.raises(Contradiction, match=f"{kept}.*rows were changed, added or removed"):
        verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)


def test_a_later_drop_takes_the_event_of_an_earlier_one_along(lived: Lived) -> None:
    lived.run(DropEventBodies(month(2)))
    lived.seal()
    lived.live()
    lived.seal()
    lived.date_rows()
    lived.house.clock.advance(days=60)
    lived.run(DropEventBodies(lived.house.clock.now - timedelta(days=60)))
    (left,) = [row for row in lived.rows() if row.said["operation"] == "drop_event_bodies"]
    assert left.said["count"]["minimum_index"] > left.said["count"]["dropped"] > 0
    lived.seal()
    verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)


def test_the_event_of_a_rekeying_stays_as_long_as_any_event_that_was_rewritten_and_stands_behind_it(
    lived: Lived,
) -> None:
    """Its transaction had its place first, and did its work after another one had written its event."""
    early = lived.house.superuser.execute("SELECT pg_current_xact_id()::text").fetchone()
    assert early is not None
    assert lived.asker.look_up("+12065550199")["outcome"] == "none"
    assert lived.asker.look_up(lived.listed)["outcome"] == "contact_observed"
    lived.as_superuser("subject", "UPDATE audit.subject SET tag = sha256(tag)")
    rekeying = Event(
        id=lived.owner.new_id(),
        time=lived.house.clock.now + timedelta(seconds=1),
        operation="rekey_generation",
        result="ok",
        actor=Actor(),
        request=Requested(lived.owner.new_id(), "cli generations rekey"),
        nonce=bytes(16),
        index=index_digest(lived.disclosures()),
    )
    insert = "INSERT INTO audit.event (xid, body) VALUES (%s::xid8, %s)"
    lived.house.superuser.execute(insert, (early[0], rekeying.body()))
    size = lived.seal().size
    lived.date_rows()
    asked = [row.said["operation"] for row in lived.rows()[-3:]]
    assert asked == ["rekey_generation", "look_up", "look_up"]
    young = lived.rows()[-2].id  # of a transaction that took long: a drop would end at it
    lived.as_superuser("event", f"UPDATE audit.event SET at = now() WHERE event_id = '{young}'")  # noqa: S608 - an id of ours
    lived.house.clock.advance(days=60)
    done = lived.run(DropEventBodies(lived.house.clock.now - timedelta(days=31))).result
    assert done.minimum_index == size - 3
    lived.seal()
    verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)


def test_a_dropped_event_cannot_be_asked_for_any_more(lived: Lived) -> None:
    dropped, kept = lived.rows()[0], lived.rows()[-1]
    lived.run(DropEventBodies(THIRD))

    def prove(row: Row) -> Receipt:
        request = Request(lived.application.new_id(), "test")
        return lived.application.run(ProveEvent(UUID(row.id)), COMMAND_LINE, request).result

    assert prove(kept).entry == kept.body
    with pytest.raises(Refused) as caught:
        prove(dropped)
    assert caught.value.code is Code.NOT_FOUND


def test_nothing_is_dropped_twice(lived: Lived) -> None:
    lived.run(DropEventBodies(THIRD))
    assert lived.run(PlanDrop(THIRD)).result.events == 0
    assert refusal(lived, DropEventBodies(THIRD)) is Code.NOT_FOUND


def test_what_is_not_sealed_stays_however_old_it_is(lived: Lived) -> None:
    lived.live()
    lived.date_rows()
    lived.house.clock.advance(days=90)
    unsealed = [row for row in lived.rows() if row.index is None]
    done = lived.run(DropEventBodies(lived.house.clock.now - timedelta(days=31))).result
    assert done.minimum_index == lived.heads[-1].size
    assert lived.rows()[:-1] == unsealed != []
    lived.seal()
    verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)


@pytest.mark.parametrize("clock", ["the database's", "the application's"])
def test_an_event_stays_that_is_young_by_either_clock_and_so_does_all_after_it(lived: Lived, clock: str) -> None:
    """A machine whose clock is wrong, or was set wrong, must not make new events old."""
    minimum = lived.first_index_from(month(2))
    if clock == "the database's":
        later = "UPDATE audit.event e SET at = now() + interval '50 years' FROM audit.leaf l"
        lived.as_superuser("event", f"{later} WHERE l.xid = e.xid AND l.id = e.id AND l.idx = {minimum}")
    else:
        lived.as_superuser("event", "UPDATE audit.event SET at = '2001-01-01'")
        minimum = lived.first_index_from(THIRD)
    assert lived.run(DropEventBodies(THIRD)).result.minimum_index == minimum


def test_bodies_are_kept_for_thirty_days_at_least(lived: Lived) -> None:
    now = lived.house.clock.now
    youngest = now - MINIMUM_AGE
    for operation in (PlanDrop, DropEventBodies):
        assert refusal(lived, operation(youngest + timedelta(microseconds=1))) is Code.INVALID_VALUE
        assert refusal(lived, operation(now + timedelta(microseconds=1))) is Code.DATE_IN_FUTURE
    assert lived.run(PlanDrop(youngest)).result.events > 0


def test_nothing_is_dropped_from_a_log_that_was_never_sealed(urls: DatabaseUrls) -> None:
    with opened_months(urls, months=0) as lived:
        for operation in (PlanDrop, DropEventBodies):
            assert refusal(lived, operation(datetime(2025, 1, 1, tzinfo=UTC))) is Code.NOT_SEALED


def test_private_parts_go_by_their_age_and_the_events_stay(lived: Lived) -> None:
    before, private = lived.rows(), lived.private_events()
    done = lived.run(DropPrivateParts(THIRD))
    assert lived.rows()[:-1] == before
    assert 0 < done.result == len(private) - len(lived.private_events()) < len(private)
    old = {row.id for row in before if datetime.fromisoformat(row.said["time"]) < THIRD}
    assert lived.private_events() == private - old
    said = lived.last("drop_private_parts")
    assert (said["result"], said["count"]) == ("ok", {"submitted": 0, "charged": 0, "dropped": done.result})
    assert lived.run(DropPrivateParts(THIRD)).result == 0
    lived.seal()
    verify_log(lived.application.database, LOG_KEY.verifier, lived.heads[0], lambda _done, _all: None)


def test_private_parts_of_the_future_are_not_promised_to_be_dropped(lived: Lived) -> None:
    later = lived.house.clock.now + timedelta(seconds=1)
    assert refusal(lived, DropPrivateParts(later)) is Code.DATE_IN_FUTURE
