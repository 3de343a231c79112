"""`<data folder>/run.json`: how the commands beside a running `demand-registry run` find it.

Holds the mode, address and pid of that process, and no secret. A file that a killed process left behind says so by its
pid.
"""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class RunFile:
    """port: TCP. host: as it was bound. mode: live or sandbox."""

    mode: str
    host: str
    port: int
    pid: int

    @property
    def url(self) -> str:
        return url_of(self.host, self.port)

    @property
    def alive(self) -> bool:
        """Whether a process of that pid exists."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def url_of(host: str, port: int) -> str:
    """Where a client on this machine reaches a server bound to the host."""
    reached = _ANY_ADDRESS.get(host, host)
    return f"http://[{reached}]:{port}" if ":" in reached else f"http://{reached}:{port}"


def read(data_dir: Path) -> RunFile | None:
    """None where there is none, or none that can be understood."""
    try:
        content = json.loads((data_dir / "run.json").read_bytes())
        found = RunFile(str(content["mode"]), str(content["host"]), int(content["port"]), int(content["pid"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if found.pid > 0 else None


def running_url(data_dir: Path) -> str | None:
    """Where the registry on this data folder answers; None where none runs."""
    found = read(data_dir)
    return found.url if found is not None and found.alive else None


@contextmanager
def written(data_dir: Path, *, mode: str, host: str, port: int) -> Generator[RunFile]:
    """Keeps the file for as long as the block runs."""
    path = data_dir / "run.json"
    content = RunFile(mode, host, port, os.getpid())
    unfinished = path.with_suffix(".json.new")
    unfinished.write_text(json.dumps(asdict(content)) + "\n", encoding="utf-8")
    unfinished.replace(path)
    try:
        yield content
    finally:
        path.unlink(missing_ok=True)
