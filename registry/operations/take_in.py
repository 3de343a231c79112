"""Taking in what providers tell of contacts. Whoever runs this has held each request against its signature."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.db import decoys, intake
from registry.db.database import Writing
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.flood import Alarm
from registry.domain.intake.received import Received
from registry.domain.policy import Provider
from registry.operations import flood_guard
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.placed_hits import PlacedHit, Recording, distinct, record_placed
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
class PreparedIntake:
    """One of the first two, or neither for what is no contact. withheld: fingerprint of the event's id.

    elsewhere: every tag of what was called, where that was told and is not the line as it was found.
    """

    item: PreparedHit | None = field(default=None, repr=False)
    withheld: bytes | None = field(default=None, repr=False)
    elsewhere: tuple[bytes, ...] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Intake(WriteOperation[PreparedIntake, Taken]):
    """One request. contact: None where it tells of none. line_tag, region: the decoy's.

    The provider's id of the event is its source id, as it is in an import of the provider's log and in POST /v1/hits:
    an event counts once, whichever ways it comes. A caller that withheld its number is counted, and nothing else.
    Many lines of an account may share one address, at a messaging service say: a contact with another than this one is
    not this one's, and is recorded nowhere. Raises Refused with one of NO_NUMBER, and what recording raises.
    """

    name = "intake"
    decoy_id: UUID
    provider: Provider
    contact: Received | None = field(repr=False)
    line_tag: bytes = field(repr=False)
    region: str | None = field(default=None, repr=False)

    @property
    def submitted(self) -> int:
        return 0 if self.contact is None else 1

    def prepare(self, registry: Registry) -> PreparedIntake:
        (prepared,) = prepare_together(registry, [self])
        if isinstance(prepared, Refused):
            raise prepared
        return prepared

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: PreparedIntake) -> Done[Taken]:
        if prepared.elsewhere is not None and self._is_elsewhere(tx, caller, prepared.elsewhere):
            return Done(Taken.OTHER_LINE, count={"other_line": 1})
        if prepared.withheld is not None:
            return self._count_withheld(tx, registry, caller, prepared.withheld)
        if prepared.item is None:
            return Done(Taken.IGNORED, count={"ignored": 1})
        placed = [PlacedHit.of(prepared.item, caller.organisation(), self.decoy_id)]
        new = distinct(placed)
        suspected = flood_guard.suspects(tx, registry, new)
        decoys.hold(tx, [self.decoy_id], alone=bool(suspected))
        recording = record_placed(tx, registry, placed, new, suspected)
        return self.done(registry, prepared.item, recording, recording.alarms)

    def done(self, registry: Registry, item: PreparedHit, recording: Recording, alarms: Sequence[Alarm]) -> Done[Taken]:
        """What became of its contact. alarms: what was held back for it."""
        taken = Taken.RECORDED if item.id in recording.recorded else Taken.DUPLICATE
        count = {taken.value: 1}
        if self.contact is not None and self.contact.unknown_verification:
            count["unknown_verification"] = 1
        return Done(
            taken,
            count=count,
            policy=registry.policy.name,
            generation=registry.generations.current,
            alarms=alarms,
        )

    def _is_elsewhere(self, tx: Writing, caller: Caller, tags: tuple[bytes, ...]) -> bool:
        """Looked at again, where no generation can be replaced: a line's tag changes with it."""
        return self.decoy_id not in decoys.by_tag(tx, caller.organisation(), sorted(set(tags))).values()

    def _count_withheld(self, tx: Writing, registry: Registry, caller: Caller, source: bytes) -> Done[Taken]:
        day = registry.clock().date()
        counted = intake.count_withheld(tx, caller.organisation(), self.decoy_id, source, day)
        taken = Taken.WITHHELD if counted else Taken.DUPLICATE
        return Done(taken, count={taken.value: 1})


def prepare_together(registry: Registry, operations: Sequence[Intake]) -> list[PreparedIntake | Refused]:
    """What each of them is prepared to, or refused with; all numbers are read at once."""
    told = [(one, contact) for one in operations if (contact := one.contact) is not None]
    beside = iter(prepare_beside(registry, [_numbers(registry, one, contact) for one, contact in told]))
    prepared: list[PreparedIntake | Refused] = []
    for operation in operations:
        if operation.contact is None:
            prepared.append(PreparedIntake())
            continue
        item, lines = next(beside)
        tags = tuple(tag for line in lines if not isinstance(line, Refused) for tag in line.tags)
        elsewhere = tags if lines and operation.line_tag not in tags else None
        if isinstance(item, PreparedHit):
            prepared.append(PreparedIntake(item, elsewhere=elsewhere))
        elif item.code in _WITHHELD:
            sid = operation.contact.sid.encode()
            (source,) = registry.tagging.fingerprints([(Purpose.SOURCE, (sid,))])
            prepared.append(PreparedIntake(withheld=source, elsewhere=elsewhere))
        else:
            prepared.append(Refused(item.code, item.detail))
    return prepared


def _numbers(registry: Registry, operation: Intake, contact: Received) -> tuple[Hit, list[WrittenNumber]]:
    """The contact with who called, and the numbers that were called."""
    hit = Hit(
        number=contact.number,
        decoy=operation.decoy_id,
        channel=contact.channel,
        occurred_at=contact.occurred_at or registry.clock(),
        region=contact.region or operation.region,
        source_id=contact.sid,
        attestation=contact.attestation,
        diverted=contact.diverted,
        provider=operation.provider,
        verification=contact.verification,
    )
    return hit, [WrittenNumber(to, hit.region, any_region=True) for to in contact.to]
