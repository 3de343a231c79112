"""From numbers to their tags by asking, for one batch: blind, ask, verify, finalize, and the next step of a chain.

Holds numbers and tags for as long as a batch takes. Must never hand out a tag whose proof was not verified.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from registry.client._errors import ProtocolError
from registry.client._oprf import BlindedBatch
from registry.client._parameters import Step
from registry.domain.tags import chain_input, tag_of, tel_input

Tags = dict[int, dict[int, bytes]]
"""generation -> index of a number in its batch -> its tag."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One generation's half of an answer. evaluated: 32 bytes an element; proof: over all of them."""

    generation: int
    evaluated: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class Evaluations:
    """In the order in which the generations were asked for."""

    evaluations: tuple[Evaluation, ...]
    audit_id: str


Ask = Callable[[bytes, Sequence[int]], Evaluations]
"""Sends blinded elements to be evaluated under these generations. Every number costs once, however many they are."""
Keep = Callable[[Tags, str], None]
"""Takes the tags that a request brought, and its receipt."""


@dataclass(frozen=True, slots=True)
class NumberBatch:
    """Numbers in E.164, and what is known of their tags, under active generations and those they are chained from."""

    numbers: Sequence[str] = field(repr=False)
    tags: Tags = field(repr=False)

    def missing(self, paths: Iterable[Sequence[Step]]) -> dict[Step, list[int]]:
        """Which evaluations are needed for which numbers, none before the one that it builds on.

        paths: the steps to each active generation. A number whose tag is known half way is not asked about from the
        beginning.
        """
        needed: dict[Step, dict[int, None]] = {}
        for path in paths:
            for step in path:
                needed.setdefault(step, {})
            for index in range(len(self.numbers)):
                for step in reversed(path):
                    if index in self.tags.get(step.generation, {}):
                        break
                    needed[step][index] = None
        return {step: sorted(indices) for step, indices in needed.items() if indices}

    def complete(self, paths: Iterable[Sequence[Step]], ask: Ask, keep: Keep) -> int:
        """Asks for every tag that is missing. Returns how many numbers that cost. Raises RegistryError.

        All generations that begin with the number are asked for in one request. keep: called after every request.
        """
        missing = self.missing(paths)
        roots = {step: indices for step, indices in missing.items() if step.parent is None}
        cost = 0
        if roots:
            together = sorted({index for indices in roots.values() for index in indices})
            inputs = [tel_input(self.numbers[index]) for index in together]
            cost += self._request(list(roots), together, inputs, ask, keep)
        for step, indices in missing.items():
            if step.parent is not None:
                inputs = [chain_input(self.tags[step.parent][index]) for index in indices]
                cost += self._request([step], indices, inputs, ask, keep)
        return cost

    def _request(
        self, steps: Sequence[Step], indices: Sequence[int], inputs: Sequence[bytes], ask: Ask, keep: Keep
    ) -> int:
        batch = BlindedBatch(inputs)
        answer = ask(batch.elements, [step.generation for step in steps])
        if [evaluation.generation for evaluation in answer.evaluations] != [step.generation for step in steps]:
            raise ProtocolError("The answer is not about the generations that were asked for.")
        found: Tags = {}
        for step, evaluation in zip(steps, answer.evaluations, strict=True):
            outputs = batch.finalize(evaluation.evaluated, evaluation.proof, step.public_key)
            found[step.generation] = dict(zip(indices, map(tag_of, outputs), strict=True))
        # Only now: where one of several proofs does not hold, the others are not used either.
        for generation, tags in found.items():
            self.tags.setdefault(generation, {}).update(tags)
        keep(found, answer.audit_id)
        return len(inputs)


def newest_listed(tags: Mapping[int, bytes], lists: Callable[[int, bytes], bool]) -> int | None:
    """The generation whose tag is to be asked about: the newest one whose set has it; None where none has.

    tags: under the active generations. lists: whether a generation's set has a tag.
    """
    return next((number for number in sorted(tags, reverse=True) if lists(number, tags[number])), None)
