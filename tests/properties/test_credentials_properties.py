import string

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.credentials import RANDOM_BYTES, ApiKey, Mode, compose, from_random, parse

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
MODES = st.sampled_from(Mode)
KEYS = st.builds(ApiKey, MODES, st.text(BASE62, min_size=8, max_size=8), st.text(BASE62, min_size=32, max_size=32))


def text_of(key: ApiKey) -> str:
    return compose(key.mode, key.id, key.secret)


@given(KEYS)
def test_what_is_composed_is_parsed_in_its_own_mode_only(key: ApiKey) -> None:
    text = text_of(key)
    assert len(text) == 55
    for mode in Mode:
        assert parse(text, mode) == (key if mode is key.mode else None)


@given(KEYS, st.integers(0, 54), st.characters())
def test_one_wrong_character_is_always_noticed(key: ApiKey, place: int, character: str) -> None:
    text = text_of(key)
    changed = text[:place] + character + text[place + 1 :]
    assert (parse(changed, key.mode) is None) is (changed != text)


@given(KEYS, st.integers(0, 53))
def test_two_swapped_neighbours_are_always_noticed(key: ApiKey, place: int) -> None:
    text = text_of(key)
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert (parse(swapped, key.mode) is None) is (swapped != text)


@given(st.text() | st.text(BASE62 + "_", min_size=55, max_size=55), MODES)
def test_noise_is_no_key_and_never_an_error(text: str, mode: Mode) -> None:
    assert parse(text, mode) is None


@given(st.text(BASE62, min_size=46, max_size=46), MODES)
def test_what_looks_like_a_key_is_one_only_with_the_checksum_it_would_be_composed_with(tail: str, mode: Mode) -> None:
    prefix = "drk_live_" if mode is Mode.LIVE else "drk_test_"
    right = compose(mode, tail[:8], tail[8:40]) == prefix + tail
    assert (parse(prefix + tail, mode) is not None) is right


@given(MODES, st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES))
def test_a_key_from_random_bytes_survives_the_round_trip(mode: Mode, random: bytes) -> None:
    usable = bytes(byte for byte in random if byte < 248)
    if len(usable) >= 40:
        key = from_random(mode, random)
        assert parse(text_of(key), mode) == key
        assert key == from_random(mode, usable)


@given(KEYS)
def test_nothing_that_shows_a_key_shows_its_secret(key: ApiKey) -> None:
    for shown in (repr(key), str(key), f"{key}", f"{key!r}", repr([key]), f"{key!s:>200}"):
        assert key.secret not in shown
