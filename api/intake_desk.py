"""The spine of providers' requests: what arrives together is taken in together, and each is answered by itself.

A request whose signature holds is never refused for what others sent from its address, which all of a provider's
customers share, nor for the numbers that its organisation has asked about today: a contact is told once, and would be
lost.
"""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from queue import Full
from typing import Final

from api.deliveries import Arrival
from api.gathering import Gathering
from api.intake_round import Arrived, Kind, Outcome, Rest, Round
from registry.domain.errors import Code, Refused
from registry.domain.intake.received import Delivery
from registry.operations.registry import Registry
from registry.operations.take_in import Taken

Settled = Future[Taken | None]

ANSWER_SECONDS: Final = 10.0
"""Less than the 15 that Twilio waits: a word on when to come again is better than none."""
MOST_TOGETHER: Final = 24
"""With one line each, that is fewer numbers than are left to the signers that stand back for others."""
AT_ONCE: Final = {Kind.HELD_UP: 3, Kind.WITHOUT_NUMBER: 2, Kind.REFUSAL: 2}
"""How many of each kind are done by themselves at a time, none behind another kind: in all fewer than there are
connections to the database, so that those that wait for something leave some to the others.
"""


class IntakeDesk:
    """One of an application. `close` ends its threads. answer_seconds: in which a provider has its answer."""

    def __init__(self, registry: Registry, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._registry: Final = registry
        self._answer_seconds: Final = answer_seconds
        self._arrived: Final[Gathering[Arrived, Settled]] = Gathering(self._take, most=MOST_TOGETHER)
        self._rests: Final[Mapping[Kind, Gathering[Rest, Taken | None]]] = {
            kind: Gathering(_do_rest, most=1, patience=0, at_once=at_once) for kind, at_once in AT_ONCE.items()
        }

    def close(self) -> None:
        """Waits for what has arrived."""
        self._arrived.close()
        for rests in self._rests.values():
            rests.close()

    async def take(self, arrival: Arrival, delivery: Delivery) -> Taken | None:
        """What became of it; None for a caller ID that the registry does not keep, which is recorded as its refusal.

        Raises Refused, recorded; `overloaded`, unrecorded, where there was no answer in time. Whatever was begun is
        done to its end all the same, and the provider that tells it again is answered as for any event that it tells
        twice.
        """
        try:
            async with asyncio.timeout(self._answer_seconds):
                settled = await asyncio.wrap_future(self._arrived.submit(Arrived(arrival, delivery)))
                rest = asyncio.wrap_future(settled)
                rest.add_done_callback(_looked_at)
                return await asyncio.shield(rest)
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
            return self._rests[outcome.kind].submit(outcome)
        except Full as full:
            settled.set_exception(full)
            return settled

    def take_together(self, arrived: Sequence[Arrived]) -> list[Outcome]:
        """What became of each, in order, or what is left to do for it by itself.

        Raises Refused, or whatever went wrong, where there is only one.
        """
        try:
            return Round(self._registry, arrived).outcomes()
        except Refused as refused:
            if len(arrived) == 1 or refused.code is Code.DATABASE_UNAVAILABLE:  # which is away for all of them alike
                return [_refusing(refused)] * len(arrived)
        except Exception:
            if len(arrived) == 1:
                raise
        # One of them may be what all of them failed by.
        return [Rest(Kind.HELD_UP, partial(self._take_alone, one)) for one in arrived]

    def _take_alone(self, one: Arrived) -> Taken | None:
        (outcome,) = Round(self._registry, [one]).outcomes()
        return outcome if isinstance(outcome, Taken) else outcome.do()


def _do_rest(rests: Sequence[Rest]) -> list[Taken | None]:
    return [rest.do() for rest in rests]


def _looked_at(rest: asyncio.Future[Taken | None]) -> None:
    """So that nobody is told that nobody looked, where the provider had gone before it was done."""
    if not rest.cancelled():
        rest.exception()


def _refusing(refusal: Refused) -> Rest:
    """For several requests: each raises one of its own."""

    def refuse() -> Taken | None:
        raise replace(refusal)

    return Rest(Kind.REFUSAL, refuse)
