"""What the registry knows about tags that are asked: decided from a number's listings where these are current, and from
its hits where they are not or where a possession window asks for dates.

What checks of every kind share, those of numbers and those of tags that a private check has found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from registry.db import disputes, exclusion_effects, hits, listings
from registry.db.database import Reading
from registry.db.listings import Listing
from registry.domain.policy import Assessment, Evidence, Outcome, Policy, Reason, answer
from registry.domain.possession import Window


class TagQuestion(Protocol):
    """One number asked by its tags, newest generation first; none where its region is not served."""

    @property
    def tags(self) -> tuple[bytes, ...]: ...

    @property
    def window(self) -> Window | None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """evidence is given with `contact_observed` only, reason with `indeterminate` only.

    disclosed: the tags that it tells about.
    """

    outcome: Outcome
    reason: Reason | None
    evidence: Evidence | None
    disclosed: tuple[bytes, ...]


_Found = tuple[Outcome, Reason | None, Evidence | None]
_NONE: Final[_Found] = (Outcome.NONE, None, None)
_NOT_SERVED: Final[_Found] = (Outcome.INDETERMINATE, Reason.REGION_NOT_SERVED, None)


def decide(tx: Reading, questions: Sequence[TagQuestion], *, policy: Policy, now: datetime) -> list[Verdict]:
    """In the order of the questions."""
    tags = sorted({tag for question in questions for tag in question.tags})
    # Under several generations a number's exclusion under one must be seen to hold for its contacts under another.
    several = any(len(question.tags) > 1 for question in questions)
    found = listings.find(tx, tags) if several else listings.answerable(tx, tags, now)
    decided: dict[int, _Found] = {}
    undecided: list[tuple[int, TagQuestion]] = []
    for index, question in enumerate(questions):
        rows = [found[tag] for tag in question.tags if tag in found]
        verdict = _from_listings(question, rows, policy, now)
        if verdict is None:
            undecided.append((index, question))
        else:
            decided[index] = verdict
    decided |= _from_hits(tx, undecided, policy, now)
    verdicts: list[Verdict] = []
    for index, question in enumerate(questions):
        outcome, reason, evidence = decided[index]
        told = () if outcome is Outcome.NONE else tuple(tag for tag in question.tags if tag in found)
        verdicts.append(Verdict(outcome, reason, evidence, told))
    return verdicts


def _from_listings(question: TagQuestion, rows: Sequence[Listing], policy: Policy, now: datetime) -> _Found | None:
    """The verdict, where the number's listings can give one; None where its hits must be read.

    An exclusion ends here whatever else was asked, as does a number that nobody ever saw: both read the same rows.
    """
    if not question.tags:
        return _NOT_SERVED
    if not rows:
        return _NONE
    if any(row.is_excluded(now) for row in rows):
        return _NONE
    fresh = [row for row in rows if row.is_fresh(policy.name, now)]
    if question.window is not None or len(rows) > 1 or len(fresh) < len(rows):
        return None
    row = rows[0]
    assessment = Assessment(row.evidence, boundary=False, changes_at=None)
    return answer(assessment, excluded=False, disputed=row.disputed)


def _from_hits(
    tx: Reading, questions: Sequence[tuple[int, TagQuestion]], policy: Policy, now: datetime
) -> dict[int, _Found]:
    tags = sorted({tag for _, question in questions for tag in question.tags})
    contacts = hits.contacts(tx, tags)
    effects = exclusion_effects.find(tx, tags, now)
    disputed = disputes.open_tags(tx, tags)
    decided: dict[int, _Found] = {}
    for index, question in questions:
        of_number = [contact for tag in question.tags for contact in contacts.get(tag, ())]
        of_tags = [effects[tag] for tag in question.tags if tag in effects]
        decided[index] = answer(
            policy.assess(
                of_number, now, question.window, covers=[cover for effect in of_tags for cover in effect.covers]
            ),
            excluded=any(effect.excluded for effect in of_tags),
            disputed=any(tag in disputed for tag in question.tags),
        )
    return decided
