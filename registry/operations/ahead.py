"""Working ahead on a file: while one chunk is in the database, the next is already read and computed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

from registry.operations.operation import Operation
from registry.operations.registry import Registry

C = TypeVar("C")
O = TypeVar("O", bound=Operation[Any, Any])  # noqa: E741 - an operation


def prepared_ahead(registry: Registry, steps: Iterator[tuple[C, O]]) -> Iterator[tuple[C, O, Callable[[], Any]]]:
    """Each step with what `Registry.run` takes as its `prepare`: the result is there, or its refusal is raised then.

    The steps are drawn in a thread of their own, one ahead of the caller and never more, so that memory stays flat.
    """

    def draw() -> tuple[C, O, Callable[[], Any]] | None:
        step = next(steps, None)
        if step is None:
            return None
        context, operation = step
        try:
            prepared = operation.prepare(registry)
        except Exception as error:  # noqa: BLE001 - it is raised where the operation is run, and recorded there
            return context, operation, _raising(error)
        return context, operation, lambda: prepared

    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as executor:
        upcoming = executor.submit(draw)
        while (drawn := upcoming.result()) is not None:
            upcoming = executor.submit(draw)
            yield drawn


def _raising(error: Exception) -> Callable[[], NoReturn]:
    def again() -> NoReturn:
        raise error

    return again
