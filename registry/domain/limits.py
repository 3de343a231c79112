"""The arithmetic of the limits (docs/adr/0003): requests by GCRA, numbers by the UTC day.

Everything is whole microseconds, the resolution of PostgreSQL's timestamptz, so that the same arithmetic in SQL gives
the same answers to the bit. This module holds no state and never asks the clock: both come in with the call.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Final

DAY_SECONDS: Final = 86_400
_MICROSECOND: Final = timedelta(microseconds=1)
_MICROSECONDS_PER_SECOND: Final = 1_000_000
_DAY: Final = timedelta(days=1)
_IPV6_PREFIX: Final = 64


class LimitName(StrEnum):
    """The names of the limits in the RateLimit headers and in `violated-policies`."""

    KEY = "key"
    ORG_DAY = "org-day"
    ADDRESS = "address"


class Unit(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    NUMBERS = "numbers"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True)
class Rate:
    """quota requests per window_seconds, all of which may come at once: the burst is the quota."""

    quota: int
    window_seconds: int

    def __post_init__(self) -> None:
        if self.quota < 1 or self.window_seconds < 1:
            raise ValueError("a rate needs a quota and a window of at least 1")

    @property
    def emission_us(self) -> int:
        """Microseconds that one request costs: window / quota, rounded up so that rounding never admits more."""
        return -(-self.window_seconds * _MICROSECONDS_PER_SECOND // self.quota)

    @property
    def burst_us(self) -> int:
        """Microseconds that the theoretical arrival time may lie ahead of now: the whole quota's cost."""
        return self.emission_us * self.quota


@dataclass(frozen=True, slots=True)
class Spent:
    """What became of one request.

    tat: the theoretical arrival time to store; on a refusal the one that is stored already.
    remaining: how many more requests would be admitted now.
    reset_after: seconds until the whole quota is there again.
    retry_after: seconds until the same request would be admitted: 0 if it was, None if waiting cannot help.
    """

    allowed: bool
    tat: datetime | None
    remaining: int
    reset_after: float
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is left of one limit, as the RateLimit headers say it. window and reset in seconds, reset rounded up."""

    name: LimitName
    quota: int
    window: int
    remaining: int
    reset: int
    unit: Unit


class Gcra:
    """The generic cell rate algorithm (ITU-T I.371, virtual scheduling).

    Its whole state is the theoretical arrival time: the moment at which the quota is complete again. None and any
    past moment mean that it is complete now. In any interval of length t it admits at most quota + t * quota / window.
    Datetimes are aware and in UTC: in a zone with summer time their difference would be off by its hour.
    """

    @staticmethod
    def spend(rate: Rate, tat: datetime | None, now: datetime, cost: int = 1) -> Spent:
        """Take cost requests out of the quota, or none. cost is at least 1."""
        if cost < 1:
            raise ValueError("a cost is at least 1")
        debt = _debt_us(tat, now)
        debt_after = debt + rate.emission_us * cost
        excess = debt_after - rate.burst_us
        if excess <= 0:
            return Spent(
                allowed=True,
                tat=now + debt_after * _MICROSECOND,
                remaining=_remaining(rate, debt_after),
                reset_after=debt_after / _MICROSECONDS_PER_SECOND,
                retry_after=0.0,
            )
        return Spent(
            allowed=False,
            tat=tat,
            remaining=_remaining(rate, debt),
            reset_after=debt / _MICROSECONDS_PER_SECOND,
            retry_after=None if cost > rate.quota else excess / _MICROSECONDS_PER_SECOND,
        )

    @staticmethod
    def standing(name: LimitName, unit: Unit, rate: Rate, tat: datetime | None, now: datetime) -> Standing:
        """What is left at now, nothing spent."""
        debt = _debt_us(tat, now)
        return Standing(
            name=name,
            quota=rate.quota,
            window=rate.window_seconds,
            remaining=_remaining(rate, debt),
            reset=-(-debt // _MICROSECONDS_PER_SECOND),
            unit=unit,
        )


@dataclass(frozen=True, slots=True)
class DaySpent:
    """What became of one request's numbers.

    used: the day's count to store; on a refusal the one that is stored already.
    retry_after: seconds until the same request would be admitted: 0 if it was, None if waiting cannot help.
    """

    allowed: bool
    used: int
    remaining: int
    retry_after: float | None


def spend_day(quota: int, used: int, now: datetime, cost: int) -> DaySpent:
    """Take cost numbers out of the UTC day's quota, or none. cost may be 0: a request that carries no number.

    A quota of 0 is one that was closed. used may exceed a quota that was lowered during the day.
    """
    if cost < 0:
        raise ValueError("a cost is at least 0")
    if cost == 0 or used + cost <= quota:
        return DaySpent(allowed=True, used=used + cost, remaining=max(0, quota - used - cost), retry_after=0.0)
    retry_after = None if cost > quota else (next_utc_midnight(now) - now).total_seconds()
    return DaySpent(allowed=False, used=used, remaining=max(0, quota - used), retry_after=retry_after)


def day_standing(quota: int, used: int, now: datetime) -> Standing:
    """What is left of the organisation's numbers for the UTC day of now."""
    return Standing(
        name=LimitName.ORG_DAY,
        quota=quota,
        window=DAY_SECONDS,
        remaining=max(0, quota - used),
        reset=-((now - next_utc_midnight(now)) // timedelta(seconds=1)),
        unit=Unit.NUMBERS,
    )


def network_of(address: str | None) -> bytes:
    """What failures of a client's address are counted by: whoever has an IPv6 address has 64 bits of them (RFC 6177).

    An IPv4 address is counted by itself, also where IPv6 carries it; anything else, such as a host's name, as it is.
    """
    try:
        parsed = ip_address(address or "")
    except ValueError:
        return (address or "").encode()
    if isinstance(parsed, IPv4Address):
        return str(parsed).encode()
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped).encode()
    return str(IPv6Network((int(parsed), _IPV6_PREFIX), strict=False)).encode()


def next_utc_midnight(now: datetime) -> datetime:
    """The start of the UTC day after now; at midnight that is a whole day ahead. now is aware, in any zone."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + _DAY


def _debt_us(tat: datetime | None, now: datetime) -> int:
    """Microseconds until the quota is complete again. Never negative: unused time does not add up beyond the quota."""
    return 0 if tat is None else max(0, (tat - now) // _MICROSECOND)


def _remaining(rate: Rate, debt_us: int) -> int:
    # A debt beyond the burst is one from before the rate was lowered, or from before a clock was set back.
    return max(0, (rate.burst_us - debt_us) // rate.emission_us)
