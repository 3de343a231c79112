"""After a tag key has leaked: what `demand-registry generations rekey` changes, and what stays as it was."""

import json
import re
from typing import Any, Final

import pytest
from blinding import set_id
from caller_stories import days_ago
from command_line import on_a_terminal
from holders import tags as tags_of
from members import hit
from psycopg import errors, sql
from rekey_scene import Leaked
from sealed import LOG_KEY, seal_all

from registry import key_file
from registry.cli.rekey import KEEP
from registry.db import schema_dump
from registry.db.database import Database
from registry.domain.contradictions import Contradiction
from registry.keys import SecretKey
from registry.operations.verify_log import verify_log

AT: Final = f"{days_ago(5)}T10:00:00Z"
PASSPHRASE: Final = "four canaries in a mine"


def test_everybody_is_answered_as_before_plainly_and_privately(scene: Leaked) -> None:
    before = scene.filled.answers
    assert {outcome for outcome, _, _ in before} == {"contact_observed", "none", "indeterminate"}
    told = scene.rekey()
    assert (told["generation"], told["successor"], told["tags"]) == (1, 2, len(scene.filled.seen))
    assert scene.answers() == before
    assert scene.cli.json("verify-listings")["wrong"] == 0


def test_no_old_tag_is_left_in_the_database_or_its_files(scene: Leaked) -> None:
    """But for the write-ahead log, which PostgreSQL recycles in its own time: the command says so."""
    old, everybody = scene.tags(scene.filled.seen, 1), len(scene.filled.seen)
    assert scene.in_tables(old) == scene.in_files(old) == [True] * everybody
    set_ids = [set_id(1, tag) for tag in scene.tags(scene.filled.stories.listed[:4], 1)]
    assert scene.in_tables(set_ids) == scene.in_files(set_ids) == [True] * 4
    said = scene.cli.done("generations", "rekey", "--yes")
    assert "write-ahead log" in said
    new = scene.tags(scene.filled.seen, 1, 2)
    assert scene.in_tables(old) == scene.in_files(old) == [False] * everybody
    assert scene.in_tables(new) == scene.in_files(new) == [True] * everybody
    assert not any(scene.in_tables(set_ids) + scene.in_files(set_ids))
    assert scene.count("registry.rekeyed_tags") == scene.count("registry.rekeyings") == 0


def test_where_the_owner_does_not_own_the_database_it_names_what_is_left_to_do(scene: Leaked) -> None:
    ((name,),) = scene.rows("SELECT current_database()")
    scene.superuser.execute(sql.SQL("ALTER DATABASE {} OWNER TO postgres").format(sql.Identifier(name)))
    said = scene.cli.done("generations", "rekey", "--yes")
    found = re.search(r"As who does: (VACUUM .*;)", said)
    assert found
    old = scene.tags(scene.filled.seen, 1)
    assert any(scene.in_files(old))
    scene.superuser.execute(found[1].encode())
    assert not any(scene.in_files(old))


def test_every_row_is_rewritten_retracted_removed_and_closed_ones_too_and_nothing_else_of_them(scene: Leaked) -> None:
    tables = ("hits", "submissions", "listings", "exclusions", "disputes", "decoys")
    rest = "SELECT (to_jsonb(t) - 'tag' - 'generation')::text FROM registry.{} t ORDER BY 1"
    rows = {table: rest.format(table) for table in tables}
    before = {table: scene.rows(statement) for table, statement in rows.items()}
    for gone in ("hits WHERE retracted_at", "exclusions WHERE removed_at", "disputes WHERE closed_at"):
        assert scene.count(f"registry.{gone} IS NOT NULL") > 0
    told = scene.rekey()
    assert {table: scene.rows(statement) for table, statement in rows.items()} == before
    for table in tables:
        assert told["rows"][table] == len(before[table])
        if table != "submissions":
            assert scene.count(f"registry.{table} WHERE generation = 2") == len(before[table])
    assert scene.count("registry.hits h JOIN registry.submissions s ON (s.hit_id, s.tag) = (h.id, h.tag)") == len(
        before["hits"]
    )


def test_one_event_records_it_and_binds_the_rewritten_index_of_disclosures(scene: Leaked) -> None:
    events = "SELECT body FROM audit.event ORDER BY id"
    subjects = "SELECT tag, event FROM audit.subject ORDER BY event, tag"
    before, disclosed, schema = scene.rows(events), scene.rows(subjects), schema_dump.dump(scene.urls.owner)
    told = scene.rekey()
    (*earlier, (body,)) = scene.rows(events)
    assert earlier == before
    event = json.loads(body)
    assert (event["id"], event["operation"], event["result"]) == (told["audit_id"], "rekey_generation", "ok")
    assert (event["generation"], event["request"]["route"]) == (2, "cli generations rekey")
    assert event["count"] == {"submitted": 0, "charged": 0, "tags": told["tags"], **told["rows"]}
    assert event["subjects"] == scene.index()
    becomes = dict(zip(scene.tags(scene.filled.seen, 1), scene.tags(scene.filled.seen, 1, 2), strict=True))
    rewritten = {(becomes[bytes(tag)], event) for tag, event in disclosed}
    assert {(bytes(tag), event) for tag, event in scene.rows(subjects)} == rewritten
    assert told["rows"]["subjects"] == len(disclosed) > 0
    assert scene.rows("SELECT DISTINCT generation FROM audit.subject") == [(2,)]
    assert schema_dump.dump(scene.urls.owner) == schema  # the index is append only again
    with pytest.raises(errors.InsufficientPrivilege, match="append only"):
        scene.superuser.execute("DELETE FROM audit.subject")


def test_the_sealed_log_verifies_before_and_after_and_an_index_changed_afterwards_is_found(scene: Leaked) -> None:
    database = Database(scene.urls.app)

    def verified() -> int:
        head = seal_all(database)
        found = verify_log(database, LOG_KEY.verifier, None, lambda _done, _all: None)
        assert (found.origin, found.size, found.root) == (head.origin, head.size, head.root)
        return found.disclosures

    try:
        before = verified()
        scene.rekey()
        with scene.house():
            scene.filled.asker.look_up(scene.filled.stories.listed[0])
        assert verified() == before + 1
        scene.superuser.execute("ALTER TABLE audit.subject DISABLE TRIGGER USER")
        scene.superuser.execute("DELETE FROM audit.subject WHERE tag = (SELECT min(tag) FROM audit.subject)")
        with pytest.raises(Contradiction, match="index of disclosures"):
            verified()
    finally:
        database.dispose()


def test_life_goes_on_under_the_new_generation(scene: Leaked) -> None:
    first, operator, asker = scene.filled.tellers.first, scene.filled.tellers.operator, scene.filled.asker
    single, new = scene.filled.stories.listed[0], next(scene.fresh)
    removed, closed = scene.filled.others
    scene.rekey()
    with scene.house() as house:
        told = first.record(hit(scene.filled.tellers.decoys[0], new, AT))
        assert told["recorded"] == 1
        (tag,) = scene.tags([new], 1, 2)
        assert tags_of(house.registry, new) == (tag,)
        statement = "SELECT generation FROM registry.hits WHERE tag = %s"
        assert scene.rows(statement, tag) == [(2,)]
        # A contact that was recorded before is recognised, and a decoy found by its number.
        known = scene.rows("SELECT count(*) FROM registry.hits")
        again = hit(scene.filled.tellers.decoys[0], single, f"{days_ago(20)}T12:00:00Z")
        assert first.record(again)["duplicate"] == 1
        log = f"source_id,decoy_number,number,channel,occurred_at\nx-1,{scene.filled.lines[0]},{new},sms,{AT}\n"
        answer = first.post("/v1/hits/imports", content=log, headers={"Content-Type": "text/csv"})
        assert answer.json()["recorded"] == 1, answer.text
        assert scene.rows("SELECT count(*) FROM registry.hits") == [(known[0][0] + 1,)]
        taken = {"label": "Again", "number": scene.filled.lines[0], "role": "advertisement"}
        assert first.post("/v1/decoys", taken).json()["code"] == "decoy_number_taken"
        # What was recorded before can be taken back, excluded and disputed.
        (mine,) = scene.rows("SELECT id FROM registry.hits WHERE tag = %s", *scene.tags([single], 1, 2))
        assert first.post(f"/v1/hits/{mine[0]}/retraction", {"reason": "spoofed"}).status_code == 200
        assert asker.look_up(single)["outcome"] == "none"
        excluded = scene.filled.stories.silent[3]
        assert operator.post("/v1/exclusions", {"number": excluded, "reason": "police"}).status_code == 409
        ended = operator.post("/v1/exclusions/removals", {"number": excluded}).json()["id"]
        assert asker.look_up(excluded)["outcome"] == "none"
        assert operator.post(f"/v1/exclusions/{ended}/removal", {"mistaken": True}).status_code == 200
        assert asker.look_up(excluded)["outcome"] == "contact_observed"
        # What an exclusion kept out that had ended before stays out, until it was a mistake.
        assert asker.look_up(removed)["outcome"] == "none"
        path = f"/v1/exclusions/{scene.filled.ended}/removal"
        assert operator.post(path, {"mistaken": True}).status_code == 200
        assert asker.look_up(removed)["outcome"] == "contact_observed"
        assert operator.post("/v1/exclusions", {"number": removed, "reason": "police"}).status_code == 201
        assert operator.post("/v1/disputes", {"number": closed}).status_code == 201
        assert asker.look_up(closed)["reason"] == "disputed"
    assert scene.cli.json("verify-listings")["wrong"] == 0


def test_a_chain_can_be_chained_again(scene: Leaked) -> None:
    before = scene.filled.answers
    scene.rekey()
    told = scene.rekey()
    assert (told["generation"], told["successor"]) == (2, 3)
    ((body,),) = scene.rows("SELECT body FROM audit.event WHERE event_id = %s", told["audit_id"])
    assert json.loads(body)["subjects"] == scene.index()
    assert scene.answers() == before
    assert not any(scene.in_files([*scene.tags(scene.filled.seen, 1), *scene.tags(scene.filled.seen, 1, 2)]))
    assert all(scene.in_tables(scene.tags(scene.filled.seen, 1, 2, 3)))


def test_of_two_active_generations_each_is_carried_by_itself(scene: Leaked) -> None:
    """Numbers told about under the older one have moved on since, and their disclosures go the older one's way."""
    moved, single = scene.filled.stories.listed[8:10], scene.filled.stories.listed[0]
    new = next(scene.fresh)
    scene.cli.done("generations", "add")
    with scene.house():
        hits = [hit(scene.filled.tellers.decoys[1], number, AT) for number in (*moved, new)]
        assert scene.filled.tellers.first.record(*hits)["recorded"] == 3
        before = scene.plainly()
        assert scene.filled.asker.look_up(new)["outcome"] == "contact_observed"
    tags = scene.tags([*moved, single], 1)
    assert [scene.count(f"registry.hits WHERE tag = '\\x{tag.hex()}'") for tag in tags] == [0, 0, 1]
    assert all(scene.count(f"audit.subject WHERE tag = '\\x{tag.hex()}'") for tag in tags)
    # Of one it was not noted under which generation it was told: its contacts moved in that very moment.
    scene.superuser.execute("ALTER TABLE audit.subject DISABLE TRIGGER subject_append_only")
    scene.superuser.execute("UPDATE audit.subject SET generation = NULL WHERE tag = %s", (tags[1],))
    scene.superuser.execute("ALTER TABLE audit.subject ENABLE ALWAYS TRIGGER subject_append_only")

    assert "say which" in scene.cli.refused("generations", "rekey", "--yes")
    told = scene.rekey("1")
    assert (told["generation"], told["successor"]) == (1, 3)
    assert not any(scene.in_files(scene.tags(scene.filled.seen, 1)))
    disclosed = "SELECT tag FROM audit.subject WHERE generation = %s"
    assert {(tag,) for tag in scene.tags([*moved, single], 1, 3)} <= set(scene.rows(disclosed, 3))
    assert {(tag,) for tag in scene.tags([new], 2)} <= set(scene.rows(disclosed, 2))
    assert scene.answers() == before

    told = scene.rekey("2")
    assert (told["generation"], told["successor"]) == (2, 4)
    assert not any(scene.in_files(scene.tags([*scene.filled.seen, new], 2)))
    assert {(tag,) for tag in scene.tags([*moved, single], 1, 3)} <= set(scene.rows(disclosed, 3))
    assert {(tag,) for tag in scene.tags([new], 2, 4)} <= set(scene.rows(disclosed, 4))
    assert scene.answers() == before
    assert scene.cli.json("verify-listings")["wrong"] == 0


def test_the_list_tells_what_was_chained_from_what_and_its_secret_cannot_be_destroyed(scene: Leaked) -> None:
    scene.rekey()
    assert "Chained from" in scene.cli.done("generations", "list")
    listed = scene.cli.json("generations", "list")["data"]
    assert [(one["number"], one["parent"], one["retired_at"] is None) for one in listed] == [
        (1, None, False),
        (2, 1, True),
    ]
    said = scene.cli.refused("generations", "retire", "1", "--destroy")
    assert "Generation 2 is chained from generation 1" in said
    assert scene.keys.seeds.keys() == {1, 2}
    scene.cli.done("generations", "add")
    scene.cli.done("generations", "retire", "2", "--force")
    assert scene.cli.json("generations", "retire", "1", "--destroy")["destroyed"] is True


def test_a_sealed_key_file_stays_sealed_and_its_passphrase_is_the_signers_to_read(scene: Leaked) -> None:
    key_file.write(scene.keys_path, scene.keys, PASSPHRASE)
    passphrase = scene.folder / "passphrase"
    passphrase.write_text(f"{PASSPHRASE}\n", encoding="utf-8")
    shown = {name: value for name, value in scene.cli.environment.items() if name != "REGISTRY_DATABASE_URL"}
    sealed = {**shown, "REGISTRY_KEY_PASSPHRASE_FILE": str(passphrase)}
    said = on_a_terminal(["generations", "rekey"], sealed, [("Go on? [y/N]", "y")])
    assert "Generation 1 is chained into generation 2" in said
    assert f"The secret of generation 2 is in {scene.keys_path}. Back the file up now." in said.replace("\r\n", "\n")
    assert "plain" not in json.loads(scene.keys_path.read_text(encoding="utf-8"))
    held = key_file.read(scene.keys_path, PASSPHRASE)
    ((public_key,),) = scene.rows("SELECT public_key FROM registry.generations WHERE number = 2")
    assert SecretKey(held.seeds[2]).public_key == bytes(public_key)
    assert KEEP.format(1) in said


def test_nothing_secret_is_printed(scene: Leaked) -> None:
    said = scene.cli.done("generations", "rekey", "--yes")
    hidden: list[Any] = [*scene.keys.seeds.values(), *scene.tags(scene.filled.seen, 1, 2)]
    assert not [one for one in hidden if one.hex() in said]
