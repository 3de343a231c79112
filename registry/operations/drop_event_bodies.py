"""Retention of the audit log: the bodies of old events are dropped, and their leaves stay (docs/audit-log.md).

Runs as the schema's owner. A proof needs hashes alone, so that every event that stays can be proved as before, and the
log goes on where it was. Of a dropped event remains that there was one; whoever kept its receipt can still prove it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from registry.db import audit_retention
from registry.db.audit_retention import Prefix
from registry.db.database import Reading, Writing
from registry.domain.audit import IndexDigest
from registry.domain.errors import Code, Refused
from registry.operations.operation import Caller, Done, ReadOperation, WriteOperation
from registry.operations.registry import Registry

MINIMUM_AGE: Final = timedelta(days=30)
"""No body goes before this: disputes have 30 days by default, and the events around what is disputed are its evidence.
It also leaves witnesses and auditors time to look at what somebody would like to see forgotten.
"""
_SETTLED_AGE: Final = timedelta(minutes=5)
"""An operation that began longer ago than this has been recorded, as good as always."""


@dataclass(frozen=True, slots=True)
class PlanDrop(ReadOperation[None, Prefix]):
    """What `DropEventBodies` would drop; `events` is 0 where that is nothing. Raises what it would raise."""

    name = "drop_event_bodies_dry_run"
    before: datetime

    def prepare(self, registry: Registry) -> None:
        _require_age(self.before, registry.clock())

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Prefix]:
        found = _prefix(tx, self.before)
        return Done(found, count=_count(found))


@dataclass(frozen=True, slots=True)
class DropEventBodies(WriteOperation[None, Prefix]):
    """Deletes the events at the log's beginning that are older than `before`, as far as they are sealed: their bodies,
    the index of what they disclosed, and their private parts. The first younger one, and all after it, stay.

    The event of an earlier rekeying binds the whole index of disclosures, rows that are now dropped included, so that
    this operation's event binds what it leaves, in the same way: its `subjects` is the `IndexDigest`. A rekeying's
    event only goes together with the last event that it has rewritten: without it nobody could tell why that one's tags
    are not those that it was sealed with.

    A rekeying that is being prepared does not stand in the way: what it has prepared for rows that are dropped is not
    used. Its switch, and other drops, wait until this is over, or this for them.

    Refused: not_sealed where nothing is, date_in_future, invalid_value for a date that is too young, not_found where
    nothing is old enough, overloaded where the tables could not be had in time. Then nothing was changed.
    """

    name = "drop_event_bodies"
    holds_generations = False
    before: datetime

    def prepare(self, registry: Registry) -> None:
        _require_age(self.before, registry.clock())

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Prefix]:
        audit_retention.hold_index(tx)
        wanted = _prefix(tx, self.before)
        if not wanted.events:
            raise Refused(Code.NOT_FOUND, "No sealed event is that old and still has its body.")
        # All but the newest disclosures are hashed while others still record.
        settled = registry.clock() - _SETTLED_AGE
        index = IndexDigest()
        hashed = index.take(audit_retention.index_left(tx, wanted.minimum_index, settled))
        dropped = audit_retention.drop(tx, wanted.minimum_index)
        if audit_retention.count_index(tx, settled) != hashed:  # an operation was slow, or somebody's clock is
            index = IndexDigest()
            index.take(audit_retention.index_left(tx, wanted.minimum_index, settled))
        index.take(audit_retention.index_from(tx, settled))
        left = Prefix(wanted.minimum_index, dropped["dropped"], dropped["subjects"])
        return Done(left, count=_count(left), index=index.digest())


@dataclass(frozen=True, slots=True)
class DropPrivateParts(WriteOperation[None, int]):
    """Deletes addresses and user agents that were written before `before`. Events stay whole: their `private` digest
    then binds what nobody has any more. Refused(date_in_future).
    """

    name = "drop_private_parts"
    holds_generations = False
    before: datetime

    def prepare(self, registry: Registry) -> None:
        _require_past(self.before, registry.clock())

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[int]:
        dropped = audit_retention.drop_private(tx, self.before)
        return Done(dropped, count={"dropped": dropped})


def _prefix(tx: Reading, before: datetime) -> Prefix:
    found = audit_retention.prefix(tx, before)
    if found is None:
        raise Refused(Code.NOT_SEALED, "No event is sealed yet, and only what is sealed may be dropped.")
    return found


def _count(prefix: Prefix) -> dict[str, int]:
    return {"minimum_index": prefix.minimum_index, "dropped": prefix.events, "subjects": prefix.subjects}


def _require_past(before: datetime, now: datetime) -> None:
    if before > now:
        raise Refused(Code.DATE_IN_FUTURE, "This moment has not come yet.")


def _require_age(before: datetime, now: datetime) -> None:
    _require_past(before, now)
    if before > now - MINIMUM_AGE:
        days = MINIMUM_AGE.days
        raise Refused(Code.INVALID_VALUE, f"Bodies are kept for {days} days at least: name a date before that.")
