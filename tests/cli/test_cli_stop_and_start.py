"""`run` and `serve` from start to end: how they stop, start again, and what they leave behind."""

import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from command_line import PROGRAM, CommandLine, Server, clean_environment, free_port, started

from registry.db.embedded import EmbeddedPostgres, running_urls

pytestmark = [pytest.mark.xdist_group("cli-run"), pytest.mark.long]
READY = "Stop: +Ctrl-C"


@dataclass(frozen=True)
class Pilot:
    """A data folder that was started once, in live mode with a sealed key file, and stopped by Ctrl-C."""

    data_dir: Path
    environment: dict[str, str]
    first: str
    """What its first start printed."""
    operator: str
    port: int

    @property
    def key_file(self) -> Path:
        return self.data_dir / "keys.json"


@pytest.fixture(scope="module")
def pilot(short_folder: Path) -> Pilot:
    passphrase = short_folder / "passphrase"
    passphrase.write_text("four canaries in a mine\n", encoding="utf-8")
    environment = {
        "REGISTRY_DATA_DIR": str(short_folder / "data"),
        "REGISTRY_MODE": "live",
        "REGISTRY_PUBLIC_URL": "https://registry.example.org/in/",
        "REGISTRY_KEY_PASSPHRASE_FILE": str(passphrase),
    }
    port = free_port()
    with started(["run"], port, short_folder / "first.txt", environment, READY) as server:
        assert_stopped(server, short_folder / "data", signal.SIGINT)
        return Pilot(short_folder / "data", environment, server.text, server.key("operator"), port)


def assert_stopped(server: Server, data_dir: Path, number: signal.Signals) -> None:
    """Nothing is left: no traceback, no run file, no PostgreSQL, and nobody on the port."""
    assert server.stop(number) == 0
    assert "Traceback" not in server.text
    assert server.text.endswith("Stopped.\n")
    assert not (data_dir / "run.json").exists()
    assert running_urls(data_dir) is None
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)


def test_a_live_pilot_says_so_and_gets_live_keys(pilot: Pilot) -> None:
    assert "live: fictional numbers are refused" in pilot.first
    assert "Providers call    https://registry.example.org/in  (REGISTRY_PUBLIC_URL)" in pilot.first
    assert "Sample data" not in pilot.first
    assert pilot.operator.startswith("drk_live_")


def test_a_passphrase_that_is_named_seals_the_key_file_of_the_first_start(pilot: Pilot) -> None:
    assert "not sealed" not in pilot.first
    assert "plain" not in pilot.key_file.read_text(encoding="utf-8")


def test_a_second_start_keeps_keys_and_shows_none(pilot: Pilot, tmp_path: Path) -> None:
    with started(["run"], pilot.port, tmp_path / "second.txt", pilot.environment, READY) as second:
        assert "drk_" not in second.text
        assert "keys issue --organisation 'Demo employer'" in second.text
        account = httpx.get(f"{second.url}/v1/account", headers={"Authorization": f"Bearer {pilot.operator}"})
        assert account.status_code == 200
        sealed = CommandLine({key: value for key, value in pilot.environment.items() if key != "REGISTRY_MODE"})
        assert "This registry is live" in sealed.refused("demo")
        assert_stopped(second, pilot.data_dir, signal.SIGTERM)


@pytest.mark.parametrize("after_seconds", [0, 0.02, 0.1, 0.3, 0.6])
def test_a_start_that_is_interrupted_leaves_nothing_running(pilot: Pilot, tmp_path: Path, after_seconds: float) -> None:
    printed = tmp_path / "interrupted.txt"
    with started(["run"], pilot.port, printed, pilot.environment, "Starting PostgreSQL") as server:
        time.sleep(after_seconds)
        assert_stopped(server, pilot.data_dir, signal.SIGHUP)


def test_a_lost_key_file_is_never_replaced_by_a_new_one(pilot: Pilot) -> None:
    kept = pilot.key_file.rename(pilot.key_file.with_suffix(".kept"))
    result = CommandLine(pilot.environment).run("run", "--port", str(pilot.port))
    assert result.exit_code == 1
    assert f"The key file {pilot.key_file} is gone" in result.stderr
    assert not pilot.key_file.exists()
    assert running_urls(pilot.data_dir) is None
    kept.rename(pilot.key_file)


def test_commands_find_a_postgresql_whose_run_was_killed_and_its_mode(pilot: Pilot) -> None:
    run_file = pilot.data_dir / "run.json"
    cli = CommandLine({key: value for key, value in pilot.environment.items() if key != "REGISTRY_MODE"})
    left_behind = '{"mode": "live", "host": "127.0.0.1", "port": 1, "pid": 999999999}'
    with EmbeddedPostgres(pilot.data_dir):
        for content, prefix in ((left_behind, "drk_live_"), (left_behind.replace("live", "lively"), "drk_test_")):
            run_file.write_text(content, encoding="utf-8")
            assert cli.key("Demo employer").startswith(prefix)
        run_file.unlink()
        assert cli.key("Demo employer").startswith("drk_test_")


def test_serve_answers_with_several_workers_and_stops_with_nothing_left(cli: CommandLine, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = {**cli.environment, "TMPDIR": str(temporary)}
    ready = r"startup complete[\s\S]*startup complete"
    arguments = ["serve", "--workers", "2"]
    with started(arguments, free_port(), tmp_path / "log.txt", environment, ready) as server:
        for _ in range(4):
            answer = httpx.get(f"{server.url}/health/ready")
            assert answer.status_code == 200
            assert "server" not in answer.headers
        served = httpx.get(f"{server.url}/metrics").text
        assert 'registry_requests_total{method="GET",route="/health/ready",status="200"} 4.0' in served
        assert [folder.name[:17] for folder in temporary.iterdir()] == ["registry-metrics-"]
        assert f"Port {server.port} is taken" in cli.refused("serve", "--port", str(server.port))
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.text
        assert list(temporary.iterdir()) == []


def test_an_api_that_cannot_start_is_told_in_a_sentence(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "__init__.py").touch()
    (tmp_path / "api" / "serving.py").write_text(STARTS_AND_FAILS, encoding="utf-8")
    for workers in ("1", "2"):
        given = {**cli.environment, "PYTHONPATH": str(tmp_path), "REGISTRY_PORT": str(free_port())}
        done = subprocess.run(
            [PROGRAM, "serve", "--workers", workers],
            env=clean_environment(given),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 1
        assert "The API did not start; the log above says why." in done.stderr


STARTS_AND_FAILS = """
def build():
    async def application(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": ""})
    return application
"""
