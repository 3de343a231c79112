"""Sealing: every committed event gets one place, whoever writes and whoever seals at the same time."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
import pytest
from databases import DatabaseUrls, dsn
from interleaved import wait_until
from sealed import LOG_KEY, OTHER_KEY, seal_all, waiting
from written_events import written_event

from registry.db import sealed_log
from registry.db.database import Database
from registry.domain.errors import Code, Refused
from registry.domain.merkle import EMPTY_ROOT, TILE_WIDTH, root_of
from registry.domain.signed_notes import Checkpoint, opened
from registry.operations import seal
from registry.operations.seal import LogBroken, Sealer
from registry.operations.signed_head import SignedHead
from registry.signatures import holds

Connection = psycopg.Connection[tuple[Any, ...]]
WRITERS: Final = 6
INSERT: Final = "INSERT INTO audit.event (body) VALUES (%s)"
TRIGGERS: Final = ("leaf", "tile", "checkpoint")


def write(connection: Connection, count: int = 1) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(INSERT, [(written_event(),) for _ in range(count)])


def write_restlessly(urls: DatabaseUrls, seed: int) -> list[bytes]:
    """What was committed of 40 transactions."""
    chance = random.Random(seed)  # noqa: S311 - a test's own timing
    committed: list[bytes] = []
    with psycopg.connect(dsn(urls.app)) as connection:
        for _ in range(40):
            kept = [written_event()]
            connection.execute(INSERT, kept)
            if chance.random() < 0.4:
                connection.execute("SAVEPOINT s")
                another = written_event()
                connection.execute(INSERT, (another,))
                if chance.random() < 0.5:
                    connection.execute("ROLLBACK TO SAVEPOINT s")
                else:
                    kept.append(another)
            if chance.random() < 0.3:
                time.sleep(chance.random() * 0.02)
            if chance.random() < 0.25:
                connection.rollback()
            else:
                connection.commit()
                committed += kept
    return committed


def leaves(superuser: Connection) -> list[bytes]:
    return [bytes(row[0]) for row in superuser.execute("SELECT hash FROM audit.leaf ORDER BY idx")]


def meddle(superuser: Connection, statement: LiteralString) -> None:
    """As a superuser who has put the triggers to sleep."""
    for table in TRIGGERS:
        superuser.execute(f"ALTER TABLE audit.{table} DISABLE TRIGGER USER")
    assert superuser.execute(statement).rowcount > 0


def test_an_empty_log_has_no_checkpoint_and_nothing_to_seal(database: Database) -> None:
    assert Sealer(database, LOG_KEY).seal() is None
    assert database.transaction(sealed_log.last_checkpoint) is None


@pytest.mark.parametrize("batch", [1, 7, 5_000])
def test_the_checkpoint_is_signed_and_holds_the_root_of_all_events_in_their_order(
    database: Database, superuser: Connection, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(seal, "BATCH", batch)
    write(superuser, 20)
    head = seal_all(database)
    rows = superuser.execute("SELECT leaf FROM audit.event ORDER BY xid, id").fetchall()
    assert leaves(superuser) == [bytes(row[0]) for row in rows]
    assert head == Checkpoint(LOG_KEY.origin, 20, root_of([bytes(row[0]) for row in rows]))
    notes = superuser.execute("SELECT size, note FROM audit.checkpoint ORDER BY size").fetchall()
    assert [size for size, _ in notes] == [min(20, batch * turn) for turn in range(1, -(-20 // batch) + 1)]
    for size, note in notes:
        signed = Checkpoint.parse(opened(note, LOG_KEY.verifier, holds), LOG_KEY.origin)
        assert signed == Checkpoint(LOG_KEY.origin, size, root_of(leaves(superuser)[:size]))


def test_full_tiles_are_stored_and_nothing_else(database: Database, superuser: Connection) -> None:
    sealer = Sealer(database, LOG_KEY)
    for count in (255, 1, 300):
        write(superuser, count)
        seal_all(database, sealer=sealer)
    rows = superuser.execute("SELECT level, n, hashes, root FROM audit.tile ORDER BY level, n").fetchall()
    hashes = leaves(superuser)
    expected = [hashes[:TILE_WIDTH], hashes[TILE_WIDTH : 2 * TILE_WIDTH]]
    assert rows == [(0, n, b"".join(tile), root_of(tile)) for n, tile in enumerate(expected)]


def test_what_six_writers_commit_is_sealed_once_and_what_they_undo_is_not(
    urls: DatabaseUrls, database: Database, superuser: Connection
) -> None:
    """Slow commits, rolled back ones, and savepoints, under a sealer that never pauses."""
    ended = threading.Event()

    def sealing() -> None:
        sealer = Sealer(database, LOG_KEY)
        while not ended.is_set():
            sealer.seal()

    with ThreadPoolExecutor(WRITERS + 1) as pool:
        at_work = pool.submit(sealing)
        writers = [pool.submit(write_restlessly, urls, seed) for seed in range(WRITERS)]
        committed = [body for one in writers for body in one.result()]
        ended.set()
        at_work.result()
    head = seal_all(database)
    rows = superuser.execute("SELECT e.body FROM audit.leaf l JOIN audit.event e USING (xid, id)").fetchall()
    assert sorted(bytes(row[0]) for row in rows) == sorted(committed)
    assert (head.size, head.root) == (len(committed), root_of(leaves(superuser)))
    assert superuser.execute("SELECT count(*), max(idx) + 1 FROM audit.leaf").fetchone() == (head.size, head.size)


def test_an_event_of_a_transaction_that_began_first_and_commits_last_keeps_its_place(
    urls: DatabaseUrls, database: Database, superuser: Connection
) -> None:
    """A cursor over ids would have passed it by. Nothing that came later is sealed before it."""
    with psycopg.connect(dsn(urls.app)) as slow:
        write(slow)
        write(superuser)
        assert Sealer(database, LOG_KEY).seal() is None
        slow.commit()
    assert seal_all(database).size == 2
    assert superuser.execute("SELECT array_agg(id ORDER BY idx) FROM audit.leaf").fetchone() == ([1, 2],)


def test_of_two_sealers_one_waits_for_its_turn_and_then_goes_on_where_the_other_was(
    urls: DatabaseUrls, database: Database, superuser: Connection
) -> None:
    first, second = Sealer(database, LOG_KEY), Sealer(database, LOG_KEY)
    write(superuser, 3)
    with psycopg.connect(dsn(urls.app)) as leading:
        leading.execute("SELECT pg_advisory_xact_lock(31647034720904294)")
        assert first.seal() is None
        assert waiting(database)
    for sealer, expected in ((first, 3), (second, 5), (first, 7), (second, 9)):
        assert seal_all(database, sealer=sealer).size == expected
        write(superuser, 2)


def test_sealers_in_several_threads_seal_everything_once(database: Database, superuser: Connection) -> None:
    ended = threading.Event()

    def sealing() -> None:
        sealer = Sealer(database, LOG_KEY)
        while not ended.is_set():
            sealer.seal()

    with ThreadPoolExecutor(3) as pool:
        at_work = [pool.submit(sealing) for _ in range(3)]
        for _ in range(30):
            write(superuser, 11)
        wait_until(lambda: not waiting(database))
        ended.set()
        for one in at_work:
            one.result()
    assert superuser.execute("SELECT count(*) FROM audit.leaf").fetchone() == (330,)
    head = database.transaction(sealed_log.last_checkpoint)
    assert head is not None
    assert head.root == root_of(leaves(superuser))


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE audit.leaf SET hash = sha256('x') WHERE idx = 298", "do not reproduce the root signed at 300 events"),
        ("DELETE FROM audit.leaf WHERE idx = 299", "below the last checkpoint .300 events. are missing"),
        ("DELETE FROM audit.tile", "below the last checkpoint .300 events. are missing"),
        ("UPDATE audit.tile SET root = sha256('x')", "do not reproduce the root signed at 300 events"),
        ("UPDATE audit.checkpoint SET root = sha256('x')", "stored for 300 events is not the one that was signed"),
        ("UPDATE audit.checkpoint SET note = replace(note, '300', '301')", "signature does not hold"),
    ],
)
def test_a_log_that_is_not_the_signed_one_is_not_continued(
    database: Database, superuser: Connection, statement: LiteralString, named: str
) -> None:
    write(superuser, 300)
    seal_all(database)
    meddle(superuser, statement)
    write(superuser)
    with pytest.raises(LogBroken, match=named):
        Sealer(database, LOG_KEY).seal()
    assert superuser.execute("SELECT max(size) FROM audit.checkpoint").fetchone() == (300,)


def test_a_sealer_that_goes_on_sees_that_the_stored_head_was_changed(database: Database, superuser: Connection) -> None:
    """What it remembers is its own; what is stored must still be that."""
    sealer = Sealer(database, LOG_KEY)
    write(superuser, 5)
    seal_all(database, sealer=sealer)
    meddle(superuser, "UPDATE audit.checkpoint SET root = sha256('x')")
    write(superuser)
    with pytest.raises(LogBroken):
        sealer.seal()


CUT_OFF: Final = (
    "DELETE FROM audit.checkpoint WHERE size > 3",
    "DELETE FROM audit.leaf WHERE idx >= 3",
)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_log_whose_end_was_cut_off_is_not_signed_anew(
    database: Database, superuser: Connection, tmp_path: Path, *, restarted: bool
) -> None:
    """Consistent in itself, and another history than the one that was signed."""
    head = SignedHead(tmp_path / "log-key.json.head")
    sealer = Sealer(database, LOG_KEY, head)
    write(superuser, 3)
    seal_all(database, sealer=sealer)
    write(superuser, 2)
    seal_all(database, sealer=sealer)
    for statement in CUT_OFF:
        meddle(superuser, statement)
    with pytest.raises(LogBroken, match="has 3 events, and 5 were signed: it was cut off"):
        (Sealer(database, LOG_KEY, head) if restarted else sealer).seal()
    assert superuser.execute("SELECT max(size) FROM audit.checkpoint").fetchone() == (3,)


def test_what_was_signed_here_before_is_held_against_a_log_that_has_grown_otherwise(
    database: Database, superuser: Connection, tmp_path: Path
) -> None:
    write(superuser, 4)
    seal_all(database)
    head = SignedHead(tmp_path / "log-key.json.head")
    head.keep(LOG_KEY.sign(Checkpoint(LOG_KEY.origin, 3, bytes(32))))
    write(superuser)
    with pytest.raises(LogBroken, match="does not continue the checkpoint signed at 3 events"):
        Sealer(database, LOG_KEY, head).seal()
    head.keep(OTHER_KEY.sign(Checkpoint(LOG_KEY.origin, 4, bytes(32))))
    with pytest.raises(LogBroken, match="does not fit"):
        Sealer(database, LOG_KEY, head).seal()
    head.path.unlink()
    assert seal_all(database, sealer=Sealer(database, LOG_KEY, head)).size == 5
    assert head.path.read_text().startswith(f"{LOG_KEY.origin}\n5\n")


def test_where_the_head_cannot_be_kept_sealing_goes_on_and_says_so_once(
    database: Database, superuser: Connection, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sealer = Sealer(database, LOG_KEY, SignedHead(tmp_path / "missing" / "head"))
    for size in (1, 2):
        write(superuser)
        assert seal_all(database, sealer=sealer).size == size
    assert [record.message for record in caplog.records if record.name == "registry.sealing"] == [
        "the last checkpoint cannot be kept beside the log key"
    ]


def test_a_checkpoint_that_nobody_has_signed_is_named_as_such(
    urls: DatabaseUrls, database: Database, superuser: Connection
) -> None:
    """Whoever has taken over the application can insert one, and nothing that holds."""
    write(superuser)
    seal_all(database)
    with psycopg.connect(dsn(urls.app)) as application:
        application.execute("SET ROLE registry_sealer")
        application.execute(
            "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note)"
            " VALUES (1000000, sha256('x'), '9000000000', 1, 'garbage')"
        )
    write(superuser)
    with pytest.raises(LogBroken, match="not one that this log key has signed"):
        Sealer(database, LOG_KEY).seal()
    assert waiting(database)


def test_another_log_key_does_not_continue_the_log(database: Database, superuser: Connection) -> None:
    write(superuser)
    seal_all(database)
    write(superuser)
    with pytest.raises(LogBroken, match="not one that this log key has signed"):
        Sealer(database, OTHER_KEY).seal()


def test_a_log_restored_into_a_cluster_that_counts_from_lower_numbers_is_not_continued(
    database: Database, superuser: Connection
) -> None:
    """New events would sort before the sealed ones, and never be sealed: better to say so than to lose them."""
    write(superuser)
    seal_all(database)
    meddle(superuser, "UPDATE audit.checkpoint SET last_xid = (txid_current() + 1000)::text::xid8")
    write(superuser)
    with pytest.raises(LogBroken, match="restored from a dump"):
        Sealer(database, LOG_KEY).seal()


def test_a_transaction_that_fails_leaves_the_sealer_able_to_go_on(
    database: Database, superuser: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealer = Sealer(database, LOG_KEY)
    write(superuser, 3)
    seal_all(database, sealer=sealer)
    write(superuser, 300)
    with monkeypatch.context() as broken:

        def fail(*_: object) -> None:
            raise Refused(Code.DATABASE_UNAVAILABLE, "away")

        broken.setattr(sealed_log, "add_checkpoint", fail)
        with pytest.raises(Refused, match="away"):
            seal_all(database, sealer=sealer)
    assert superuser.execute("SELECT count(*) FROM audit.leaf").fetchone() == (3,)
    assert seal_all(database, sealer=sealer) == Checkpoint(LOG_KEY.origin, 303, root_of(leaves(superuser)))


def test_the_root_of_no_events_is_never_signed(database: Database, superuser: Connection) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        superuser.execute(
            "INSERT INTO audit.checkpoint (size, root, last_xid, last_id, note) VALUES (0, %s, '0', 0, '')",
            (EMPTY_ROOT,),
        )
