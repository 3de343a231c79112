"""What arrives while something is under way is done together next."""

import gc
import threading
import weakref
from collections.abc import Generator, Sequence
from queue import Full
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

import pytest

from api.gathering import Gathering

if TYPE_CHECKING:
    from concurrent.futures import Future

WAIT: Final = 10


class Bench:
    """Work that stands still until it is let go. batches: what was done together, in the order it was begun."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Event()
        self.went: Final = threading.Semaphore(0)

    def work(self, pieces: Sequence[int]) -> list[int]:
        self.batches.append(list(pieces))
        self.went.release()
        assert self.go.wait(WAIT)
        return [piece * 10 for piece in pieces]

    def await_begun(self) -> None:
        assert self.went.acquire(timeout=WAIT)


@pytest.fixture
def bench() -> Generator[Bench]:
    bench = Bench()
    yield bench
    bench.go.set()


def results(futures: Sequence["Future[int]"]) -> list[int]:
    return [future.result(WAIT) for future in futures]


def test_a_piece_alone_is_begun_at_once_and_those_that_come_meanwhile_are_done_together(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=3, patience=WAIT)
    futures = [gathering.submit(0)]
    bench.await_begun()
    futures += [gathering.submit(piece) for piece in range(1, 6)]
    bench.go.set()
    assert results(futures) == [0, 10, 20, 30, 40, 50]
    assert bench.batches == [[0], [1, 2, 3], [4, 5]]
    gathering.close()


def test_the_next_are_begun_beside_those_that_take_long(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=3, patience=0.01, at_once=3)
    futures = [gathering.submit(piece) for piece in range(1)]
    bench.await_begun()
    for piece in (1, 2):
        futures.append(gathering.submit(piece))
        bench.await_begun()
    futures.append(gathering.submit(3))
    sleep(0.1)
    assert bench.batches == [[0], [1], [2]], "there are three threads"
    bench.go.set()
    assert results(futures) == [0, 10, 20, 30]
    gathering.close()


def test_what_goes_wrong_is_told_to_everyone_it_went_wrong_for_and_to_nobody_else() -> None:
    def work(pieces: Sequence[int]) -> list[int]:
        if 1 in pieces:
            raise ValueError("one of them")
        return list(pieces)

    gathering = Gathering(work, most=1)
    futures = [gathering.submit(piece) for piece in range(3)]
    assert isinstance(futures[1].exception(WAIT), ValueError)
    assert [futures[0].result(WAIT), futures[2].result(WAIT)] == [0, 2]
    gathering.close()


def test_a_piece_whose_submitter_gave_up_is_not_begun(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=3, patience=WAIT)
    first = gathering.submit(0)
    bench.await_begun()
    given_up, kept = gathering.submit(1), gathering.submit(2)
    assert given_up.cancel()
    bench.go.set()
    assert results([first, kept]) == [0, 20]
    assert bench.batches == [[0], [2]]
    gathering.close()


def test_there_is_room_for_so_many_and_for_more_where_some_gave_up(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=3, patience=WAIT, room=2)
    gathering.submit(0)
    bench.await_begun()
    waiting = [gathering.submit(piece) for piece in (1, 2)]
    with pytest.raises(Full):
        gathering.submit(3)
    assert waiting[0].cancel()
    waiting.append(gathering.submit(4))
    bench.go.set()
    assert results(waiting[1:]) == [20, 40]
    gathering.close()


def test_closing_waits_for_what_was_submitted_before(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=1, patience=WAIT)
    futures = [gathering.submit(piece) for piece in range(3)]
    bench.go.set()
    gathering.close()
    assert all(future.done() for future in futures)
    assert results(futures) == [0, 10, 20]
    with pytest.raises(RuntimeError):
        gathering.submit(4)


def test_closing_waits_no_longer_than_it_was_told_to(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=1)
    future = gathering.submit(0)
    bench.await_begun()
    gathering.close(seconds=0.01)
    assert not future.done()
    bench.go.set()
    assert future.result(WAIT) == 0


def test_work_that_loses_an_outcome_is_told_to_all_and_goes_on() -> None:
    def work(pieces: Sequence[int]) -> Sequence[int]:
        return pieces[1:]

    gathering = Gathering(work, most=1)
    for piece in range(2):
        assert isinstance(gathering.submit(piece).exception(WAIT), ValueError)
    gathering.close()


def test_the_rest_of_many_is_begun_though_nobody_submits_more(bench: Bench) -> None:
    gathering = Gathering(bench.work, most=1, patience=0.05)
    futures = [gathering.submit(piece) for piece in range(4)]
    for _ in futures:
        bench.await_begun()
    assert sorted(bench.batches) == [[0], [1], [2], [3]]
    bench.go.set()
    assert results(futures) == [0, 10, 20, 30]
    gathering.close()


class Body:
    """Something that can be seen to be gone."""


def test_nothing_of_a_piece_is_left_in_a_thread_that_waits_for_others() -> None:
    def work(bodies: Sequence[Body]) -> list[int]:
        return [len(bodies)]

    gathering = Gathering(work, most=1)
    body = Body()
    gone = weakref.ref(body)
    gathering.submit(body).result(WAIT)
    del body
    deadline = monotonic() + WAIT
    while gone() is not None and monotonic() < deadline:
        gc.collect()
        sleep(0.01)
    assert gone() is None
    gathering.close()


def test_many_threads_may_submit_at_once_and_each_gets_its_own_outcome() -> None:
    sizes: list[int] = []

    def work(pieces: Sequence[int]) -> list[int]:
        sizes.append(len(pieces))
        sleep(0.001)
        return [-piece for piece in pieces]

    gathering = Gathering(work, most=8, patience=0.002)
    got: dict[int, int] = {}

    def ask(first: int) -> None:
        for piece in range(first, first + 50):
            got[piece] = gathering.submit(piece).result(WAIT)

    threads = [threading.Thread(target=ask, args=(at * 50,)) for at in range(16)]
    began = monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    gathering.close()
    assert got == {piece: -piece for piece in range(800)}
    assert sum(sizes) == 800
    assert max(sizes) <= 8
    assert len(sizes) < 800, f"something was done together, in {monotonic() - began:.1f} s"


def test_a_piece_that_comes_alone_is_begun_at_once_though_somebody_still_watches_for_others() -> None:
    begun: dict[int, float] = {}

    def work(pieces: Sequence[int]) -> Sequence[int]:
        begun.update(dict.fromkeys(pieces, monotonic()))
        sleep(0.01)
        return pieces

    gathering = Gathering(work, most=24, patience=5)
    both = [gathering.submit(1)]
    sleep(0.002)
    both.append(gathering.submit(2))  # for which somebody watches, should the first take long
    for one in both:
        one.result(10)
    sleep(0.05)
    at = monotonic()
    gathering.submit(3).result(10)
    gathering.close()
    assert begun[3] - at < 2
