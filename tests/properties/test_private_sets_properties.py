from hypothesis import given
from hypothesis import strategies as st

from registry.domain.private_sets import SLOT_BITS, bucket_entries, bucket_prefix, filled, prefix_bits, slots_of

MILLION = 1_000_000
counts = st.integers(0, 20_000) | st.integers(0, 10**10)
thresholds = st.integers(1, 5_000) | st.just(MILLION)
buckets = st.integers(1, SLOT_BITS).flatmap(lambda bits: st.tuples(st.just(bits), st.integers(0, 2**bits - 1)))


@given(entries=st.integers(MILLION + 1, 10**10))
def test_at_a_million_the_bits_are_those_of_the_formula(entries: int) -> None:
    """min(12, floor(log2(n / 1000))), counted in whole numbers: how often a thousand can be doubled."""
    doubled = (entries // 1_000).bit_length() - 1
    assert prefix_bits(entries, MILLION) == min(12, doubled)


@given(entries=counts, threshold=thresholds)
def test_the_bits_are_as_many_as_the_thresholds_thousandth_can_be_doubled(entries: int, threshold: int) -> None:
    bits = prefix_bits(entries, threshold)
    if entries <= threshold:
        assert bits == 0
    else:
        assert threshold * 2**bits <= entries * 1_000
        assert bits == 12 or entries * 1_000 < threshold * 2 ** (bits + 1)


@given(entries=st.integers(2, 10**9), threshold=thresholds, data=st.data())
def test_every_bucket_fits_into_the_size_which_is_never_lavish(
    entries: int, threshold: int, data: st.DataObject
) -> None:
    bits = prefix_bits(entries, threshold)
    if bits == 0:
        assert bucket_entries(entries, bits, 0) == 0
        return
    mean = entries / 2**bits
    largest = data.draw(st.integers(0, min(entries, int(3 * mean) + 20)))
    size = bucket_entries(entries, bits, largest)
    assert size % 16 == 0
    assert size >= max(largest, mean, 1)
    assert size - 16 < max(largest, mean + 6 * mean**0.5 + 1, 1)


@given(bucket=buckets)
def test_a_bucket_is_found_again_by_its_name_alone(bucket: tuple[int, int]) -> None:
    bits, prefix = bucket
    name = f"{prefix:0{-(-bits // 4)}x}"
    assert bucket_prefix(name, bits) == prefix
    assert bucket_prefix(f"0{name}", bits) is None
    if name.upper() != name:
        assert bucket_prefix(name.upper(), bits) is None


@given(text=st.text(max_size=5), bits=st.integers(0, SLOT_BITS))
def test_a_name_is_a_buckets_or_nobodys(text: str, bits: int) -> None:
    prefix = bucket_prefix(text, bits)
    if prefix is not None:
        assert 0 <= prefix < 2**bits
        assert f"{prefix:0{-(-bits // 4)}x}" == text


@given(bits=st.integers(1, SLOT_BITS))
def test_the_buckets_are_all_slots_each_once_and_in_order(bits: int) -> None:
    slots = [
        slot for prefix in range(2**bits) for slot in range(slots_of(prefix, bits)[0], slots_of(prefix, bits)[1] + 1)
    ]
    assert slots == list(range(4_096))


@given(
    bucket=buckets,
    rests=st.sets(st.integers(0, 2**52 - 1), max_size=60),
    more=st.integers(0, 40),
    seeds=st.lists(st.binary(min_size=32, max_size=32), min_size=2, max_size=2, unique=True),
)
def test_a_filled_bucket_has_its_size_its_ids_and_its_prefix_whatever_is_in_it(
    bucket: tuple[int, int], rests: set[int], more: int, seeds: list[bytes]
) -> None:
    bits, prefix = bucket
    ids = {(prefix << (64 - bits) | rest).to_bytes(8, "big") for rest in rests}
    size = len(ids) + more
    content = filled(ids, size, prefix=prefix, bits=bits, seed=seeds[0])
    found = [content[start : start + 8] for start in range(0, len(content), 8)]
    assert len(content) == 8 * size
    assert found == sorted(set(found))
    assert ids <= set(found)
    assert all(int.from_bytes(one, "big") >> (64 - bits) == prefix for one in found)
    assert content == filled(sorted(ids, reverse=True), size, prefix=prefix, bits=bits, seed=seeds[0])
    other = filled(ids, size, prefix=prefix, bits=bits, seed=seeds[1])
    assert (content == other) is (more == 0)
