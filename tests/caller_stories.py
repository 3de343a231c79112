"""Numbers of every kind that the policy knows, told to a registry over its API: who is listed, who is not, and why not.

Every number is fresh. Contacts lie some days back from the real time, since a running process has no other clock.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final

from members import Member, hit

EARLY_DAYS_AGO: Final = 20
LATE_DAYS_AGO: Final = 10


@dataclass(frozen=True)
class Tellers:
    """Two investigators with decoys, and the operator. decoys: two of the first one's and one of the second one's."""

    first: Member
    second: Member
    operator: Member
    decoys: tuple[str, str, str]

    @classmethod
    def of(cls, first: Member, second: Member, operator: Member, numbers: Iterator[str]) -> "Tellers":
        one, two = first.register_decoy(next(numbers)), first.register_decoy(next(numbers))
        return cls(first, second, operator, (one, two, second.register_decoy(next(numbers))))


@dataclass
class Stories:
    """listed: a question about one is not answered `none`. silent: nothing is said of them, though they have called.

    windows: possession windows to ask about some of them with.
    """

    listed: list[str] = field(default_factory=list[str])
    silent: list[str] = field(default_factory=list[str])
    unknown: list[str] = field(default_factory=list[str])
    windows: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    @property
    def everybody(self) -> list[str]:
        return [*self.listed, *self.silent, *self.unknown]

    def items(self, *, windows: bool) -> list[dict[str, str]]:
        """What POST /v1/checks is asked."""
        return [{"number": number, **(self.windows.get(number, {}) if windows else {})} for number in self.everybody]

    def and_then(self, later: "Stories") -> "Stories":
        """Both together. Who is listed by what came later is silent no more."""
        return Stories(
            listed=list(dict.fromkeys([*self.listed, *later.listed])),
            silent=[number for number in [*self.silent, *later.silent] if number not in later.listed],
            unknown=[*self.unknown, *later.unknown],
            windows={**self.windows, **later.windows},
        )


def days_ago(days: int) -> date:
    return datetime.now(UTC).date() - timedelta(days=days)


def tell(tellers: Tellers, numbers: Iterator[str], *, unknown: int) -> Stories:
    """Records contacts of some thirty numbers, and names as many that nobody has seen as asked for."""
    one, two, other = tellers.decoys
    single, repeated, corroborated, twice_weak = (list(islice(numbers, count)) for count in (8, 4, 4, 3))
    disputed, weak, excluded, retracted = (list(islice(numbers, count)) for count in (2, 3, 3, 2))
    for number in excluded:
        assert tellers.operator.post("/v1/exclusions", {"number": number, "reason": "police"}).status_code == 201
    _record(tellers.first, _hits([*single, *repeated, *corroborated, *disputed, *excluded], one, EARLY_DAYS_AGO))
    _record(tellers.first, _hits([*twice_weak, *weak], one, EARLY_DAYS_AGO, channel="voice"))
    _record(tellers.first, [*_hits(repeated, two, LATE_DAYS_AGO), *_hits(excluded, two, LATE_DAYS_AGO)])
    _record(tellers.first, _hits(twice_weak, two, LATE_DAYS_AGO, channel="voice"))
    _record(tellers.second, _hits(corroborated, other, LATE_DAYS_AGO))
    for recorded in _record(tellers.first, _hits(retracted, one, EARLY_DAYS_AGO)):
        answer = tellers.first.post(f"/v1/hits/{recorded['id']}/retraction", {"reason": "spoofed"})
        assert answer.status_code == 200, answer.text
    for number in disputed:
        assert tellers.operator.post("/v1/disputes", {"number": number}).status_code == 201
    stories = Stories(
        listed=[*single, *repeated, *corroborated, *twice_weak, *disputed],
        silent=[*weak, *excluded, *retracted],
        unknown=list(islice(numbers, unknown)),
    )
    stories.windows = _windows(single, repeated, [*twice_weak, *corroborated, *disputed, *excluded, *stories.unknown])
    return stories


def call_again(tellers: Tellers, numbers: list[str]) -> Stories:
    """Records one more contact of numbers that have called before: each of them is listed then."""
    _record(tellers.second, _hits(numbers, tellers.decoys[2], LATE_DAYS_AGO))
    return Stories(listed=numbers)


def _windows(single: list[str], repeated: list[str], others: list[str]) -> dict[str, dict[str, str]]:
    early, between, late = (days_ago(days).isoformat() for days in (EARLY_DAYS_AGO, 15, LATE_DAYS_AGO))
    return {
        single[0]: {"possessed_since": between},  # held by somebody else when it called
        single[1]: {"possessed_since": early},  # nobody can say
        single[2]: {"possessed_until": late},
        repeated[0]: {"possessed_since": between},  # one contact of two
        repeated[1]: {"possessed_since": early, "possessed_until": late},
        **{number: {"possessed_since": between} for number in others[::2]},
    }


def _hits(numbers: Iterable[str], decoy: str, days: int, **more: Any) -> list[dict[str, Any]]:
    at = f"{days_ago(days).isoformat()}T12:00:00Z"
    return [hit(decoy, number, at, **more) for number in numbers]


def _record(teller: Member, hits: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told: dict[str, Any] = teller.record(*hits)
    assert told["recorded"] == len(hits), told
    results: list[dict[str, Any]] = told["results"]
    return results
