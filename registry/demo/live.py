"""What happens while the demo runs: messages and calls of which Twilio tells the registry itself, and who made them.

The expectations are written by hand, like those of `stories`. The outreach team's numbers come from a range of their
own, because what is excluded in one run must be nobody's in another.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from registry.demo.callers import CALLER_LINES, OUTREACH_LINES, Number, fictional_numbers
from registry.demo.contacts import Target
from registry.demo.decoys import Feed, Role
from registry.demo.stories import NONE, SINGLE, Expected, Scene, Told
from registry.demo.twilio import Delivery

BACKGROUND = 40
"""Messages and calls by callers whom no company of the demo employs."""
CONTROL_CALLS = 3
WITHHELD_CALLS = 3
TEAM = 8
"""Numbers of the outreach team."""
TEAM_CALLED = 2
"""How many of them have contacted decoys, before the team was excluded and after."""

PASSED_A = "TN-Validation-Passed-A"
PASSED_B = "TN-Validation-Passed-B"
PASSED_C = "TN-Validation-Passed-C"
FAILED_A = "TN-Validation-Failed-A"
FAILED = "TN-Validation-Failed"
DIVERTED = "TN-Validation-Passed-A-Diverted"
MISMATCHED = "No-TN-Validation"
_RESULTS = (PASSED_A, PASSED_B, PASSED_C, FAILED_A, FAILED, DIVERTED, MISMATCHED, None)

_WITHHELD = "+266696687"
"""ANONYMOUS on a keypad."""

# How many company numbers, the right answer, and what StirVerstat said of their call; None stands for a text message.
_TALES: tuple[tuple[int, Expected, str | None], ...] = (
    (2, SINGLE, None),
    (2, SINGLE, PASSED_A),
    (1, NONE, PASSED_B),
    (2, NONE, FAILED_A),
    (1, NONE, DIVERTED),
    (1, NONE, MISMATCHED),
)


@dataclass(frozen=True, slots=True)
class Live:
    """deliveries: in the order in which they are told, those of the stories included. team: excluded from a file.

    repeated: one of the deliveries, of which Twilio tells twice.
    """

    told: tuple[Told, ...]
    deliveries: tuple[Delivery, ...]
    team: tuple[Number, ...]
    repeated: Delivery


def lines(everyone: Sequence[Target]) -> tuple[Target, ...]:
    """The lines whose Twilio numbers point at the registry."""
    return tuple(target for target in everyone if target.feed is Feed.TWILIO_FILE)


def happen(rng: Random, everyone: Sequence[Target], today: date, callers: Iterator[Number]) -> Live:
    """callers: company numbers that are in no other story."""
    pointed = lines(everyone)
    ads = [target for target in pointed if target.decoy.role is Role.ADVERTISEMENT]
    (control,) = [target for target in pointed if target.decoy.role is Role.CONTROL]
    strangers = fictional_numbers(rng, CALLER_LINES)
    team = fictional_numbers(rng, OUTREACH_LINES)
    members = tuple(next(team) for _ in range(TEAM))
    told = [_told(rng, rng.choice(ads), next(callers), tale) for tale in _TALES for _ in range(tale[0])]
    told.append(_told(rng, control, next(callers), (1, NONE, PASSED_A)))
    told += [_outreach(rng, ads, today, member) for member in members[:TEAM_CALLED]]
    deliveries = [delivery for one in told for delivery in one.deliveries]
    for _ in range(BACKGROUND):
        verstat = rng.choice(_RESULTS)
        make = _text if rng.random() < 0.5 else _call  # noqa: PLR2004 - half of them
        deliveries.append(make(rng, rng.choice(ads), next(strangers), verstat))
    deliveries += [_call(rng, control, next(strangers), rng.choice(_RESULTS)) for _ in range(CONTROL_CALLS)]
    deliveries += [_call(rng, rng.choice(ads), None, None) for _ in range(WITHHELD_CALLS)]
    rng.shuffle(deliveries)
    repeated = next(delivery for delivery in deliveries if delivery.number is not None)
    return Live(tuple(told), tuple(deliveries), members, repeated)


def _told(rng: Random, target: Target, caller: Number, tale: tuple[int, Expected, str | None]) -> Told:
    _, expected, verstat = tale
    delivery = _text(rng, target, caller) if verstat is None else _call(rng, target, caller, verstat)
    return Told(caller, (), None, None, expected, deliveries=(delivery,))


def _outreach(rng: Random, ads: Sequence[Target], today: date, member: Number) -> Told:
    """Two evenings of texts that are in the message log, and one more just now."""
    scene = Scene(rng, today, member, ads)
    ad = rng.choice(ads)
    day = scene.day(ad)
    scene.text(ad, day)
    scene.text(ad, day + timedelta(days=1))
    deliveries = (_text(rng, ad, member),)
    return Told(member, tuple(scene.contacts), None, None, NONE, deliveries=deliveries, excluded=True)


def _text(rng: Random, target: Target, caller: Number, _verstat: str | None = None) -> Delivery:
    return Delivery(f"SM{rng.getrandbits(128):032x}", target.decoy.key, caller.e164, caller.e164)


def _call(rng: Random, target: Target, caller: Number | None, verstat: str | None) -> Delivery:
    """caller: None for one that withholds the number."""
    sid = f"CA{rng.getrandbits(128):032x}"
    if caller is None:
        return Delivery(sid, target.decoy.key, _WITHHELD, None, verstat)
    return Delivery(sid, target.decoy.key, caller.e164, caller.e164, verstat)
