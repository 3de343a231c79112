"""Disclosures: a private check's members are asked about by their tags, and answered like any number.

This is the step of a private check that the registry sees: what was told, to whom and why is on record.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from registry.db.database import Writing
from registry.domain.credentials import Purpose
from registry.domain.policy import Outcome
from registry.domain.possession import Window
from registry.operations.check import REFUSED
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.questions import ItemRefusal, window_of
from registry.operations.registry import Registry
from registry.operations.verdicts import Verdict, decide

Disclosed = list[Verdict | ItemRefusal]


@dataclass(frozen=True, slots=True)
class TagItem:
    """One tag asked. Dates are the asker's possession of its number, inclusive; None leaves a side open."""

    tag: bytes = field(repr=False)
    possessed_since: date | None = None
    possessed_until: date | None = None


@dataclass(frozen=True, slots=True)
class TagAsked:
    tags: tuple[bytes, ...] = field(repr=False)
    window: Window | None


@dataclass(frozen=True, slots=True)
class Disclose(ReadOperation[list[TagAsked | ItemRefusal], Disclosed]):
    """items: a tag, or the refusal of one that could not even be read."""

    name = "disclose"
    items: Sequence[TagItem | ItemRefusal]
    asked_for: Purpose
    case: str | None

    @property
    def purpose(self) -> Purpose:
        return self.asked_for

    @property
    def case_ref(self) -> str | None:
        return self.case

    @property
    def submitted(self) -> int:
        return len(self.items)

    def prepare(self, registry: Registry) -> list[TagAsked | ItemRefusal]:
        today = registry.clock().date()
        prepared: list[TagAsked | ItemRefusal] = []
        for item in self.items:
            if isinstance(item, ItemRefusal):
                prepared.append(item)
                continue
            window = window_of(item.possessed_since, item.possessed_until, today)
            prepared.append(window if isinstance(window, ItemRefusal) else TagAsked((item.tag,), window))
        return prepared

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: list[TagAsked | ItemRefusal]
    ) -> Done[Disclosed]:
        questions = [item for item in prepared if isinstance(item, TagAsked)]
        verdicts = iter(decide(tx, questions, policy=registry.policy, now=registry.clock()))
        answers: Disclosed = [next(verdicts) if isinstance(item, TagAsked) else item for item in prepared]
        return Done(
            answers,
            count=tally(answers),
            disclosed=[tag for one in answers if isinstance(one, Verdict) for tag in one.disclosed],
            policy=registry.policy.name,
            generation=registry.generations.current,
        )


def tally(answers: Disclosed) -> dict[str, int]:
    """How many of each outcome, zeros included, and how many were refused."""
    counted = dict.fromkeys((*(outcome.value for outcome in Outcome), REFUSED), 0)
    for one in answers:
        counted[one.outcome.value if isinstance(one, Verdict) else REFUSED] += 1
    return counted
