"""Doing together what arrives together: where most of a piece of work's cost is that of its transaction, several pieces
in one cost little more than one.

Nothing waits for more to come: a piece that arrives while nothing is under way is begun at once, alone; what arrives
meanwhile is gathered, and done together next.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from queue import Full
from typing import Final, Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class Gathering(Generic[T, R]):
    """Thread-safe. `close` ends its threads, which are started when the first piece comes.

    work: does some pieces, at least one, and returns their outcomes in order. What it raises is everyone's outcome.
    most: pieces that are done together. patience: seconds after which the next are begun beside those that are still
    under way, which then wait for something that the others need not wait for; at_once: in how many threads. room: for
    pieces that are not begun yet.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[R]],
        *,
        most: int,
        patience: float = 0.05,
        at_once: int = 4,
        room: int = 2_000,
    ) -> None:
        self._work = work
        self._most: Final = most
        self._patience: Final = patience
        self._at_once: Final = at_once
        self._room: Final = room
        self._waiting: deque[tuple[T, Future[R]]] = deque()
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []
        self._under_way = 0
        self._begun = 0.0
        self._watched = False
        self._closed = False

    def submit(self, piece: T) -> "Future[R]":
        """Its outcome, once it is there. Cancelled before it was begun, it is not done at all.

        Full where too many wait; RuntimeError after `close`.
        """
        future: Future[R] = Future()
        with self._changed:
            if self._closed:
                raise RuntimeError("this gathering is closed")
            self._make_room()
            self._start_threads()
            self._waiting.append((piece, future))
            if not self._watched or not self._under_way:
                self._changed.notify()
        return future

    def close(self, seconds: float = 10.0) -> None:
        """Waits for what was submitted before, but no longer than that."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        until = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _make_room(self) -> None:
        if len(self._waiting) < self._room:
            return
        self._waiting = deque(one for one in self._waiting if not one[1].cancelled())
        if len(self._waiting) >= self._room:
            raise Full

    def _start_threads(self) -> None:
        if not self._threads:
            names = [f"gathering-{number}" for number in range(self._at_once)]
            self._threads = [threading.Thread(target=self._run, name=name, daemon=True) for name in names]
            for thread in self._threads:
                thread.start()

    def _run(self) -> None:
        while self._do_next():
            pass

    def _do_next(self) -> bool:
        """False where there will be no more. Nothing of the pieces is left in the thread while it waits for others."""
        batch = self._next()
        if not batch:
            return False
        pieces = [piece for piece, _ in batch]
        try:
            outcomes = self._work(pieces)
            if len(outcomes) != len(pieces):
                raise ValueError("there is not one outcome for each piece")
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told whatever it is
            for _, future in batch:
                future.set_exception(error)
        else:
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                future.set_result(outcome)
        with self._changed:
            self._under_way -= 1
            if self._closed:
                self._changed.notify_all()  # whoever watched for more waits for nothing any longer
        return True

    def _next(self) -> list[tuple[T, "Future[R]"]]:
        """Those that are begun now; none where there will be no more. One whose submitter gave up is left out."""
        with self._changed:
            while True:
                if not self._waiting:
                    if self._closed:
                        return []
                    self._changed.wait()
                    continue
                wait = self._begun + self._patience - time.monotonic() if self._under_way else 0
                if wait > 0:
                    self._watched = True
                    self._changed.wait(wait)
                    self._watched = False
                    continue
                taken = [self._waiting.popleft() for _ in range(min(self._most, len(self._waiting)))]
                batch = [one for one in taken if one[1].set_running_or_notify_cancel()]
                if batch:
                    self._under_way += 1
                    self._begun = time.monotonic()
                    if self._waiting and not self._watched:
                        self._changed.notify()  # somebody must begin these too, should this take long
                    return batch
