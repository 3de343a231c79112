"""A contact as somebody submitted it, and its preparation: number and decoy read, tagged and fingerprinted.

Nothing here asks the database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from uuid import UUID

from registry.domain.errors import Code, Refused
from registry.domain.numbers import Number, RegionNotServed
from registry.domain.policy import Attestation, Channel, Provider, Verification
from registry.operations.questions import ItemRefusal, number_refusal
from registry.operations.registry import Registry
from registry.tagging import Source, TaggedNumber, WrittenNumber

CLOCK_SKEW: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class DecoyNumber:
    """A decoy named by its phone number, as a provider's log does."""

    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """One contact as it was submitted. occurred_at: aware."""

    number: str = field(repr=False)
    decoy: UUID | DecoyNumber
    channel: Channel
    occurred_at: datetime
    region: str | None = field(default=None, repr=False)
    source_id: str | None = field(default=None, repr=False)
    attestation: Attestation | None = None
    diverted: bool = False
    provider: Provider | None = None
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class PreparedHit:
    """tags: newest generation first. decoy_tags: of a decoy named by its number, else empty. source: 32 bytes."""

    hit: Hit
    id: UUID
    number: Number
    tags: tuple[bytes, ...] = field(repr=False)
    decoy_tags: tuple[bytes, ...] = field(repr=False)
    source: bytes = field(repr=False)


def consistent(hit: Hit) -> Hit | ItemRefusal:
    """The hit, or its refusal where it says that nobody vouches for its caller ID, and who does."""
    if hit.attestation is not None and hit.verification not in {None, Verification.PASSED}:
        return ItemRefusal(Code.INVALID_VALUE, "attestation", "An attestation goes with a verification that passed.")
    return hit


def prepare_all(registry: Registry, items: Sequence[Hit | ItemRefusal]) -> list[PreparedHit | ItemRefusal]:
    """In order. Whatever a hit cannot be recorded for is its refusal; nothing is raised."""
    latest = registry.clock() + CLOCK_SKEW
    wanted = [item for item in items if isinstance(item, Hit) and item.occurred_at <= latest]
    numbers = iter(registry.read_numbers([WrittenNumber(hit.number, hit.region, _source(hit)) for hit in wanted]))
    lines = _lines(registry, wanted)
    prepared: list[PreparedHit | ItemRefusal] = []
    for item in items:
        if isinstance(item, ItemRefusal):
            prepared.append(item)
        elif item.occurred_at > latest:
            prepared.append(_in_future())
        else:
            prepared.append(_prepared(registry, item, next(numbers), lines))
    return prepared


def prepare_beside(
    registry: Registry, wanted: Sequence[tuple[Hit, Sequence[WrittenNumber]]]
) -> list[tuple[PreparedHit | ItemRefusal, list[TaggedNumber | Refused]]]:
    """What `prepare_all` gives for each hit, whose decoy must be named by its id, and the other numbers that came with
    it, read all at once. Those of a hit that is refused for its time are not read.
    """
    latest = registry.clock() + CLOCK_SKEW
    told = [(hit, others) for hit, others in wanted if hit.occurred_at <= latest]
    written = [
        number for hit, others in told for number in (WrittenNumber(hit.number, hit.region, _source(hit)), *others)
    ]
    read = iter(registry.read_numbers(written))
    found: list[tuple[PreparedHit | ItemRefusal, list[TaggedNumber | Refused]]] = []
    for hit, others in wanted:
        if hit.occurred_at > latest:
            found.append((_in_future(), []))
        else:
            own = _prepared(registry, hit, next(read), {})
            found.append((own, list(islice(read, len(others)))))
    return found


def _in_future() -> ItemRefusal:
    return ItemRefusal(Code.DATE_IN_FUTURE, "occurred_at", "The contact lies in the future.")


def _prepared(
    registry: Registry,
    hit: Hit,
    number: TaggedNumber | Refused,
    lines: Mapping[DecoyNumber, tuple[bytes, ...] | ItemRefusal],
) -> PreparedHit | ItemRefusal:
    if isinstance(number, Refused):
        return number_refusal(number, hit.region)
    if not number.served:
        refused = RegionNotServed(number.number)
        return ItemRefusal(refused.code, "number", refused.detail)
    decoy_tags: tuple[bytes, ...] = ()
    if isinstance(hit.decoy, DecoyNumber):
        found = lines[hit.decoy]
        if isinstance(found, ItemRefusal):
            return found
        decoy_tags = found
    if number.source is None:
        raise TypeError("a hit's number is read with its source")
    # Nothing has happened later than it is told of, whatever the sender's clock says: else what was done while a number
    # was excluded would count as done afterwards.
    now = registry.clock()
    told = hit if hit.occurred_at <= now else replace(hit, occurred_at=now)
    return PreparedHit(told, registry.new_id(), number.number, number.tags, decoy_tags, number.source)


def _source(hit: Hit) -> Source:
    """Its sender's id for the event. Without one, the same contact in the same second is the same event.

    The fingerprint is made from the number and not from its tag, so that it stays the same under a new generation.
    """
    if hit.source_id is not None:
        return Source(hit.source_id.encode())
    return Source(None, (str(int(hit.occurred_at.timestamp())).encode(), hit.channel.value.encode()))


def _lines(registry: Registry, hits_: Sequence[Hit]) -> dict[DecoyNumber, tuple[bytes, ...] | ItemRefusal]:
    """Tags of the decoys that are named by their numbers: a log names few of them in many rows."""
    wanted = list(dict.fromkeys(hit.decoy for hit in hits_ if isinstance(hit.decoy, DecoyNumber)))
    read = registry.read_numbers([WrittenNumber(line.number, line.region, any_region=True) for line in wanted])
    return {
        line: ItemRefusal(found.code, "decoy", found.detail) if isinstance(found, Refused) else found.tags
        for line, found in zip(wanted, read, strict=True)
    }


def line_tags(registry: Registry, number: str, region: str | None) -> tuple[bytes, ...]:
    """A number's tag under every active generation, newest first, wherever its region is. Raises its Refused."""
    (found,) = registry.read_numbers([WrittenNumber(number, region, any_region=True)])
    if isinstance(found, Refused):
        raise found
    return found.tags
