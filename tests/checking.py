"""The command `demand-registry check` as tests run it: in this process, or as one of its own that is interrupted."""

import csv
import io
import json
import os
import signal
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import Result
from command_line import PROGRAM, CommandLine, clean_environment
from members import Member

AUDIT_ID = "audit_id"


@dataclass
class Desk:
    """Where somebody checks files: a folder, a registry's address, a key, and a cache that lasts."""

    folder: Path
    url: str
    member: Member = field(repr=False)
    cache: str = "cache"

    @property
    def environment(self) -> dict[str, str]:
        return {"REGISTRY_URL": self.url, "REGISTRY_API_KEY": self.member.key}

    def file(self, content: str | bytes, name: str = "numbers.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def numbers(self, numbers: Sequence[str], name: str = "numbers.csv") -> Path:
        return self.file("".join(f"{line}\n" for line in ["Phone", *numbers]), name)

    def arguments(self, file: Path, *options: str, out: str = "results.csv") -> list[str]:
        cache = self.folder / self.cache
        return ["check", str(file), "--out", str(self.folder / out), "--cache", str(cache), *options]

    def run(self, file: Path, *options: str, out: str = "results.csv") -> Result:
        return CommandLine(self.environment).run(*self.arguments(file, *options, out=out))

    def summary(self, file: Path, *options: str, out: str = "results.csv") -> Any:
        """The document of a check that succeeds."""
        result = self.run(file, *options, "--json", out=out)
        assert result.exit_code in {0, 1}, result.output
        assert result.stderr == ""
        return json.loads(result.stdout)

    def rows(self, out: str = "results.csv") -> list[dict[str, str]]:
        text = (self.folder / out).read_text(encoding="utf-8")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def answers(self, out: str = "results.csv") -> list[dict[str, str]]:
        """The result without its receipts, which differ from run to run."""
        return [{name: cell for name, cell in row.items() if name != AUDIT_ID} for row in self.rows(out)]

    @contextmanager
    def running(self, file: Path, *options: str, out: str = "results.csv") -> "Generator[subprocess.Popen[str]]":
        """A process of its own, at the head of a session of its own. Killed at the end if it still runs."""
        with subprocess.Popen(
            [PROGRAM, *self.arguments(file, *options, out=out)],
            env=clean_environment(self.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
