"""What `demand-registry check` says when it cannot end: one plain sentence, exit code 2, and nothing left behind."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from checking import Desk
from client_scene import Scene, left
from command_line import CommandLine
from forgeries import BAD_FORMS, BAD_PROOFS, FALSE_KEY, AnotherKey, with_public_key
from meddling import Meddle, between

from registry.client import QuotaExceeded, RegistryError
from registry.client.file_checks.folder import Folder, folder_name
from registry.client.file_checks.tag_cache import TagCache
from registry.client.file_checks.workers import WorkerFailed

BOTH = pytest.mark.parametrize("mode", [(), ("--private",)], ids=["plain", "private"])
KEPT = "run the same command again, and it is not paid for twice."


@pytest.fixture
def desk(scene: Scene, tmp_path: Path) -> Desk:
    return Desk(tmp_path, scene.url, scene.asker())


def refused(desk: Desk, file: Path, *options: str, out: str = "results.csv") -> str:
    """What is said. No result is there, nor a part of one, and neither number nor key was repeated."""
    result = desk.run(file, *options, out=out)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert desk.member.key not in result.stderr
    assert "+1" not in result.stderr
    assert not [path for path in desk.folder.iterdir() if path.name in {"results.csv", ".results.csv.part"}]
    return result.stderr


@BOTH
def test_a_wrong_key(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    file = desk.numbers(scene.seen)
    desk.member.key = "drk_test_" + "a" * 46
    said = refused(desk, file, *mode)
    assert "(unauthorized)" in said
    assert "scope `private`" in said


def test_what_is_no_key_or_no_address(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.seen)
    address = CommandLine({"REGISTRY_API_KEY": desk.member.key, "REGISTRY_URL": "registry.example"})
    assert "is written like https://" in address.refused("check", str(file), code=2)
    key = CommandLine({"REGISTRY_API_KEY": "hunter2", "REGISTRY_URL": desk.url})
    assert "hunter2" not in key.refused("check", str(file), code=2)
    assert "there is no terminal" in CommandLine({"REGISTRY_URL": desk.url}).refused("check", str(file), code=2)


@BOTH
def test_a_registry_that_is_away(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    file = desk.numbers(scene.seen)
    desk.url = "http://127.0.0.1:1"
    assert f"Nothing answers at {desk.url}." in refused(desk, file, *mode)


@BOTH
def test_a_day_without_numbers_left(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    desk.member = scene.asker(numbers_per_day=5)
    said = refused(desk, desk.numbers(scene.seen), *mode)
    assert "(quota_exceeded)" in said
    assert "Try again in " in said
    assert KEPT in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "(file_empty)"),
        (b"\x00\x01\x02", "(file_not_text)"),
        (b"a,b\n1,2\n", "(column_not_found)"),
        (b'Phone\n"never closed\n', "(row_too_long)"),
    ],
)
@BOTH
def test_what_is_no_table(desk: Desk, mode: tuple[str, ...], content: bytes, said: str) -> None:
    assert said in refused(desk, desk.file(content), *mode)


def test_options_that_cannot_be_right(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.seen)
    assert "(unknown_region)" in refused(desk, file, "--region", "Atlantis")
    assert "number_in_text" in refused(desk, file, "--case-ref", "call 206 555 0177")
    assert "belong to --private" in refused(desk, file, "--buckets")
    assert "belong to --private" in refused(desk, file, "--public-key", "1:AAAA")
    for key in ("AAAA", "1:AAAA", "one:AAAA", "1:not base64", ":"):
        assert "GENERATION:BASE64" in refused(desk, file, "--private", "--public-key", key)
    assert "Invalid value for '--purpose'" in refused(desk, file, "--purpose", "curiosity")
    assert "does not exist" in refused(desk, desk.folder / "nowhere.csv")


def test_results_are_never_written_over_what_is_checked(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.seen)
    before = file.read_bytes()
    (desk.folder / "link.csv").symlink_to(file)
    os.link(file, desk.folder / "same.csv")
    for out in ("numbers.csv", "link.csv", "same.csv", "../" + desk.folder.name + "/numbers.csv"):
        assert "over the file that is checked" in refused(desk, file, out=out)
    (desk.folder / "there").mkdir()
    os.mkfifo(desk.folder / "pipe")
    assert "is a directory" in refused(desk, file, out="there")
    assert "is not a file" in refused(desk, file, out="pipe")
    assert "No such file or directory" in refused(desk, file, out="nowhere/results.csv")
    assert file.read_bytes() == before
    assert left(desk.member) == 10_000_000


def test_a_file_that_cannot_be_read_again_is_no_file_to_check(desk: Desk) -> None:
    os.mkfifo(desk.folder / "pipe.csv")
    assert "is not a file" in refused(desk, desk.folder / "pipe.csv")


@pytest.mark.parametrize("forge", [*BAD_PROOFS.values(), *BAD_FORMS.values()], ids=[*BAD_PROOFS, *BAD_FORMS])
def test_a_forged_answer_stops_the_check_and_nothing_of_it_is_kept(desk: Desk, scene: Scene, forge: Meddle) -> None:
    file = desk.numbers([*scene.seen[:2], *scene.fresh(1)])
    with between(scene.url, after=forge) as watched:
        desk.url = watched.url
        said = refused(desk, file, "--private")
        assert "known key" in said or "answer" in said
        assert watched.count("/v1/private/set") == 0
        assert kept(desk) == 0


def test_an_answer_under_another_key_stops_the_check_and_nothing_of_it_is_kept(desk: Desk, scene: Scene) -> None:
    forger = AnotherKey()
    with between(scene.url, forger.after, forger.before) as watched:
        desk.url = watched.url
        assert "proof does not hold" in refused(desk, desk.numbers(scene.fresh(2)), "--private")
        assert kept(desk) == 0


def test_a_key_that_changed_since_the_last_check_stops_it_before_anything_is_sent(desk: Desk, scene: Scene) -> None:
    numbers = scene.fresh(3)
    with between(scene.url) as watched:
        desk.url = watched.url
        assert desk.run(desk.numbers(numbers[:2]), "--private", out="first.csv").exit_code == 0
        watched.after = with_public_key(FALSE_KEY)
        said = refused(desk, desk.numbers(numbers), "--private")
        assert "public key of generation 1" in said
        assert watched.count("/v1/private/evaluations") == 1
        assert kept(desk) == 2


def test_a_key_that_proves_nothing_is_not_remembered(desk: Desk, scene: Scene) -> None:
    """Who swapped the key at the first sight of a registry has not shut its true key out."""
    file = desk.numbers(scene.fresh(2))
    with between(scene.url, after=with_public_key(FALSE_KEY)) as watched:
        desk.url = watched.url
        assert "proof does not hold" in refused(desk, file, "--private")
        watched.after = None
        assert desk.run(file, "--private").exit_code == 0


def kept(desk: Desk) -> int:
    """How many tags the cache holds."""
    cache = TagCache(Folder.open(desk.folder / "cache", desk.url))
    try:
        return cache.count()
    finally:
        cache.close()


def damage(name: str, content: bytes) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / name).write_bytes(content)

    return spoil


@pytest.mark.parametrize("spoil", [damage("tags.db", b"no database" * 999), damage("key", b"short")])
def test_a_damaged_cache_is_named(desk: Desk, scene: Scene, spoil: Callable[[Path], None]) -> None:
    file = desk.numbers(scene.fresh(1))
    desk.run(file, "--private", out="first.csv")
    spoil(desk.folder / "cache" / folder_name(desk.url))
    said = refused(desk, file, "--private")
    assert "damaged" in said
    assert str(desk.folder / "cache") in said


def test_a_cache_that_is_no_folder_or_cannot_be_made(desk: Desk, scene: Scene) -> None:
    file = desk.numbers(scene.seen)
    (desk.folder / "cache").mkdir()
    (desk.folder / "cache" / folder_name(desk.url)).symlink_to(desk.folder)
    assert "is not a folder of this account" in refused(desk, file)
    desk.cache = "numbers.csv"
    assert "numbers.csv" in refused(desk, file)


@BOTH
def test_a_file_that_changes_meanwhile_is_noticed(desk: Desk, scene: Scene, mode: tuple[str, ...]) -> None:
    file = desk.numbers(scene.fresh(2))

    def change(exchange: object) -> None:
        del exchange
        with file.open("a", encoding="utf-8") as more:
            more.write("withheld\n")

    with between(scene.url, after=change) as watched:
        desk.url = watched.url
        assert "The file was changed while it was being checked." in refused(desk, file, *mode)


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        (KeyboardInterrupt(), 130, "Interrupted. What was answered so far is kept"),
        (sqlite3.OperationalError("disk full"), 2, "The cache cannot be written or read (disk full)."),
        (OSError(28, "No space left on device", "results.csv"), 2, "results.csv: No space left on device."),
        (OSError(), 2, "OSError."),
        (WorkerFailed("A worker process ended unexpectedly."), 2, "A worker process ended unexpectedly. What was"),
        (
            RegistryError("A fault.", code="internal", status=500, request_id="0198"),
            2,
            "A fault. (internal) Request 0198.",
        ),
        (QuotaExceeded("No more.", code="quota_exceeded", status=429, retry_after=60.0), 2, "Try again in 60 seconds."),
        (QuotaExceeded("No more.", code="quota_exceeded", status=429, retry_after=3_000.0), 2, "again in 50 minutes."),
        (QuotaExceeded("No more.", code="quota_exceeded", status=429, retry_after=36_000.0), 2, "again in 10 hours."),
        (
            ValueError("+12065550177 is no number"),
            2,
            "This program has a fault: ValueError at test_cli_check_refusals.py:",
        ),
    ],
)
def test_whatever_goes_wrong_is_no_observed_contact(
    desk: Desk, scene: Scene, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, said: str
) -> None:
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr("registry.cli.check.check_file", fail)
    result = desk.run(desk.numbers(scene.seen))
    assert result.exit_code == code
    assert said in result.stderr
    assert "555" not in result.stderr
