"""The overview, the help texts, what the base install can do, and the file by which commands find a running `run`."""

import json
import os
import stat
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from command_line import CommandLine, clean_environment

from registry.cli import SECTIONS, main, run_file
from registry.cli.run_file import RunFile

SERVER_PACKAGES = (
    "pydantic",
    "sqlalchemy",
    "psycopg",
    "alembic",
    "argon2",
    "cryptography",
    "uvicorn",
    "fastapi",
)
ON_THE_BASE_INSTALL = f"""
import sys
sys.modules.update(dict.fromkeys({SERVER_PACKAGES!r}))
from registry.cli import main
main(prog_name="demand-registry")
"""


def commands(group: click.Group, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The words of every command, groups and their verbs alike."""
    found: list[tuple[str, ...]] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found.append((*path, name))
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
    return found


def test_the_overview_names_every_command_under_a_heading() -> None:
    told = CommandLine().done("--help")
    for heading, names in SECTIONS.items():
        assert f"{heading}:" in told
        for name, (_, about) in names.items():
            assert f"  {name} " in told
            assert about.split()[-1] in told


@pytest.mark.parametrize("words", commands(main), ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...]) -> None:
    told = CommandLine().done(*words, "-h")
    assert told.startswith(f"Usage: demand-registry {' '.join(words)} ")
    about = told.split("\n\n")[1].strip()
    assert about.endswith((".", "withdrawn  by the subject")) or "\n" in told.split("\n\n")[1]
    assert "\b" not in told
    assert "\\b" not in told


def test_no_command_takes_a_number_or_a_secret_as_an_argument() -> None:
    for words in commands(main):
        command: click.Command | None = main
        for word in words:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), word)
        assert command is not None
        names = {parameter.name for parameter in command.params}
        assert not names & {"phone", "caller", "passphrase", "password", "secret", "api_key", "token"}
        assert "number" not in names or words in {("generations", "retire"), ("generations", "rekey")}


def test_the_version_is_that_of_the_package() -> None:
    assert CommandLine().done("version") == f"demand-registry {version('demand-registry')}\n"
    assert CommandLine().json("version") == {"version": version("demand-registry")}


def test_no_command_at_all_shows_the_overview() -> None:
    result = CliRunner().invoke(main, [], prog_name="demand-registry")
    assert "verify-listings" in result.output


def test_an_unknown_command_is_named() -> None:
    assert "No such command 'frobnicate'" in CommandLine().refused("frobnicate", code=2)


def test_the_base_install_imports_files_and_says_what_the_rest_needs(tmp_path: Path) -> None:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", ON_THE_BASE_INSTALL, *arguments]
        environment = clean_environment({"REGISTRY_API_KEY": "drk_test_abc", "REGISTRY_URL": "http://127.0.0.1:1"})
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    file = tmp_path / "hits.csv"
    file.write_text("number\n", encoding="utf-8")
    assert run("version").returncode == 0
    assert "Nothing answers at http://127.0.0.1:1." in run("import", str(file)).stderr
    assert (
        "Nothing answers at http://127.0.0.1:1."
        in run("check", str(file), "--private", "--cache", str(tmp_path)).stderr
    )
    refused = run("organisations", "list")
    assert refused.returncode == 1
    assert "pip install 'demand-registry[server,embedded]'" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_run_file_lives_as_long_as_its_block_and_holds_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    with run_file.written(tmp_path, mode="sandbox", host="0.0.0.0", port=8001) as written:  # noqa: S104 - not bound
        content = json.loads(path.read_text(encoding="utf-8"))
        assert content == {"mode": "sandbox", "host": "0.0.0.0", "port": 8001, "pid": os.getpid()}  # noqa: S104
        assert run_file.read(tmp_path) == written
        assert written.alive
        assert run_file.running_url(tmp_path) == "http://127.0.0.1:8001"
        assert stat.S_IMODE(path.stat().st_mode) & stat.S_IWOTH == 0
    assert list(tmp_path.iterdir()) == []
    assert run_file.running_url(tmp_path) is None


def test_a_run_file_of_a_killed_process_names_no_address(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    content = {"mode": "live", "host": "127.0.0.1", "port": 8000, "pid": ended.pid}
    (tmp_path / "run.json").write_text(json.dumps(content), encoding="utf-8")
    assert run_file.read(tmp_path) == RunFile("live", "127.0.0.1", 8000, ended.pid)
    assert run_file.running_url(tmp_path) is None


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"mode": "live", "host": "h", "port": 1, "pid": -1}', "\udcff"])
def test_a_damaged_run_file_is_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content, encoding="utf-8", errors="surrogateescape")
    assert run_file.read(tmp_path) is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("registry.example", "http://registry.example:8000"),
    ],
)
def test_a_bound_address_is_reached_at_a_url(host: str, url: str) -> None:
    assert run_file.url_of(host, 8000) == url
