"""The contacts of the demo: who called or texted which decoy, when, and how that arrived.

A contact is a hit before it is written into a request or a file. It must never hold what a caller said.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from registry.demo.callers import (
    CALLER_LINES,
    SENDER_NAMES,
    SHORT_CODES,
    UNUSABLE,
    WITHHELD,
    Number,
    examples_of_other_regions,
    examples_of_served_regions,
    fictional_numbers,
    invalid_examples,
)
from registry.demo.decoys import Decoy, Feed, Investigator, Role
from registry.demo.formats import MACHINE_WEIGHTS, Written, write_somehow

_LOYALTY = 0.8
_OUTSIDE_LIVE_WINDOW = 0.04
_DIVERTED = 0.06
_ON_A_CONTROL_LINE = 0.04
"""How likely a caller stays with one organisation, misses the live window, and, of calls, was diverted; and how often
a line that nobody advertises is contacted for each time that an advertised one is.
"""


class Fate(StrEnum):
    """What the registry is expected to answer to a hit."""

    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Contact:
    """One event on a decoy's line.

    number: the E.164 number that `written` stands for, None where it stands for no number of a served region.
    decoy: the key of a decoy, which is another organisation's where the sample shows that this is refused.
    occurred_at: UTC. attestation: A, B or C for voice calls that carried one.
    """

    organisation: str
    decoy: str
    written: Written
    number: str | None
    channel: str
    occurred_at: datetime
    attestation: str | None = None
    diverted: bool = False
    fate: Fate = Fate.RECORDED


@dataclass(frozen=True, slots=True)
class Target:
    """A decoy together with whose it is and how its hits arrive."""

    organisation: str
    feed: Feed
    decoy: Decoy


def targets(investigators: Sequence[Investigator]) -> tuple[Target, ...]:
    return tuple(Target(i.name, i.feed, decoy) for i in investigators for decoy in i.decoys)


def daytime(rng: Random, day: date) -> datetime:
    """A second of the day, far enough from midnight UTC that in North America it is the same date."""
    return datetime.combine(day, time(), UTC) + timedelta(seconds=rng.randrange(13 * 3600, 21 * 3600))


def day_between(rng: Random, first: date, last: date) -> date:
    return first + timedelta(days=rng.randrange((last - first).days + 1))


def written_for(rng: Random, target: Target, number: Number) -> Written:
    """As the organisation's feed writes it: Twilio always E.164, other telephone systems as they please."""
    if target.feed is Feed.TWILIO_FILE:
        return Written(number.e164, None)
    return write_somehow(rng, number, MACHINE_WEIGHTS)


def background(rng: Random, everyone: Sequence[Target], today: date, total: int) -> list[Contact]:
    """`total` contacts by callers whom no company of the demo employs: most once, some again and again.

    Each caller has a favourite organisation and strays to the others; one contact in twenty-five falls outside the
    decoy's live window.
    """
    callers = fictional_numbers(rng, CALLER_LINES)
    organisations = sorted({target.organisation for target in everyone})
    found: list[Contact] = []
    while len(found) < total:
        caller = next(callers)
        favourite = rng.choice(organisations)
        near = [target for target in everyone if target.organisation == favourite]
        times = min(rng.choices((1, 2, 3, 5, 9), (55, 22, 12, 8, 3))[0], total - len(found))
        chosen = [_some(rng, near if rng.random() < _LOYALTY else everyone) for _ in range(times)]
        found += [_contact(rng, target, caller, today) for target in chosen]
    return found


def _some(rng: Random, among: Sequence[Target]) -> Target:
    weights = [_ON_A_CONTROL_LINE if target.decoy.role is Role.CONTROL else 1.0 for target in among]
    return rng.choices(among, weights)[0]


def special(rng: Random, everyone: Sequence[Target], today: date) -> list[Contact]:
    """Contacts by numbers that are recorded though most of them never count: toll-free, premium and the like."""
    return [
        _contact(rng, rng.choice(everyone), number, today) for number in examples_of_served_regions() for _ in range(5)
    ]


def refused(rng: Random, everyone: Sequence[Target], today: date) -> list[Contact]:
    """Contacts that cannot be recorded: no number, none of a served region, in the future, on somebody else's decoy."""
    found = [_refused(rng, rng.choice(everyone), written, today) for written in _texts_of_nobody(rng)]
    for example in rng.sample(examples_of_other_regions(), 420):
        target = rng.choice(everyone)
        found.append(_refused(rng, target, written_for(rng, target, example), today))
    callers = fictional_numbers(rng, CALLER_LINES)
    for _ in range(4):
        target = rng.choice(everyone)
        early = _refused(rng, target, written_for(rng, target, next(callers)), today)
        found.append(replace(early, occurred_at=daytime(rng, today + timedelta(days=3))))
        strayed = _refused(rng, target, written_for(rng, target, next(callers)), today)
        others = [other for other in everyone if other.organisation != strayed.organisation]
        found.append(replace(strayed, decoy=rng.choice(others).decoy.key))
    return found


def _texts_of_nobody(rng: Random) -> Iterator[Written]:
    """Caller-ID texts that stand for no number, with the region that a telephone system of the US would add."""
    for texts, count in ((WITHHELD, 130), (SHORT_CODES, 50), (SENDER_NAMES, 40), (UNUSABLE, 35)):
        for _ in range(count):
            yield Written(rng.choice(texts), "US")
    for text in rng.sample(invalid_examples(), 30):
        yield Written(text, None)


def _contact(rng: Random, target: Target, caller: Number, today: date) -> Contact:
    contact = _refused(rng, target, written_for(rng, target, caller), today)
    return replace(contact, number=caller.e164, fate=Fate.RECORDED)


def _refused(rng: Random, target: Target, written: Written, today: date) -> Contact:
    first, last = target.decoy.live_from.date(), today - timedelta(days=1)
    if target.decoy.live_until is not None:
        last = target.decoy.live_until.date() - timedelta(days=1)
    if rng.random() < _OUTSIDE_LIVE_WINDOW:
        first, last = first - timedelta(days=20), first - timedelta(days=1)
    channel, attestation = _channel(rng, target.feed)
    return Contact(
        organisation=target.organisation,
        decoy=target.decoy.key,
        written=written,
        number=None,
        channel=channel,
        occurred_at=daytime(rng, day_between(rng, first, last)),
        attestation=attestation,
        diverted=channel == "voice" and rng.random() < _DIVERTED,
        fate=Fate.REFUSED,
    )


def _channel(rng: Random, feed: Feed) -> tuple[str, str | None]:
    """A channel and, for a call, what the networks attested about its caller ID: often little, for that is spoofed."""
    if feed is Feed.TWILIO_FILE:
        return rng.choices(("sms", "mms"), (9, 1))[0], None
    channel = rng.choices(("voice", "sms", "mms", "chat"), (45, 40, 5, 10))[0]
    if channel != "voice":
        return channel, None
    return channel, rng.choices(("A", "B", "C", None), (35, 15, 25, 25))[0]
