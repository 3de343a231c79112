"""Connections, transactions and their retries. Every transaction of the product goes through `Database.transaction`.

Two pools: one for transactions, one in autocommit for the single statements that must not be undone by a rollback.
What the database reports is turned into a refusal here, so that no message of the driver, which may quote a value,
travels further.
"""

import random
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Row, create_engine, text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from registry.db.constraints import CONFLICTS
from registry.domain.errors import Code, Refused

R = TypeVar("R")
AnyRow = Row[*tuple[Any, ...]]
"""A row whose columns are named where it is unpacked."""

_RETRY_AFTER_SECONDS = 5.0
_ATTEMPTS = 5
_SERIALIZATION_FAILURE = "40001"
_DEADLOCK_DETECTED = "40P01"
# Class 57: an operator stopped the server; 53: it has no resources left, connection slots among them.
_UNAVAILABLE_CLASSES = ("57", "53", "08")
_LOCK_NOT_AVAILABLE = "55P03"
# Where the server's machine or the way to it is gone, nothing on this side would otherwise ever say so.
_NOTICE_A_DEAD_LINE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
_WAIT_AT_MOST = text("SELECT set_config('lock_timeout', :milliseconds, true)")


@dataclass(frozen=True, slots=True)
class Reading:
    """A transaction in which an operation may ask. Made by `Database` alone."""

    connection: Connection


@dataclass(frozen=True, slots=True)
class Writing(Reading):
    """A transaction in which an operation may also change things."""

    def wait_at_most(self, seconds: float) -> None:
        """For a lock of another transaction, from here to its end; then it is Refused(overloaded)."""
        self.connection.execute(_WAIT_AT_MOST, {"milliseconds": str(int(seconds * 1000))})


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """Limits of one process. Times in seconds."""

    pool_size: int = 12
    pool_wait: float = 3.0
    statement: float = 30.0
    lock: float = 10.0
    connect: int = 3


class Database:
    """The application's side of PostgreSQL. Thread-safe; made once per process, after a fork and never before."""

    def __init__(self, url: str, options: DatabaseOptions | None = None) -> None:
        self._options = options or DatabaseOptions()
        self._engine = self._make_engine(url, self._options.pool_size, durable=True)
        self._single = self._make_engine(url, max(2, self._options.pool_size // 2), durable=False)

    def _make_engine(self, url: str, size: int, *, durable: bool) -> Engine:
        options = self._options
        settings = {
            "statement_timeout": f"{int(options.statement * 1000)}",
            "lock_timeout": f"{int(options.lock * 1000)}",
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
            "application_name": "demand-registry",
        }
        if not durable:
            settings["synchronous_commit"] = "off"
        return create_engine(
            url,
            pool_size=size,
            max_overflow=0,
            pool_timeout=options.pool_wait,
            # The connection that was used last has its statements prepared; one that is seldom used never gets there.
            pool_use_lifo=True,
            pool_recycle=3_600,
            hide_parameters=True,
            isolation_level="READ COMMITTED" if durable else "AUTOCOMMIT",
            connect_args={
                "connect_timeout": options.connect,
                **_NOTICE_A_DEAD_LINE,
                "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            },
        )

    def dispose(self) -> None:
        """Closes every connection that is not in use."""
        self._engine.dispose()
        self._single.dispose()

    def transaction(self, work: Callable[[Writing], R]) -> R:
        """Runs work and commits. It is run again, from the start, after a serialization failure, a deadlock, or a
        connection that was lost before COMMIT was sent; so it must do nothing but use the transaction.

        Raises Refused: `database_unavailable`, `overloaded`, or the code of a violated constraint. After
        `database_unavailable` during COMMIT the transaction may have been committed; a caller repeats it with the same
        Idempotency-Key or source ids.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return self._once(work)
            except _LostBeforeCommit as lost:
                if attempt >= 2:  # noqa: PLR2004 - one new connection is worth a try, a second is not
                    raise lost.refusal from None
            except DBAPIError as error:
                if not _is_transient(error) or attempt >= _ATTEMPTS:
                    raise _refusal(error) from None
                # Contenders that collided once should not collide again.
                time.sleep(random.uniform(0, 0.005 * 2**attempt))  # noqa: S311 - jitter, not a secret

    def _once(self, work: Callable[[Writing], R]) -> R:
        committing = False
        try:
            with self._engine.connect() as connection, connection.begin() as transaction:
                result = work(Writing(connection))
                committing = True
                transaction.commit()
                return result
        except PoolTimeout:
            raise Refused(
                Code.OVERLOADED, "All database connections of this process are busy.", retry_after=1.0
            ) from None
        except DBAPIError as error:
            if _is_lost(error) and not committing:
                raise _LostBeforeCommit(_refusal(error)) from None
            raise

    @contextmanager
    def single(self) -> Generator[Connection, None, None]:
        """A connection on which every statement commits by itself, without waiting for the disk.

        Raises Refused like `transaction`, and retries nothing.
        """
        try:
            with self._single.connect() as connection:
                yield connection
        except PoolTimeout:
            raise Refused(
                Code.OVERLOADED, "All database connections of this process are busy.", retry_after=1.0
            ) from None
        except DBAPIError as error:
            raise _refusal(error) from None

    def run_single(self, work: Callable[[Connection], R]) -> R:
        """`single` for one function, tried once more on a new connection when the pooled one turns out to be dead."""
        try:
            with self.single() as connection:
                return work(connection)
        except Refused as refused:
            if refused.code is not Code.DATABASE_UNAVAILABLE:
                raise
        with self.single() as connection:
            return work(connection)


class _LostBeforeCommit(Exception):  # noqa: N818 - internal signal
    def __init__(self, refusal: Exception) -> None:
        self.refusal = refusal


def _sqlstate(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")


def _is_transient(error: DBAPIError) -> bool:
    return _sqlstate(error) in {_SERIALIZATION_FAILURE, _DEADLOCK_DETECTED}


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or (isinstance(error, OperationalError) and not _sqlstate(error))


def _refusal(error: DBAPIError) -> Exception:
    """What the caller is told. The driver's own words stay behind: they can quote values."""
    if isinstance(error, IntegrityError):
        name = getattr(getattr(error.orig, "diag", None), "constraint_name", None)
        conflict = CONFLICTS.get(name or "")
        if conflict is not None:
            return Refused(conflict.code, conflict.detail)
        return DatabaseFault(f"constraint {name} was violated")
    state = _sqlstate(error)
    if _is_lost(error) or state.startswith(_UNAVAILABLE_CLASSES):
        return Refused(
            Code.DATABASE_UNAVAILABLE, "The database cannot be reached just now.", retry_after=_RETRY_AFTER_SECONDS
        )
    if state in {_LOCK_NOT_AVAILABLE, _SERIALIZATION_FAILURE, _DEADLOCK_DETECTED}:
        return Refused(Code.OVERLOADED, "The same records are being changed by other requests.", retry_after=1.0)
    return DatabaseFault(f"SQLSTATE {state or 'unknown'} ({type(error.orig).__name__})")


class DatabaseFault(Exception):  # noqa: N818 - a fault of ours that the database found
    """The database refused a statement by our mistake. Holds a SQLSTATE or a constraint's name only."""
