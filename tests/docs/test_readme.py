"""The README's commands, run as they stand: against `demand-registry run`, with its address and keys filled in."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
STARTED_WITHIN_SECONDS = 60


@dataclass(frozen=True)
class Sandbox:
    port: int
    folder: Path
    printed: str

    def key(self, kind: str) -> str:
        found = re.search(rf"Demo {kind} +(drk_test_\w+)", self.printed)
        assert found, self.printed
        return found[1]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def sandbox() -> Generator[Sandbox, None, None]:
    port = _free_port()
    with tempfile.TemporaryDirectory(prefix="registry-readme-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        output = folder / "printed.txt"
        command = [str(Path(sys.executable).with_name("demand-registry")), "run"]
        environment = {**os.environ, "REGISTRY_PORT": str(port), "COLUMNS": "200"}
        with output.open("wb") as file:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT)
        try:
            _await_ready(port, process, output)
            yield Sandbox(port, folder, output.read_text(encoding="utf-8"))
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0


def _await_ready(port: int, process: "subprocess.Popen[bytes]", output: Path) -> None:
    until = time.monotonic() + STARTED_WITHIN_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx2.get(f"http://127.0.0.1:{port}/health/ready", timeout=2).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(output.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def answers(sandbox: Sandbox) -> list[str]:
    """What each command prints, all in one shell, as a reader would run them."""
    marker = "--- next ---"
    script = "set -e\n" + f"\necho '{marker}'\n".join(COMMANDS)
    script = script.replace("127.0.0.1:8000", f"127.0.0.1:{sandbox.port}")
    script = script.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    keys = {
        "INVESTIGATOR": sandbox.key("investigator"),
        "EMPLOYER": sandbox.key("employer"),
        "REGISTRY_URL": f"http://127.0.0.1:{sandbox.port}",
        "XDG_CACHE_HOME": str(sandbox.folder / "cache"),
    }
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=sandbox.folder,
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split(marker)


def test_the_readme_shows_both_commands_of_a_newcomer() -> None:
    assert "\nmake run\n" in README
    assert "\nmake test\n" in README


def test_the_contact_is_recorded(answers: list[str]) -> None:
    answer: dict[str, Any] = json.loads(answers[1])
    assert answer["recorded"] == 1


def test_the_first_lookup_observes_it(answers: list[str]) -> None:
    answer: dict[str, Any] = json.loads(answers[2])
    assert answer["outcome"] == "contact_observed"
    assert answer["evidence"]["grade"] == "single"


def test_the_file_comes_back_with_its_answers(answers: list[str]) -> None:
    header, first, second = answers[3].strip().splitlines()
    assert header.startswith("Device,Phone,Since,outcome,")
    assert first.startswith("Phone 17,(206) 555-0177,2026-01-15,contact_observed,")
    assert second.startswith("Phone 18,(206) 555-0178,2026-01-15,none,")


def test_the_private_check_gives_the_same_answers(answers: list[str]) -> None:
    assert "1 contact observed, 1 none" in answers[5]
    rows = [line.rpartition(",")[0] for line in answers[5].strip().splitlines()[-3:]]
    assert rows == [line.rpartition(",")[0] for line in answers[3].strip().splitlines()]


def test_the_account_says_who_asks(answers: list[str]) -> None:
    answer: dict[str, Any] = json.loads(answers[4])
    assert answer["organisation"] == "Demo employer"
    assert answer["mode"] == "sandbox"
