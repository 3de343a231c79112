"""`run` and `serve` from start to end: how they stop, start again, and what they leave behind."""

import signal
import subprocess
import tempfile
import time
from pathlib import Path

import httpx
import pytest
from command_line import PROGRAM, CommandLine, Server, clean_environment, free_port, started
from psycopg import connect

from registry.db.embedded import EmbeddedPostgres, running_urls
from registry.domain.credentials import Mode

pytestmark = pytest.mark.xdist_group("cli-run")
READY = "Stop: +Ctrl-C"
SECONDS_OF_A_SECOND_START = 10


def assert_stopped(server: Server, data_dir: Path, number: signal.Signals) -> None:
    """Nothing is left: no traceback, no run file, no PostgreSQL, and the data folder can be taken."""
    assert server.stop(number) == 0
    assert "Traceback" not in server.text
    assert server.text.endswith("Stopped.\n")
    assert not (data_dir / "run.json").exists()
    assert running_urls(data_dir) is None
    assert httpx_fails(server.url)


def httpx_fails(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.ConnectError:
        return True
    return False


def test_run_keeps_its_data_and_keys_between_starts_and_never_replaces_a_lost_key_file(short_folder: Path) -> None:
    data_dir = short_folder / "data"
    environment = {"REGISTRY_DATA_DIR": str(data_dir)}
    port = free_port()
    with started(["run"], port, short_folder / "first.txt", environment, READY) as first:
        key = first.key("operator")
        assert_stopped(first, data_dir, signal.SIGINT)
    before = time.monotonic()
    with started(["run"], port, short_folder / "second.txt", environment, READY) as second:
        assert time.monotonic() - before < SECONDS_OF_A_SECOND_START
        assert "drk_" not in second.text
        assert "keys issue --organisation 'Demo employer'" in second.text
        account = httpx.get(f"{second.url}/v1/account", headers={"Authorization": f"Bearer {key}"})
        assert account.status_code == 200
        assert_stopped(second, data_dir, signal.SIGTERM)
    (data_dir / "keys.json").unlink()
    refused = CommandLine(environment).run("run", "--port", str(port))
    assert refused.exit_code == 1
    assert f"The key file {data_dir / 'keys.json'} is gone" in refused.stderr
    assert not (data_dir / "keys.json").exists()
    assert running_urls(data_dir) is None


def test_a_live_pilot_with_a_sealed_key_file_stops_with_its_terminal(short_folder: Path) -> None:
    data_dir = short_folder / "pilot"
    passphrase = short_folder / "passphrase"
    passphrase.write_text("four canaries in a mine\n", encoding="utf-8")
    environment = {
        "REGISTRY_DATA_DIR": str(data_dir),
        "REGISTRY_MODE": Mode.LIVE.value,
        "REGISTRY_KEY_PASSPHRASE_FILE": str(passphrase),
    }
    with started(["run"], free_port(), short_folder / "pilot.txt", environment, READY) as server:
        assert "live: fictional numbers are refused" in server.text
        assert "not sealed" not in server.text
        assert "drk_live_" in server.text
        assert "Sample data" not in server.text
        sealed = CommandLine({key: environment[key] for key in ("REGISTRY_DATA_DIR", "REGISTRY_KEY_PASSPHRASE_FILE")})
        assert "This registry is live" in sealed.refused("demo")
        assert_stopped(server, data_dir, signal.SIGHUP)


def test_a_start_that_is_interrupted_leaves_nothing_running(short_folder: Path) -> None:
    data_dir = short_folder / "interrupted"
    printed = short_folder / "interrupted.txt"
    environment = {"REGISTRY_DATA_DIR": str(data_dir)}
    with started(["run"], free_port(), printed, environment, "Making PostgreSQL") as server:
        assert_stopped(server, data_dir, signal.SIGTERM)


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_answers_and_stops_with_nothing_left(cli: CommandLine, tmp_path: Path, workers: int) -> None:
    before = set(Path(tempfile.gettempdir()).glob("registry-metrics-*"))
    arguments = ["serve", "--workers", str(workers)]
    ready = r"(Application startup complete[\s\S]*)" * workers if workers > 1 else "Application startup complete"
    with started(arguments, free_port(), tmp_path / "log.txt", cli.environment, ready) as server:
        for _ in range(4):
            answer = httpx.get(f"{server.url}/health/ready")
            assert answer.status_code == 200
            assert "server" not in answer.headers
        served = httpx.get(f"{server.url}/metrics").text
        assert 'registry_requests_total{method="GET",route="/health/ready",status="200"} 4.0' in served
        folders = set(Path(tempfile.gettempdir()).glob("registry-metrics-*")) - before
        assert len(folders) == (workers > 1)
        assert f"Port {server.port} is taken" in cli.refused("serve", "--port", str(server.port))
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.text
        assert not any(folder.exists() for folder in folders)


def test_an_api_that_cannot_start_is_told_in_a_sentence(cli: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "api").mkdir()
    (tmp_path / "api" / "__init__.py").touch()
    (tmp_path / "api" / "serving.py").write_text(STARTS_AND_FAILS, encoding="utf-8")
    for workers in ("1", "2"):
        environment = clean_environment(**cli.environment, PYTHONPATH=str(tmp_path), REGISTRY_PORT=str(free_port()))
        done = subprocess.run(
            [PROGRAM, "serve", "--workers", workers],
            env=environment,
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


def test_commands_find_a_server_whose_run_was_killed(short_folder: Path) -> None:
    data_dir = short_folder / "killed"
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        cli = CommandLine({"REGISTRY_DATA_DIR": str(data_dir)})
        cli.done("migrate")
        with connect(urls.owner.replace("+psycopg", ""), autocommit=True) as owner:
            owner.execute("GRANT registry_app TO registry_api")
        cli.done("init", "--no-passphrase")
        assert (data_dir / "keys.json").exists()
        cli.organisation("employer", "Example")
        assert cli.key("Example").startswith("drk_test_")
        left_behind = '{"mode": "live", "host": "127.0.0.1", "port": 1, "pid": 999999999}'
        (data_dir / "run.json").write_text(left_behind, encoding="utf-8")
        assert cli.key("Example").startswith("drk_live_")
        (data_dir / "run.json").write_text(left_behind.replace("live", "lively"), encoding="utf-8")
        assert cli.key("Example").startswith("drk_test_")
