"""The worker processes of one check, as the command sees them: it hands out batches and hears what became of them."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from registry.client import _errors
from registry.client._errors import FieldError, RegistryError
from registry.client._questions import Asking
from registry.client.target import Target
from registry.domain.confidential import Confidential

if TYPE_CHECKING:
    from registry.client._parameters import Parameters

PATIENCE_SECONDS: Final = 60.0
"""For how long a worker goes on trying to get the answer that it may have been charged for."""
_GOODBYE_SECONDS: Final = 5.0
_MODULE: Final = "registry.client.file_checks.worker"
_KINDS: Final = {
    kind.__name__: kind
    for kind in (_errors.Unauthorized, _errors.QuotaExceeded, _errors.InvalidRequest, _errors.Unavailable)
}


class WorkerFailed(Exception):  # noqa: N818 - it says what happened
    """A worker could not go on, for a reason of its own; or ended, and with it the batch that it held."""


@dataclass(frozen=True, slots=True)
class Job(Confidential):
    """What every worker is told first."""

    target: Target
    root: Path
    asking: Asking
    parameters: "Parameters" = field(repr=False)

    def line(self) -> bytes:
        settings = {
            "url": self.target.url,
            "key": self.target.key,
            "root": str(self.root),
            "patience": PATIENCE_SECONDS,
            "asking": self.asking.document(),
            "paths": [
                [(step.generation, step.public_key.hex(), step.parent) for step in generation.path]
                for generation in self.parameters.generations
            ],
        }
        return json.dumps(settings).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Done:
    """One batch. charged: numbers; audit_ids: of the requests that it took."""

    numbers: int
    charged: int
    audit_ids: tuple[str, ...]


class Workers:
    """Started at once, since that takes a while; told what to do by `begin`."""

    def __init__(self, count: int, lock: int) -> None:
        """lock: the descriptor of the folder's lock, which every worker holds as long as it lives."""
        self._processes = [_start(lock) for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Those who take longer than a moment for the batch in hand are left to finish it alone."""
        self.dismiss()
        until = time.monotonic() + _GOODBYE_SECONDS
        for process in self._processes:
            with selectors.DefaultSelector() as end:
                end.register(_pipe(process.stdout), selectors.EVENT_READ)
                while (left := until - time.monotonic()) > 0 and end.select(left):
                    if not _pipe(process.stdout).readline():
                        process.wait()
                        break
            _pipe(process.stdout).close()

    def dismiss(self) -> None:
        """No more batches: who has none in hand ends now."""
        for process in self._processes:
            with suppress(OSError):
                _pipe(process.stdin).close()

    def __len__(self) -> int:
        return len(self._processes)

    def begin(self, job: Job) -> None:
        for process in self._processes:
            _send(process, job.line())

    def run(self, batches: Iterator[Sequence[str]], done: Callable[[Done], None]) -> None:
        """Each batch to whoever is free. Raises RegistryError, or WorkerFailed; what was done by then is kept."""
        with selectors.DefaultSelector() as busy:
            for idle in self._processes:
                _hand_out(idle, batches, busy)
            while busy.get_map():
                for key, _ in busy.select():
                    process: subprocess.Popen[bytes] = key.data
                    busy.unregister(key.fileobj)
                    done(_heard(_pipe(process.stdout).readline()))
                    _hand_out(process, batches, busy)


def _start(lock: int) -> "subprocess.Popen[bytes]":
    # -P: a folder that happens to be the current one is no place to import from.
    return subprocess.Popen(  # noqa: S603 - this program itself
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=(lock,),
        env={name: value for name, value in os.environ.items() if name != "REGISTRY_API_KEY"},
    )


def _hand_out(
    process: "subprocess.Popen[bytes]", batches: Iterator[Sequence[str]], busy: selectors.BaseSelector
) -> None:
    batch = next(batches, None)
    if batch is not None:
        _send(process, json.dumps(list(batch)).encode() + b"\n")
        busy.register(_pipe(process.stdout), selectors.EVENT_READ, process)


def _send(process: "subprocess.Popen[bytes]", line: bytes) -> None:
    try:
        _pipe(process.stdin).write(line)
        _pipe(process.stdin).flush()
    except OSError:
        raise WorkerFailed("A worker process ended unexpectedly.") from None


def _heard(line: bytes) -> Done:
    if not line:
        raise WorkerFailed("A worker process ended unexpectedly.")
    answer: dict[str, Any] = json.loads(line)
    if "fault" in answer:
        raise WorkerFailed(answer["fault"])
    if "error" in answer:
        raise restored(answer["error"])
    return Done(answer["done"], answer["charged"], tuple(answer["audit_ids"]))


def restored(facts: dict[str, Any]) -> RegistryError:
    """The error that a worker described."""
    kind, detail = facts.pop("kind"), facts.pop("detail")
    if kind == "KeyChanged":
        return _errors.KeyChanged(detail)
    if kind == "ProtocolError":
        return _errors.ProtocolError(detail, status=facts["status"])
    errors = tuple(FieldError(**one) for one in facts.pop("errors"))
    return _KINDS.get(kind, RegistryError)(detail, errors=errors, **facts)


def _pipe(stream: Any) -> Any:
    assert stream is not None  # noqa: S101 - for the type checker: both are pipes
    return stream
