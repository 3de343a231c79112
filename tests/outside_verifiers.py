"""What outsiders verify the audit log with: Go's golang.org/x/mod/sumdb, compiled from tests/outside/.

Every check answers None where the outsider accepts, and otherwise his reason. Nothing here computes or repairs a hash.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import pytest

SOURCES: Final = Path(__file__).parent / "outside"
GO_PATH: Final = Path("/usr/share/gocode")
PACKAGES: Final = "golang-go and golang-golang-x-mod-dev"
WANTED: Final = f"Install the Debian packages {PACKAGES}: the audit log is proved against Go's own verifiers."
BUILD_SECONDS: Final = 110
RUN_SECONDS: Final = 60

Job: TypeAlias = Mapping[str, Any]


def go_verifier(folder: Path) -> "GoVerifier":
    """Compiles it there, with a cache that is there too. Without Go the test is skipped, and under CI it fails."""
    if shutil.which("go") is None or not (GO_PATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        said = f"Go or its package x/mod cannot be found. {WANTED}"
        # CI proves the formats and skips nothing; a machine that has only Python still runs all other tests.
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)
    program = folder / "verify"
    # CGO_ENABLED stays as Debian built the standard library, so that it is there already: 1 s, and 20 s otherwise.
    settings = {"GOCACHE": str(folder / "cache"), "GOPATH": str(GO_PATH), "GO111MODULE": "off"}
    done = subprocess.run(
        ["go", "build", "-o", program, *sorted(SOURCES.glob("*.go"))],
        cwd=folder,
        env={**os.environ, **settings, "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOPROXY": "off"},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"`go build` failed in tests/outside. {WANTED}\n{done.stderr}")
    return GoVerifier(program)


def note_job(key: str, note: str) -> Job:
    """key: the verifier key, NAME+ID+KEY."""
    return {"kind": "note", "key": key, "text": note}


def receipt_job(key: str, receipt: str) -> Job:
    """receipt: a tlog-proof file that holds its entry as extra data."""
    return {"kind": "receipt", "key": key, "text": receipt}


def inclusion_job(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> Job:
    """leaf: the leaf's hash."""
    told = {"leaf": _b64(leaf), "root": _b64(root), "proof": [_b64(one) for one in proof]}
    return {"kind": "inclusion", "index": index, "size": size, **told}


def consistency_job(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> Job:
    told = {"old_root": _b64(old_root), "root": _b64(new_root), "proof": [_b64(one) for one in proof]}
    return {"kind": "consistency", "old": old, "size": new, **told}


def tiles_job(source: Path | str, size: int, root: bytes) -> Job:
    """source: what holds `tile/...`: a folder, or an address such as http://127.0.0.1:8080/log."""
    return {"kind": "tiles", "from": str(source), "size": size, "root": _b64(root)}


def path_job(path: str) -> Job:
    """path: of one tile, as C2SP writes it."""
    return {"kind": "tile path", "path": path}


@dataclass(frozen=True)
class GoVerifier:
    """program: the compiled verifier."""

    program: Path

    def check_note(self, vkey: str, note: str) -> str | None:
        return self._check(note_job(vkey, note))

    def check_receipt(self, vkey: str, receipt: str) -> str | None:
        return self._check(receipt_job(vkey, receipt))

    def check_inclusion(self, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> str | None:
        return self._check(inclusion_job(leaf, index, size, proof, root))

    def check_consistency(
        self, old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
    ) -> str | None:
        return self._check(consistency_job(old, old_root, new, new_root, proof))

    def check_tiles(self, source: Path | str, size: int, root: bytes) -> str | None:
        """Every tile of the tree against its root."""
        return self._check(tiles_job(source, size, root))

    def check_all(self, jobs: Iterable[Job]) -> list[str | None]:
        """Many at once, in one process: an answer for each, in their order."""
        asked = list(jobs)
        done = subprocess.run(
            [self.program],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said: list[str] = json.loads(done.stdout)
        assert len(said) == len(asked)
        return [refusal or None for refusal in said]

    def _check(self, job: Job) -> str | None:
        (said,) = self.check_all([job])
        return said


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
