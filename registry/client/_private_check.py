"""A private check of some questions in this process: the registry learns how many numbers are asked, and which of them
are listed, but not the others.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from registry.client._answers import Answer, ItemProblem
from registry.client._evaluation import Evaluations, NumberBatch, Tags, newest_listed
from registry.client._membership import Membership
from registry.client._parameters import Parameters
from registry.client._questions import Asking, Disclosure, Question
from registry.client._reading import NumberReader, ReadNumber, Unreadable
from registry.domain.policy import Outcome, Reason

if TYPE_CHECKING:
    from registry.client._registry_client import RegistryClient

REFUSED: Final = "refused"
DISCLOSURES_MOST: Final = 1_000
"""Items of one request."""
NOT_SERVED: Final = (Outcome.INDETERMINATE.value, Reason.REGION_NOT_SERVED.value)
_chance: Final = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class PrivateAnswers:
    """results: in the order of the questions. charged: numbers, those that were disclosed a second time.

    guidance: None where nothing was disclosed. audit_ids: the receipts of evaluations and disclosures.
    """

    results: tuple[Answer, ...]
    counts: dict[str, int]
    guidance: str | None
    audit_ids: tuple[str, ...]
    charged: int


_Item = tuple[bytes, date | None, date | None]
"""What is disclosed: a tag and a possession window."""


def shuffled(numbers: Sequence[str]) -> list[str]:
    """Each once, in an order that tells nothing of the one in which they were asked."""
    distinct = sorted(set(numbers))
    _chance.shuffle(distinct)
    return distinct


class PrivateCheck:
    """One run of the protocol. Keeps nothing beyond it."""

    def __init__(self, client: "RegistryClient", asking: Asking) -> None:
        self._client = client
        self._asking = asking
        self._audit_ids: list[str] = []
        self._charged = 0
        self._guidance: str | None = None

    def run(self, questions: Sequence[Question], *, buckets: bool) -> PrivateAnswers:
        """Raises RegistryError; then nothing of what was received is used."""
        parameters = self._client.parameters()
        parameters.check_vectors()
        reader = NumberReader(parameters)
        read = [reader.read(one.number, one.region, one.possessed_since, one.possessed_until) for one in questions]
        asked = [one.e164 for one in read if isinstance(one, ReadNumber) and one.served]
        tags = self._evaluated(parameters, shuffled(asked))
        listed = self._listed(parameters, tags, buckets=buckets)
        items: dict[_Item, None] = {}
        wanted: list[_Item | None] = []
        for question, one in zip(questions, read, strict=True):
            tag = listed.get(one.e164) if isinstance(one, ReadNumber) and one.served else None
            item = None if tag is None else (tag, question.possessed_since, question.possessed_until)
            wanted.append(item)
            if item is not None:
                items[item] = None
        told = self._disclosed(list(items))
        results = tuple(
            _answer(question, one, None if item is None else told[item])
            for question, one, item in zip(questions, read, wanted, strict=True)
        )
        return PrivateAnswers(results, _tally(results), self._guidance, tuple(self._audit_ids), self._charged)

    def _evaluated(self, parameters: Parameters, numbers: Sequence[str]) -> dict[str, dict[int, bytes]]:
        """By number, and for each by active generation."""
        paths = [generation.path for generation in parameters.generations]
        found: dict[str, dict[int, bytes]] = {}
        for start in range(0, len(numbers), parameters.batch_max):
            batch = NumberBatch(numbers[start : start + parameters.batch_max], {})
            self._charged += batch.complete(paths, self._ask, self._keep)
            for generation in parameters.generations:
                for index, tag in batch.tags[generation.number].items():
                    found.setdefault(batch.numbers[index], {})[generation.number] = tag
        return found

    def _ask(self, blinded: bytes, generations: Sequence[int]) -> Evaluations:
        return self._client.evaluate(
            blinded, purpose=self._asking.purpose, case_ref=self._asking.case_ref, generations=generations
        )

    def _keep(self, _tags: Tags, audit_id: str) -> None:
        self._audit_ids.append(audit_id)

    def _listed(self, parameters: Parameters, tags: dict[str, dict[int, bytes]], *, buckets: bool) -> dict[str, bytes]:
        """The numbers that are in a set, and the tag to ask about."""
        if not tags:
            return {}
        if buckets:
            membership = Membership.cheapest(
                self._client, lambda number: (of_number[number] for of_number in tags.values())
            )
        else:
            membership = Membership.whole(self._client, parameters)
        found = {number: newest_listed(of_number, membership.lists) for number, of_number in tags.items()}
        return {number: tags[number][generation] for number, generation in found.items() if generation is not None}

    def _disclosed(self, items: Sequence[_Item]) -> dict[_Item, Answer]:
        told: dict[_Item, Answer] = {}
        for start in range(0, len(items), DISCLOSURES_MOST):
            part = items[start : start + DISCLOSURES_MOST]
            answer = self._client.disclose(
                [Disclosure(*item) for item in part], purpose=self._asking.purpose, case_ref=self._asking.case_ref
            )
            self._charged += len(part)
            self._audit_ids.append(answer.audit_id)
            self._guidance = answer.guidance
            told |= dict(zip(part, answer.results, strict=True))
        return told


def _answer(question: Question, read: ReadNumber | Unreadable, told: Answer | None) -> Answer:
    if isinstance(read, Unreadable):
        return Answer(None, None, problem=ItemProblem(read.code.value, read.detail), ref=question.ref)
    if not read.served:
        outcome, reason = NOT_SERVED
        return Answer(read.e164, outcome, reason, read.notes, ref=question.ref)
    if told is None:
        return Answer(read.e164, Outcome.NONE.value, None, read.notes, ref=question.ref)
    number = None if told.problem is not None else read.e164
    return replace(told, number=number, notes=read.notes, ref=question.ref)


def _tally(results: Sequence[Answer]) -> dict[str, int]:
    counted = Counter(REFUSED if answer.outcome is None else answer.outcome for answer in results)
    return {name: counted[name] for name in (*(outcome.value for outcome in Outcome), REFUSED)}
