from datetime import UTC, datetime, timedelta, timezone
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.identifiers import RANDOM_BYTES, earliest_uuid7, uuid7

AT = datetime(2026, 11, 15, 12, 0, 0, 123_000, tzinfo=UTC)
RANDOM = bytes(range(RANDOM_BYTES))

moments = st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
randoms = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES)


def test_the_example_of_rfc_9562_comes_out() -> None:
    """Appendix A.6: its time, and its rand_a and rand_b where they are taken from."""
    at = datetime(2022, 2, 22, 14, 22, 22, tzinfo=timezone(timedelta(hours=-5)))
    random = (0xCC3 << 68 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(at, random) == UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")


@given(at=moments, random=randoms)
def test_every_id_is_a_version_7_of_the_rfcs_variant(at: datetime, random: bytes) -> None:
    made = uuid7(at, random)
    assert (made.version, made.variant) == (7, RFC_4122)


@given(at=moments, random=randoms)
def test_the_time_can_be_read_from_the_id_to_the_millisecond(at: datetime, random: bytes) -> None:
    milliseconds = uuid7(at, random).int >> 80
    read = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    assert timedelta(0) <= at - read < timedelta(milliseconds=1)


@given(at=moments, first=randoms, second=randoms)
def test_a_later_millisecond_sorts_later_whatever_the_random_bytes(at: datetime, first: bytes, second: bytes) -> None:
    assert uuid7(at, first) < uuid7(at + timedelta(milliseconds=1), second)


def test_all_but_six_of_the_random_bits_are_used() -> None:
    """74 random bits fit into a UUIDv7."""
    plain = uuid7(AT, bytes(RANDOM_BYTES))
    used = [bit for bit in range(80) if uuid7(AT, (1 << bit).to_bytes(RANDOM_BYTES, "big")) != plain]
    assert used == [*range(62), *range(68, 80)]


@pytest.mark.parametrize("length", [0, RANDOM_BYTES - 1, RANDOM_BYTES + 1])
def test_another_length_of_random_bytes_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="10 random bytes"):
        uuid7(AT, bytes(length))


@given(bound=moments, at=moments, random=randoms)
def test_a_bound_parts_ids_by_their_milliseconds(bound: datetime, at: datetime, random: bytes) -> None:
    read = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=uuid7(at, random).int >> 80)
    assert (uuid7(at, random) >= earliest_uuid7(bound)) == (read >= bound)


@given(bound=moments, random=randoms)
def test_ids_of_the_bounds_own_millisecond_are_not_before_it(bound: datetime, random: bytes) -> None:
    whole = bound.replace(microsecond=bound.microsecond // 1_000 * 1_000)
    assert uuid7(whole, bytes(RANDOM_BYTES)) >= earliest_uuid7(whole)
    assert uuid7(whole, random) < earliest_uuid7(whole + timedelta(milliseconds=1))


def test_a_bound_before_the_epoch_is_before_every_id() -> None:
    assert earliest_uuid7(datetime(1900, 1, 1, tzinfo=UTC)) == UUID(int=0)
