"""A worker process: blinds numbers, has them evaluated, verifies the answer, and keeps the tags before it says so.

Blinding has a secret that cannot be written down, so that a batch which was sent can only be finished by the process
that sent it. That is this one, and not the command that somebody interrupts: it is in a session of its own, and the
death of the command reaches it as the end of its standard input, which it looks at when the batch in hand is stored.
It holds the folder's lock by a descriptor that it inherits, so that the next check waits for it.

Has no standard error: nothing that it or its libraries say could be checked for numbers.
"""

import json
import signal
import sys
import warnings
from dataclasses import asdict
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from registry.client._errors import RegistryError
from registry.client.file_checks.folder import CacheError
from registry.client.file_checks.lean_start import import_httpx_alone

if TYPE_CHECKING:
    from registry.client.file_checks.evaluator import Evaluator


class _Termination:
    """SIGTERM ends an idle worker at once, and a busy one after its batch."""

    def __init__(self) -> None:
        self.busy = False
        self._wanted = False
        signal.signal(signal.SIGTERM, self._told)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._wanted = True
        self.allow()

    def allow(self) -> None:
        if self._wanted and not self.busy:
            sys.exit(0)


def serve() -> None:
    """Answers every line of standard input with one on standard output, until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    warnings.simplefilter("ignore")  # the command has given them
    termination = _Termination()
    lines = sys.stdin.buffer
    import_httpx_alone()
    from registry.client.file_checks.evaluator import Evaluator  # noqa: PLC0415 - it imports httpx

    settings = lines.readline()
    if not settings:
        return
    evaluator = Evaluator(json.loads(settings))
    while line := lines.readline():
        termination.busy = True
        answer = _answer(evaluator, json.loads(line))
        termination.busy = False
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        termination.allow()


def _answer(evaluator: "Evaluator", numbers: list[str]) -> dict[str, Any]:
    try:
        return evaluator.evaluate(numbers)
    except RegistryError as error:
        return {"error": describe(error)}
    except CacheError as error:
        return {"fault": str(error)}
    except Exception as error:  # noqa: BLE001 - what it says may quote a number
        return {"fault": f"A worker process failed ({type(error).__name__})."}


def describe(error: RegistryError) -> dict[str, Any]:
    """An error as it travels to the command."""
    return {
        "kind": type(error).__name__,
        "detail": error.detail,
        "code": error.code,
        "title": error.title,
        "status": error.status,
        "errors": [asdict(one) for one in error.errors],
        "retry_after": error.retry_after,
        "request_id": error.request_id,
    }


def main() -> NoReturn:
    try:
        serve()
    except BrokenPipeError:  # the command has gone; what it would have been told is in the cache
        sys.stdout = None  # nothing is left to flush to
    sys.exit(0)


if __name__ == "__main__":
    main()
