"""A superuser changes what is computed from the events, or goes back to an older state."""

from sealed import LOG_KEY, OTHER_KEY
from tampered_log import SIZE, SIZES, TamperedLog

from registry.domain.contradictions import Kind


def test_an_end_that_was_cut_off_the_leaves(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.leaf WHERE idx >= 590")
    found = log.found()
    assert (found.kind, found.index) == (Kind.LOG_TRUNCATED, 590)
    assert str(found) == f"{SIZE} events were signed, and only the first 590 are there: the end was cut off."


def test_an_end_that_was_cut_off_everything_but_the_checkpoints(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.event e USING audit.leaf l WHERE (e.xid, e.id) = (l.xid, l.id) AND l.idx >= 500")
    log.run("DELETE FROM audit.leaf WHERE idx >= 500")
    log.run("DELETE FROM audit.tile WHERE (n + 1) * 256 > 500")
    found = log.found()
    assert (found.kind, found.index) == (Kind.LOG_TRUNCATED, 500)


def test_an_end_that_was_cut_off_with_its_checkpoint_is_found_by_who_kept_one(log: TamperedLog) -> None:
    log.cut(SIZES[1])
    assert log.verify().size == SIZES[1]  # by itself it is what it once was
    found = log.found(log.kept)
    assert found.kind is Kind.ROLLED_BACK
    assert f"The log ends at {SIZES[1]} events, and the checkpoint that you kept has {SIZE}" in str(found)


def test_a_last_checkpoint_that_was_deleted(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.checkpoint WHERE size = %s", SIZE)
    found = log.found()
    assert (found.kind, found.index) == (Kind.LEAVES_UNSIGNED, SIZES[1])
    assert f"Event {SIZES[1]} has its place in the log, and no checkpoint signs it" in str(found)


def test_an_older_checkpoint_in_the_place_of_the_last_one(log: TamperedLog) -> None:
    log.run(
        "UPDATE audit.checkpoint c SET note = o.note, root = o.root FROM audit.checkpoint o"
        " WHERE c.size = %s AND o.size = %s",
        *(SIZE, SIZES[1]),
    )
    found = log.found()
    assert found.kind is Kind.CHECKPOINT_CHANGED
    assert f"The checkpoint of {SIZE} events has the signature of one of {SIZES[1]}" in str(found)


def test_a_checkpoint_whose_columns_were_edited(log: TamperedLog) -> None:
    log.run("UPDATE audit.checkpoint SET last_id = last_id - 1 WHERE size = %s", SIZES[0])
    found = log.found()
    assert found.kind is Kind.CHECKPOINT_CHANGED
    assert f"The checkpoint of {SIZES[0]} events is signed, and its row was changed" in str(found)


def test_a_checkpoint_whose_signed_text_was_edited(log: TamperedLog) -> None:
    note = log.value("SELECT note FROM audit.checkpoint WHERE size = %s", SIZES[1])
    log.run("UPDATE audit.checkpoint SET note = %s WHERE size = %s", note.replace("\n300\n", "\n301\n"), SIZES[1])
    found = log.found()
    assert found.kind is Kind.CHECKPOINT_UNSIGNED
    assert "The note's signature does not hold" in str(found)


def test_an_earlier_checkpoint_that_was_kept_and_is_deleted(log: TamperedLog) -> None:
    kept = log.checkpoint(SIZES[1])
    log.run("DELETE FROM audit.checkpoint WHERE size = %s", kept.size)
    assert log.verify().checkpoints == len(SIZES) - 1  # how many there were, nothing in it says
    found = log.found(kept)
    assert found.kind is Kind.CHECKPOINT_MISSING
    assert str(found) == f"The checkpoint of {kept.size} events that you kept is no longer there: it was deleted."


def test_a_tile_that_was_edited(log: TamperedLog) -> None:
    log.run("UPDATE audit.tile SET hashes = set_byte(hashes, 32 * 20, get_byte(hashes, 32 * 20) # 1) WHERE n = 1")
    found = log.found()
    assert (found.kind, str(found)) == (
        Kind.TILE_CHANGED,
        "The tile 0/1 is not made of the leaves that were signed: it was changed.",
    )


def test_a_tile_whose_root_was_edited(log: TamperedLog) -> None:
    log.run("UPDATE audit.tile SET root = sha256(root) WHERE n = 0")
    found = log.found()
    assert found.kind is Kind.TILE_CHANGED
    assert "The tile 0/0" in str(found)


def test_a_tile_that_was_deleted(log: TamperedLog) -> None:
    log.run("DELETE FROM audit.tile WHERE n = 1")
    found = log.found()
    assert (found.kind, str(found)) == (Kind.TILE_MISSING, "The tile 0/1 is missing: it was deleted.")


def test_a_tile_that_was_added(log: TamperedLog) -> None:
    log.run("INSERT INTO audit.tile (level, n, hashes, root) SELECT 1, 0, hashes, root FROM audit.tile WHERE n = 1")
    found = log.found()
    assert found.kind is Kind.TILE_EXTRA
    assert f"There is a tile 1/0 that a log of {SIZE} events does not fill" in str(found)


def test_a_history_that_was_rewritten_and_signed_with_the_right_key_is_found_by_who_kept_a_checkpoint(
    log: TamperedLog,
) -> None:
    log.rewrite_body(200)
    log.rewrite_leaf(200)
    log.rebuild(LOG_KEY)
    assert log.verify().size == SIZE  # nothing in it contradicts itself
    found = log.found(log.kept)
    assert found.kind is Kind.HISTORY_REWRITTEN
    assert f"The checkpoint of {SIZE} events that you kept was signed over another log" in str(found)


def test_a_history_that_was_rewritten_and_signed_with_another_key(log: TamperedLog) -> None:
    log.rewrite_body(200)
    log.rewrite_leaf(200)
    log.rebuild(OTHER_KEY)
    assert log.found().kind is Kind.CHECKPOINT_UNSIGNED
    assert log.found(log.kept, verifier=OTHER_KEY.verifier).kind is Kind.HISTORY_REWRITTEN


def test_a_log_that_was_emptied(log: TamperedLog) -> None:
    log.run("TRUNCATE audit.event, audit.leaf, audit.tile, audit.checkpoint, audit.subject, audit.private")
    assert log.verify().size == 0
    assert log.found(log.kept).kind is Kind.ROLLED_BACK
