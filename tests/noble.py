"""A client of private checks that shares no code with the registry: tests/interop/, on Node and @noble/curves.

It is installed into a folder of its own, so that the repository stays clean.
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import phonenumbers
import pytest
from phonenumbers import PhoneNumberType

SOURCES: Final = Path(__file__).parent / "interop"
WANTED: Final = "Install Node 20 (20.19 or newer) with npm: private checks are proved against a client that runs on it."
INSTALL_SECONDS: Final = 100
RUN_SECONDS: Final = 60


def install(folder: Path) -> "NobleClient":
    """Copies the client there and gives it the packages of its lock, checked against the hashes in it."""
    if missing := [program for program in ("node", "npm") if shutil.which(program) is None]:
        said = f"{' and '.join(missing)} cannot be found. {WANTED}"
        # CI proves the protocol and skips nothing; a machine that has only Python still runs all other tests.
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    shutil.copytree(SOURCES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "node_modules", "__*"))
    command = ["npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    if done.returncode != 0:
        pytest.fail(f"`npm ci` failed in tests/interop. {WANTED}\n{done.stderr}")
    return NobleClient(folder)


@dataclass(frozen=True)
class NobleClient:
    """folder: where it is installed."""

    folder: Path

    def run(self, mode: str, **job: Any) -> Any:
        """The result of one job. What private_check.mjs does not manage fails the test."""
        done = self._start(mode, job)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def refused(self, mode: str, **job: Any) -> str:
        """What it says when it will not go on."""
        done = self._start(mode, job)
        assert done.returncode != 0, done.stdout
        assert done.stdout == ""
        return done.stderr

    def _start(self, mode: str, job: Mapping[str, Any]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["node", "private_check.mjs"],
            cwd=self.folder,
            env={name: value for name, value in os.environ.items() if not name.startswith("REGISTRY_")},
            input=json.dumps({"mode": mode, **job}),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )


def fresh_numbers() -> Iterator[str]:
    """Some 35,000 different numbers of Canada and the United States that are reserved for fiction, in random order."""
    numbers = [f"+1{area}55501{last:02}" for area in _area_codes() for last in range(100)]
    return iter(random.SystemRandom().sample(numbers, len(numbers)))


def _area_codes() -> Sequence[int]:
    """Those whose numbers a caller can have: neither toll-free nor premium, and in a region that is served."""
    examples = ((area, phonenumbers.parse(f"+1{area}5550123")) for area in range(201, 1_000))
    return [
        area
        for area, example in examples
        if phonenumbers.region_code_for_number(example) in {"CA", "US"}
        and phonenumbers.number_type(example) == PhoneNumberType.FIXED_LINE_OR_MOBILE
    ]
