"""A superuser changes who was told about whom, or who was behind it; and what a rewritten index does to it."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Final
from uuid import UUID, uuid4

import pytest
from sealed import seal_all
from tampered_log import SIZE, TamperedLog
from written_events import written_event

from registry.db.database import Database
from registry.domain.audit import Actor, Event, Requested, index_digest
from registry.domain.contradictions import Kind, NotVerifiable
from registry.domain.merkle import TILE_WIDTH
from registry.operations import verify_disclosures

TAG: Final = bytes(range(32))
_ROWS: Final = "SELECT event, tag FROM audit.subject ORDER BY event, tag"
_TELL: Final = "INSERT INTO audit.subject (tag, event) VALUES (%s, %s)"


def rewriting_event(log: TamperedLog, digest: bytes | None = None, **more: object) -> bytes:
    """The body of an event that binds the index as it is now."""
    rows = [(row[0], bytes(row[1])) for row in log.superuser.execute(_ROWS)]
    return Event(
        id=uuid4(),
        time=datetime(2026, 11, 15, 12, 0, tzinfo=UTC),
        operation=str(more.get("operation", "rekey_generation")),
        result="ok",
        actor=Actor(),
        request=Requested(uuid4(), "cli generations rekey"),
        nonce=uuid4().bytes,
        count={name: int(str(more.get(name, more.get("minimum_index", 0)))) for name in ("dropped", "minimum_index")},
        index=index_digest(rows) if digest is None else digest,
    ).body()


def disclosing_event(tag: bytes) -> tuple[UUID, bytes]:
    body = json.loads(written_event())
    body["subjects"] = hashlib.sha256(tag).hexdigest()
    return UUID(body["id"]), json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def write(log: TamperedLog, body: bytes) -> None:
    log.run("INSERT INTO audit.event (body) VALUES (%s)", body)


def seal(log: TamperedLog) -> int:
    database = Database(log.urls.app)
    try:
        return seal_all(database).size
    finally:
        database.dispose()


def rewrite_index(log: TamperedLog) -> None:
    """As a rekeying does: every tag becomes another one."""
    log.run("UPDATE audit.subject SET tag = sha256(tag)")


def assert_named(log: TamperedLog, index: int) -> None:
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.DISCLOSURES_CHANGED, index, log.id_of(index))
    said = f"The index of disclosures does not have the tags that event {index} (id {log.id_of(index)}) disclosed"
    assert str(found) == f"{said}: rows were changed, added or removed."


def test_a_disclosure_that_was_removed(log: TamperedLog) -> None:
    index = log.index_of("look_up")
    log.run("DELETE FROM audit.subject WHERE event = %s", log.id_of(index))
    assert_named(log, index)


def test_a_disclosure_that_names_another_number(log: TamperedLog) -> None:
    index = log.index_of("check")
    first = "SELECT min(encode(tag, 'hex')) FROM audit.subject WHERE event = %s"
    tag = bytes.fromhex(log.value(first, log.id_of(index)))
    log.run("UPDATE audit.subject SET tag = %s WHERE event = %s AND tag = %s", TAG, log.id_of(index), tag)
    assert_named(log, index)


def test_a_disclosure_that_was_added_to_an_event_without_any(log: TamperedLog) -> None:
    log.run(_TELL, TAG, log.id_of(77))
    assert_named(log, 77)


def test_a_disclosure_of_an_event_that_there_is_not(log: TamperedLog) -> None:
    event = uuid4()
    log.run(_TELL, TAG, event)
    found = log.found()
    assert (found.kind, found.event) == (Kind.DISCLOSURE_WITHOUT_EVENT, str(event))


def test_a_private_part_that_was_edited_is_found_by_whoever_may_read_it(log: TamperedLog) -> None:
    index = log.index_of("look_up")
    log.run("UPDATE audit.private SET address = '203.0.113.9' WHERE event = %s", log.id_of(index))
    assert log.verify().private is None
    found = log.found(url=log.urls.superuser)
    assert (found.kind, found.index) == (Kind.PRIVATE_PART_CHANGED, index)
    assert f"The address and user agent kept for event {index} (id {log.id_of(index)})" in str(found)


def test_private_parts_that_are_no_longer_kept_are_no_contradiction(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.private")
    assert log.verify(url=log.urls.superuser).private == 0


def test_an_index_that_was_rewritten_holds_against_the_event_that_did_it(log: TamperedLog) -> None:
    rewrite_index(log)
    write(log, rewriting_event(log))
    with pytest.raises(NotVerifiable, match="not sealed yet"):
        log.verify()
    assert seal(log) == SIZE + 1
    assert log.verify().size == SIZE + 1


def test_a_disclosure_of_the_event_that_rewrote_the_index(log: TamperedLog) -> None:
    write(log, rewriting_event(log))
    seal(log)
    log.run(_TELL, TAG, log.id_of(SIZE))
    assert_named(log, SIZE)


def test_a_rewritten_index_that_was_changed_afterwards(log: TamperedLog) -> None:
    rewrite_index(log)
    write(log, rewriting_event(log))
    assert seal(log) == SIZE + 1
    log.run("UPDATE audit.subject SET tag = %s WHERE event = %s", TAG, log.id_of(log.index_of("look_up")))
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.DISCLOSURES_CHANGED, SIZE, log.id_of(SIZE))
    assert f"is not the one that event {SIZE} (id {log.id_of(SIZE)}) left" in str(found)


def test_an_event_after_the_rewriting_is_held_against_its_own_digest(log: TamperedLog) -> None:
    rewrite_index(log)
    write(log, rewriting_event(log))
    event, body = disclosing_event(TAG)
    log.run(_TELL, TAG, event)
    write(log, body)
    seal(log)
    assert log.verify().size == SIZE + 2
    log.run("UPDATE audit.subject SET tag = sha256(tag) WHERE event = %s", event)
    assert_named(log, SIZE + 1)


def place_behind(log: TamperedLog, rewriting: bytes, other: bytes) -> None:
    """The rewriting transaction had its number first, and did its work after the other one was committed."""
    with log.superuser.transaction():
        early = log.value("SELECT pg_current_xact_id()::text")
    write(log, other)
    log.run("INSERT INTO audit.event (xid, body) VALUES (%s::xid8, %s)", early, rewriting)


@pytest.mark.parametrize("moved", ["0 hours", "-1 hour"])
def test_a_disclosure_that_was_removed_is_not_covered_by_a_rewriting_whatever_its_row_says_of_its_time(
    log: TamperedLog, moved: str
) -> None:
    write(log, rewriting_event(log))
    event, body = disclosing_event(TAG)
    log.run(_TELL, TAG, event)
    write(log, body)
    seal(log)
    log.run("DELETE FROM audit.subject WHERE event = %s", event)
    log.run("UPDATE audit.event SET at = at + %s::interval WHERE event_id = %s", moved, event)
    assert_named(log, SIZE + 1)


def test_a_rewriting_covers_no_rows_that_were_removed_from_an_event_before_it(log: TamperedLog) -> None:
    index = log.index_of("look_up")
    log.run("DELETE FROM audit.subject WHERE event = %s", log.id_of(index))
    write(log, rewriting_event(log))
    seal(log)
    assert_named(log, index)
    log.run("DELETE FROM audit.subject")
    write(log, rewriting_event(log))
    seal(log)
    assert_named(log, index)


def test_a_rewriting_covers_no_rows_of_an_event_before_it_that_disclosed_nothing(log: TamperedLog) -> None:
    log.run(_TELL, TAG, log.id_of(77))
    write(log, rewriting_event(log))
    seal(log)
    assert_named(log, 77)


@pytest.mark.parametrize("clock_set_back", ["0 hours", "1 hour"])
def test_more_rewritten_disclosures_behind_the_rewriting_than_can_be_looked_at_are_no_contradiction(
    log: TamperedLog, clock_set_back: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_disclosures, "_MOST_BEHIND", 0)
    event, body = disclosing_event(TAG)
    log.run(_TELL, TAG, event)
    rewrite_index(log)
    place_behind(log, rewriting_event(log), body)
    log.run("UPDATE audit.event SET at = at + %s::interval WHERE event_id = %s", clock_set_back, event)
    seal(log)
    if clock_set_back == "0 hours":
        assert log.verify().size == SIZE + 2
    else:
        with pytest.raises(NotVerifiable, match="more events than can be looked at stand behind it"):
            log.verify()


@pytest.mark.parametrize("clock_set_back", ["0 hours", "1 hour"])
def test_a_disclosure_that_was_rewritten_and_is_behind_the_rewriting_in_the_log(
    log: TamperedLog, clock_set_back: str
) -> None:
    event, body = disclosing_event(TAG)
    log.run(_TELL, TAG, event)
    rewrite_index(log)
    place_behind(log, rewriting_event(log), body)
    log.run("UPDATE audit.event SET at = at + %s::interval WHERE event_id = %s", clock_set_back, event)
    seal(log)
    assert log.id_of(SIZE + 1) == str(event)
    assert log.verify().size == SIZE + 2
    log.run("UPDATE audit.subject SET tag = sha256(tag) WHERE event = %s", event)
    assert log.found().kind is Kind.DISCLOSURES_CHANGED


def test_bodies_that_were_dropped_hold_where_a_sealed_event_says_so(log: TamperedLog) -> None:
    below = TILE_WIDTH + 3
    log.run("DELETE FROM audit.subject")
    log.run("DELETE FROM audit.event e USING audit.leaf l WHERE (e.xid, e.id) = (l.xid, l.id) AND l.idx < %s", below)
    assert log.found().kind is Kind.EVENT_MISSING
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=below))
    with pytest.raises(NotVerifiable, match="not sealed yet"):
        log.verify()
    seal(log)
    found = log.verify(log.kept)
    assert (found.size, found.bodies, found.dropped) == (SIZE + 1, SIZE + 1 - below, below)
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(below))
    contradiction = log.found()
    assert (contradiction.kind, contradiction.index) == (Kind.EVENT_MISSING, below)


def delete_below(log: TamperedLog, first: int, end: int) -> None:
    """Events, and what they disclosed."""
    log.superuser.execute(
        "WITH gone AS (DELETE FROM audit.event e USING audit.leaf l WHERE (e.xid, e.id) = (l.xid, l.id)"
        " AND l.idx >= %s AND l.idx < %s RETURNING e.event_id)"
        " DELETE FROM audit.subject s USING gone WHERE s.event = gone.event_id",
        (first, end),
    )


def test_a_rewriting_that_is_never_sealed_covers_nothing(log: TamperedLog) -> None:
    """Its row says that it is of a transaction that there will not be for long."""
    rewrite_index(log)
    body = rewriting_event(log)
    log.run("INSERT INTO audit.event (xid, body) VALUES ('9000000000000', %s)", body)
    with pytest.raises(NotVerifiable, match="not sealed yet"):
        log.verify()
    log.run("DELETE FROM audit.event WHERE body = %s", body)
    write(log, rewriting_event(log, operation="drop_event_bodies"))
    seal(log)
    log.run("INSERT INTO audit.event (xid, body) VALUES ('9000000000000', %s)", body)
    log.run("UPDATE audit.event SET at = at - interval '1 hour' WHERE body = %s", body)
    assert_named(log, log.index_of("look_up"))


def test_a_drop_of_what_comes_after_it_excuses_nothing(log: TamperedLog) -> None:
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=1_000_000))
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(300))
    assert log.found().kind is Kind.EVENT_MISSING  # also before it is sealed
    assert seal(log) == SIZE + 1
    found = log.found()
    assert (found.kind, found.index) == (Kind.EVENT_MISSING, 300)


def test_a_drop_of_what_comes_after_it_is_a_contradiction_by_itself(log: TamperedLog) -> None:
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=SIZE + 1, dropped=0))
    seal(log)
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.DROP_UNTRUE, SIZE, log.id_of(SIZE))
    assert "says that bodies of events after itself were dropped: the registry has not written it." in str(found)


def test_a_drop_does_not_excuse_that_one_event_is_missing_and_others_before_it_are_there(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(50))
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=51))
    seal(log)
    found = log.found()
    assert (found.kind, found.index, found.event) == (Kind.DROP_UNTRUE, 0, log.id_of(0))


def test_a_drop_that_counts_other_bodies_than_are_missing(log: TamperedLog) -> None:
    delete_below(log, 0, 30)
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=30))
    delete_below(log, 30, 60)
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=60, dropped=30))
    seal(log)
    assert log.verify().dropped == 60
    delete_below(log, 60, 70)
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=70, dropped=1))
    seal(log)
    found = log.found()
    assert (found.kind, found.index) == (Kind.DROP_UNTRUE, SIZE + 2)
    assert "says that bodies were dropped, and counts 1 where 10 are missing: the registry has not" in str(found)


def test_a_drop_of_more_than_there_was(log: TamperedLog) -> None:
    delete_below(log, 0, 30)
    write(log, rewriting_event(log, operation="drop_event_bodies", minimum_index=30, dropped=31))
    seal(log)
    assert log.found().kind is Kind.DROP_UNTRUE


def test_a_drop_that_was_refused_excuses_nothing(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(50))
    body = rewriting_event(log, operation="drop_event_bodies", minimum_index=SIZE)
    write(log, body.replace(b'"result":"ok"', b'"result":"not_found"'))
    assert seal(log) == SIZE + 1
    assert log.found().kind is Kind.EVENT_MISSING


def test_rewriting_events_of_another_form_excuse_nothing(log: TamperedLog) -> None:
    for count in ("[]", "7", '{"minimum_index":"all"}'):
        body = rewriting_event(log, operation="drop_event_bodies")
        write(log, body.replace(b'{"dropped":0,"minimum_index":0}', count.encode()))
    seal(log)
    assert log.verify().dropped == 0
    log.run("DELETE FROM audit.event WHERE event_id = %s", log.id_of(50))
    assert log.found().kind is Kind.EVENT_MISSING
