from math import exp, lgamma, log, log1p

import pytest

from registry.domain.private_sets import (
    EPOCH_SECONDS,
    SLOT_BITS,
    bucket_entries,
    bucket_prefix,
    filled,
    prefix_bits,
    slots_of,
)

MILLION = 1_000_000
SEED = bytes(range(32))


def ids_of(joined: bytes) -> list[bytes]:
    return [joined[start : start + 8] for start in range(0, len(joined), 8)]


def test_an_epoch_has_five_minutes_and_a_set_4096_slots() -> None:
    assert (EPOCH_SECONDS, SLOT_BITS) == (300, 12)


@pytest.mark.parametrize(
    ("entries", "bits"),
    [
        (0, 0),
        (1, 0),
        (999_999, 0),
        (MILLION, 0),
        (MILLION + 1, 9),
        (1_023_999, 9),
        (1_024_000, 10),
        (2_047_999, 10),
        (2_048_000, 11),
        (4_095_999, 11),
        (4_096_000, 12),
        (500 * MILLION, 12),
    ],
)
def test_above_a_million_entries_a_bucket_holds_about_a_thousand(entries: int, bits: int) -> None:
    assert prefix_bits(entries, MILLION) == bits


@pytest.mark.parametrize(
    ("entries", "threshold", "bits"), [(20, 20, 0), (21, 20, 10), (82, 20, 12), (2, 1, 10), (600, 599, 9), (1, 1, 0)]
)
def test_a_smaller_threshold_gives_as_many_buckets_for_as_many_times_its_entries(
    entries: int, threshold: int, bits: int
) -> None:
    assert prefix_bits(entries, threshold) == bits


def test_a_set_without_buckets_has_none_to_fill() -> None:
    assert bucket_entries(MILLION, 0, 0) == 0


@pytest.mark.parametrize(
    ("entries", "bits", "largest", "size"),
    [
        (1_024_000, 10, 1_100, 1_200),  # 1,000 expected, and six deviations of 31.6: 1,190
        (4_096_000, 12, 1_190, 1_200),
        (21, 10, 1, 16),
        (2, 10, 0, 16),
        (600, 9, 16, 16),
        (600, 9, 17, 32),
        (1_024_000, 10, 1_201, 1_216),
    ],
)
def test_a_bucket_holds_six_deviations_more_than_expected_and_at_least_the_fullest(
    entries: int, bits: int, largest: int, size: int
) -> None:
    assert bucket_entries(entries, bits, largest) == size


def test_at_the_usual_threshold_one_entry_more_hardly_ever_changes_the_size() -> None:
    sizes = [bucket_entries(1_024_000 + more, 10, 1_100) for more in range(2_000)]
    assert len(set(sizes)) == 1


@pytest.mark.parametrize(("entries", "bits"), [(MILLION + 1, 9), (1_024_000, 10), (2_047_999, 10), (4_096_000, 12)])
def test_that_the_fullest_bucket_decides_the_size_is_rarer_than_once_in_a_hundred_thousand_sets(
    entries: int, bits: int
) -> None:
    size = bucket_entries(entries, bits, 0)
    too_full = sum(chance_of(held, entries, 1 / 2**bits) for held in range(size + 1, size + 1_000))
    assert 0 < too_full * 2**bits < 1e-5


def chance_of(held: int, entries: int, share: float) -> float:
    """That of so many entries exactly `held` come into one bucket: the binomial distribution."""
    ways = lgamma(entries + 1) - lgamma(held + 1) - lgamma(entries - held + 1)
    return exp(ways + held * log(share) + (entries - held) * log1p(-share))


@pytest.mark.parametrize(
    ("text", "bits", "prefix"),
    [
        ("000", 9, 0),
        ("1ff", 9, 511),
        ("0a0", 10, 160),
        ("fff", 12, 4_095),
        ("ff", 8, 255),
        ("1", 1, 1),
        ("7f", 7, 127),
    ],
)
def test_a_bucket_is_named_by_its_prefix(text: str, bits: int, prefix: int) -> None:
    assert bucket_prefix(text, bits) == prefix


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        *[("", 0), ("0", 0), ("000", 0)],
        *[("", 9), ("1f", 9), ("01ff", 9), ("200", 9), ("fff", 9)],
        *[("1FF", 9), ("0x1", 9), ("+1f", 9), (" 1f", 9), ("1f ", 9), ("1_0", 9), ("-01", 9), ("g00", 9)],
        *[("\u0661\u0661\u0661", 9), ("\uff11\uff11\uff11", 9), ("2", 1)],
    ],
)
def test_anything_else_names_no_bucket(text: str, bits: int) -> None:
    assert bucket_prefix(text, bits) is None


@pytest.mark.parametrize(
    ("prefix", "bits", "slots"),
    [(0, 12, (0, 0)), (4_095, 12, (4_095, 4_095)), (0, 9, (0, 7)), (511, 9, (4_088, 4_095)), (3, 10, (12, 15))],
)
def test_a_bucket_is_one_slot_or_several_that_follow_each_other(prefix: int, bits: int, slots: tuple[int, int]) -> None:
    assert slots_of(prefix, bits) == slots


def test_a_bucket_is_filled_with_dummies_among_which_its_ids_stand_in_order() -> None:
    ids = [bytes.fromhex("0a80000000000001"), bytes.fromhex("0abfffffffffffff")]
    found = ids_of(filled(ids, 16, prefix=0x02A, bits=10, seed=SEED))
    assert len(found) == len(set(found)) == 16
    assert found == sorted(found)
    assert set(ids) < set(found)
    assert {int.from_bytes(one, "big") >> 54 for one in found} == {0x02A}


def test_dummies_are_always_the_same_ones_and_give_way_to_ids_one_by_one() -> None:
    empty = ids_of(filled([], 16, prefix=5, bits=9, seed=SEED))
    assert empty == ids_of(filled([], 16, prefix=5, bits=9, seed=SEED))
    new = bytes.fromhex("02c0000000000000")
    with_one = ids_of(filled([new], 16, prefix=5, bits=9, seed=SEED))
    assert len(set(empty) - set(with_one)) == 1
    assert set(with_one) - set(empty) == {new}


def test_another_seed_gives_other_dummies() -> None:
    one, other = (set(ids_of(filled([], 16, prefix=5, bits=9, seed=seed))) for seed in (SEED, bytes(32)))
    assert one.isdisjoint(other)


def test_a_dummy_that_is_an_id_already_is_made_up_for() -> None:
    dummies = ids_of(filled([], 16, prefix=5, bits=9, seed=SEED))
    assert len(ids_of(filled(dummies, 32, prefix=5, bits=9, seed=SEED))) == 32


def test_a_full_bucket_has_no_dummies() -> None:
    ids = [(number << 32).to_bytes(8, "big") for number in range(16)]
    assert ids_of(filled(ids[::-1], 16, prefix=0, bits=9, seed=SEED)) == ids
