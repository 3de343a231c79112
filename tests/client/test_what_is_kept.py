"""What checks of files keep on this machine: the folder, the tags, the journal."""

import os
import sqlite3
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from registry.client.file_checks.folder import CacheError, Folder, default_root, folder_name
from registry.client.file_checks.journal import Journal
from registry.client.file_checks.tag_cache import KeptTag, TagCache

URL = "https://registry.example.org:8443/here"
NUMBER, OTHER = "+12065550177", "+12065550178"
CELLS = ("none", *[""] * 11, "receipt")


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.open(tmp_path / "caches", URL)


def tag(number: int) -> bytes:
    return bytes([number]) * 32


def test_every_address_has_a_folder_of_its_own_for_its_owner_alone(tmp_path: Path) -> None:
    one, other = Folder.open(tmp_path, URL), Folder.open(tmp_path, "http://[::1]:8000")
    assert one.path.name == folder_name(URL)
    assert one.path.name.startswith("registry.example.org_8443-")
    assert one.path != other.path
    for made in (one, other):
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o700
        assert stat.S_IMODE((made.path / "key").stat().st_mode) == 0o600
    assert "key" not in repr(one)


def test_a_folder_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / folder_name(URL)).mkdir(mode=0o755)
    assert stat.S_IMODE(Folder.open(tmp_path, URL).path.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_account_is_refused(tmp_path: Path) -> None:
    path = tmp_path / folder_name(URL)
    path.mkdir()
    os.chown(path, 65_534, 65_534)
    with pytest.raises(CacheError, match="not a folder of this account"):
        Folder.open(tmp_path, URL)


def test_names_need_the_folders_key_and_tell_kinds_and_parts_apart(folder: Folder, tmp_path: Path) -> None:
    assert Folder.open(folder.path.parent, URL).number_name(NUMBER) == folder.number_name(NUMBER)
    elsewhere = Folder.open(tmp_path / "elsewhere", URL)
    names = [
        folder.number_name(NUMBER),
        elsewhere.number_name(NUMBER),
        folder.name(b"item", b"ab", b"c"),
        folder.name(b"item", b"a", b"bc"),
        folder.name(b"item", b"abc"),
        folder.name(b"check", b"abc"),
    ]
    assert len(set(names)) == len(names)
    assert {len(name) for name in names} == {16}


def test_a_key_that_another_process_made_first_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Folder.open(tmp_path, URL)
    theirs = (made.path / "key").read_bytes()
    (made.path / "key").unlink()
    original = os.link

    def late(source: Path, target: Path) -> None:
        target.write_bytes(theirs)
        original(source, target)

    monkeypatch.setattr(os, "link", late)
    assert Folder.open(tmp_path, URL).number_name(NUMBER) == made.number_name(NUMBER)
    assert [path.name for path in made.path.iterdir()] == ["key"]


def test_the_default_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_root() == Path("/somewhere/demand-registry")
    for useless in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", useless)
        assert default_root() == Path.home() / ".cache" / "demand-registry"


def test_whoever_comes_second_is_told_and_waits_until_all_have_let_go(folder: Folder) -> None:
    """Also those that were only given the lock, as a worker process is, and live longer than who gave it."""
    told: list[str] = []
    with folder.locked(lambda: told.append("never")) as lock:
        heir = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(lock,))
    assert heir.stdin is not None
    let_go = heir.stdin.close

    def waiting() -> None:
        told.append("waiting")
        let_go()

    with folder.locked(waiting):
        assert told == ["waiting"]
    assert heir.wait(10) == 0


def test_tags_are_found_again_by_number_and_generation(folder: Folder) -> None:
    cache = TagCache(folder)
    rows = [(NUMBER, 1, tag(11)), (NUMBER, 2, tag(12)), (OTHER, 1, tag(13))]
    cache.keep(rows, "first", [(1, tag(1)), (2, tag(2))])
    for _ in range(2):
        cache.keep([(OTHER, 2, tag(14))], "second", [(2, tag(2))])
    receipts = {audit_id: receipt for receipt, audit_id in cache.audit_ids().items()}
    first, second = receipts["first"], receipts["second"]
    assert cache.tags(NUMBER) == {1: KeptTag(tag(11), first), 2: KeptTag(tag(12), first)}
    assert cache.tags(OTHER) == {1: KeptTag(tag(13), first), 2: KeptTag(tag(14), second)}
    assert cache.tags("+12065550179") == {}
    assert cache.count() == 4
    cache.close()
    again = TagCache(folder)
    assert again.tags(NUMBER)[1].tag == tag(11)
    assert again.public_keys() == {1: tag(1), 2: tag(2)}
    again.close()


def test_tags_of_a_retired_generation_or_under_another_key_are_dropped(folder: Folder) -> None:
    cache = TagCache(folder)
    cache.keep([(NUMBER, 1, tag(11)), (NUMBER, 2, tag(12))], "first", [(1, tag(1)), (2, tag(2))])
    cache.drop_others({1: tag(1), 2: tag(2), 3: tag(3)})
    assert cache.count() == 2
    cache.drop_others({2: tag(2), 3: tag(3)})
    assert set(cache.tags(NUMBER)) == {2}
    assert cache.public_keys() == {1: tag(1), 2: tag(2)}  # one that comes back must be the same
    cache.drop_others({2: tag(99)})
    assert cache.count() == 0
    assert cache.public_keys() == {1: tag(1)}
    cache.close()


def test_what_fails_half_way_is_not_kept(folder: Folder) -> None:
    cache = TagCache(folder)
    rows: list[Any] = [(NUMBER, 1, tag(11)), (OTHER, 1, None)]
    with pytest.raises(sqlite3.Error):
        cache.keep(rows, "first", [(1, tag(1))])
    assert (cache.count(), cache.audit_ids(), cache.public_keys()) == (0, {}, {})
    cache.close()


def test_a_database_of_another_version_is_left_alone(folder: Folder) -> None:
    TagCache(folder).close()
    database = sqlite3.connect(folder.path / "tags.db")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(CacheError, match="another version"):
        TagCache(folder)


def test_a_request_keeps_its_key_until_it_is_answered(folder: Folder) -> None:
    journal = Journal(folder, b"job")
    begun = journal.begin(b"request", b"body")
    assert journal.begin(b"request", b"body") == begun
    assert journal.begin(b"another", None).idempotency_key != begun.idempotency_key
    assert journal.unfinished() == [begun]
    assert "body" not in repr(begun)
    journal.close()
    again = Journal(folder, b"job")
    assert again.unfinished() == [begun]
    assert (again.guidance(), again.receipts()) == (None, [])
    again.finish(begun, [(b"question", CELLS)], "receipt", "/guidance")
    assert again.unfinished() == []
    assert again.answer(b"question") == CELLS
    assert again.answer(b"other") is None
    assert (again.guidance(), again.receipts()) == ("/guidance", ["receipt"])
    again.remove()
    again.close()
    assert list((folder.path / "jobs").iterdir()) == []


def test_a_key_that_the_registry_has_forgotten_is_not_used_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(folder, b"job")
    begun = journal.begin(b"request", b"body")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 86_400)
    assert journal.unfinished() == []
    assert journal.begin(b"request", b"body").idempotency_key != begun.idempotency_key
    journal.remove()


def test_a_journal_in_which_nothing_was_asked_leaves_nothing(folder: Folder) -> None:
    Journal(folder, b"job").close()
    assert list((folder.path / "jobs").iterdir()) == []


def test_journals_that_nobody_came_back_for_are_removed(folder: Folder) -> None:
    abandoned = Journal(folder, b"old")
    abandoned.begin(b"request", b"body")
    abandoned.close()
    path = folder.path / "jobs" / f"{b'old'.hex()}.db"
    assert path.exists()
    os.utime(path, (0, time.time() - 15 * 86_400))
    recent = Journal(folder, b"new")
    assert not path.exists()
    recent.remove()
