"""The investigators' organisations of the demo and their decoys: who publishes what, and since when.

It must never say what a hit on a decoy is worth; that is the policy's business. The dates are laid out so that every
rule of the policy has something to bite on: burn-in, closed lines, lines that do not count, contacts that have expired.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from random import Random

from registry.demo.callers import DECOY_LINES, Number, fictional_numbers

_BURN_IN_DAYS = 7
_RETENTION_DAYS = 700
"""Somewhat under the default retention of 24 months, so that the calendar does not matter."""


class Feed(StrEnum):
    """How an organisation submits its hits.

    Whoever exports Twilio's message log also lets Twilio tell the registry of what comes, from now on.
    """

    JSON = "json"
    OWN_FILE = "own"
    TWILIO_FILE = "twilio"


class Role(StrEnum):
    ADVERTISEMENT = "advertisement"
    CONTROL = "control"
    DETERRENCE = "deterrence"


@dataclass(frozen=True, slots=True)
class Decoy:
    """A decoy as it is registered. `key` is what the sample data calls it before the registry has given it an id."""

    key: str
    label: str
    number: Number
    role: Role
    live_from: datetime
    live_until: datetime | None
    acquired_on: date | None

    def counting_days(self, today: date) -> tuple[date, date]:
        """First and last day on which a contact certainly counts, were the decoy an advertisement."""
        first = max(self.live_from.date() + timedelta(days=1), today - timedelta(days=_RETENTION_DAYS))
        if self.acquired_on is not None:
            first = max(first, self.acquired_on + timedelta(days=_BURN_IN_DAYS + 1))
        last = today - timedelta(days=2)
        if self.live_until is not None:
            last = min(last, self.live_until.date() - timedelta(days=1))
        return first, last


@dataclass(frozen=True, slots=True)
class Investigator:
    """An organisation that submits hits."""

    name: str
    feed: Feed
    decoys: tuple[Decoy, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    """A decoy in days before today; `until` and `acquired` may be unknown."""

    label: str
    role: Role
    live: int
    until: int | None = None
    acquired: int | None = None


_ORGANISATIONS: tuple[tuple[str, Feed, tuple[_Line, ...]], ...] = (
    (
        "Alder Investigations",
        Feed.JSON,
        (
            _Line("Classified ad A", Role.ADVERTISEMENT, live=420, acquired=440),
            _Line("Classified ad B", Role.ADVERTISEMENT, live=300, until=60),
            # Bought three days before the ad went out: who rings in the first days may look for the last owner.
            _Line("Classified ad C", Role.ADVERTISEMENT, live=200, acquired=203),
            _Line("Never advertised", Role.CONTROL, live=300),
        ),
    ),
    (
        "Bramble Watch",
        Feed.JSON,
        (
            _Line("Forum ad", Role.ADVERTISEMENT, live=700, until=100, acquired=760),
            _Line("Profile page", Role.ADVERTISEMENT, live=365),
            _Line("Warning page", Role.DETERRENCE, live=250),
        ),
    ),
    (
        "Copperfield Research",
        Feed.OWN_FILE,
        (
            _Line("Oldest ad", Role.ADVERTISEMENT, live=820),
            _Line("Spring ad", Role.ADVERTISEMENT, live=150, acquired=170),
            _Line("Short campaign", Role.ADVERTISEMENT, live=90, until=10),
        ),
    ),
    (
        "Dovecote Response",
        Feed.TWILIO_FILE,
        (
            _Line("Text line one", Role.ADVERTISEMENT, live=240),
            _Line("Text line two", Role.ADVERTISEMENT, live=120, acquired=150),
            _Line("Silent line", Role.CONTROL, live=240),
        ),
    ),
)


def investigators(rng: Random, today: date, run: str) -> tuple[Investigator, ...]:
    """The four organisations of one run with thirteen decoys between them."""
    numbers = fictional_numbers(rng, DECOY_LINES)
    return tuple(
        Investigator(
            f"{name} {run}",
            feed,
            tuple(_decoy(f"{name.split()[0].lower()}-{i}", line, numbers, today) for i, line in enumerate(lines)),
        )
        for name, feed, lines in _ORGANISATIONS
    )


def _decoy(key: str, line: _Line, numbers: Iterator[Number], today: date) -> Decoy:
    return Decoy(
        key=key,
        label=line.label,
        number=next(numbers),
        role=line.role,
        live_from=_midnight(today - timedelta(days=line.live)),
        live_until=None if line.until is None else _midnight(today - timedelta(days=line.until)),
        acquired_on=None if line.acquired is None else today - timedelta(days=line.acquired),
    )


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
