"""Work with secrets in a process of its own, so that the process that asks for it never holds them.

What a process has read once can be found in its memory long after it is done with it; what only its child has read
cannot.
"""

from collections.abc import Callable
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

R = TypeVar("R")


def apart(work: Callable[[], R]) -> R:
    """What `work` returns, or raises, when it is done in a child of this process: only that comes back.

    Forked, so that it costs milliseconds; the work may use no connection and no lock of this process.
    """
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_do, args=(theirs, work), name="apart")
    child.start()
    theirs.close()
    try:
        raised, result = ours.recv()
    except EOFError:
        raise RuntimeError("a process that works with secrets ended without an answer") from None
    finally:
        ours.close()
        child.join()
    if raised:
        raise result
    return result  # type: ignore[no-any-return]  # it is what `work` returned


def _do(answer: "Connection[Any, Any]", work: Callable[[], object]) -> None:
    try:
        done = (False, work())
    except Exception as error:  # noqa: BLE001 - it is raised again where the work was asked for
        done = (True, error)
    answer.send(done)
