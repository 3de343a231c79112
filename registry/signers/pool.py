"""A pool of signer processes of one kind: who is free, whose turn it is, and what becomes of one that ends.

A signer that ends is replaced; the request that it was working for is refused with `signer_unavailable`, and nobody
else notices.
"""

import contextlib
import logging
import pickle
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Sequence
from multiprocessing import get_context
from multiprocessing.connection import wait
from os import dup
from typing import TYPE_CHECKING, Any, Final

from registry.domain.errors import Code, Refused
from registry.signers.process import Start, Task, answer_of, await_start, serve

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

_WAIT_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 30
_START_SECONDS: Final = 30.0
_END_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class _Signer:
    """One process and this side of its pipe. Held by one thread at a time."""

    def __init__(self, start: Start) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=serve, args=(theirs, start), name="signer", daemon=True)
        self.process.start()
        theirs.close()

    def await_ready(self) -> None:
        """Raises OSError or EOFError where it did not come up, and what `Start.keys` raises."""
        if not self.connection.poll(_START_SECONDS):
            raise TimeoutError("a signer did not start in time")
        await_start(self.connection.recv_bytes())
        # From here on the kernel ends a wait that is too long: asking with a timeout costs as much as a whole answer.
        with socket.socket(fileno=dup(self.connection.fileno())) as end:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", _ANSWER_SECONDS, 0))

    def begin(self, task: Task) -> None:
        self.connection.send_bytes(pickle.dumps(task))

    def end(self) -> None:
        """It ends by itself when its pipe is closed, unless it is over a task or stopped. It has nothing to lose."""
        self.connection.close()
        self.process.join(_END_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Turn:
    """A thread that waits for a signer, and the one that it is given."""

    __slots__ = ("came", "signer")

    def __init__(self) -> None:
        self.came = threading.Event()
        self.signer: _Signer | None = None


class SignerPool:
    """As many signers as asked for. Thread-safe. `close` ends them.

    Raises what `Start.keys` raises where the key file cannot be used.
    """

    def __init__(self, start: Start, size: int) -> None:
        self._start = start
        self._idle: list[_Signer] = []
        self._turns: deque[_Turn] = deque()
        self._all: set[_Signer] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        started = [_Signer(start) for _ in range(size)]
        try:
            for signer in started:
                signer.await_ready()
        except BaseException:
            for signer in started:
                signer.end()
            raise
        self._all.update(started)
        self._idle += started

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the signers that run."""
        with self._lock:
            return frozenset(signer.process.pid for signer in self._all if signer.process.pid is not None)

    @property
    def broken(self) -> bool:
        """Whether none of its signers is there at the moment."""
        return not self._all

    def close(self) -> None:
        """Ends all signers. Requests that still wait for one are refused."""
        with self._lock:
            self._closed.set()
            signers, self._all = self._all, set()
        for signer in signers:
            signer.end()

    def run(self, task: Task) -> Any:
        """One task's answer. Raises Refused: the task's own; `signer_unavailable` where the signer ended; `overloaded`
        where none became free in time.
        """
        signer = self._patiently()
        try:
            signer.begin(task)
            message = signer.connection.recv_bytes()
        except (OSError, EOFError) as error:
            self._replace(signer)
            raise _ended(error) from None
        except BaseException:
            self._replace(signer)  # what it answers later would be taken for the answer to somebody else
            raise
        self._give(signer)
        return answer_of(message)

    def run_all(self, tasks: Sequence[Task]) -> list[Any]:
        """The answers in the order of the tasks, which are spread over as many signers as are free. Raises like `run`.

        Between two tasks a signer goes to whoever waits longest, so that nobody has to wait for a whole file.
        """
        answers: list[Any] = [None] * len(tasks)
        waiting = list(reversed(range(len(tasks))))
        busy: dict[_Signer, int] = {}
        try:
            while waiting or busy:
                while waiting and (signer := self._take() if busy else self._patiently()) is not None:
                    busy[signer] = waiting.pop()
                    signer.begin(tasks[busy[signer]])
                ready = wait([signer.connection for signer in busy], timeout=_ANSWER_SECONDS)
                if not ready:
                    raise TimeoutError("a signer did not answer in time")
                for signer, task in list(busy.items()):
                    if signer.connection in ready:
                        message = signer.connection.recv_bytes()
                        del busy[signer]
                        self._give(signer)
                        answers[task] = answer_of(message)
        except (OSError, EOFError) as error:
            raise _ended(error) from None
        finally:
            # Whoever is still at work here was not heard out: its pipe would give the next request this one's answer.
            for signer in busy:
                self._replace(signer)
        return answers

    def _take(self) -> _Signer | None:
        """A signer that is free and alive, unless somebody else waits for one."""
        while True:
            with self._lock:
                if not self._idle or self._turns:
                    return None
                signer = self._idle.pop()
            if signer.process.is_alive():
                return signer
            self._replace(signer)

    def _patiently(self) -> _Signer:
        """A signer that is alive, when it is this thread's turn. Refused(overloaded) where that takes too long."""
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            free = self._idle_or_turn()
            signer = self._in_turn(free, until - time.monotonic()) if isinstance(free, _Turn) else free
            if signer.process.is_alive():
                return signer
            self._replace(signer)

    def _idle_or_turn(self) -> _Signer | _Turn:
        with self._lock:
            if self._idle and not self._turns:
                return self._idle.pop()
            turn = _Turn()
            self._turns.append(turn)
            return turn

    def _in_turn(self, turn: _Turn, seconds: float) -> _Signer:
        turn.came.wait(seconds)
        with self._lock:
            if turn.signer is None:
                self._turns.remove(turn)
                raise Refused(Code.OVERLOADED, "All signer processes are busy.", retry_after=1.0)
            return turn.signer

    def _give(self, signer: _Signer) -> None:
        """To whoever waits longest, or to the bench."""
        with self._lock:
            if self._turns:
                turn = self._turns.popleft()
                turn.signer = signer
                turn.came.set()
            else:
                self._idle.append(signer)

    def _replace(self, signer: _Signer) -> None:
        with self._lock:
            self._all.discard(signer)
            if self._closed.is_set():
                return
        threading.Thread(target=self._start_another, args=(signer,), name="signer-replacement", daemon=True).start()

    def _start_another(self, ended: _Signer) -> None:
        with contextlib.suppress(OSError):
            ended.end()
        while not self._closed.is_set():
            signer = _Signer(self._start)
            try:
                signer.await_ready()
            except Exception as error:  # noqa: BLE001 - whatever it is may pass: it is tried again
                _log.error("a signer did not start", extra={"error": type(error).__name__})
                signer.end()
                time.sleep(1)
                continue
            with self._lock:
                closed = self._closed.is_set()
                if not closed:
                    self._all.add(signer)
            if closed:
                signer.end()
            else:
                self._give(signer)
            return


def _ended(error: Exception) -> Refused:
    _log.warning("a signer ended", extra={"error": type(error).__name__})
    detail = "The process that holds the keys ended. It is being replaced."
    return Refused(Code.SIGNER_UNAVAILABLE, detail, retry_after=1.0)
