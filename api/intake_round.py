"""The steps that providers' requests go through together: their lines are found, each is held against its signature,
spends one of its line's requests, is read, and is taken in with its audit event. What falls out on the way is left to
be done by itself.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial

from api import metrics
from api.deliveries import Arrival
from registry.db.intake import Address, Line, find_lines, spend_lines
from registry.domain.credentials import OrganisationKind
from registry.domain.errors import Code, Refused
from registry.domain.intake.contacts import contact_of
from registry.domain.intake.credentials import sealing_context
from registry.domain.intake.received import Delivery
from registry.domain.intake.signatures import Claim, claim_of
from registry.operations.manage_intake import token_digest
from registry.operations.operation import NOBODY, Answered, Caller
from registry.operations.registry import Registry
from registry.operations.take_in import NO_NUMBER, Intake, PreparedIntake, Taken, prepare_together
from registry.operations.take_in_together import WaitingIntake, take_in_together
from registry.tagging import SealedSecret

_log = logging.getLogger(__name__)


class Kind(Enum):
    """Of what is left to do, by what it may wait for.

    HELD_UP: contacts, which may wait for their line or their number. WITHOUT_NUMBER: what is only counted, or of no
    interest. REFUSAL: what is refused, signed or not.
    """

    HELD_UP = auto()
    WITHOUT_NUMBER = auto()
    REFUSAL = auto()


@dataclass(frozen=True, slots=True)
class Rest:
    """What is left to do for one request by itself. do: raises its Refused, recorded."""

    kind: Kind
    do: Callable[[], Taken | None]


Outcome = Taken | Rest


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request that was read, with where it came from."""

    arrival: Arrival
    delivery: Delivery


class Round:
    """Some requests that go through each step together. What falls out on the way has its outcome."""

    def __init__(self, registry: Registry, arrived: Sequence[Arrived]) -> None:
        self._registry = registry
        self._arrived = arrived
        self._outcomes: dict[int, Outcome] = {}

    def outcomes(self) -> list[Outcome]:
        """In order. Raises Refused where the database or the signers are away; nothing was recorded then."""
        lines = self._spent(self._proved(self._claims()))
        intakes = self._understood(lines)
        self._record(intakes, {at: _caller_of(lines[at]) for at in intakes})
        return [self._outcomes[at] for at in range(len(self._arrived))]

    def _claims(self) -> dict[int, Claim | None]:
        """Of those that can be read at all."""
        claims: dict[int, Claim | None] = {}
        for at, one in enumerate(self._arrived):
            try:
                claims[at] = claim_of(one.delivery)
            except Refused as refused:
                self._outcomes[at] = _fail(one.arrival, refused, NOBODY)
        return claims

    def _proved(self, claims: Mapping[int, Claim | None]) -> dict[int, Line]:
        """The lines of those whose signatures hold."""
        addresses = {at: address for at in claims if (address := self._address(at)) is not None}
        found = self._registry.database.run_single(lambda c: find_lines(c, addresses.values()))
        lines = {at: found[address] for at, address in addresses.items() if address in found}
        signed = [(at, claim) for at, claim in claims.items() if claim is not None and at in lines and lines[at].sealed]
        held = self._registry.tagging.signed([(claim, self._secrets(at, lines[at])) for at, claim in signed])
        proved = {at: lines[at] for (at, _), holds in zip(signed, held, strict=True) if holds}
        for at in claims.keys() - proved.keys():
            refusal = Refused(Code.SIGNATURE_REFUSED, "The request is not signed as it must be.")
            claimed = Caller(lines[at].organisation_id) if at in lines else NOBODY
            self._outcomes[at] = _fail(self._arrived[at].arrival, refusal, claimed)
        return proved

    def _address(self, at: int) -> Address | None:
        arrival = self._arrived[at].arrival
        digest = token_digest(arrival.token)
        return None if digest is None else (digest, arrival.provider.value)

    def _secrets(self, at: int, line: Line) -> list[SealedSecret]:
        provider = self._arrived[at].arrival.provider
        sealed = zip(line.credential_ids, line.sealed, strict=True)
        return [SealedSecret(sealing_context(id_, provider), secret) for id_, secret in sealed]

    def _spent(self, lines: Mapping[int, Line]) -> dict[int, Line]:
        """Those that their lines may still take: what is malformed, told again or of no interest has its cost too."""
        decoys = [line.decoy_id for line in lines.values()]
        waits = self._registry.database.run_single(lambda c: spend_lines(c, decoys))
        spent: dict[int, Line] = {}
        for at, wait in zip(list(lines), waits, strict=True):
            if wait > 0:
                refusal = Refused(Code.OVERLOADED, "Too many requests were signed for this line.", retry_after=wait)
                self._outcomes[at] = _refuse(self._arrived[at].arrival, refusal, _caller_of(lines[at]))
            else:
                spent[at] = lines[at]
        return spent

    def _understood(self, lines: Mapping[int, Line]) -> dict[int, Intake]:
        intakes: dict[int, Intake] = {}
        for at, line in lines.items():
            one = self._arrived[at]
            try:
                contact = contact_of(one.delivery)
            except Refused as refused:
                self._outcomes[at] = _refuse(one.arrival, refused, _caller_of(line))
            except Exception as error:  # noqa: BLE001 - a fault with one is nobody else's
                self._outcomes[at] = _fault(one.arrival, error, _caller_of(line))
            else:
                intakes[at] = Intake(line.decoy_id, one.arrival.provider, contact, line.tag, line.region)
        return intakes

    def _waits_for_nothing(self, at: int) -> None:
        outcome = self._outcomes[at]
        if isinstance(outcome, Rest):
            self._outcomes[at] = replace(outcome, kind=Kind.WITHOUT_NUMBER)

    def _record(self, intakes: Mapping[int, Intake], callers: Mapping[int, Caller]) -> None:
        """Together where that is possible; each by itself, whatever it was that went wrong, where it is not.

        A message to several lines is taken in by itself: there would be too many numbers to read at once.
        """
        for at, intake in intakes.items():
            alone = partial(_take_alone, self._arrived[at].arrival, intake, callers[at])
            self._outcomes[at] = Rest(Kind.HELD_UP, alone)
        short = {at: one for at, one in intakes.items() if one.contact is None or len(one.contact.to) <= 1}
        try:
            prepared = prepare_together(self._registry, list(short.values()))
            for at, ready in zip(short, prepared, strict=True):
                if isinstance(ready, Refused) or ready.item is None:
                    self._waits_for_nothing(at)
            waiting = {
                at: WaitingIntake(intake, callers[at], self._arrived[at].arrival.request, ready)
                for (at, intake), ready in zip(short.items(), prepared, strict=True)
                if isinstance(ready, PreparedIntake)
            }
            answers = take_in_together(self._registry, list(waiting.values()))
        except Exception as error:  # noqa: BLE001 - whatever it is, each is tried again, and then tells what is wrong
            extra = {"requests": len(intakes), "error": type(error).__name__}
            _log.warning("providers' requests could not be recorded together", extra=extra)
            return
        for at, answered in zip(waiting, answers, strict=True):
            if answered is not None:
                _count(intakes[at], answered)
                self._outcomes[at] = answered.result


def _take_alone(arrival: Arrival, operation: Intake, caller: Caller) -> Taken | None:
    try:
        answered = arrival.registry.run(operation, caller, arrival.request)
    except Refused as refusal:
        metrics.operations.labels(Intake.name, refusal.headline).inc()
        if refusal.code in NO_NUMBER:
            return None
        raise
    _count(operation, answered)
    return answered.result


def _count(operation: Intake, answered: Answered[Taken]) -> None:
    metrics.operations.labels(Intake.name, answered.result).inc()
    metrics.numbers.labels(Intake.name).inc(operation.submitted)
    for alarm in answered.alarms:
        metrics.flood.labels(alarm.flooded.value).inc()


def _fail(arrival: Arrival, refusal: Refused, claimed: Caller) -> Rest:
    def fail() -> Taken | None:
        raise arrival.failed(refusal, claimed)

    return Rest(Kind.REFUSAL, fail)


def _refuse(arrival: Arrival, refusal: Refused, caller: Caller) -> Rest:
    def refuse() -> Taken | None:
        raise arrival.refused(refusal, caller)

    return Rest(Kind.REFUSAL, refuse)


def _fault(arrival: Arrival, error: Exception, caller: Caller) -> Rest:
    def fail() -> Taken | None:
        arrival.registry.record_refusal(Code.INTERNAL, Intake.name, caller, arrival.request)
        raise error

    return Rest(Kind.REFUSAL, fail)


def _caller_of(line: Line) -> Caller:
    return Caller(line.organisation_id, OrganisationKind(line.organisation_kind), line.organisation_name)
