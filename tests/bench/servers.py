"""Servers under measurement, each in a process of its own: the registry as `demand-registry serve` runs it, one worker,
and the bare endpoint of `hello`. Started, awaited, and ended in any case.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .processes import cpu_seconds, descendants, peak_memory

_START_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 40.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server that answers on a port of 127.0.0.1."""

    pid: int
    port: int

    def cpu_seconds(self) -> float:
        """User and system time since its start, its workers' included."""
        return cpu_seconds(self.pid)

    def peak_memory(self) -> int:
        """Bytes of the process itself, since its start."""
        return peak_memory(self.pid)

    def peak_memory_of_others(self) -> int:
        """Bytes of the processes that it started, each at its own peak; what they share is counted in each."""
        return sum(peak_memory(process) for process in descendants(self.pid))


@contextmanager
def registry_server(settings: Mapping[str, str], log: Path) -> Generator[Server]:
    """settings: REGISTRY_* by name. log: where its log goes, an access line for each request included."""
    port = _free_port()
    command = [str(Path(sys.executable).with_name("demand-registry")), "serve", "--port", str(port)]
    with _running(command, {**_environment(), **settings}, log, port) as server:
        yield server


@contextmanager
def hello_server(log: Path) -> Generator[Server]:
    port = _free_port()
    command = [sys.executable, "-m", f"{__package__}.hello", str(port)]
    with _running(command, _environment(), log, port) as server:
        yield server


def _environment() -> dict[str, str]:
    """Ours without what would change the registry's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "PROMETHEUS_"))}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def _running(command: Sequence[str], environment: Mapping[str, str], log: Path, port: int) -> Generator[Server]:
    with (
        log.open("ab") as output,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment) as process,
    ):
        try:
            _await(process, port, log)
            yield Server(process.pid, port)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not start: {log.read_text(errors='replace')[-2_000:]}")
