"""Taking back a contact: it stays on record, and counts no more."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from registry.db import decoy_days, submissions
from registry.db.database import Writing
from registry.db.submissions import Submission
from registry.domain.errors import Code, Refused
from registry.operations.manage_exclusions import side_of
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry


class RetractionReason(StrEnum):
    """Why a contact should not have counted. A closed list: free text could name people."""

    MISDIAL = "misdial"
    OWN_CALL = "own_call"
    TEST_CALL = "test_call"
    OUTREACH = "outreach"
    WRONG_DECOY = "wrong_decoy"
    SPOOFED = "spoofed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class RetractHit(WriteOperation[None, Submission]):
    """Its organisation takes back its own, the operator anybody's: whoever reports one tells its id."""

    name = "retract_hit"
    hit_id: UUID
    reason: RetractionReason

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Submission]:
        side = side_of(caller)
        tag = submissions.tag_of(tx, side, self.hit_id)
        if tag is None:
            raise Refused(Code.NOT_FOUND, "There is no such hit.")
        retracted = submissions.retract(tx, tag, self.hit_id, self.reason)
        if retracted is None and (now := submissions.tag_of(tx, side, self.hit_id)) not in {None, tag}:
            # Meanwhile the hit was carried to its number's tag of a newer generation.
            tag = now or tag
            retracted = submissions.retract(tx, tag, self.hit_id, self.reason)
        if retracted is None:
            raise Refused(Code.ALREADY_RETRACTED, "The hit was retracted already.")
        refresh_listings(
            tx, [tag], policy=registry.policy, generation=registry.generations.current, now=registry.clock()
        )
        decoy_days.subtract(tx, tag, self.hit_id)
        return Done(retracted, count={"retracted": 1}, policy=registry.policy.name)
