"""Taking in what a provider tells of a contact. Whoever runs this has held the request against its signature."""

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

from registry.db import decoys, intake
from registry.db.database import Writing
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.intake.received import Received
from registry.domain.policy import Provider
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.questions import ItemRefusal
from registry.operations.record_hits import RecordHits, Status
from registry.operations.record_single_hit import record_single_hit
from registry.operations.registry import Registry
from registry.operations.submitted_hits import Hit, PreparedHit, prepare_beside
from registry.tagging import WrittenNumber

NO_NUMBER: Final = frozenset(
    {
        *(Code.TOO_LONG, Code.NOT_A_NUMBER, Code.TOO_SHORT, Code.TOO_MANY_DIGITS, Code.NOT_VALID),
        *(Code.SHORT_CODE, Code.SENDER_NAME, Code.FICTIONAL, Code.REGION_NOT_SERVED),
    }
)
"""Why a contact is refused for good: its caller ID is none that the registry keeps. Telling it again cannot help."""

_WITHHELD: Final = frozenset({Code.WITHHELD, Code.EMPTY})


class Taken(StrEnum):
    """What became of a request. `duplicate`: its event was taken in before. `ignored`: it tells of no contact.
    `other_line`: of one with another line.
    """

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    WITHHELD = "withheld"
    IGNORED = "ignored"
    OTHER_LINE = "other_line"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """One of them, or neither for what is no contact. withheld: fingerprint of the event's id.

    elsewhere: every tag of what was called, where that was told and is not the line as it was found.
    """

    recording: RecordHits | None = None
    item: PreparedHit | None = None
    withheld: bytes | None = field(default=None, repr=False)
    elsewhere: tuple[bytes, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Intake(WriteOperation[_Prepared, Taken]):
    """One request. contact: None where it tells of none. line_tag, region: the decoy's.

    The provider's id of the event is its source id, as it is in an import of the provider's log and in POST /v1/hits:
    an event counts once, whichever ways it comes. A caller that withheld its number is counted, and nothing else.
    Many lines of an account may share one address, at a messaging service say: a contact with another than this one is
    not this one's, and is recorded nowhere. Raises Refused with one of NO_NUMBER, and what recording raises.
    """

    name = "intake"
    holds_generations = False  # where a contact is recorded, its first statement does
    decoy_id: UUID
    provider: Provider
    contact: Received | None = field(repr=False)
    line_tag: bytes = field(repr=False)
    region: str | None = field(default=None, repr=False)

    @property
    def submitted(self) -> int:
        return 0 if self.contact is None else 1

    def prepare(self, registry: Registry) -> _Prepared:
        contact = self.contact
        if contact is None:
            return _Prepared()
        hit = Hit(
            number=contact.number,
            decoy=self.decoy_id,
            channel=contact.channel,
            occurred_at=contact.occurred_at or registry.clock(),
            region=contact.region or self.region,
            source_id=contact.sid,
            attestation=contact.attestation,
            diverted=contact.diverted,
            provider=self.provider,
            verification=contact.verification,
        )
        called = [WrittenNumber(to, hit.region, any_region=True) for to in contact.to]
        item, lines = prepare_beside(registry, hit, called)
        tags = tuple(tag for line in lines if not isinstance(line, Refused) for tag in line.tags)
        elsewhere = tags if lines and self.line_tag not in tags else None
        if isinstance(item, PreparedHit):
            return _Prepared(RecordHits([hit]), item, elsewhere=elsewhere)
        if item.code in _WITHHELD:
            (source,) = registry.tagging.fingerprints([(Purpose.SOURCE, (contact.sid.encode(),))])
            return _Prepared(withheld=source, elsewhere=elsewhere)
        raise Refused(item.code, item.detail)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: _Prepared) -> Done[Taken]:
        if prepared.elsewhere is not None and self._is_elsewhere(tx, registry, caller, prepared.elsewhere):
            return Done(Taken.OTHER_LINE, count={"other_line": 1})
        if prepared.withheld is not None:
            return self._count_withheld(tx, registry, caller, prepared.withheld)
        if prepared.recording is None or prepared.item is None:
            return Done(Taken.IGNORED, count={"ignored": 1})
        done: Done[Status] | None = None
        if prepared.elsewhere is None:
            done = record_single_hit(tx, registry, caller.organisation(), self.decoy_id, prepared.item)
        if done is None:
            done = self._record(tx, registry, caller, prepared.recording, prepared.item)
        count = dict(done.count)
        if self.contact is not None and self.contact.unknown_verification:
            count["unknown_verification"] = 1
        return Done(
            Taken(done.result.value),
            count=count,
            policy=done.policy,
            generation=done.generation,
            alarms=done.alarms,
        )

    def _is_elsewhere(self, tx: Writing, registry: Registry, caller: Caller, tags: tuple[bytes, ...]) -> bool:
        """Looked at again, where no generation can be replaced: a line's tag changes with it."""
        registry.hold_generations(tx)
        return self.decoy_id not in decoys.by_tag(tx, caller.organisation(), sorted(set(tags))).values()

    def _record(
        self, tx: Writing, registry: Registry, caller: Caller, recording: RecordHits, item: PreparedHit
    ) -> Done[Status]:
        registry.hold_generations(tx)
        done = recording.perform(tx, registry, caller, [item])
        (outcome,) = done.result
        if isinstance(outcome, ItemRefusal):
            raise Refused(outcome.code, outcome.detail)
        count = {name: number for name, number in done.count.items() if number}
        return replace(cast("Done[Any]", done), result=outcome.status, count=count)

    def _count_withheld(self, tx: Writing, registry: Registry, caller: Caller, source: bytes) -> Done[Taken]:
        day = registry.clock().date()
        counted = intake.count_withheld(tx, caller.organisation(), self.decoy_id, source, day)
        taken = Taken.WITHHELD if counted else Taken.DUPLICATE
        return Done(taken, count={taken.value: 1})
