import pytest

from registry.domain.generations import Generation, Generations

KEY = bytes(32)


def known(*generations: tuple[int, int | None, bool]) -> Generations:
    return Generations.of(Generation(number, KEY, parent, retired) for number, parent, retired in generations)


def test_the_newest_active_generation_is_the_current_one() -> None:
    found = known((1, None, False), (3, None, False), (2, None, True))
    assert found.active == (3, 1)
    assert found.current == 3


def test_a_chain_leads_from_the_oldest_to_the_generation_itself() -> None:
    found = known((1, None, True), (2, 1, True), (3, 2, False), (4, None, False))
    assert found.chain(3) == (1, 2, 3)
    assert found.chain(4) == (4,)


def test_the_keys_of_retired_ancestors_are_needed_and_others_are_not() -> None:
    found = known((1, None, True), (2, None, True), (3, 1, False), (5, 3, False))
    assert found.evaluated == {1, 3, 5}
    assert found.beginnings == (1,)


def test_without_a_chain_evaluation_begins_with_every_active_generation() -> None:
    assert known((1, None, False), (2, None, False), (3, None, True)).beginnings == (2, 1)


@pytest.mark.parametrize("parent", [2, 1, 3])
def test_a_parent_is_older_and_known(parent: int) -> None:
    with pytest.raises(ValueError, match="chained from an older one that is known"):
        Generations.of([Generation(2, KEY, parent)])
