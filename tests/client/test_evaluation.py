"""Which evaluations a batch needs, and that nothing is used of an answer that is not proved."""

from collections.abc import Sequence

import pytest

from registry.client import KeyChanged, ProtocolError
from registry.client._evaluation import Evaluation, Evaluations, NumberBatch, Tags, newest_listed
from registry.client._parameters import Step
from registry.domain.tags import chain_input, tag_of, tel_input
from registry.keys import SecretKey

SEEDS = {number: bytes([number]) * 32 for number in (1, 2, 3, 4)}
KEYS = {number: SecretKey(seed) for number, seed in SEEDS.items()}


def step(generation: int, parent: int | None = None) -> Step:
    return Step(generation, KEYS[generation].public_key, parent)


ONE, FOUR = (step(1),), (step(4),)
CHAINED = (step(1), step(2, 1), step(3, 2))
NUMBERS = ["+12065550177", "+12065550178"]


class Registry:
    """Evaluates as a registry does, and remembers for whom."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, list[int]]] = []
        self.kept: list[Tags] = []
        self.forged: set[int] = set()

    def ask(self, blinded: bytes, generations: Sequence[int]) -> Evaluations:
        self.asked.append((len(blinded) // 32, list(generations)))
        keys = {number: KEYS[1 if number in self.forged else number] for number in generations}
        return Evaluations(tuple(Evaluation(n, *key.evaluate_batch(blinded)) for n, key in keys.items()), "receipt")

    def keep(self, tags: Tags, audit_id: str) -> None:
        assert audit_id == "receipt"
        self.kept.append(tags)


def tags_of(number: str) -> dict[int, bytes]:
    first = tag_of(KEYS[1].output(tel_input(number)))
    second = tag_of(KEYS[2].output(chain_input(first)))
    third = tag_of(KEYS[3].output(chain_input(second)))
    return {1: first, 2: second, 3: third, 4: tag_of(KEYS[4].output(tel_input(number)))}


def test_generations_that_begin_with_the_number_are_asked_together() -> None:
    registry, batch = Registry(), NumberBatch(NUMBERS, {})
    assert batch.complete([FOUR, ONE], registry.ask, registry.keep) == 2
    assert registry.asked == [(2, [4, 1])]
    for index, number in enumerate(NUMBERS):
        assert {generation: tags[index] for generation, tags in batch.tags.items()} == {
            generation: tags_of(number)[generation] for generation in (4, 1)
        }


def test_a_chain_is_followed_step_by_step_and_shared_steps_are_taken_once() -> None:
    registry, batch = Registry(), NumberBatch(NUMBERS, {})
    assert batch.complete([FOUR, CHAINED, ONE], registry.ask, registry.keep) == 2 + 2 + 2
    assert registry.asked == [(2, [4, 1]), (2, [2]), (2, [3])]
    for index, number in enumerate(NUMBERS):
        assert {generation: tags[index] for generation, tags in batch.tags.items()} == tags_of(number)
    assert [set(tags) for tags in registry.kept] == [{4, 1}, {2}, {3}]


def test_what_is_known_is_not_asked_again() -> None:
    known = {index: tags_of(number) for index, number in enumerate(NUMBERS)}
    whole = NumberBatch(NUMBERS, {3: {index: tags[3] for index, tags in known.items()}})
    registry = Registry()
    assert whole.complete([CHAINED], registry.ask, registry.keep) == 0
    half = NumberBatch(NUMBERS, {1: {0: known[0][1]}, 2: {1: known[1][2]}})
    assert half.complete([CHAINED], registry.ask, registry.keep) == 1 + 2
    assert registry.asked == [(1, [2]), (2, [3])]
    assert half.tags[3] == {index: tags[3] for index, tags in known.items()}


def test_where_one_of_two_proofs_does_not_hold_neither_is_used() -> None:
    registry, batch = Registry(), NumberBatch(NUMBERS, {})
    registry.forged = {4}
    with pytest.raises(KeyChanged):
        batch.complete([ONE, FOUR], registry.ask, registry.keep)
    assert batch.tags == {}
    assert registry.kept == []


@pytest.mark.parametrize("answered", [[4, 1], [1], [], [1, 4, 2]])
def test_an_answer_about_other_generations_is_refused(answered: list[int]) -> None:
    def ask(blinded: bytes, generations: Sequence[int]) -> Evaluations:
        del generations
        return Registry().ask(blinded, answered)

    with pytest.raises(ProtocolError):
        NumberBatch(NUMBERS, {}).complete([ONE, FOUR], ask, Registry().keep)


def test_the_newest_generation_that_lists_a_number_is_the_one_to_ask_about() -> None:
    tags = {1: b"a", 4: b"d", 2: b"b"}
    assert newest_listed(tags, lambda generation, tag: (generation, tag) in {(1, b"a"), (2, b"b")}) == 2
    assert newest_listed(tags, lambda _generation, _tag: True) == 4
    assert newest_listed(tags, lambda _generation, _tag: False) is None
    assert newest_listed({}, lambda _generation, _tag: True) is None


def test_a_batch_shows_no_number() -> None:
    assert "555" not in repr(NumberBatch(NUMBERS, {}))
