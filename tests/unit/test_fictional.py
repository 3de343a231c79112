from itertools import pairwise

import phonenumbers
import pytest

from registry.domain.fictional import RANGES, ReservedRange, is_fictional


def _neighbour(e164: str, step: int) -> str:
    return f"+{int(e164[1:]) + step}"


@pytest.mark.parametrize("reserved", RANGES, ids=lambda reserved: reserved.first)
def test_both_ends_of_a_range_are_fictional(reserved: ReservedRange) -> None:
    assert is_fictional(reserved.first)
    assert is_fictional(reserved.last)


@pytest.mark.parametrize("reserved", RANGES, ids=lambda reserved: reserved.first)
def test_the_numbers_beside_a_range_are_not_fictional(reserved: ReservedRange) -> None:
    ends = {end for one in RANGES for end in (one.first, one.last)}
    for beside in (_neighbour(reserved.first, -1), _neighbour(reserved.last, 1)):
        assert is_fictional(beside) == (beside in ends)


@pytest.mark.parametrize("reserved", RANGES, ids=lambda reserved: reserved.first)
def test_a_longer_or_shorter_number_is_not_fictional(reserved: ReservedRange) -> None:
    assert not is_fictional(reserved.first + "0")
    assert not is_fictional(reserved.first[:-1])


@pytest.mark.parametrize("reserved", RANGES, ids=lambda reserved: reserved.first)
def test_a_range_has_numbers_of_a_length_that_its_plan_allows(reserved: ReservedRange) -> None:
    assert len(reserved.first) == len(reserved.last)
    assert phonenumbers.is_possible_number(phonenumbers.parse(reserved.first))


def test_ranges_are_in_order_and_do_not_overlap() -> None:
    assert all(before.last < after.first for before, after in pairwise(RANGES))


@pytest.mark.parametrize("area", ["206", "416", "212", "876", "800", "900", "555", "999"])
def test_555_0100_to_0199_is_fictional_in_any_area_code(area: str) -> None:
    assert is_fictional(f"+1{area}5550100")
    assert is_fictional(f"+1{area}5550199")
    assert not is_fictional(f"+1{area}5550099")
    assert not is_fictional(f"+1{area}5550200")
    assert not is_fictional(f"+1{area}5551212")


@pytest.mark.parametrize(
    "e164",
    ["+120655501770", "+1206555017", "+15550177", "+15065550", "+442079460", "+4930123456", "+33123456789", "+0", ""],
)
def test_ordinary_numbers_and_wrong_lengths_are_not_fictional(e164: str) -> None:
    assert not is_fictional(e164)
