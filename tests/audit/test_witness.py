"""A witness remembers what it was shown, and names whatever contradicts it."""

import fcntl
import json
import socket
import stat
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from command_line import CommandLine, free_port
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from forged_log import ForgedLog, Shown, ToldLog, consistency, forging, problem
from grown_log import GrownLog, flipped

from registry.client._errors import Unavailable
from registry.client.log.source import LogSource, Persistence
from registry.client.log.witness import Observation, observe
from registry.domain.contradictions import NotVerifiable

SIZES: Final = (3, 40, 256, 700)
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def grown(key: Ed25519PrivateKey = KEY, salt: bytes = b"") -> GrownLog:
    """salt: other entries from number 20 on."""
    log = ToldLog(key=key)
    log.grow([3])
    if salt:
        log.grow([20])
        log.tell(salt)
    return log.grow(range(log.edge.size, SIZES[-1] + 1))


HONEST: Final = grown()
OTHER: Final = grown(salt=b"another history")


@contextmanager
def dripping(headers: bytes) -> Generator[str]:
    """A server that never comes to an end: each byte of its answer comes long before a socket's timeout."""
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(10_000)
            connection.sendall(headers or b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not over.wait(0.05):
                connection.sendall(b"x")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield "http://127.0.0.1:{}".format(*listener.getsockname()[1:])
    finally:
        over.set()
        thread.join()
        listener.close()


@pytest.fixture
def shown() -> Iterator[ForgedLog]:
    with forging(ForgedLog(HONEST, 40)) as opened:
        yield opened


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "log.checkpoint"


def witness(shown: ForgedLog, state: Path, *options: str, code: int = 0) -> str:
    """What it says on standard output."""
    key = str(HONEST.verifier)
    result = CommandLine().run("witness", "--url", shown.url, "--state", str(state), "--verifier-key", key, *options)
    assert result.exit_code == code, result.output
    assert (result.stderr == "") == (code in {0, 1}), result.stderr
    return result.stdout if code in {0, 1} else result.stderr


def contradicted(shown: ForgedLog, state: Path, kind: str, size: int = 40) -> str:
    """The sentence. The state must be as it was, and both checkpoints kept."""
    before = state.read_bytes()
    document = json.loads(witness(shown, state, "--json", code=1))
    assert (document["holds"], document["contradiction"]["kind"]) == (False, kind)
    assert state.read_bytes() == before
    evidence = Path(document["evidence"])
    assert evidence.name.startswith(f"{state.name}.conflict-{size}")
    kept = evidence.read_text(encoding="utf-8")
    assert before.decode() in kept
    assert document["contradiction"]["detail"] in kept
    return str(document["contradiction"]["detail"])


def test_the_first_checkpoint_is_believed_and_remembered_as_it_was_signed(shown: ForgedLog, state: Path) -> None:
    said = witness(shown, state)
    assert f"First use: the checkpoint of 40 events is signed by {HONEST.origin}, was believed" in said
    assert state.read_text(encoding="utf-8") == HONEST.note(40)
    assert stat.S_IMODE(state.stat().st_mode) == 0o644
    assert "still has 40 events, and is the same" in witness(shown, state)


def test_a_log_that_grew_is_followed_and_quiet_is_quiet(shown: ForgedLog, state: Path) -> None:
    for size in SIZES:
        shown.size = size
        assert witness(shown, state, "--quiet") == ""
        assert state.read_text(encoding="utf-8") == HONEST.note(size)
    assert {path.name for path in state.parent.iterdir()} == {state.name, f"{state.name}.lock"}


def test_what_was_seen_is_told_to_programs(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.size = 256
    assert json.loads(witness(shown, state, "--json")) == {
        "holds": True,
        "origin": HONEST.origin,
        "size": 256,
        "root": HONEST.roots[256].hex(),
        "size_before": 40,
    }


def test_an_old_copy_of_the_log_convicts_nobody_however_often_it_is_shown(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.size = 3
    for _ in range(2):
        said = witness(shown, state, code=3)
        assert "The log shows 3 events, and it had 40 when it was last seen. The registry still proves that one" in said
        assert state.read_text(encoding="utf-8") == HONEST.note(40)
    assert not list(state.parent.glob("*.conflict-*"))


def test_an_older_tree_that_is_not_shown_to_be_the_beginning_of_what_was_seen(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.size = 3
    for proof in ([], HONEST.consistency(3, 256), [bytes(32)] * len(HONEST.consistency(3, 40))):
        shown.answers["/v1/audit/consistency"] = consistency(3, 40, proof)
        assert "are not shown to belong to one log" in contradicted(shown, state, "history_rewritten")


def test_the_checkpoint_is_asked_for_past_caches(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    assert shown.headers["/log/checkpoint"]["Cache-Control"] == "no-cache"


def test_an_older_tree(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.size, shown.forgotten = 3, {40}
    assert "The log shows 3 events, and it had 40 when it was last seen" in contradicted(shown, state, "rolled_back")


def test_another_tree_of_the_same_size(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.log = OTHER
    said = contradicted(shown, state, "split_view")
    assert "another tree of 40 events than the one that was last seen, and both are signed" in said


def test_a_larger_tree_that_does_not_continue_the_one_that_was_seen(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.log, shown.size = OTHER, 256
    said = contradicted(shown, state, "history_rewritten")
    assert "The log of 256 events is not shown to continue the one of 40 that was last seen." in said


def test_a_log_that_no_longer_knows_the_checkpoint_that_was_seen(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.size, shown.forgotten = 700, {40}
    said = contradicted(shown, state, "history_rewritten")
    assert "The log has 700 events and no longer knows its checkpoint of 40" in said


def test_a_log_that_shows_nothing_any_more(shown: ForgedLog, state: Path) -> None:
    shown.answers["/log/checkpoint"] = problem(404, "not_found")
    assert "The log shows no checkpoint" in witness(shown, state, code=3)
    assert not state.exists()
    del shown.answers["/log/checkpoint"]
    witness(shown, state)
    shown.answers["/log/checkpoint"] = problem(404, "not_found")
    document = json.loads(witness(shown, state, "--json", code=1))
    assert (document["contradiction"]["kind"], document["evidence"]) == ("rolled_back", None)
    assert state.read_text(encoding="utf-8") == HONEST.note(40)


@pytest.mark.parametrize("bit", range(0, 64, 9))
def test_a_proof_with_a_changed_byte(shown: ForgedLog, state: Path, bit: int) -> None:
    witness(shown, state)
    proof = HONEST.consistency(40, 256)
    proof[bit % len(proof)] = flipped(proof[bit % len(proof)], bit % 32, bit % 8)
    shown.size, shown.answers["/v1/audit/consistency"] = 256, consistency(40, 256, proof)
    contradicted(shown, state, "history_rewritten")


def test_a_checkpoint_that_another_key_has_signed(shown: ForgedLog, state: Path) -> None:
    stranger = grown(Ed25519PrivateKey.generate())
    shown.log = stranger
    assert "not signed by log.example/demand with this key" in witness(shown, state, code=3)
    assert not state.exists()  # a stranger's key is not believed at first use either
    shown.log = HONEST
    witness(shown, state)
    shown.log, shown.size = stranger, 256
    assert "What was shown is not a checkpoint of this log" in witness(shown, state, code=3)
    assert not list(state.parent.glob("*.conflict-*"))


@pytest.mark.parametrize("wrong", ["", "nothing\n", "log.example/demand\n256\n", "<html><p>Log in</p>\n\n</html>\n"])
def test_a_checkpoint_that_is_not_signed(shown: ForgedLog, state: Path, wrong: str) -> None:
    witness(shown, state)
    text = wrong or HONEST.note(256).partition("\n\n")[0] + "\n"
    shown.answers["/log/checkpoint"] = Shown(200, text.encode())
    assert "What was shown is not a checkpoint of this log" in witness(shown, state, code=3)
    assert not list(state.parent.glob("*.conflict-*"))


def test_a_checkpoint_whose_signature_does_not_hold(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    note = HONEST.note(256).replace("\n256\n", "\n257\n")
    shown.answers["/log/checkpoint"] = Shown(200, note.encode())
    assert "The note's signature does not hold" in contradicted(shown, state, "checkpoint_unsigned")


def test_so_many_conflicts_are_kept_and_no_more(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    note = HONEST.note(256)
    for size in range(300, 310):
        shown.answers["/log/checkpoint"] = Shown(200, note.replace("\n256\n", f"\n{size}\n").encode())
        contradicted(shown, state, "checkpoint_unsigned")
    names = sorted(str(path) for path in state.parent.glob("*.conflict-*"))
    contents = [Path(name).read_bytes() for name in names]
    assert len(names) == 10
    shown.answers["/log/checkpoint"] = Shown(200, note.replace("\n256\n", "\n999\n").encode())
    document = json.loads(witness(shown, state, "--json", code=1))
    assert (document["evidence"], document["kept_before"]) == (None, names)
    assert f"10 conflicts are kept already, and this one is not: {names[0]}, " in witness(shown, state, code=1)
    assert [path.read_bytes() for path in sorted(state.parent.glob("*.conflict-*"))] == contents


def test_evidence_that_cannot_be_kept_hides_nothing(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.log = OTHER
    state.with_name(f"{state.name}.conflict-40").mkdir()
    document = json.loads(witness(shown, state, "--json", code=1))
    assert (document["contradiction"]["kind"], document["evidence"]) == ("split_view", None)


def test_what_a_server_says_does_not_steer_the_terminal(shown: ForgedLog, state: Path) -> None:
    document = {"code": "x\x1b[2J", "title": "\x1b]0;title\x07", "detail": "\u202eevil", "status": 400}
    answer = Shown(400, json.dumps(document).encode(), {"Content-Type": "application/problem+json"})
    shown.answers["/log/checkpoint"] = answer
    said = witness(shown, state, code=3)
    assert "?]0;title?: ?evil (x?[2J)" in said
    assert not {"\x1b", "\x07", "\u202e"} & set(said)


@pytest.mark.parametrize("headers", ["", "HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"])
def test_a_server_that_answers_byte_by_byte_is_not_waited_for(state: Path, headers: str) -> None:
    with dripping(headers.encode()) as url:
        source = LogSource(url, Persistence(attempts=1, seconds=0.5))
        began = time.monotonic()
        with pytest.raises(Unavailable, match=r"has not answered in full within 0\.5 seconds"):
            observe(source, HONEST.verifier, state)
        source.close()
    assert time.monotonic() - began < 3


def test_a_witness_that_holds_the_state_is_not_waited_for_for_ever(shown: ForgedLog, state: Path) -> None:
    source = LogSource(shown.url)
    with state.with_name(f"{state.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NotVerifiable, match=r"Another witness has held .*\.lock for more than 0\.1 seconds"):
            observe(source, HONEST.verifier, state, turn_seconds=0.1)
    assert observe(source, HONEST.verifier, state).before is None
    source.close()


def test_evidence_is_kept_once_and_never_written_over(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    shown.log = OTHER
    for _ in range(2):
        contradicted(shown, state, "split_view")
    shown.size, shown.forgotten = 3, {40}
    contradicted(shown, state, "rolled_back")
    names = sorted(path.name for path in state.parent.glob("*.conflict-*"))
    assert names == [f"{state.name}.conflict-40", f"{state.name}.conflict-40-2"]
    said = witness(shown, state, code=1)
    assert f"Both checkpoints are kept in {state}.conflict-40-2, and the state is as it was." in said


def test_a_registry_that_is_away_leaves_the_state_alone(shown: ForgedLog, state: Path) -> None:
    witness(shown, state)
    before = state.read_bytes()
    away = ForgedLog(HONEST, 40, url=f"http://127.0.0.1:{free_port()}")
    assert "Nothing answers at" in witness(away, state, code=3)
    shown.size = 256
    for path, answer in (
        ("/log/checkpoint", Shown(500, b"oops")),
        ("/log/checkpoint", Shown(302, b"", {"Location": "http://203.0.113.7/log/checkpoint"})),
        ("/log/checkpoint", Shown(200, b"\xff\xfe")),
        ("/log/checkpoint", Shown(200, b"x" * 1_000_001)),
        ("/log/checkpoint", Shown(200, b"x", {"Content-Encoding": "gzip"})),
        ("/v1/audit/consistency", Shown(200, b"{}")),
        ("/v1/audit/consistency", Shown(200, b"x" * 70_000)),
        ("/v1/audit/consistency", consistency(3, 256, [])),
        ("/v1/audit/consistency", Shown(200, b'{"from": 40, "to": 256, "hashes": ["AAAA", "?"]}')),
    ):
        shown.answers = {path: answer}
        witness(shown, state, code=3)
        assert state.read_bytes() == before
    assert not list(state.parent.glob("*.conflict-*"))


def test_a_state_that_is_none_is_never_overwritten(shown: ForgedLog, state: Path) -> None:
    stranger = grown(Ed25519PrivateKey.generate())
    for content in (b"", b"\xff", stranger.note(3).encode(), HONEST.note(40).replace("40", "41").encode()):
        state.write_bytes(content)
        said = witness(shown, state, code=3)
        assert "does not hold a checkpoint that this verifier key has signed" in said
        assert state.read_bytes() == content


def test_witnesses_of_one_state_file_take_turns(shown: ForgedLog, state: Path) -> None:
    shown.size = 3
    witness(shown, state)
    shown.size = 700

    def watch(_number: int) -> Observation:
        source = LogSource(shown.url)
        try:
            return observe(source, HONEST.verifier, state)
        finally:
            source.close()

    with ThreadPoolExecutor(8) as pool:
        seen = list(pool.map(watch, range(8)))
    assert sorted(one.before.size for one in seen if one.before is not None) == [3] + [700] * 7
    assert shown.asked.count("/v1/audit/consistency") == 1


@pytest.mark.parametrize(
    "url", ["ftp://registry.example.org", "registry.example.org", "http://user@registry.example.org"]
)
def test_what_is_no_address_is_said_so(state: Path, url: str) -> None:
    key = str(HONEST.verifier)
    said = CommandLine().refused("witness", "--url", url, "--state", str(state), "--verifier-key", key, code=3)
    assert "The registry's address is written like" in said
