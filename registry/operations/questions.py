"""Questions about numbers, and their answers: what `look_up`, `check` and file checks share.

A question is prepared without the database (normalised, evaluated), then answered from its number's listings where
these are current, and from the hits where they are not or where a possession window asks for dates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from registry.db import disputes, exclusions, hits, listings
from registry.db.database import Reading
from registry.db.listings import Listing
from registry.domain.errors import Code, Refused
from registry.domain.numbers import Number
from registry.domain.policy import Assessment, Evidence, Outcome, Policy, Reason, Window, answer
from registry.domain.possession import WindowRefused, possession_window
from registry.tagging import WrittenNumber

if TYPE_CHECKING:
    from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class Question:
    """One number asked. Dates are the asker's possession of it, inclusive; None leaves a side open."""

    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)
    possessed_since: date | None = None
    possessed_until: date | None = None


@dataclass(frozen=True, slots=True)
class ItemRefusal:
    """Why one item of several was not dealt with. field: the item's member that is at fault."""

    code: Code
    field: str
    detail: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that is ready for the database. tags: newest generation first; none where its region is not served."""

    number: Number
    tags: tuple[bytes, ...]
    window: Window | None


@dataclass(frozen=True, slots=True)
class Answer:
    """evidence is given with `contact_observed` only, reason with `indeterminate` only."""

    e164: str = field(repr=False)
    outcome: Outcome
    reason: Reason | None
    notes: tuple[str, ...]
    evidence: Evidence | None


_Verdict = tuple[Outcome, Reason | None, Evidence | None]
_NONE: _Verdict = (Outcome.NONE, None, None)
_NOT_SERVED: _Verdict = (Outcome.INDETERMINATE, Reason.REGION_NOT_SERVED, None)


def prepare_all(registry: "Registry", questions: Sequence[Question | ItemRefusal]) -> list[Asked | ItemRefusal]:
    """Normalises and evaluates, in order. About 80 microseconds a number on one core, nearly all of it arithmetic."""
    windows = [item if isinstance(item, ItemRefusal) else _window(registry, item) for item in questions]
    wanted = [
        WrittenNumber(item.number, item.region)
        for item, window in zip(questions, windows, strict=True)
        if isinstance(item, Question) and not isinstance(window, ItemRefusal)
    ]
    read = iter(registry.read_numbers(wanted))
    prepared: list[Asked | ItemRefusal] = []
    for item, window in zip(questions, windows, strict=True):
        if isinstance(item, ItemRefusal):
            prepared.append(item)
            continue
        if isinstance(window, ItemRefusal):
            prepared.append(window)
            continue
        number = next(read)
        if isinstance(number, Refused):
            prepared.append(number_refusal(number, item.region))
        else:
            prepared.append(Asked(number.number, number.tags, window))
    return prepared


def number_refusal(refused: Refused, region: str | None) -> ItemRefusal:
    """A number's refusal as an item's: said of the region where it is the region that was given."""
    at = "region" if refused.code is Code.UNKNOWN_REGION and region else "number"
    return ItemRefusal(refused.code, at, refused.detail)


def _window(registry: "Registry", question: Question) -> Window | ItemRefusal | None:
    if question.possessed_since is None and question.possessed_until is None:
        return None
    try:
        return possession_window(question.possessed_since, question.possessed_until, registry.clock().date())
    except WindowRefused as refused:
        return ItemRefusal(refused.code, refused.field, refused.detail)


def answer_all(
    tx: Reading, asked: Sequence[Asked | ItemRefusal], *, policy: Policy, now: datetime
) -> tuple[list[Answer | ItemRefusal], list[bytes]]:
    """Answers in the order of the questions, and the tags that the answers tell about."""
    questions = [question for question in asked if isinstance(question, Asked)]
    tags = sorted({tag for question in questions for tag in question.tags})
    # Under several generations a number's exclusion under one must be seen to hold for its contacts under another.
    several = any(len(question.tags) > 1 for question in questions)
    found = listings.find(tx, tags) if several else listings.answerable(tx, tags, now)
    verdicts: dict[int, _Verdict] = {}
    open_questions: list[Asked] = []
    for question in questions:
        rows = [found[tag] for tag in question.tags if tag in found]
        verdict = _from_listings(question, rows, policy, now)
        if verdict is None:
            open_questions.append(question)
        else:
            verdicts[id(question)] = verdict
    _from_hits(tx, open_questions, verdicts, policy, now)

    answers: list[Answer | ItemRefusal] = []
    disclosed: list[bytes] = []
    for item in asked:
        if isinstance(item, ItemRefusal):
            answers.append(item)
            continue
        outcome, reason, evidence = verdicts[id(item)]
        if outcome is not Outcome.NONE:
            disclosed.extend(tag for tag in item.tags if tag in found)
        answers.append(Answer(item.number.e164, outcome, reason, item.number.notes, evidence))
    return answers, disclosed


def _from_listings(question: Asked, rows: Sequence[Listing], policy: Policy, now: datetime) -> _Verdict | None:
    """The verdict, where the number's listings can give one; None where its hits must be read.

    An exclusion ends here whatever else was asked, as does a number that nobody ever saw: both read the same rows.
    """
    if not question.tags:
        return _NOT_SERVED
    if not rows:
        return _NONE
    fresh = [row for row in rows if row.is_fresh(policy.name, now)]
    if any(row.excluded for row in fresh):
        return _NONE
    if question.window is not None or len(rows) > 1 or len(fresh) < len(rows):
        return None
    row = rows[0]
    assessment = Assessment(row.evidence, boundary=False, changes_at=None)
    return answer(assessment, excluded=False, disputed=row.disputed)


def _from_hits(
    tx: Reading, questions: Sequence[Asked], verdicts: dict[int, _Verdict], policy: Policy, now: datetime
) -> None:
    tags = sorted({tag for question in questions for tag in question.tags})
    contacts = hits.contacts(tx, tags)
    excluded = exclusions.active(tx, tags, now)
    disputed = disputes.open_tags(tx, tags)
    for question in questions:
        of_number = [contact for tag in question.tags for contact in contacts.get(tag, ())]
        verdicts[id(question)] = answer(
            policy.assess(of_number, now, question.window),
            excluded=any(tag in excluded for tag in question.tags),
            disputed=any(tag in disputed for tag in question.tags),
        )
