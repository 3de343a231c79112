"""`demand-registry generations rekey`, ended at its worst moments, and beside a registry that goes on working."""

from collections.abc import Sequence
from typing import Final

import psycopg
import pytest
from caller_stories import days_ago
from databases import dsn
from interleaved import wait_until
from members import KEYS
from psycopg import errors
from rekey_scene import PATIENCE_SECONDS, Leaked
from stopped_rekey import FEW

from registry import key_file
from registry.cli import rekey
from registry.db import rekeying
from registry.db.database import Writing

pytestmark = pytest.mark.long
AT: Final = f"{days_ago(5)}T10:00:00+00:00"


def test_killed_while_it_prepares_it_continues_with_what_it_had(scene: Leaked, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.killed("preparing")
    prepared = scene.rows("SELECT tag FROM registry.rekeyed_tags")
    assert 0 < len(prepared) < len(scene.filled.seen)
    assert len(prepared) % FEW == 0
    held, keep, new = scene.keys, rekeying.keep, set[bytes]()

    def keep_and_tell(tx: Writing, generation: int, tags: Sequence[bytes], successors: Sequence[bytes]) -> None:
        new.update(tags)
        keep(tx, generation, tags, successors)

    monkeypatch.setattr(rekeying, "keep", keep_and_tell)
    assert scene.rekey()["successor"] == 2
    assert new == set(scene.tags(scene.filled.seen, 1)) - {bytes(tag) for (tag,) in prepared}
    assert scene.keys == held
    scene.assert_rekeyed()


def test_interrupted_by_hand_it_says_that_it_can_be_continued(scene: Leaked) -> None:
    with scene.stopped("interrupted") as process:
        assert process.wait(PATIENCE_SECONDS) == 1
    said = (scene.folder / "interrupted.log").read_text()
    assert "Interrupted. What was prepared is kept: run the command again, and it continues." in said
    assert "Traceback" not in said
    assert scene.count("registry.rekeyed_tags") > 0
    scene.rekey()
    scene.assert_rekeyed()


def test_killed_just_before_it_commits_it_has_changed_nothing(scene: Leaked) -> None:
    stored = "SELECT tag, generation FROM registry.hits ORDER BY id"
    hits = scene.rows(stored)
    scene.killed("switching")
    wait_until(lambda: scene.count("pg_locks WHERE mode = 'ExclusiveLock' AND relation IS NOT NULL") == 0)
    assert scene.rows(stored) == hits
    assert scene.events() == []
    assert scene.rows("SELECT number FROM registry.generations WHERE retired_at IS NULL") == [(1,)]
    scene.rekey()
    scene.assert_rekeyed()


def test_killed_just_after_it_committed_it_only_cleans_up(scene: Leaked) -> None:
    old = scene.tags(scene.filled.seen, 1)
    scene.killed("switched")
    assert not any(scene.in_tables(old))
    assert any(scene.in_files(old))
    told = scene.rekey()
    assert (told["generation"], told["successor"], told["tags"], told["audit_id"]) == (1, 2, None, None)
    assert scene.keys.seeds.keys() == {1, 2}
    scene.assert_rekeyed()


def test_what_was_prepared_for_a_key_that_is_lost_is_begun_anew(scene: Leaked) -> None:
    scene.killed("preparing")
    lost = scene.keys.seeds[2]
    key_file.write(scene.keys_path, KEYS, None)  # from a backup that was made before
    assert "begun anew" in scene.cli.done("generations", "rekey", "--yes")
    assert scene.keys.seeds[2] != lost
    scene.assert_rekeyed()


def test_a_generation_that_is_added_meanwhile_is_another_one(scene: Leaked) -> None:
    """It has its own number, and has to wait for its turn. A start of the embedded registry, which makes the keys of
    its file known, leaves the one under way alone as well.
    """
    scene.killed("preparing")
    with scene.house():
        assert scene.plainly() == scene.filled.answers
    assert scene.cli.json("generations", "add")["number"] == 3
    assert "Generation 1 is being rekeyed" in scene.cli.refused("generations", "rekey", "3", "--yes")
    assert scene.rekey()["successor"] == 2
    scene.assert_rekeyed()
    listed = scene.cli.json("generations", "list")["data"]
    assert [(one["number"], one["parent"]) for one in listed] == [(1, None), (2, 1), (3, None)]


def test_what_was_prepared_for_a_generation_that_was_retired_is_forgotten(scene: Leaked) -> None:
    scene.killed("preparing")
    scene.cli.done("generations", "add")
    scene.cli.done("generations", "retire", "1", "--force")
    told = scene.rekey()
    assert (told["generation"], told["successor"], told["tags"]) == (3, 4, 0)
    assert all(scene.in_tables(scene.tags(scene.filled.seen, 1)))


def test_where_the_tables_cannot_be_locked_nothing_is_switched_and_it_can_be_tried_again(
    scene: Leaked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekey, "_LOCK_SECONDS", 0.2)
    monkeypatch.setattr(rekey, "_PAUSE_SECONDS", 0.01)
    with psycopg.connect(scene.urls.superuser_dsn) as holder:
        holder.execute("LOCK TABLE registry.exclusions IN SHARE MODE")
        said = scene.cli.run("generations", "rekey", "--yes")
        assert said.exit_code == 1
        assert "could not be locked. What was prepared is kept: run the command again" in said.stderr
        assert scene.events() == []
        holder.rollback()
    assert scene.answers() == scene.filled.answers
    scene.rekey()
    scene.assert_rekeyed()


def test_rows_that_somebody_may_still_look_at_are_cleaned_when_he_has_ended(
    scene: Leaked, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = scene.tags(scene.filled.seen, 1)
    monkeypatch.setattr(rekey, "_SEEN_SECONDS", 0.2)
    with psycopg.connect(scene.urls.superuser_dsn) as reader:
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM registry.organisations")
        said = scene.cli.run("generations", "rekey", "--yes")
        assert said.exit_code == 1
        assert "keeps the old tags in the files. When it has ended, run the command again." in said.stderr
        assert any(scene.in_files(old))
        reader.rollback()
    scene.rekey()
    scene.assert_rekeyed()


def test_it_is_refused_where_it_is_not_clear_what_is_wanted(scene: Leaked) -> None:
    assert "Use --yes." in scene.cli.refused("generations", "rekey", code=2)
    assert "no active generation of this number" in scene.cli.refused("generations", "rekey", "2", "--yes")
    without = scene.cli.without("REGISTRY_OWNER_DATABASE_URL")
    assert "REGISTRY_OWNER_DATABASE_URL is not set" in without.refused("generations", "rekey", "--yes")
    nothing = without.without("REGISTRY_DATABASE_URL")
    assert "REGISTRY_DATABASE_URL is not set" in nothing.refused("generations", "rekey", "--yes")
    as_app = scene.cli.with_environment(REGISTRY_OWNER_DATABASE_URL=scene.urls.app)
    assert "is not the schema's owner" in as_app.refused("generations", "rekey", "--yes")
    key_file.write(scene.keys_path, KEYS.with_new_generation()[0].without(1), None)
    assert "no key for generation 1" in scene.cli.refused("generations", "rekey", "--yes")
    assert scene.count("registry.rekeyings") == 0


FORBIDDEN: Final = (
    "TRUNCATE registry.rekeyed_tags",
    "UPDATE registry.rekeyed_tags SET successor = tag",
    "DELETE FROM registry.rekeyings",
    "LOCK TABLE registry.hits IN EXCLUSIVE MODE",
    "UPDATE registry.hits SET generation = 2",
    "UPDATE registry.listings t SET tag = r.successor FROM registry.rekeyed_tags r",
    "UPDATE registry.generations SET parent = 1",
    "UPDATE audit.subject SET generation = 2",
    "ALTER TABLE audit.subject DISABLE TRIGGER subject_append_only",
)


def test_the_application_can_do_no_part_of_it(scene: Leaked) -> None:
    with psycopg.connect(dsn(scene.urls.app), autocommit=True) as application:
        for statement in FORBIDDEN:
            with pytest.raises(errors.InsufficientPrivilege), application.transaction():
                application.execute(statement.encode())
