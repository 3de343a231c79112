"""A superuser changes events or leaves: what was changed is found, and named by its place."""

import pytest
from sealed import LOG_KEY, OTHER_KEY
from tampered_log import SIZE, SIZES, TamperedLog
from written_events import written_event

from registry.domain.contradictions import Kind

FULL_TILE, PARTIAL_TILE = 420, 600
"""An event below a full tile, and the last one, which no stored tile holds."""


def test_a_log_that_nobody_touched_holds(log: TamperedLog) -> None:
    for url in (log.urls.app, log.urls.superuser):
        found = log.verify(log.kept, url=url)
        assert (found.size, found.root, found.bodies, found.dropped) == (SIZE, log.kept.root, SIZE, 0)
        assert (found.tiles, found.checkpoints, found.unsealed) == (SIZE // 256, len(SIZES), 0)
        assert found.disclosures == 6
        # The application cannot read who was behind an event, and a superuser can.
        assert (found.private is None) == (url == log.urls.app)
        assert url == log.urls.app or (found.private or 0) >= 6


def test_events_that_wait_to_be_sealed_are_counted_and_no_contradiction(log: TamperedLog) -> None:
    log.run("INSERT INTO audit.event (body) VALUES (%s), (%s)", written_event(), written_event())
    found = log.verify()
    assert (found.size, found.bodies, found.unsealed) == (SIZE, SIZE, 2)


@pytest.mark.parametrize("index", [0, FULL_TILE, PARTIAL_TILE])
def test_a_body_that_was_edited(log: TamperedLog, index: int) -> None:
    log.rewrite_body(index)
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.BODY_CHANGED, index, log.id_of(index))
    assert str(found) == f"The body of event {index} (id {log.id_of(index)}) was changed after it was sealed."


def test_the_first_of_several_edited_bodies_is_named(log: TamperedLog) -> None:
    for index in (FULL_TILE, 7, PARTIAL_TILE):
        log.rewrite_body(index)
    assert log.found().index == 7


def test_a_body_that_was_edited_together_with_its_leaf(log: TamperedLog) -> None:
    log.rewrite_body(FULL_TILE)
    log.rewrite_leaf(FULL_TILE)
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.EVENT_CHANGED, FULL_TILE, log.id_of(FULL_TILE))
    said = f"Event {FULL_TILE} (id {log.id_of(FULL_TILE)}) is not the one that was sealed in this place"
    assert str(found) == f"{said}: the tile 0/1 still has the hash of that one."


@pytest.mark.parametrize("index", [FULL_TILE, PARTIAL_TILE])
def test_a_body_that_was_edited_with_all_that_is_computed_from_it(log: TamperedLog, index: int) -> None:
    log.rewrite_body(index)
    log.rewrite_leaf(index)
    log.rebuild(key=None)
    found = log.found()
    assert found.kind is Kind.TREE_CHANGED
    assert f"The checkpoint of {SIZE} events was signed over another tree" in str(found)
    assert f"Something in the events {SIZES[1]} to {SIZE - 1} was changed" in str(found)


def test_a_leaf_that_was_edited_under_its_body(log: TamperedLog) -> None:
    log.run("UPDATE audit.leaf SET hash = sha256(hash) WHERE idx = %s", FULL_TILE)
    found = log.found()
    assert (found.kind, found.index) == (Kind.LEAF_CHANGED, FULL_TILE)
    assert f"The leaf of event {FULL_TILE} (id {log.id_of(FULL_TILE)}) is not the hash of its body" in str(found)


def test_a_column_that_no_longer_follows_its_body(log: TamperedLog) -> None:
    log.superuser.execute("ALTER TABLE audit.event ALTER COLUMN operation DROP EXPRESSION")
    log.run("UPDATE audit.event SET operation = 'nothing' WHERE event_id = %s", log.id_of(33))
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.COLUMN_CHANGED, 33, log.id_of(33))
    assert "The column operation of event 33" in str(found)


def test_a_sealed_body_that_is_no_event(log: TamperedLog) -> None:
    log.rewrite_body(5, lambda body: body.replace(b'"actor"', b'"Actor"'))
    log.rewrite_leaf(5)
    log.rebuild(LOG_KEY)
    found = log.found()
    assert (found.kind, found.index) == (Kind.NOT_AN_EVENT, 5)


@pytest.mark.parametrize("index", [0, FULL_TILE, PARTIAL_TILE])
def test_an_event_that_was_deleted(log: TamperedLog, index: int) -> None:
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(index))
    found = log.found()
    assert (found.kind, found.index) == (Kind.EVENT_MISSING, index)
    assert str(found) == f"Event {index} is missing: it was sealed, and was deleted afterwards."


def test_an_event_that_was_deleted_together_with_its_leaf(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(FULL_TILE))
    log.run("DELETE FROM audit.leaf WHERE idx = %s", FULL_TILE)
    found = log.found()
    assert (found.kind, found.index) == (Kind.LEAF_MISSING, FULL_TILE)
    assert f"The leaf of event {FULL_TILE} is missing" in str(found)


def test_events_that_were_deleted_and_their_gap_closed(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(FULL_TILE))
    log.run("DELETE FROM audit.leaf WHERE idx = %s", FULL_TILE)
    # In two steps, since no two leaves may have one index in between.
    log.run("UPDATE audit.leaf SET idx = idx + 1000000 WHERE idx > %s", FULL_TILE)
    log.run("UPDATE audit.leaf SET idx = idx - 1000001 WHERE idx > 1000000")
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.EVENT_CHANGED, FULL_TILE, log.id_of(FULL_TILE))


def test_an_event_that_was_inserted_among_older_ones(log: TamperedLog) -> None:
    xid = log.value("SELECT xid::text FROM audit.leaf WHERE idx = %s", 2)
    log.run("INSERT INTO audit.event (xid, body) VALUES (%s::xid8, %s)", xid, written_event())
    event = log.value("SELECT event_id::text FROM audit.event ORDER BY id DESC LIMIT 1")
    found = log.found()
    assert (found.kind, found.event) == (Kind.EVENT_INSERTED, event)
    assert f"An event (id {event}) was inserted before event {found.index} after those were sealed" in str(found)
    assert found.index is not None
    assert 2 < found.index < SIZES[0]


def test_an_event_that_was_inserted_with_a_leaf_and_everything_moved_on(log: TamperedLog) -> None:
    xid = log.value("SELECT xid::text FROM audit.leaf WHERE idx = 2")
    body = written_event()
    log.run("INSERT INTO audit.event (xid, body) VALUES (%s::xid8, %s)", xid, body)
    log.run("UPDATE audit.leaf SET idx = idx + 1000000 WHERE (xid, id) > (%s::xid8, 1000000)", xid)
    place = log.value("SELECT max(idx) + 1 FROM audit.leaf WHERE idx < 1000000")
    log.run("UPDATE audit.leaf SET idx = idx - 999999 WHERE idx >= 1000000")
    log.run(
        "INSERT INTO audit.leaf (idx, xid, id, hash) SELECT %s, xid, id, leaf FROM audit.event WHERE body = %s",
        *(place, body),
    )
    log.rebuild(key=None)
    found = log.found()
    assert found.kind is Kind.TREE_CHANGED
    assert f"Something in the events 0 to {SIZES[0] - 1} was changed" in str(found)


def test_two_bodies_that_were_swapped(log: TamperedLog) -> None:
    first, second = log.body_of(9), log.body_of(400)
    ids = log.id_of(9), log.id_of(400)
    # An id is unique, so that there must be a third body for a moment.
    for body, event in ((written_event(), ids[0]), (first, ids[1])):
        log.run("UPDATE audit.event SET body = %s WHERE event_id = %s", body, event)
    last = log.value(
        "SELECT event_id::text FROM audit.event WHERE (xid, id) = (SELECT xid, id FROM audit.leaf WHERE idx = 9)"
    )
    log.run("UPDATE audit.event SET body = %s WHERE event_id = %s", second, last)
    found = log.found()
    assert (found.kind, found.index) == (Kind.BODIES_SWAPPED, 9)
    assert str(found) == f"Event 9 (id {ids[1]}) has the body that was sealed as event 400."


def test_two_leaves_that_were_swapped(log: TamperedLog) -> None:
    for old, new in ((9, 1_000_000), (400, 9), (1_000_000, 400)):
        log.run("UPDATE audit.leaf SET idx = %s WHERE idx = %s", new, old)
    found = log.found()
    assert (found.kind, found.index) == (Kind.LEAF_OUT_OF_ORDER, 10)
    assert "leaves were swapped or inserted" in str(found)


def test_another_log_key_in_the_place_of_the_pinned_one(log: TamperedLog) -> None:
    log.rebuild(OTHER_KEY)
    found = log.found()
    assert found.kind is Kind.CHECKPOINT_UNSIGNED
    assert f"The checkpoint of {SIZES[0]} events does not hold." in str(found)
    assert "is not signed by registry.example.org/log with this key" in str(found)
    assert log.verify(verifier=OTHER_KEY.verifier).size == SIZE
