import copy
import hashlib
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.confidential import Confidential
from registry.domain.fingerprints import FINGERPRINT_BYTES, Fingerprinter, Purpose

KEY = bytes(range(32, 64))
fingerprint = Fingerprinter(KEY)


def test_a_fingerprint_is_keyed_blake2b_over_its_parts_each_after_its_length() -> None:
    framed = b"\x00\x00\x00\x00\x00\x00\x00\x03abc" + b"\x00\x00\x00\x00\x00\x00\x00\x00"
    expected = hashlib.blake2b(framed, digest_size=32, key=KEY, person=b"source").digest()
    assert fingerprint(Purpose.SOURCE, b"abc", b"") == expected


def test_fingerprints_never_change() -> None:
    """A source that was seen once stays recognisable; these bytes are in databases."""
    assert {purpose: fingerprint(purpose, b"SM01").hex() for purpose in Purpose} == {
        Purpose.SOURCE: "3aacd0f6ac0dce7689caff2bf067c615502b7d1506bbb968f9311120976db9d7",
        Purpose.CONTENT: "e7eb5378bc1f729cd0fb4da917b4c74f138afa2b118938d2a01dea834573e466",
        Purpose.IDEMPOTENCY_KEY: "4437c2798ff3f0cbbd80a1c32a5b15ec86bfb1cdfc26e4369bea4a45f1ebd787",
        Purpose.REQUEST: "3e77d3e9e59872735b0731670098c0ce3d58a4168fb3c4fe953c89574f0bcef9",
        Purpose.ADDRESS: "5adeff5aa4f9357b08e6b13f14e7d316d26894bfc08ff4cc07b3e8b4387bae12",
        Purpose.SET_DUMMIES: "6c88042ad80b17a29dd95b1dec6bc3fdfd72e249ac6d30afc3661c3109ab4662",
    }


def test_the_purposes_names_stay_apart_in_the_sixteen_bytes_that_are_used() -> None:
    assert len({purpose.value.encode()[:16] for purpose in Purpose}) == len(Purpose)


@example(parts=[b"ab", b"c"], other=[b"a", b"bc"])
@example(parts=[b"a"], other=[b"a", b""])
@example(parts=[b"a", b"b"], other=[b"b", b"a"])
@given(parts=st.lists(st.binary(max_size=20), max_size=4), other=st.lists(st.binary(max_size=20), max_size=4))
def test_parts_cannot_run_together(parts: list[bytes], other: list[bytes]) -> None:
    same = fingerprint(Purpose.SOURCE, *parts) == fingerprint(Purpose.SOURCE, *other)
    assert same is (parts == other)


def test_another_key_gives_another_fingerprint() -> None:
    assert Fingerprinter(bytes(32))(Purpose.SOURCE, b"a") != fingerprint(Purpose.SOURCE, b"a")


def test_a_fingerprint_has_32_bytes() -> None:
    assert {len(fingerprint(purpose)) for purpose in Purpose} == {FINGERPRINT_BYTES}


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="a fingerprint key has 32 bytes"):
        Fingerprinter(bytes(length))


def test_the_key_is_in_no_text_of_the_object() -> None:
    shown = f"{fingerprint}{fingerprint!r}"
    assert KEY.hex() not in shown
    assert repr(KEY) not in shown


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_fingerprinter_cannot_be_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="Fingerprinter holds a secret and is not to be serialised"):
        pickle.dumps(fingerprint, protocol)


def test_what_is_confidential_cannot_be_copied_either() -> None:
    assert isinstance(fingerprint, Confidential)
    with pytest.raises(TypeError, match="not to be serialised"):
        copy.copy(fingerprint)
    with pytest.raises(TypeError, match="not to be serialised"):
        copy.deepcopy(fingerprint)
