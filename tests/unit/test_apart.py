"""Work in a process of its own: only its result, or what it raised, comes back."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from command_line import clean_environment
from memory import found_in_memory

from registry.apart import apart
from registry.key_file import KeyFile
from registry.sealed_file import SealedFileError

READER: Final = """
import sys
from hashlib import sha256
from pathlib import Path
from registry.apart import apart

kept = []

def read():
    kept.append(Path(sys.argv[1]).read_bytes())
    return sha256(kept[0]).hexdigest()

print(apart(read) if sys.argv[2] == "apart" else read(), flush=True)
sys.stdin.read()
"""
"""Reads a file and keeps what it read, tells a digest of it, and waits for the end of its input."""


def test_what_the_work_returns_comes_back() -> None:
    assert apart(lambda: {1: bytes(32)}) == {1: bytes(32)}
    assert apart(lambda: None) is None


def test_it_is_done_in_another_process_that_is_gone_afterwards() -> None:
    pid = apart(os.getpid)
    assert pid != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_the_work_raises_is_raised_here_and_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise SealedFileError("There is no key file.")

    with pytest.raises(SealedFileError, match=r"^There is no key file\.$"):
        apart(refuse)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "end", [lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), lambda: os._exit(1)]
)
def test_work_that_ends_without_an_answer_is_an_error(end: Callable[[], None]) -> None:
    with pytest.raises(RuntimeError, match="ended without an answer"):
        apart(end)


def test_a_secret_cannot_come_back_nor_be_printed_on_the_way(capfd: pytest.CaptureFixture[str]) -> None:
    secret = KeyFile.create()
    with pytest.raises(RuntimeError, match="ended without an answer"):
        apart(lambda: secret)
    told = "".join(capfd.readouterr())
    assert "KeyFile" in told  # a fault of the program: it says that a secret was to be sent, and not which
    for content in (*secret.seeds.values(), secret.fingerprint_key):
        assert content.hex() not in told
        assert repr(content)[2:-1] not in told


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="memory is only to be seen on Linux")
@pytest.mark.parametrize(("where", "there"), [("apart", set[str]()), ("here", {"secret"})])
def test_what_only_the_child_has_read_is_not_in_the_memory_of_who_asked(
    tmp_path: Path, where: str, there: set[str]
) -> None:
    """Read in the process itself, it is found: the search is not blind."""
    secret, file = secrets.token_bytes(64), tmp_path / "secret"
    file.write_bytes(secret)
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(file), where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment({}),
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().decode().strip() == sha256(secret).hexdigest()
        found = found_in_memory(process.pid, {"secret": secret})
    assert found == there
