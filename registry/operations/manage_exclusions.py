"""Exclusions: a number that is never listed, whatever its hits say, until the exclusion is removed; and what happened
before that never counts, unless the exclusion was a mistake.

Each has a side: the operator's, or the investigator's that added it. A side sees, counts and ends its own alone; for
the answers about a number it does not matter whose it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from registry.db import exclusion_ends, exclusions, listings
from registry.db.database import Writing
from registry.db.exclusion_ends import End, Ended
from registry.db.exclusions import NewExclusion
from registry.domain.credentials import Scope
from registry.domain.errors import Code, FieldProblem, Refused
from registry.domain.exclusions import ExclusionReason, reasons_of
from registry.operations.fields import at_field
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.refresh_listings import refresh_listings
from registry.operations.registry import Registry
from registry.operations.submitted_hits import line_tags


@dataclass(frozen=True, slots=True)
class Excluded:
    id: UUID
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class AddExclusion(WriteOperation[dict[int, bytes], Excluded]):
    """It works at once, for every hit that was recorded before or will be. Numbers of any region can be excluded.

    Refused(already_excluded) where the caller's side does so already. Whether another side does is not told. What the
    operator says takes the place of a hold by a flood, which is on its side and ends by itself.
    """

    name = "add_exclusion"
    number: str = field(repr=False)
    reason: ExclusionReason
    region: str | None = field(default=None, repr=False)
    expires_at: datetime | None = None

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        if self.expires_at is not None:
            with at_field("/expires_at"):
                require_future(self.expires_at, registry.clock())
        return tags_by_generation(registry, self.number, self.region)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]) -> Done[Excluded]:
        side = side_of(caller)
        with at_field("/reason"):
            require_reason(self.reason, side)
        id_ = registry.new_id()
        exclusions.add(
            tx,
            id_=id_,
            tags=prepared,
            organisation_id=side,
            reason=self.reason.value,
            expires_at=self.expires_at,
            now=registry.clock(),
        )
        refresh_all(tx, registry, prepared)
        return Done(Excluded(id_, self.expires_at), count={"added": 1}, generation=registry.generations.current)


@dataclass(frozen=True, slots=True)
class RemoveExclusion(WriteOperation[dict[int, bytes], dict[UUID, bool]]):
    """Ends the caller's own exclusion of a number; the operator's may also be another's, or every side's.

    organisation_id: whose, for the operator alone. every: all sides'. mistaken: contacts from before count again. Gives
    the ids of those that were ended, and of each whether contacts from before count again. Refused(not_found) for a
    number that this side does not exclude.
    """

    name = "remove_exclusion"
    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)
    organisation_id: UUID | None = None
    every: bool = False
    mistaken: bool = False

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        if self.every and self.organisation_id is not None:
            detail = "Name one organisation, or ask for all: not both."
            raise Refused(Code.INVALID_VALUE, detail, (FieldProblem("/all", Code.INVALID_VALUE, detail),))
        return tags_by_generation(registry, self.number, self.region)

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]
    ) -> Done[dict[UUID, bool]]:
        side = side_of(caller)
        if side is not None:
            self._require_own(side)
        tags = list(prepared.values())
        end = End(registry.clock(), self.mistaken)
        hold_listings(tx, {tag: generation for generation, tag in prepared.items()})
        if self.every:
            ended = exclusion_ends.remove_every(tx, tags, end)
        else:
            ended = exclusion_ends.remove(tx, tags, self.organisation_id if side is None else side, end)
        if not ended:
            raise Refused(Code.NOT_FOUND, self._who_does_not(side))
        refresh_all(tx, registry, prepared)
        return _done(registry, ended, mistaken=self.mistaken)

    def _who_does_not(self, side: UUID | None) -> str:
        """An investigator is told the same, whatever others do."""
        if side is not None:
            return "Your organisation does not exclude the number."
        if self.every:
            return "Nobody excludes the number."
        if self.organisation_id is not None:
            return "That organisation does not exclude the number. With `all` every side's exclusion of it ends."
        return (
            "The operator's side does not exclude the number. An investigator may: with `all` every side's exclusion "
            "of it ends, with `organisation` that of one."
        )

    def _require_own(self, side: UUID) -> None:
        """An investigator learns nothing of other organisations, not even that they exist."""
        for at, beyond in (("/all", self.every), ("/organisation", self.organisation_id not in {None, side})):
            if beyond:
                detail = "Only the operator ends exclusions of others."
                raise Refused(Code.INVALID_VALUE, detail, (FieldProblem(at, Code.INVALID_VALUE, detail),))


@dataclass(frozen=True, slots=True)
class EndExclusion(WriteOperation[None, dict[UUID, bool]]):
    """Ends one exclusion that a list shows, for which nobody has to know its number. The operator may end anybody's.

    mistaken: contacts from before its end count again. That can also be said of one that has ended already.
    Refused(not_found) for one that is not there, has been ended (or called a mistake), or is another side's.
    """

    name = "end_exclusion"
    id: UUID
    mistaken: bool = False

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[dict[UUID, bool]]:
        end = End(registry.clock(), self.mistaken)
        held = exclusion_ends.tags_of(tx, self.id)
        hold_listings(tx, held)
        ended = exclusion_ends.remove_one(tx, self.id, end, only_of=side_of(caller))
        if not ended:
            raise Refused(Code.NOT_FOUND, "There is no such exclusion.")
        _refresh(tx, registry, held | {one.tag: one.generation for one in ended})
        return _done(registry, ended, mistaken=self.mistaken)


def exclude_all(
    tx: Writing,
    registry: Registry,
    side: UUID | None,
    new: Sequence[NewExclusion],
    *,
    carried: Sequence[bytes] = (),
) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """Adds many in this transaction, listings included; returns the tags that it was missing for, and those of others
    whose end it moved.

    side: an investigator's organisation; None: the operator's. One that the side has already keeps all but an end that
    is earlier.
    carried: tags of the newest generation that an older exclusion was copied to; their listings are renewed as well.
    """
    exclusions.make_room(tx, side, [tag for one in new for tag in one.tags.values()], registry.clock())
    added = exclusions.add_all(tx, side, new)
    extended = exclusions.extend(tx, side, [one for one in new if added.isdisjoint(one.tags.values())])
    changed = added | extended
    generations = {tag: generation for one in new for generation, tag in one.tags.items() if tag in changed}
    generations |= dict.fromkeys(carried, registry.generations.current)
    _refresh(tx, registry, generations)
    return added, extended


def side_of(caller: Caller) -> UUID | None:
    """Whose side a caller is on: an investigator's organisation, or None: the operator, and its command line."""
    return None if caller.organisation_id is None or Scope.OPERATOR in caller.scopes else caller.organisation_id


def require_reason(reason: ExclusionReason, side: UUID | None) -> None:
    """Refused(invalid_value) for a reason that is not this side's to give."""
    allowed = reasons_of(operator=side is None)
    if reason not in allowed:
        raise Refused(Code.INVALID_VALUE, f"Your reasons are: {', '.join(allowed)}.")


def require_future(expires_at: datetime, now: datetime) -> None:
    """Refused(invalid_value) for a time that has passed."""
    if expires_at <= now:
        raise Refused(Code.INVALID_VALUE, "The exclusion would have expired already.")


def tags_by_generation(registry: Registry, number: str, region: str | None) -> dict[int, bytes]:
    """A number's tag under every active generation. Refused with a pointer to the number or its region."""
    with at_field("/number"):
        tags = line_tags(registry, number, region)
    return dict(zip(registry.generations.active, tags, strict=True))


def hold_listings(tx: Writing, generations: Mapping[bytes, int]) -> None:
    """Before their exclusions are ended, as contacts hold them before the flood guard touches these: else one of each
    could wait for the other. The listings must be refreshed in the same transaction.

    generations: tag -> its generation.
    """
    listings.lock(tx, sorted(generations), generations)


def refresh_all(tx: Writing, registry: Registry, tags: dict[int, bytes]) -> None:
    """Recomputes one number's listings under every generation."""
    _refresh(tx, registry, {tag: generation for generation, tag in tags.items()})


def _refresh(tx: Writing, registry: Registry, generations: Mapping[bytes, int]) -> None:
    """generations: tag -> its generation."""
    refresh_listings(tx, generations, policy=registry.policy, generation=generations, now=registry.clock())


def _done(registry: Registry, ended: Sequence[Ended], *, mistaken: bool) -> Done[dict[UUID, bool]]:
    """Counted apart where it was a mistake: what is taken back then can list somebody."""
    ids = {one.id: one.gives_back for one in ended}
    count = {"mistaken" if mistaken else "removed": len(ids)}
    return Done(ids, count=count, generation=registry.generations.current)
