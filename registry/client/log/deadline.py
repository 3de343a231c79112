"""A bound in time for work that waits for somebody else, however slowly he goes on.

A timeout of a socket bounds each of its waits, and not their sum.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises. Raises TimeoutError where it takes longer; it is then left to itself."""
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it was asked for
            done.set_exception(error)

    threading.Thread(target=run, name="request", daemon=True).start()
    return done.result(seconds)
