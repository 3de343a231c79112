"""Outsiders verify the whole tree from what is public, and hear that bodies are not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import CommandLine, free_port
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forged_log import ForgedLog, Shown, ToldLog, forging, problem
from grown_log import GrownLog, flipped

SIZES: Final = (3, 255, 256, 257, 700, 65_537)
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HONEST: Final = GrownLog(key=KEY).grow(SIZES)
OTHER: Final = ToldLog(key=KEY).tell(b"another history").grow(SIZES[:-1])


@pytest.fixture
def shown() -> Iterator[ForgedLog]:
    with forging(ForgedLog(HONEST, 700)) as opened:
        yield opened


def verify(shown: ForgedLog, *options: str, code: int = 0) -> Any:
    """The document that it prints."""
    arguments = ("verify-log", "--url", shown.url, "--verifier-key", str(HONEST.verifier), "--json", *options)
    result = CommandLine().run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)


def contradiction(shown: ForgedLog, *options: str) -> tuple[str, str]:
    found = verify(shown, *options, code=1)
    assert found["holds"] is False
    return found["contradiction"]["kind"], found["contradiction"]["detail"]


def unverified(shown: ForgedLog, *options: str) -> str:
    """What is said on standard error."""
    key = str(HONEST.verifier)
    return CommandLine().refused("verify-log", "--url", shown.url, "--verifier-key", key, *options, code=3)


def kept(folder: Path, log: GrownLog, size: int) -> tuple[str, str]:
    """Options that name a checkpoint that was kept."""
    path = folder / "kept"
    path.write_text(log.note(size), encoding="utf-8")
    return "--checkpoint", str(path)


@pytest.mark.parametrize(("size", "tiles"), [(3, 1), (255, 1), (256, 2), (257, 3), (700, 4)])
def test_a_tree_that_is_the_signed_one(shown: ForgedLog, size: int, tiles: int) -> None:
    shown.size = size
    assert verify(shown) == {
        "holds": True,
        "source": shown.url,
        "origin": HONEST.origin,
        "size": size,
        "root": HONEST.roots[size].hex(),
        "kept_size": None,
        "checked": {"tiles": tiles, "checkpoints": 1, "bodies": 0},
    }


def test_a_tree_of_three_levels_of_tiles(shown: ForgedLog) -> None:
    shown.size = 65_537
    assert verify(shown)["checked"]["tiles"] == 256 + 1 + 1 + 1  # a full tile of level 1, and its root on level 2
    above = b"".join(HONEST.hashes[1][:256])
    shown.answers["/log/tile/1/000"] = Shown(200, flipped(above, 77))
    kind, said = contradiction(shown)
    assert (kind, said) == ("tile_changed", "The tile 1/0 is not made of the tiles below it: it was changed.")


def test_people_are_told_what_was_not_looked_at(shown: ForgedLog, tmp_path: Path) -> None:
    key = tmp_path / "log.pub"
    key.write_text(f"{HONEST.verifier}\n", encoding="utf-8")
    said = CommandLine().done(
        "verify-log", "--url", shown.url, "--verifier-key", str(key), *kept(tmp_path, HONEST, 255)
    )
    assert said.splitlines() == [
        f"The log {HONEST.origin} holds: 700 events, 4 tiles, 1 checkpoint.",
        "It continues the checkpoint of 255 events that you kept.",
        "Bodies of events were not checked: only the registry has them.",
    ]


@pytest.mark.parametrize("at", [0, 500, 32 * 255])
def test_a_hash_that_was_changed(shown: ForgedLog, at: int) -> None:
    shown.answers["/log/tile/0/001"] = Shown(200, flipped(b"".join(HONEST.hashes[0][256:512]), at))
    assert contradiction(shown)[0] == "tile_changed"  # the tile above it has the hash of what was signed
    shown.answers["/log/tile/0/002.p/188"] = Shown(200, flipped(b"".join(HONEST.hashes[0][512:700]), at % 6_000))
    del shown.answers["/log/tile/0/001"]
    kind, said = contradiction(shown)
    assert (kind, said) == (
        "tree_changed",
        "The tiles do not make the tree of 700 events that was signed: a hash was changed.",
    )


def test_a_tile_that_is_not_there(shown: ForgedLog) -> None:
    shown.answers["/log/tile/0/001"] = problem(404, "not_found")
    assert contradiction(shown) == ("tile_missing", "The log is signed, and does not have its tile 0/1.")


def test_a_checkpoint_that_another_key_has_signed(shown: ForgedLog) -> None:
    shown.log = GrownLog().grow([700])
    assert "What was shown is not a checkpoint of this log" in unverified(shown)
    shown.answers["/log/checkpoint"] = Shown(200, b"<html><p>Log in first.</p>\n\n</html>\n")
    assert "What was shown is not a checkpoint of this log" in unverified(shown)
    shown.answers["/log/checkpoint"] = Shown(200, HONEST.note(700).replace("\n700\n", "\n699\n").encode())
    assert contradiction(shown)[0] == "checkpoint_unsigned"


def test_a_kept_checkpoint_of_a_longer_log(shown: ForgedLog, tmp_path: Path) -> None:
    shown.size = 255
    said = unverified(shown, *kept(tmp_path, HONEST, 256))
    assert "The log ends at 255 events, and the checkpoint that you kept has 256. The registry still proves" in said
    shown.forgotten = {256}
    kind, said = contradiction(shown, *kept(tmp_path, HONEST, 256))
    assert kind == "rolled_back"
    assert "The log ends at 255 events, and the checkpoint that you kept has 256" in said
    shown.answers["/log/checkpoint"] = problem(404, "not_found")
    assert contradiction(shown, *kept(tmp_path, HONEST, 256))[0] == "rolled_back"


def test_a_kept_checkpoint_of_another_history(shown: ForgedLog, tmp_path: Path) -> None:
    kind, said = contradiction(shown, *kept(tmp_path, OTHER, 256))
    assert kind == "history_rewritten"
    assert "The checkpoint of 256 events that you kept was signed over another log" in said


def test_a_kept_checkpoint_that_this_key_has_not_signed(shown: ForgedLog, tmp_path: Path) -> None:
    stranger = unverified(shown, *kept(tmp_path, GrownLog().grow([3]), 3))
    assert f"kept is not a checkpoint of this log: it is not signed by {HONEST.origin} with this key." in stranger
    options = kept(tmp_path, HONEST, 255)
    path = Path(options[1])
    path.write_text(path.read_text(encoding="utf-8").replace("\n255\n", "\n256\n"), encoding="utf-8")
    kind, said = contradiction(shown, *options)
    assert kind == "checkpoint_unsigned"
    assert "The checkpoint that you kept does not hold under this verifier key." in said


def test_what_cannot_be_looked_at_is_no_contradiction(shown: ForgedLog) -> None:
    command = ("verify-log", "--verifier-key", str(HONEST.verifier), "--url")
    assert "Nothing answers at" in CommandLine().refused(*command, f"http://127.0.0.1:{free_port()}", code=3)
    for answer in (Shown(500, b""), Shown(301, b"", {"Location": "/elsewhere"}), Shown(200, b"x" * 9_000)):
        shown.answers["/log/tile/0/001"] = answer
        CommandLine().refused(*command, shown.url, code=3)
    shown.answers["/log/checkpoint"] = problem(404, "not_found")
    assert "The log shows no checkpoint" in CommandLine().refused(*command, shown.url, code=3)
