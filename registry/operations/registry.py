"""The registry as one object: what operations need, and `run`, through which every one of them goes."""

import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from registry.db import audit, generations
from registry.db.database import Database, Writing
from registry.domain import flood
from registry.domain.audit import HOLD_FLOOD, NONCE_BYTES, OK, Event, PrivatePart, Requested
from registry.domain.errors import Code, Refused
from registry.domain.generations import Generations
from registry.domain.identifiers import RANDOM_BYTES, uuid7
from registry.domain.numbers import Normaliser
from registry.domain.policy import Policy
from registry.operations.idempotency import Replayed
from registry.operations.operation import (
    NOBODY,
    Answered,
    Caller,
    Done,
    Operation,
    Request,
    Submitted,
    WriteOperation,
)
from registry.operations.private_sets import Builders
from registry.settings import Settings
from registry.tagging import TaggedNumber, Tagging, WrittenNumber

P = TypeVar("P")
R = TypeVar("R")

_log = logging.getLogger(__name__)
_PATIENCE_FOR_OTHERS = 0.3
"""Seconds. What is run together waits no longer for a lock: one that meets others' work must not hold up all."""
_NOT_RECORDABLE = frozenset({Code.DATABASE_UNAVAILABLE, Code.OVERLOADED})


def utc_now() -> datetime:
    return datetime.now(UTC)


def keys_out_of_date() -> Refused:
    detail = "This process was started with other tag keys than the database now uses."
    return Refused(Code.KEYS_OUT_OF_DATE, detail, retry_after=30.0)


def normaliser(settings: Settings) -> Normaliser:
    """The one that the settings describe."""
    return Normaliser(settings.served_regions, accept_fictional=settings.mode == "sandbox")


@dataclass(frozen=True)
class Registry:
    """Made once per process. clock: aware UTC; tests pass their own."""

    settings: Settings
    database: Database
    tagging: Tagging
    """Whoever holds the keys. This object holds none."""
    normaliser: Normaliser
    policy: Policy
    clock: Callable[[], datetime] = field(default=utc_now)
    set_builders: Builders = field(default_factory=Builders, repr=False)

    @classmethod
    def of(
        cls,
        settings: Settings,
        database: Database,
        tagging: Tagging,
        clock: Callable[[], datetime] = utc_now,
    ) -> "Registry":
        """The registry that the settings describe."""
        return cls(
            settings=settings,
            database=database,
            tagging=tagging,
            normaliser=normaliser(settings),
            policy=Policy(burn_in_days=settings.burn_in_days, retention_months=settings.retention_months),
            clock=clock,
        )

    @property
    def generations(self) -> Generations:
        """As they were when this process started; one that the database no longer agrees with refuses to work."""
        return self.tagging.generations

    def close(self) -> None:
        """Ends the signers and closes the database's idle connections."""
        self.tagging.close()
        self.database.dispose()

    def read_numbers(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        """Normalises and evaluates, in order."""
        return self.tagging.read_all(numbers)

    def new_id(self) -> UUID:
        """A UUIDv7 of this moment."""
        return uuid7(self.clock(), secrets.token_bytes(RANDOM_BYTES))

    def run(
        self,
        operation: Operation[P, R],
        caller: Caller,
        request: Request,
        *,
        charged: int = 0,
        prepare: Callable[[], P] | None = None,
        before: Callable[[Writing], None] | None = None,
        after: Callable[[Writing, Answered[R]], None] | None = None,
    ) -> Answered[R]:
        """Runs an operation and records it: the event is committed with what it did, or neither is.

        prepare: gives what the operation's own `prepare` gave, where that was begun before.
        before / after: more that belongs into the same transaction. A refusal is recorded in a transaction of its own
        and raised on, with the event's id; where even that cannot be recorded nothing has happened and
        `database_unavailable` is raised.
        """
        audit_id = self.new_id()
        try:
            prepared = operation.prepare(self) if prepare is None else prepare()

            def work(tx: Writing) -> Answered[R]:
                active = self._begin(tx, operation)
                if before is not None:
                    before(tx)
                done = operation.perform(tx, self, caller, prepared)
                event = self._event(audit_id, operation, caller, request, done=done, charged=charged)
                if not audit.record(tx, event, active, done.made_under):
                    raise keys_out_of_date()
                if done.alarms:
                    audit.record(tx, self._held_back(done, request))
                answered = Answered(done.result, audit_id, self.clock(), done.alarms)
                if after is not None:
                    after(tx, answered)
                return answered

            return _alarmed(self.database.transaction(work))
        except Refused as refused:
            if refused.code not in _NOT_RECORDABLE:
                refused.audit_id = self.record_refusal(refused.headline, operation, caller, request, charged=charged)
            raise
        except Replayed:
            raise
        except Exception:
            self._record_fault(operation, caller, request, charged)
            raise

    def run_together(
        self,
        submitted: Sequence[Submitted[R]],
        perform: Callable[[Writing], Sequence[Done[R] | None]],
    ) -> list[Answered[R] | None]:
        """Several write operations in one transaction, which holds the generations from its beginning; each with an
        event of its own in it. None of them may disclose anything.

        perform: what they do, all at once, in order; None for one of which nothing was done, which is run by itself.
        Raises what the transaction raises, unrecorded: then nothing was done for any, and each may be run by itself.
        That is `overloaded` where it would wait for a lock of somebody else's.
        """
        audit_ids = [self.new_id() for _ in submitted]

        def work(tx: Writing) -> list[Answered[R] | None]:
            self.hold_generations(tx)
            tx.wait_at_most(_PATIENCE_FOR_OTHERS)
            all_done = perform(tx)
            events: list[Event] = []
            answers: list[Answered[R] | None] = []
            for one, audit_id, done in zip(submitted, audit_ids, all_done, strict=True):
                if done is None:
                    answers.append(None)
                    continue
                events.append(self._event(audit_id, one.operation, one.caller, one.request, done=done))
                if done.alarms:
                    events.append(self._held_back(done, one.request))
                answers.append(Answered(done.result, audit_id, self.clock(), done.alarms))
            audit.record_many(tx, events)
            return answers

        return [None if one is None else _alarmed(one) for one in self.database.transaction(work)]

    def hold_generations(self, tx: Writing) -> None:
        """Lets nobody replace a generation before this transaction ends; to be called before it writes a tag.

        Raises Refused(keys_out_of_date) where others are active than those that this process was started with.
        """
        self.require_generations(generations.hold_active(tx))

    def require_generations(self, active: tuple[int, ...]) -> None:
        """active: newest first. Raises Refused(keys_out_of_date) where this process was started with others."""
        if active != self.generations.active:
            raise keys_out_of_date()

    def _begin(self, tx: Writing, operation: Operation[P, R]) -> tuple[int, ...] | None:
        """The generations that must still be active when the event is written, if that is left to it.

        A number that is listed would be answered `none`, and a contact lost, where a generation was replaced since the
        tags were made: what writes tags holds the generations, what only asks looks at them at its end.
        """
        if not isinstance(operation, WriteOperation):
            return self.generations.active
        if operation.holds_generations:
            self.hold_generations(tx)
        return None

    def record_refusal(
        self,
        code: Code,
        operation: Operation[P, R] | str,
        caller: Caller,
        request: Request,
        *,
        charged: int = 0,
    ) -> UUID:
        """An event for what was refused before or while it was performed; returns its id."""
        audit_id = self.new_id()
        event = self._event(audit_id, operation, caller, request, result=code, charged=charged)
        self.database.transaction(lambda tx: audit.record(tx, event))
        return audit_id

    def record_replay(self, operation: Operation[P, R], caller: Caller, request: Request, charged: int) -> UUID:
        """An event for a write that was repeated and got its stored answer: nothing was done again."""
        audit_id = self.new_id()
        done = Done(None, count={"replayed": 1})
        event = self._event(audit_id, operation, caller, request, done=done, charged=charged)
        self.database.transaction(lambda tx: audit.record(tx, event))
        return audit_id

    def _record_fault(self, operation: Operation[P, R], caller: Caller, request: Request, charged: int) -> None:
        try:
            self.record_refusal(Code.INTERNAL, operation, caller, request, charged=charged)
        except Refused:
            _log.warning("a fault could not be recorded", extra={"request_id": str(request.id)})

    def _held_back(self, done: Done[Any], request: Request) -> Event:
        """What the registry did by itself, on nobody's behalf. The caller's own event says nothing of it: from what is
        held, and what is not, one could tell what the operator excludes.
        """
        own = replace(request, address=None, user_agent=None)
        what = Done(None, count=flood.counted(done.alarms), policy=done.policy, generation=done.generation)
        return self._event(self.new_id(), HOLD_FLOOD, NOBODY, own, done=what)

    def _event(
        self,
        audit_id: UUID,
        operation: Operation[P, R] | str,
        caller: Caller,
        request: Request,
        *,
        result: str = OK,
        done: Done[Any] | None = None,
        charged: int = 0,
    ) -> Event:
        private = None
        if request.address is not None or request.user_agent is not None:
            private = PrivatePart(secrets.token_bytes(NONCE_BYTES), request.address, request.user_agent)
        known = None if isinstance(operation, str) else operation
        return Event(
            id=audit_id,
            time=self.clock(),
            operation=operation if isinstance(operation, str) else operation.name,
            result=result,
            actor=caller.actor,
            request=Requested(request.id, request.route),
            nonce=secrets.token_bytes(NONCE_BYTES),
            purpose=None if known is None or known.purpose is None else known.purpose.value,
            case=None if known is None else known.case_ref,
            count={
                "submitted": 0 if known is None else known.submitted,
                "charged": charged,
                **(done.count if done is not None else {}),
            },
            policy=None if done is None else done.policy,
            generation=None if done is None else done.generation,
            disclosed=() if done is None else done.disclosed,
            private=private,
            index=None if done is None else done.index,
        )


def _alarmed(answered: Answered[R]) -> Answered[R]:
    """Tells whoever reads the log what was held back, once it is."""
    for alarm in answered.alarms:
        extra = {"flooded": alarm.flooded.value, "audit_id": str(answered.audit_id)}
        if alarm.decoy is not None:
            extra["decoy_id"] = str(alarm.decoy)
        _log.warning("held back: far more contacts than usual", extra=extra)
    return answered
