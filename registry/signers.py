"""Signer processes: they hold the secret keys and do the arithmetic of many numbers, so that every core works and no
API thread holds the GIL for long.

A signer is started by spawn and receives its keys over its pipe, never by an argument or the environment. One that
ends is replaced; the request that it was working for is refused with `signer_unavailable`, and nobody else notices.
"""

import contextlib
import logging
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Final

from registry.domain.errors import Code, Refused
from registry.domain.numbers import LineType, Normaliser, Number
from registry.key_file import KeyFile
from registry.keys import KeyRing
from registry.tagging import InProcess, TaggedNumber, WrittenNumber

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

BATCH_MOST: Final = 1_000
"""Numbers that one request can hold a signer for."""
_SLICE: Final = 250
_WAIT_SECONDS: Final = 15.0
_ANSWER_SECONDS: Final = 30.0
_START_SECONDS: Final = 30.0
_log = logging.getLogger(__name__)

_Read = tuple[Any, ...]
"""What travels for one number: (e164, region, line type, notes, tags), or (code, detail) of a refusal."""


@dataclass(frozen=True, slots=True)
class SignerSettings:
    """What a signer needs besides keys."""

    served_regions: frozenset[str]
    accept_fictional: bool


class _Signer:
    """One process and this side of its pipe. Held by one thread at a time."""

    def __init__(self, file: KeyFile, active: Mapping[int, bytes], settings: SignerSettings) -> None:
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(target=_serve, args=(theirs,), name="signer", daemon=True)
        self.process.start()
        theirs.close()
        seeds = {number: file.seeds[number] for number in active}
        self.connection.send((seeds, dict(active), settings.served_regions, settings.accept_fictional))

    def await_ready(self) -> None:
        """Raises OSError or EOFError where it did not come up."""
        if not self.connection.poll(_START_SECONDS):
            raise TimeoutError("a signer did not start in time")
        self.connection.recv()

    def end(self) -> None:
        self.connection.close()
        self.process.terminate()
        self.process.join(5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join(5)


class SignerPool:
    """As many signers as asked for. Thread-safe. `close` ends them."""

    def __init__(self, file: KeyFile, active: Mapping[int, bytes], settings: SignerSettings, size: int) -> None:
        self._make: Callable[[], _Signer] = lambda: _Signer(file, active, settings)
        self._idle: queue.LifoQueue[_Signer] = queue.LifoQueue()
        self._all: set[_Signer] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()
        started = [self._make() for _ in range(size)]
        for signer in started:
            signer.await_ready()
            self._all.add(signer)
            self._idle.put(signer)

    @property
    def pids(self) -> frozenset[int]:
        """The process ids of the signers that run."""
        with self._lock:
            return frozenset(signer.process.pid for signer in self._all if signer.process.pid is not None)

    def close(self) -> None:
        """Ends all signers. Requests that still wait for one are refused."""
        with self._lock:
            self._closed.set()
            signers, self._all = self._all, set()
        for signer in signers:
            signer.end()

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        """Normalises and evaluates, in the order given, on as many signers as are free.

        Raises Refused: `signer_unavailable` where one ended, `overloaded` where none became free in time.
        """
        tasks = [
            [(number.text, number.region) for number in numbers[start : start + _SLICE]]
            for start in range(0, len(numbers), _SLICE)
        ]
        return [_tagged(read) for answer in self._spread(tasks) for read in answer]

    def _spread(self, tasks: Sequence[list[tuple[str, str | None]]]) -> list[list[_Read]]:
        """One task for each free signer at a time; the answers in the order of the tasks."""
        answers: list[list[_Read]] = [[] for _ in tasks]
        waiting = list(reversed(range(len(tasks))))
        busy: dict[_Signer, int] = {}
        try:
            while waiting or busy:
                while waiting and (signer := self._take(patient=not busy)) is not None:
                    task = waiting.pop()
                    busy[signer] = task
                    signer.connection.send(tasks[task])
                ready = wait([signer.connection for signer in busy], timeout=_ANSWER_SECONDS)
                if not ready:
                    raise TimeoutError("a signer did not answer in time")
                for signer, task in list(busy.items()):
                    if signer.connection in ready:
                        answers[task] = signer.connection.recv()
                        del busy[signer]
                        self._idle.put(signer)
        except (OSError, EOFError) as error:
            _log.warning("a signer ended", extra={"error": type(error).__name__})
            raise Refused(
                Code.SIGNER_UNAVAILABLE, "The process that computes tags ended. It is being replaced.", retry_after=1.0
            ) from None
        finally:
            # Whoever is still at work here was not heard out: its pipe would give the next request this one's answer.
            for signer in busy:
                self._replace(signer)
        return answers

    def _take(self, *, patient: bool) -> _Signer | None:
        """A free signer that is alive; None where none is free and the caller has others at work."""
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            try:
                signer = (
                    self._idle.get(timeout=max(0.0, until - time.monotonic())) if patient else self._idle.get(False)
                )
            except queue.Empty:
                if patient:
                    raise Refused(Code.OVERLOADED, "All signer processes are busy.", retry_after=1.0) from None
                return None
            if signer.process.is_alive():
                return signer
            self._replace(signer)

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
            signer = self._make()
            try:
                signer.await_ready()
            except (OSError, EOFError) as error:
                _log.error("a signer did not start", extra={"error": type(error).__name__})
                signer.end()
                time.sleep(1)
                continue
            with self._lock:
                if not self._closed.is_set():
                    self._all.add(signer)
                    self._idle.put(signer)
                    return
            signer.end()


def _tagged(read: _Read) -> TaggedNumber | Refused:
    if len(read) == 2:  # noqa: PLR2004 - a code and its detail
        return Refused(Code(read[0]), read[1])
    e164, region, line_type, notes, tags = read
    return TaggedNumber(Number(e164, region, LineType(line_type), notes), tags)


def _serve(connection: "Connection[Any, Any]") -> None:
    """A signer's whole life: keys first, then one task after the other, until the other end closes."""
    # Ctrl-C goes to the whole group of processes. Requests in flight must still be answered: the pool ends its signers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        seeds, active, served_regions, accept_fictional = connection.recv()
        keys = KeyRing.of(KeyFile(seeds, bytes(32)), active)
        del seeds
        tagging = InProcess(Normaliser(served_regions, accept_fictional=accept_fictional), keys)
        connection.send("ready")
        while True:
            task = connection.recv()
            connection.send([_wire(tagging.read(text, region)) for text, region in task])
    except (EOFError, OSError):
        return
    except Exception:  # noqa: BLE001 - what Python would print of it may quote a number
        sys.exit(1)


def _wire(read: TaggedNumber | Refused) -> _Read:
    if isinstance(read, Refused):
        return (read.code.value, read.detail)
    number = read.number
    return (number.e164, number.region, number.line_type.value, number.notes, read.tags)
