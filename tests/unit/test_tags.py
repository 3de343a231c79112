import hashlib

import pytest

from registry.domain.tags import chain_input, set_id, tag_of, tel_input

TAG = bytes(range(32))


def test_the_bytes_that_are_hashed_of_a_number_never_change() -> None:
    """Every stored tag stands on them."""
    assert tel_input("+12065550177") == b"demand-registry|tel|v1|+12065550177"


def test_the_bytes_that_are_hashed_of_a_tag_never_change() -> None:
    assert chain_input(TAG) == b"demand-registry|chain|v1|" + TAG


def test_a_chained_tag_cannot_be_taken_for_a_number() -> None:
    assert not chain_input(b"+12065550177".ljust(32, b"0")).startswith(tel_input(""))


@pytest.mark.parametrize("digits", ["+١٢٠٦٥٥٥٠١٧٧", "+1206555\uff10177"])
def test_digits_of_other_scripts_are_never_hashed(digits: str) -> None:
    """The normaliser makes them ASCII first. Hashed as they are, one number would have two tags."""
    with pytest.raises(UnicodeEncodeError):
        tel_input(digits)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_only_a_whole_tag_is_chained(length: int) -> None:
    with pytest.raises(ValueError, match="a tag has 32 bytes"):
        chain_input(bytes(length))


def test_a_tag_is_the_first_half_of_the_output() -> None:
    assert tag_of(TAG + bytes(32)) == TAG


@pytest.mark.parametrize("length", [0, 32, 63, 65])
def test_only_a_whole_output_becomes_a_tag(length: int) -> None:
    with pytest.raises(ValueError, match="an OPRF output has 64 bytes"):
        tag_of(bytes(length))


def test_a_set_id_is_of_its_generation_and_never_changes() -> None:
    assert set_id(1, TAG) == hashlib.sha256(b"demand-registry|set|v1|1|" + TAG).digest()[:8]
    assert set_id(12, TAG) == hashlib.sha256(b"demand-registry|set|v1|12|" + TAG).digest()[:8]


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_only_a_whole_tag_has_a_set_id(length: int) -> None:
    with pytest.raises(ValueError, match="a tag has 32 bytes"):
        set_id(1, bytes(length))
