"""How many contacts come to a line that nobody ever advertised, against those that were: the false-positive baseline.

A line-day is one UTC day on which one line was live. Two things are told of line-days, and they are not the same: the
rate, contacts per line-day, which can be above one and has no simple interval; and the proportion of line-days with at
least one contact, which has Wilson's (E. B. Wilson, JASA 22, 1927: the score interval). Pure arithmetic.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import sqrt
from typing import Final, Self

Z_95: Final = 1.959963984540054
"""The standard normal distribution's 97.5 % quantile."""
_DAY: Final = timedelta(days=1)
_AN_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Proportion:
    """estimate: as observed. low, high: its 95 % Wilson interval."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Tally:
    """What was seen on some lines. days_with_contact: of the line_days, those with at least one of the contacts."""

    lines: int = 0
    line_days: int = 0
    contacts: int = 0
    days_with_contact: int = 0

    def __add__(self, other: Self) -> "Tally":
        return Tally(
            self.lines + other.lines,
            self.line_days + other.line_days,
            self.contacts + other.contacts,
            self.days_with_contact + other.days_with_contact,
        )

    @property
    def rate(self) -> float | None:
        """Contacts per line-day; None without a line-day."""
        return None if self.line_days == 0 else self.contacts / self.line_days

    @property
    def proportion(self) -> Proportion | None:
        """Of line-days with a contact; None without a line-day."""
        return None if self.line_days == 0 else wilson(self.days_with_contact, self.line_days)


def wilson(successes: int, trials: int, z: float = Z_95) -> Proportion:
    """Wilson's score interval, without a correction for continuity. ValueError for counts that cannot be."""
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError("a proportion is of at least one trial, and of no more successes than trials")
    estimate = successes / trials
    spread = z * z / trials
    centre = (estimate + spread / 2) / (1 + spread)
    half = z * sqrt(estimate * (1 - estimate) / trials + spread / (4 * trials)) / (1 + spread)
    # At either end it is the end itself, which rounding may miss by a hair.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Proportion(estimate, low, high)


def baseline(control: Tally, advertised: Tally) -> float | None:
    """The estimated share of contacts on advertised lines that would have come anyway: rate / rate, at most 1.

    None where either has no line-day, or the advertised lines had no contact.
    """
    anyway, all_ = control.rate, advertised.rate
    if anyway is None or not all_:
        return None
    return min(1.0, anyway / all_)


@dataclass(frozen=True, slots=True)
class Period:
    """UTC days, both inclusive."""

    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days + 1


@dataclass(frozen=True, slots=True)
class Life:
    """When a line was live, as its decoy has it; every datetime is aware. known_since: the day of its first contact or
    of its registration, whichever came first: where live_from is open, it is not known to have been live before.
    """

    live_from: datetime | None
    live_until: datetime | None
    acquired_on: date | None
    known_since: date

    def within(self, period: Period, burn_in_days: int) -> Period | None:
        """The part of the period in which the line was live, days at its ends that it was live in part included."""
        first = self.known_since if self.live_from is None else _utc_day(self.live_from)
        if self.acquired_on is not None:
            first = max(first, self.acquired_on + burn_in_days * _DAY)
        last = period.until if self.live_until is None else _utc_day(self.live_until - _AN_INSTANT)
        first, last = max(first, period.since), min(last, period.until)
        return Period(first, last) if first <= last else None


def _utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
