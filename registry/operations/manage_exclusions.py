"""Exclusions by the operator: a number that is never listed, whatever its hits say, until the exclusion is removed."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from registry.db import exclusions
from registry.db.database import Writing
from registry.domain.errors import Code, FieldProblem, Refused
from registry.operations.fields import at_field
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.record_hits import line_tags
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry


class ExclusionReason(StrEnum):
    """Why a number must never be listed. A closed list: free text could name people."""

    OUTREACH = "outreach"
    POLICE = "police"
    SURVIVOR = "survivor"
    OWN_STAFF = "own_staff"
    ADVERTISED_NUMBER = "advertised_number"
    SUPPRESSION = "suppression"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Excluded:
    """reason and expires_at are None once the exclusion was removed."""

    id: UUID
    reason: ExclusionReason | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AddExclusion(WriteOperation[dict[int, bytes], Excluded]):
    """It works at once, for every hit that was recorded before or will be. Numbers of any region can be excluded."""

    name = "add_exclusion"
    number: str = field(repr=False)
    reason: ExclusionReason
    region: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        if self.expires_at is not None and self.expires_at <= registry.clock():
            detail = "The exclusion would have expired already."
            raise Refused(Code.INVALID_VALUE, detail, (FieldProblem("/expires_at", Code.INVALID_VALUE, detail),))
        return tags_by_generation(registry, self.number, self.region)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]) -> Done[Excluded]:
        id_ = registry.new_id()
        exclusions.add(
            tx,
            id_=id_,
            tags=prepared,
            organisation_id=None,
            reason=self.reason.value,
            expires_at=self.expires_at,
            now=registry.clock(),
        )
        refresh_all(tx, registry, prepared)
        return Done(
            Excluded(id_, self.reason, self.expires_at), count={"added": 1}, generation=registry.generations.current
        )


@dataclass(frozen=True, slots=True)
class RemoveExclusion(WriteOperation[dict[int, bytes], Excluded]):
    """Refused(not_found) for a number that the operator does not exclude."""

    name = "remove_exclusion"
    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        return tags_by_generation(registry, self.number, self.region)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]) -> Done[Excluded]:
        removed = exclusions.remove(tx, list(prepared.values()), None)
        if removed is None:
            raise Refused(Code.NOT_FOUND, "The operator does not exclude this number.")
        refresh_all(tx, registry, prepared)
        return Done(Excluded(removed, None, None), count={"removed": 1}, generation=registry.generations.current)


def tags_by_generation(registry: Registry, number: str, region: str | None) -> dict[int, bytes]:
    """A number's tag under every active generation. Refused with a pointer to the number or its region."""
    with at_field("/number"):
        tags = line_tags(registry, number, region)
    return dict(zip(registry.generations.active, tags, strict=True))


def refresh_all(tx: Writing, registry: Registry, tags: dict[int, bytes]) -> None:
    """Recomputes one number's listings under every generation."""
    for generation, tag in sorted(tags.items(), key=lambda pair: pair[1]):
        refresh_listings(tx, [tag], policy=registry.policy, generation=generation, now=registry.clock())
