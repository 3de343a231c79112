"""`demand-registry check` killed or interrupted at every moment that matters: run again, it pays for nothing twice and
leaves the file that it would have left.
"""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from checking import Desk
from client_scene import Scene, left
from forgeries import EVALUATIONS
from meddling import Exchange, HangUp, between, in_small_batches

pytestmark = pytest.mark.long

Process = subprocess.Popen[str]
PRIVATE = ("--private",)
CHECKS, DISCLOSURES, SET = "/v1/checks", "/v1/private/disclosures", "/v1/private/set"
PATIENCE_SECONDS = 30


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

    def await_reached(self, process: Process) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.reached.wait(0.02):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline


@dataclass(frozen=True)
class Undisturbed:
    """What is checked in every test: 60 numbers, three of them listed; and what somebody is told who is let alone."""

    numbers: list[str]
    answers: dict[tuple[str, ...], list[dict[str, str]]]


@pytest.fixture(scope="module")
def undisturbed(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    numbers = [*scene.seen[:3], *scene.fresh(57)]
    found = Undisturbed([*numbers, numbers[0], "withheld"], {})
    for mode in ((), PRIVATE):
        desk = Desk(tmp_path_factory.mktemp("undisturbed"), scene.url, scene.asker())
        desk.summary(desk.numbers(found.numbers), *mode)
        found.answers[mode] = desk.answers()
    return found


@dataclass
class Interrupted:
    """A check in batches of 20 that is stopped at a moment and run again."""

    scene: Scene
    desk: Desk
    mode: tuple[str, ...]
    undisturbed: Undisturbed
    paid: int = 0

    @property
    def file(self) -> Path:
        return self.desk.numbers(self.undisturbed.numbers)

    def stop(self, moment: Moment, how: Callable[[Process], int], *, wait: bool = False) -> int:
        """Returns what `how` does, which ends the first run. paid: what both runs were charged.

        wait: lets the moment pass only when the second run waits for what the first one left.
        """
        before = left(self.desk.member)
        with between(self.scene.url, moment.after, moment.before) as watched:
            self.desk.url = watched.url
            with self.desk.running(self.file, *self.mode) as process:
                moment.await_reached(process)
                code = how(process)
                assert not (self.desk.folder / "results.csv").exists()
                if not wait:
                    moment.passed.set()
                self._run_again(moment, wait=wait)
        self.paid = before - left(self.desk.member)
        return code

    def _run_again(self, moment: Moment, *, wait: bool) -> None:
        with self.desk.running(self.file, *self.mode) as process:
            if wait:
                assert process.stderr is not None
                assert "Waiting for it" in process.stderr.readline()
                assert process.poll() is None
                moment.passed.set()
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
            assert process.returncode == 1, out + err
            assert "Traceback" not in err

    def require_the_same_answers(self) -> None:
        assert self.desk.answers() == self.undisturbed.answers[self.mode]


@pytest.fixture
def private_check(scene: Scene, undisturbed: Undisturbed, tmp_path: Path) -> Interrupted:
    return Interrupted(scene, Desk(tmp_path, scene.url, scene.asker()), PRIVATE, undisturbed)


@pytest.fixture
def plain_check(scene: Scene, undisturbed: Undisturbed, tmp_path: Path) -> Interrupted:
    return Interrupted(scene, Desk(tmp_path, scene.url, scene.asker()), (), undisturbed)


def killed(process: Process) -> int:
    process.kill()
    return process.wait(PATIENCE_SECONDS)


def killed_with_its_group(process: Process) -> int:
    os.killpg(process.pid, signal.SIGKILL)
    return process.wait(PATIENCE_SECONDS)


def stopped_by(number: signal.Signals) -> Callable[[Process], int]:
    def stop(process: Process) -> int:
        os.killpg(process.pid, number)  # as a terminal does it: to the whole group
        return process.wait(PATIENCE_SECONDS)

    return stop


MOMENTS = [
    (EVALUATIONS, 1, False),
    (EVALUATIONS, 1, True),
    (EVALUATIONS, 3, True),
    (SET, 1, True),
    (DISCLOSURES, 1, False),
    (DISCLOSURES, 1, True),
]
"""A path, which request to it, and whether the registry has answered that."""
PAID_PRIVATELY = 60 + 3
PAID_PLAINLY = 60 + 1  # the withheld one is asked, too


@pytest.mark.parametrize(("path", "nth", "answered"), MOMENTS)
def test_killed_and_run_again_a_private_check_pays_for_nothing_twice(
    private_check: Interrupted,
    path: str,
    nth: int,
    answered: bool,  # noqa: FBT001 - a moment's side
) -> None:
    assert private_check.stop(Moment(path, nth, answered), killed) == -signal.SIGKILL
    assert private_check.paid == PAID_PRIVATELY
    private_check.require_the_same_answers()


@pytest.mark.parametrize("how", [killed_with_its_group, stopped_by(signal.SIGTERM), stopped_by(signal.SIGHUP)])
def test_whatever_reaches_the_whole_group_does_not_reach_a_batch_in_hand(
    private_check: Interrupted, how: Callable[[Process], int]
) -> None:
    assert private_check.stop(Moment(EVALUATIONS, 2, answered=True), how) < 0
    assert private_check.paid == PAID_PRIVATELY
    private_check.require_the_same_answers()


@pytest.mark.parametrize("answered", [False, True])
def test_killed_and_run_again_a_plain_check_pays_for_nothing_twice(
    plain_check: Interrupted,
    answered: bool,  # noqa: FBT001 - a moment's side
) -> None:
    plain_check.stop(Moment(CHECKS, 1, answered=answered), killed)
    assert plain_check.paid == PAID_PLAINLY
    plain_check.require_the_same_answers()


def interrupt(process: Process, said: list[str], passed: threading.Event) -> int:
    """As Ctrl-C on a terminal does it: to the whole group."""
    os.killpg(process.pid, signal.SIGINT)
    passed.set()
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    said.append(err)
    return process.returncode


def test_a_private_check_that_is_interrupted_says_so_and_goes_on_later(private_check: Interrupted) -> None:
    said, moment = list[str](), Moment(EVALUATIONS, 1, answered=True)
    assert private_check.stop(moment, lambda process: interrupt(process, said, moment.passed)) == 130
    assert said[0].startswith("Interrupted. What was answered so far is kept")
    assert private_check.paid == PAID_PRIVATELY
    private_check.require_the_same_answers()


def test_a_plain_check_that_is_interrupted_says_so_and_goes_on_later(plain_check: Interrupted) -> None:
    said, moment = list[str](), Moment(CHECKS, 1, answered=True)
    assert plain_check.stop(moment, lambda process: interrupt(process, said, moment.passed)) == 130
    assert said[0].startswith("Interrupted. What was answered so far is kept")
    assert plain_check.paid == PAID_PLAINLY
    plain_check.require_the_same_answers()


def test_a_second_run_waits_until_the_batch_of_the_first_is_stored(private_check: Interrupted) -> None:
    private_check.stop(Moment(EVALUATIONS, 2, answered=True), killed, wait=True)
    assert private_check.paid == PAID_PRIVATELY
    private_check.require_the_same_answers()
    left_over = {path.name for path in private_check.desk.folder.iterdir()}
    assert left_over == {"cache", "numbers.csv", "results.csv"}


def test_a_worker_that_is_killed_ends_the_check_and_the_next_one_goes_on(private_check: Interrupted) -> None:
    def kill_worker(process: Process) -> int:
        (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(worker), signal.SIGKILL)
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert "A worker process ended unexpectedly." in err
        return process.returncode

    assert private_check.stop(Moment(EVALUATIONS, 2, answered=True), kill_worker) == 2
    # Its batch of 20 went with it: nobody else can read the answer that was paid for.
    assert private_check.paid == PAID_PRIVATELY + 20
    private_check.require_the_same_answers()


def test_a_worker_that_is_told_to_end_stores_its_batch_first(private_check: Interrupted) -> None:
    def terminate_worker(process: Process) -> int:
        (worker,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        os.kill(int(worker), signal.SIGTERM)
        moment.passed.set()
        process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode

    moment = Moment(EVALUATIONS, 2, answered=True)
    assert private_check.stop(moment, terminate_worker) == 2
    assert private_check.paid == PAID_PRIVATELY
    private_check.require_the_same_answers()


def test_a_lost_answer_is_no_reason_to_pay_twice(private_check: Interrupted) -> None:
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
        private_check.desk.summary(private_check.file, *private_check.mode)
    assert lost == {EVALUATIONS, DISCLOSURES}
    assert before - left(private_check.desk.member) == PAID_PRIVATELY
    private_check.require_the_same_answers()
