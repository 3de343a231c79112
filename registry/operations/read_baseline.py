"""The false-positive baseline: contacts on control lines, which nobody advertises, against those on advertised ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.db import decoy_days
from registry.db.database import Writing
from registry.db.decoy_days import Line, Seen
from registry.domain.baseline import Life, Period, Tally, baseline
from registry.domain.credentials import Scope
from registry.domain.errors import Code, Refused
from registry.domain.flood import day_of
from registry.domain.numbers import region_code
from registry.domain.policy import Role
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.registry import Registry

DEFAULT_DAYS: Final = 90


class Source(StrEnum):
    """How contacts came: by whose webhook, or submitted by their organisation."""

    TWILIO = "twilio"
    TELNYX = "telnyx"
    GENERIC = "generic"
    SUBMITTED = "submitted"

    @property
    def stored(self) -> str:
        return "" if self is Source.SUBMITTED else self.value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Control lines against advertised ones. share: `registry.domain.baseline.baseline` of the two."""

    control: Tally
    advertised: Tally

    @property
    def share(self) -> float | None:
        return baseline(self.control, self.advertised)


@dataclass(frozen=True, slots=True)
class Group:
    """region: None for lines without one. provider: None for the contacts of all together.

    The line-days are all those of the region, whoever delivers its contacts: a line that nobody calls shows by nothing
    whose it is, and must count all the same. But where not one of the lines of a role ever had a contact this way, none
    of them may be this provider's: the tally is empty, and says nothing, instead of that nobody called.
    """

    region: str | None
    provider: Source | None
    compared: Comparison


@dataclass(frozen=True, slots=True)
class Baseline:
    period: Period
    total: Comparison
    groups: list[Group]


@dataclass(frozen=True, slots=True)
class ReadBaseline(ReadOperation[Period, Baseline]):
    """An investigator's own lines; the operator's key: everybody's. since, until: UTC dates, both inclusive; no day
    after today is told about.
    """

    name = "read_baseline"
    since: date | None = None
    until: date | None = None
    region: str | None = field(default=None, repr=False)
    provider: Source | None = None

    def prepare(self, registry: Registry) -> Period:
        today = registry.clock().date()
        until = today if self.until is None else min(self.until, today)
        since = until - timedelta(days=DEFAULT_DAYS - 1) if self.since is None else self.since
        if self.until is not None and since > self.until:
            raise Refused(Code.WINDOW_REVERSED, "The statistic ends before it begins.")
        if since > today:
            raise Refused(Code.DATE_IN_FUTURE, "The statistic would begin in the future.")
        return Period(since, until)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: Period) -> Done[Baseline]:
        region = None if self.region is None else region_code(self.region)
        lines = decoy_days.lines(tx, _whose(caller), region)
        live: dict[UUID, Period] = {}
        for line in lines:
            within = _life(line).within(prepared, registry.policy.burn_in_days)
            if within is not None:
                live[line.id] = within
        seen = decoy_days.seen(tx, {id_: (days.since, days.until) for id_, days in live.items()})
        found = _compare(prepared, [line for line in lines if line.id in live], live, seen, self.provider)
        lines_told = found.total.control.lines + found.total.advertised.lines
        return Done(found, count={"lines": lines_told}, policy=registry.policy.name)


def _whose(caller: Caller) -> UUID | None:
    """The organisation whose lines the caller may see; None: everybody's."""
    return None if Scope.OPERATOR in caller.scopes else caller.organisation()


def _life(line: Line) -> Life:
    registered = day_of(line.created_at)
    known = registered if line.first_day is None else min(line.first_day, registered)
    return Life(line.live_from, line.live_until, line.acquired_on, known)


def _compare(
    period: Period,
    lines: Sequence[Line],
    live: Mapping[UUID, Period],
    seen: Sequence[Seen],
    only: Source | None,
) -> Baseline:
    by_line = {(one.line, one.provider): one for one in seen}
    sources = [source for source in Source if any(one.provider == source.stored for one in seen)]
    # Together first, unless one is asked for alone.
    wanted: list[Source | None] = [None, *sources] if only is None else [only]

    def compared(chosen: Sequence[Line], source: Source | None) -> Comparison:
        return Comparison(tally(chosen, Role.CONTROL, source), tally(chosen, Role.ADVERTISEMENT, source))

    def tally(chosen: Sequence[Line], role: Role, source: Source | None) -> Tally:
        found = Tally()
        own = [line for line in chosen if line.role is role]
        if source is None or any(source.stored in line.providers for line in own):
            for line in own:
                one = by_line.get((line.id, None if source is None else source.stored))
                contacts, days = (0, 0) if one is None else (one.contacts, one.days)
                found += Tally(1, live[line.id].days, contacts, days)
        return found

    regions = sorted({line.region for line in lines}, key=lambda region: (region is None, region or ""))
    groups = [
        Group(region, source, compared([line for line in lines if line.region == region], source))
        for region in regions
        for source in wanted
    ]
    return Baseline(period, compared(lines, only), groups)
