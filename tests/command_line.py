"""The command line as tests use it: in this process, or as a process of its own that is started and stopped."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result

from registry.cli import main

PROGRAM: Final = str(Path(sys.executable).with_name("demand-registry"))
PATIENCE_SECONDS: Final = 60


def clean_environment(values: Mapping[str, str]) -> dict[str, str]:
    """This process's, without any setting of a registry but the given ones."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")}
    return {**kept, "COLUMNS": "200", **values}


@dataclass(frozen=True)
class CommandLine:
    """Runs commands in this process, under the given REGISTRY_* variables and no others."""

    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def with_environment(self, **values: str) -> "CommandLine":
        return CommandLine({**self.environment, **values})

    def without(self, name: str) -> "CommandLine":
        return CommandLine({key: value for key, value in self.environment.items() if key != name})

    def run(self, *arguments: str, typed: str | bytes = "") -> Result:
        """typed: standard input, which is no terminal. A traceback fails the test."""
        cleared = {name: None for name in os.environ if name.startswith("REGISTRY_")}
        result = CliRunner().invoke(
            main,
            list(arguments),
            input=typed,
            env={**cleared, "COLUMNS": "200", **self.environment},
            prog_name="demand-registry",
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        return result

    def done(self, *arguments: str, typed: str | bytes = "") -> str:
        """What a command prints that succeeds."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        assert result.stderr == ""
        return result.stdout

    def json(self, *arguments: str, typed: str | bytes = "") -> Any:
        """The document that a command prints under `--json`."""
        return json.loads(self.done(*arguments, "--json", typed=typed))

    def refused(self, *arguments: str, typed: str | bytes = "", code: int = 1) -> str:
        """The one sentence, or few, that a command says on standard error and nothing on standard output."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == code, result.output
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        return result.stderr

    def organisation(self, kind: str, name: str) -> str:
        """The id of a new one."""
        return str(self.json("organisations", "create", name, "--kind", kind)["id"])

    def key(self, organisation: str, *options: str) -> str:
        """A new key's text."""
        return str(self.json("keys", "issue", "--organisation", organisation, *options)["key"])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Server:
    """A `run` or `serve` that is ready. printed: the file that gets both of its streams."""

    process: "subprocess.Popen[bytes]"
    port: int
    printed: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def text(self) -> str:
        return self.printed.read_text(encoding="utf-8")

    def key(self, kind: str) -> str:
        found = re.search(rf"Demo {kind} +(drk_\w+)", self.text)
        assert found, self.text
        return found[1]

    def stop(self, number: signal.Signals) -> int:
        """The exit code after the signal."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_SECONDS)


@contextmanager
def started(
    arguments: list[str],
    port: int,
    printed: Path,
    environment: Mapping[str, str],
    ready: str,
) -> Generator[Server]:
    """Waits until it has printed what `ready` says (a regular expression). Killed at the end if it still runs."""
    with printed.open("wb") as file:
        process = subprocess.Popen(
            [PROGRAM, *arguments],
            env=clean_environment({**environment, "REGISTRY_PORT": str(port)}),
            cwd=printed.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, port, printed)
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not re.search(ready, server.text):
            assert process.poll() is None, server.text
            assert time.monotonic() < deadline, server.text
            time.sleep(0.05)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=PATIENCE_SECONDS)


def on_a_terminal(arguments: list[str], environment: Mapping[str, str], answers: list[tuple[str, str]]) -> str:
    """All that a terminal shows. answers: what is waited for, and what is typed then."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        env=clean_environment(environment),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = ""
    for awaited, typed in answers:
        before = len(shown)
        while awaited not in shown[before:]:
            shown += os.read(ours, 4_096).decode()
        time.sleep(0.1)  # the prompt is there before the echo is off
        os.write(ours, typed.encode() + b"\n")
    try:
        while part := os.read(ours, 4_096):
            shown += part.decode()
    except OSError:  # how Linux says that the other side has closed
        pass
    os.close(ours)
    assert process.wait(timeout=30) == 0, shown
    return shown
