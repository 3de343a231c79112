"""`demand-registry check` killed or interrupted at every moment that matters: run again, it pays for nothing twice and
leaves the file that it would have left.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checking import Desk
from client_scene import Scene, left, scene_in
from forgeries import EVALUATIONS
from house import opened_database, opened_house
from meddling import Between, Exchange, HangUp, between, in_small_batches

from registry.db.embedded import EmbeddedUrls

CHECKS, DISCLOSURES, SET = "/v1/checks", "/v1/private/disclosures", "/v1/private/set"
PATIENCE_SECONDS = 30


@pytest.fixture(scope="module")
def scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house, scene_in(house) as opened:
        yield opened


@dataclass
class Moment:
    """Holds one request: the nth to a path, before the registry gets it or before the client gets the answer."""

    path: str
    nth: int
    answered: bool
    reached: threading.Event = field(default_factory=threading.Event)
    passed: threading.Event = field(default_factory=threading.Event)
    _count: int = 0

    def __str__(self) -> str:
        return f"{'answer' if self.answered else 'request'} {self.nth} of {self.path}"

    def before(self, exchange: Exchange) -> None:
        if exchange.path.partition("?")[0] == self.path:
            self._count += 1
            if self._count == self.nth and not self.answered:
                self._hold()

    def after(self, exchange: Exchange) -> None:
        in_small_batches(20)(exchange)
        if self.answered and self._count == self.nth and exchange.path.partition("?")[0] == self.path:
            self._hold()

    def _hold(self) -> None:
        self.reached.set()
        assert self.passed.wait(PATIENCE_SECONDS)

    def await_reached(self, process: "subprocess.Popen[str]") -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.reached.wait(0.02):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline


@dataclass
class Interrupted:
    """A check of 60 numbers, three of them listed, in batches of 20, that is stopped at a moment and run again."""

    scene: Scene
    desk: Desk
    file: Path
    options: Sequence[str]
    numbers: list[str]

    def uninterrupted(self) -> list[dict[str, str]]:
        """What another organisation is told, who is not interrupted."""
        other = Desk(self.desk.folder, self.scene.url, self.scene.asker(), "other-cache")
        other.summary(self.file, *self.options, out="other.csv")
        return other.answers("other.csv")

    def stop(self, moment: Moment, how: Callable[["subprocess.Popen[str]"], int], *, wait: bool = False) -> int:
        """Returns what `how` does. wait: with the moment's passing until the second run waits for the first one's end."""
        with between(self.scene.url, moment.after, moment.before) as watched:
            self.desk.url = watched.url
            with self.desk.running(self.file, *self.options) as process:
                moment.await_reached(process)
                code = how(process)
                assert not (self.desk.folder / "results.csv").exists()
                if not wait:
                    moment.passed.set()
                self._again(watched, moment, wait=wait)
        return code

    def _again(self, watched: Between, moment: Moment, *, wait: bool) -> None:
        with self.desk.running(self.file, *self.options) as process:
            if wait:
                assert process.stderr is not None
                assert "Waiting for it" in process.stderr.readline()
                assert process.poll() is None
                moment.passed.set()
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 1, out + err
            assert "Traceback" not in err
        assert watched.requests


@pytest.fixture(params=[("--private",), ()], ids=["private", "plain"])
def check(scene: Scene, tmp_path: Path, request: pytest.FixtureRequest) -> Interrupted:
    return interrupted(scene, tmp_path, request.param)


@pytest.fixture
def private_check(scene: Scene, tmp_path: Path) -> Interrupted:
    return interrupted(scene, tmp_path, ("--private",))


def interrupted(scene: Scene, folder: Path, options: Sequence[str]) -> Interrupted:
    desk = Desk(folder, scene.url, scene.asker())
    numbers = [*scene.seen[:3], *scene.fresh(57)]
    return Interrupted(scene, desk, desk.numbers([*numbers, numbers[0], "withheld"]), options, numbers)


def killed(process: "subprocess.Popen[str]") -> int:
    process.kill()
    return process.wait(PATIENCE_SECONDS)


def killed_with_its_group(process: "subprocess.Popen[str]") -> int:
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait(PATIENCE_SECONDS)


def stopped_by(number: signal.Signals) -> Callable[["subprocess.Popen[str]"], int]:
    def stop(process: "subprocess.Popen[str]") -> int:
        os.killpg(process.pid, number)  # as a terminal does it: to the whole group
        return process.wait(PATIENCE_SECONDS)

    return stop


PRIVATE_MOMENTS = [
    Moment(EVALUATIONS, 1, answered=False),
    Moment(EVALUATIONS, 1, answered=True),
    Moment(EVALUATIONS, 2, answered=True),
    Moment(EVALUATIONS, 3, answered=True),
    Moment(SET, 1, answered=True),
    Moment(DISCLOSURES, 1, answered=False),
    Moment(DISCLOSURES, 1, answered=True),
]


def moment_of(given: Moment) -> Moment:
    """A fresh one: events are used up."""
    return Moment(given.path, given.nth, given.answered)


@pytest.mark.parametrize("given", PRIVATE_MOMENTS, ids=str)
def test_killed_and_run_again_a_private_check_pays_for_nothing_twice(private_check: Interrupted, given: Moment) -> None:
    before = left(private_check.desk.member)
    assert private_check.stop(moment_of(given), killed) == -signal.SIGKILL
    assert before - left(private_check.desk.member) == 60 + 3
    assert private_check.desk.answers() == private_check.uninterrupted()


@pytest.mark.parametrize("how", [killed_with_its_group, stopped_by(signal.SIGTERM), stopped_by(signal.SIGHUP)])
def test_whatever_reaches_the_whole_group_does_not_reach_a_batch_in_hand(
    private_check: Interrupted, how: Callable[["subprocess.Popen[str]"], int]
) -> None:
    before = left(private_check.desk.member)
    assert private_check.stop(Moment(EVALUATIONS, 2, answered=True), how) < 0
    assert before - left(private_check.desk.member) == 60 + 3
    assert private_check.desk.answers() == private_check.uninterrupted()


@pytest.mark.parametrize("answered", [False, True])
def test_killed_and_run_again_a_plain_check_pays_for_nothing_twice(
    scene: Scene,
    tmp_path: Path,
    answered: bool,  # noqa: FBT001 - a moment's side
) -> None:
    check = interrupted(scene, tmp_path, ())
    before = left(check.desk.member)
    check.stop(Moment(CHECKS, 1, answered=answered), killed)
    assert before - left(check.desk.member) == 60 + 1  # the withheld one is asked, too
    assert check.desk.answers() == check.uninterrupted()


def test_interrupted_by_ctrl_c_it_says_so_and_goes_on_later(check: Interrupted) -> None:
    path = EVALUATIONS if check.options else CHECKS
    said: list[str] = []

    def interrupt(process: "subprocess.Popen[str]") -> int:
        os.killpg(process.pid, signal.SIGINT)
        moment.passed.set()
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        said.append(err)
        return process.returncode

    before = left(check.desk.member)
    moment = Moment(path, 1, answered=True)
    assert check.stop(moment, interrupt) == 130
    assert said[0].strip().startswith("Interrupted. What was answered so far is kept")
    assert before - left(check.desk.member) == (60 + 3 if check.options else 60 + 1)
    assert check.desk.answers() == check.uninterrupted()


def test_a_second_run_waits_until_the_batch_of_the_first_is_stored(private_check: Interrupted) -> None:
    before = left(private_check.desk.member)
    private_check.stop(Moment(EVALUATIONS, 2, answered=True), killed, wait=True)
    assert before - left(private_check.desk.member) == 60 + 3
    assert private_check.desk.answers() == private_check.uninterrupted()


def test_killed_while_it_writes_it_leaves_no_half_result(private_check: Interrupted) -> None:
    """What a kill leaves of the result has another name, and goes when the result is there."""
    part = private_check.desk.folder / ".results.csv.part"
    private_check.stop(Moment(DISCLOSURES, 1, answered=True), killed)
    assert not part.exists()
    rows = private_check.desk.rows()
    assert len(rows) == 62


def test_a_worker_that_is_killed_ends_the_check_and_the_next_one_goes_on(private_check: Interrupted) -> None:
    def kill_worker(process: "subprocess.Popen[str]") -> int:
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert "A worker process ended unexpectedly." in err
        return process.returncode

    before = left(private_check.desk.member)
    assert private_check.stop(Moment(EVALUATIONS, 2, answered=True), kill_worker) == 2
    # Its batch of 20 went with it: nobody else can read the answer that was paid for.
    assert before - left(private_check.desk.member) == 60 + 20 + 3


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def test_a_lost_connection_is_no_reason_to_pay_twice(private_check: Interrupted) -> None:
    """The registry has answered; the answer got lost; the same request is sent again under the same key."""
    lost: set[str] = set()

    def lose(exchange: Exchange) -> None:
        in_small_batches(20)(exchange)
        if exchange.method == "POST" and exchange.path not in lost:
            lost.add(exchange.path)
            raise HangUp

    before = left(private_check.desk.member)
    with between(private_check.scene.url, lose) as watched:
        private_check.desk.url = watched.url
        private_check.desk.summary(private_check.file, *private_check.options)
    assert lost == {EVALUATIONS, DISCLOSURES}
    assert before - left(private_check.desk.member) == 60 + 3
    assert private_check.desk.answers() == private_check.uninterrupted()
