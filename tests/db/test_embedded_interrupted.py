"""The embedded PostgreSQL where it is started twice, interrupted or killed."""

import os
import resource
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest
from embedded_servers import ask, child, living, postmaster_pid, processes, said
from sqlalchemy import NullPool, create_engine, text

from registry.db.data_directory import DataDirectoryTaken, EmbeddedError
from registry.db.embedded import EmbeddedPostgres, running_urls

pytestmark = pytest.mark.long


def test_of_two_processes_that_start_at_once_one_runs_and_the_other_is_told_which(data_dir: Path) -> None:
    with child(data_dir) as one, child(data_dir) as other, ThreadPoolExecutor() as pool:
        answers = dict(zip((one.pid, other.pid), pool.map(said, (one, other)), strict=True))
        winner = next(pid for pid, answer in answers.items() if answer == "started")
        refusal = answers[({one.pid, other.pid} - {winner}).pop()]
        assert f"in use by process {winner}: stop it, or choose another folder with REGISTRY_DATA_DIR=" in refusal
        with pytest.raises(DataDirectoryTaken) as taken:
            EmbeddedPostgres(data_dir).start()
        assert taken.value.pid == winner


def test_a_server_whose_owner_was_killed_is_adopted_and_then_stopped(made_dir: Path) -> None:
    with child(made_dir) as owner:
        assert said(owner) == "started"
        urls = running_urls(made_dir)
        assert urls is not None
        ask(urls.owner, "CREATE TABLE made_before_adoption ()")
        pids = processes(made_dir, urls)
        pid = postmaster_pid(made_dir)
        owner.kill()
    assert living(pids) == pids
    with EmbeddedPostgres(made_dir) as adopted:
        assert postmaster_pid(made_dir) == pid
        assert ask(adopted.owner, "SELECT * FROM made_before_adoption") == []
        pids |= processes(made_dir, adopted)
    assert living(pids) == set()


def test_a_start_waits_for_an_earlier_server_that_is_shutting_down(made_dir: Path) -> None:
    with child(made_dir) as owner:
        assert said(owner) == "started"
        urls = running_urls(made_dir)
        assert urls is not None
        pid = postmaster_pid(made_dir)
        owner.kill()
    engine = create_engine(urls.owner, poolclass=NullPool)
    server = EmbeddedPostgres(made_dir, durable=False)
    with ThreadPoolExecutor() as pool:
        with engine.connect() as session:
            session.execute(text("SELECT 1"))
            os.kill(pid, signal.SIGTERM)  # PostgreSQL's smart shutdown: it waits for its sessions to end
            start = pool.submit(server.start)
            with pytest.raises(TimeoutError):
                start.result(timeout=0.3)
            assert running_urls(made_dir) is None
        assert ask(start.result().owner, "SELECT 1") == [(1,)]
    assert postmaster_pid(made_dir) != pid
    server.stop()


def test_ctrl_c_does_not_reach_the_server_and_stop_ends_it(made_dir: Path) -> None:
    with child(made_dir) as owner:
        assert said(owner) == "started"
        urls = running_urls(made_dir)
        assert urls is not None
        pids = processes(made_dir, urls)
        os.killpg(owner.pid, signal.SIGINT)
        assert said(owner) == "answers"
    assert owner.returncode == 0
    assert living(pids) == set()


@pytest.mark.parametrize("interruption", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_initialisation_is_done_again(data_dir: Path, interruption: signal.Signals) -> None:
    with child(data_dir) as owner:
        deadline = monotonic() + 20
        while not list(data_dir.glob("postgres.init-*/global/pg_control")):
            assert owner.poll() is None, said(owner)
            assert monotonic() < deadline
            sleep(0.002)
        owner.send_signal(interruption)
    assert not (data_dir / "postgres").exists()
    with EmbeddedPostgres(data_dir, durable=False) as urls:
        assert ask(urls.owner, "SELECT 1") == [(1,)]


def test_an_initialisation_that_fails_says_why_and_leaves_no_cluster(data_dir: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))  # as good as a full disk
    try:
        with pytest.raises(EmbeddedError, match=r"initdb could not make .*/postgres: "):
            EmbeddedPostgres(data_dir, durable=False).start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in data_dir.iterdir()] == ["registry.lock"]


def test_a_killed_server_recovers_though_another_program_has_its_pid(made_dir: Path) -> None:
    server = EmbeddedPostgres(made_dir, durable=False)
    urls = server.start()
    ask(urls.owner, "CREATE TABLE made_before_crash ()")
    ask(urls.superuser, "CHECKPOINT")
    pid = postmaster_pid(made_dir)
    os.kill(pid, signal.SIGKILL)
    server.stop()
    assert running_urls(made_dir) is None
    pid_file = made_dir / "postgres" / "postmaster.pid"
    pid_file.write_text(pid_file.read_text().replace(str(pid), str(os.getpid()), 1))
    assert running_urls(made_dir) is None
    with EmbeddedPostgres(made_dir, durable=False) as urls:
        assert ask(urls.owner, "SELECT * FROM made_before_crash") == []
