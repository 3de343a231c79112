"""Two operations at once, in an order that the test decides: the first is held just before its COMMIT."""

import threading
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import Any, TypeVar

import psycopg

from registry.db.database import Writing
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Refused
from registry.operations.operation import COMMAND_LINE, Answered, Caller, Operation, Request
from registry.operations.registry import Registry

R = TypeVar("R")
Step = tuple[Operation[Any, Any], Caller]
PATIENCE_SECONDS = 20.0


def caller_of(organisation_id: Any, kind: str = "investigator") -> Caller:
    return Caller(organisation_id, OrganisationKind(kind), "Somebody", "00000000")


@dataclass
class Interleaving:
    """Runs pairs of operations of one registry, which must have two database connections to spare."""

    registry: Registry
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)

    def run(self, operation: Operation[Any, R], caller: Caller = COMMAND_LINE, **also: Any) -> R:
        return self.registry.run(operation, caller, Request(self.registry.new_id(), "test"), **also).result

    def tried(self, operation: Operation[Any, R], caller: Caller = COMMAND_LINE) -> R | Refused:
        try:
            return self.run(operation, caller)
        except Refused as refused:
            return refused

    @contextmanager
    def held(self, operation: Operation[Any, R], caller: Caller = COMMAND_LINE) -> Generator[Future[R]]:
        """The operation has done everything but COMMIT while the block runs, and commits at its end."""
        reached, may_commit = threading.Event(), threading.Event()

        def wait(_tx: Writing, _answered: Answered[R]) -> None:
            reached.set()
            assert may_commit.wait(PATIENCE_SECONDS)

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.run, operation, caller, after=wait)
            try:
                wait_until(lambda: reached.is_set() or running.done())
                yield running
            finally:
                may_commit.set()
        running.result()

    def both(self, first: Step, second: Step) -> Any:
        """Runs the second while the first is held, until it has ended or waits for the first; returns its result or its
        refusal once both have ended.
        """
        with ThreadPoolExecutor(1) as pool:
            with self.held(*first):
                operation, caller = second
                running: Future[Any] = pool.submit(self.tried, operation, caller)
                wait_until(lambda: running.done() or self.waiting() > 0)
            return running.result()

    def waiting(self) -> int:
        """How many sessions of this database wait for a lock."""
        row = self.superuser.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        assert row is not None
        return int(row[0])


def wait_until(condition: Any, seconds: float = PATIENCE_SECONDS) -> None:
    """Asks until the answer is true. Fails after so many seconds."""
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not happen in time"
        sleep(0.005)
