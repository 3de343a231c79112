"""The spine of providers' requests: finds the lines that their addresses lead to, holds each request against its
signature, spends one of its line's requests, and takes it in with its audit event. What arrives together goes through
each of these steps together; each is answered by itself.

A request whose signature holds is never refused for what others sent from its address, which all of a provider's
customers share, nor for the numbers that its organisation has asked about today: a contact is told once, and would be
lost.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from queue import Full
from typing import Final

from api import metrics
from api.deliveries import Arrival
from api.gathering import Gathering
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

Rest = Callable[[], Taken | None]
"""What is left to do for one request by itself. Raises its Refused, recorded."""
Outcome = Taken | Rest
Settled = Future[Taken | None]

ANSWER_SECONDS: Final = 10.0
"""Less than the 15 that Twilio waits: a word on when to come again is better than none."""
MOST_TOGETHER: Final = 24
"""With one line each, that is fewer numbers than are left to the signers that stand back for others."""
RESTS: Final = 6
"""Requests that are taken in by themselves at a time: fewer than there are connections to the database, so that those
that wait for something leave some to the others.
"""


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request that was read, with where it came from."""

    arrival: Arrival
    delivery: Delivery


class IntakeDesk:
    """One of an application. `close` ends its threads. answer_seconds: in which a provider has its answer."""

    def __init__(self, registry: Registry, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._registry: Final = registry
        self._answer_seconds: Final = answer_seconds
        self._arrived: Final[Gathering[Arrived, Settled]] = Gathering(self._take, most=MOST_TOGETHER)
        self._rests: Final[Gathering[Rest, Taken | None]] = Gathering(_do_rest, most=1, patience=0, at_once=RESTS)

    def close(self) -> None:
        """Waits for what has arrived."""
        self._arrived.close()
        self._rests.close()

    async def take(self, arrival: Arrival, delivery: Delivery) -> Taken | None:
        """What became of it; None for a caller ID that the registry does not keep, which is recorded as its refusal.

        Raises Refused, recorded; `overloaded`, unrecorded, where there was no answer in time. Whatever was begun is
        done to its end all the same, and the provider that tells it again is answered as for any event that it tells
        twice.
        """
        try:
            async with asyncio.timeout(self._answer_seconds):
                settled = await asyncio.wrap_future(self._arrived.submit(Arrived(arrival, delivery)))
                return await asyncio.wrap_future(settled)
        except (TimeoutError, Full):
            raise Refused(Code.OVERLOADED, "The registry did not get to it in time.", retry_after=5.0) from None

    def _take(self, arrived: Sequence[Arrived]) -> list[Settled]:
        return [self._settle(outcome) for outcome in self.take_together(arrived)]

    def _settle(self, outcome: Outcome) -> Settled:
        """What is left to do is done by threads of the desk's own, whether or not somebody still waits for it."""
        settled: Settled = Future()
        if isinstance(outcome, Taken):
            settled.set_result(outcome)
            return settled
        try:
            return self._rests.submit(outcome)
        except Full as full:
            settled.set_exception(full)
            return settled

    def take_together(self, arrived: Sequence[Arrived]) -> list[Outcome]:
        """What became of each, in order, or what is left to do for it by itself.

        Raises Refused, or whatever went wrong, where there is only one.
        """
        try:
            return _Round(self._registry, arrived).outcomes()
        except Refused as refused:
            if len(arrived) == 1 or refused.code is Code.DATABASE_UNAVAILABLE:  # which is away for all of them alike
                return [_refusing(refused)] * len(arrived)
        except Exception:
            if len(arrived) == 1:
                raise
        # One of them may be what all of them failed by.
        return [partial(self._take_alone, one) for one in arrived]

    def _take_alone(self, one: Arrived) -> Taken | None:
        (outcome,) = _Round(self._registry, [one]).outcomes()
        return outcome if isinstance(outcome, Taken) else outcome()


class _Round:
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
                self._outcomes[at] = partial(_fail, one.arrival, refused, NOBODY)
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
            self._outcomes[at] = partial(_fail, self._arrived[at].arrival, refusal, claimed)
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
                self._outcomes[at] = partial(_refuse, self._arrived[at].arrival, refusal, _caller_of(lines[at]))
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
                self._outcomes[at] = partial(_refuse, one.arrival, refused, _caller_of(line))
            else:
                intakes[at] = Intake(line.decoy_id, one.arrival.provider, contact, line.tag, line.region)
        return intakes

    def _record(self, intakes: Mapping[int, Intake], callers: Mapping[int, Caller]) -> None:
        """Together where that is possible; each by itself, whatever it was that went wrong, where it is not.

        A message to several lines is taken in by itself: there would be too many numbers to read at once.
        """
        for at, intake in intakes.items():
            self._outcomes[at] = partial(_take_alone, self._arrived[at].arrival, intake, callers[at])
        short = {at: one for at, one in intakes.items() if one.contact is None or len(one.contact.to) <= 1}
        try:
            prepared = prepare_together(self._registry, list(short.values()))
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


def _do_rest(rests: Sequence[Rest]) -> list[Taken | None]:
    return [rest() for rest in rests]


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


def _fail(arrival: Arrival, refusal: Refused, claimed: Caller) -> Taken | None:
    raise arrival.failed(refusal, claimed)


def _refuse(arrival: Arrival, refusal: Refused, caller: Caller) -> Taken | None:
    raise arrival.refused(refusal, caller)


def _refusing(refusal: Refused) -> Rest:
    """For several requests: each raises one of its own."""

    def refuse() -> Taken | None:
        raise replace(refusal)

    return refuse


def _caller_of(line: Line) -> Caller:
    return Caller(line.organisation_id, OrganisationKind(line.organisation_kind), line.organisation_name)
