import copy
import pickle

import pytest

from registry.domain.fingerprints import Fingerprinter, Purpose
from registry.key_file import KeyFile
from registry.keys import KEY_INFO, SUITE, GenerationMismatch, KeyRing, SecretKey

SEEDS = {number: bytes([number]) * 32 for number in (1, 2, 3)}
FINGERPRINT_KEY = bytes(range(32))
FILE = KeyFile(SEEDS, FINGERPRINT_KEY)
PUBLIC = {number: SecretKey(seed).public_key for number, seed in SEEDS.items()}
NUMBER = "+12065550177"


def test_the_words_that_every_tag_stands_on_never_change() -> None:
    assert KEY_INFO == b"demand-registry|key|v1"
    assert SUITE == "ristretto255-SHA512"


def test_a_known_key_gives_a_known_public_key_and_tag() -> None:
    """Worked out by the second reading of RFC 9497 in tests/second_reading.py; in databases, so never to change."""
    key = SecretKey(bytes(range(32)))
    assert key.public_key.hex() == "58b26beb0228340d407cde174497dd013fa97a334e47a78d590e650716019a35"
    assert key.tag(NUMBER).hex() == "b7cb8aa19dbddd509cc350deba1a57aea3e65e4d733e35bd7a64803ad674cecf"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_seed_has_exactly_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="exactly 32 bytes"):
        SecretKey(bytes(length))


def test_an_input_is_neither_empty_nor_longer_than_the_rfc_allows() -> None:
    key = SecretKey(SEEDS[1])
    assert len(key.output(b"\0")) == 64
    assert len(key.output(bytes(65_535))) == 64
    for data in (b"", bytes(65_536)):
        with pytest.raises(ValueError, match="1 to 65,535 bytes"):
            key.output(data)


def test_the_newest_generation_comes_first_and_is_the_current_one() -> None:
    ring = KeyRing.of(FILE, {number: PUBLIC[number] for number in (2, 1, 3)})
    assert ring.generations == (3, 2, 1)
    assert ring.current == 3


def test_a_number_has_a_tag_under_every_active_generation_in_their_order() -> None:
    ring = KeyRing.of(FILE, PUBLIC)
    assert ring.tags(NUMBER) == tuple(SecretKey(SEEDS[number]).tag(NUMBER) for number in (3, 2, 1))
    assert len(set(ring.tags(NUMBER))) == 3


def test_tags_of_many_come_in_the_order_of_the_numbers() -> None:
    ring = KeyRing.of(FILE, PUBLIC)
    numbers = ["+12065550178", NUMBER, NUMBER]
    assert ring.tags_of(iter(numbers)) == [ring.tags(number) for number in numbers]
    assert ring.tags_of([]) == []


def test_a_retired_generations_key_in_the_file_is_not_evaluated() -> None:
    ring = KeyRing.of(FILE, {2: PUBLIC[2]})
    assert ring.generations == (2,)
    assert ring.tags(NUMBER) == (SecretKey(SEEDS[2]).tag(NUMBER),)


def test_the_ring_fingerprints_under_the_files_key() -> None:
    made = KeyRing.of(FILE, PUBLIC).fingerprint(Purpose.SOURCE, b"SM01")
    assert made == Fingerprinter(FINGERPRINT_KEY)(Purpose.SOURCE, b"SM01")


def test_a_file_without_an_active_generation_is_refused() -> None:
    with pytest.raises(GenerationMismatch, match="no key for generation 3, which is active"):
        KeyRing.of(FILE.without(3), PUBLIC)


def test_a_file_of_another_database_is_refused() -> None:
    """With a wrong key every question would be answered `none`."""
    with pytest.raises(GenerationMismatch, match="generation 2 is not the one this database was made with"):
        KeyRing.of(KeyFile({**SEEDS, 2: bytes(32)}, FINGERPRINT_KEY), PUBLIC)


def test_a_database_without_generations_is_refused() -> None:
    with pytest.raises(GenerationMismatch, match="demand-registry init"):
        KeyRing.of(FILE, {})


def test_no_refusal_holds_a_secret() -> None:
    said: list[str] = []
    for file, active in ((FILE.without(1), PUBLIC), (KeyFile({1: bytes(32)}, FINGERPRINT_KEY), PUBLIC), (FILE, {})):
        with pytest.raises(GenerationMismatch) as raised:
            KeyRing.of(file, active)
        said.append(f"{raised.value!s}{raised.value!r}")
    assert len(said) == 3
    secrets = [spelling for seed in (*SEEDS.values(), FINGERPRINT_KEY) for spelling in (seed.hex(), repr(seed))]
    assert not [secret for secret in secrets for text in said if secret in text]


def test_keys_are_in_no_text_and_no_pickle_of_a_ring() -> None:
    ring = KeyRing.of(FILE, PUBLIC)
    shown = f"{ring}{ring!r}{SecretKey(SEEDS[1])!r}"
    assert shown.startswith("KeyRing(generations=(3, 2, 1))")
    assert not [seed for seed in (*SEEDS.values(), FINGERPRINT_KEY) if seed.hex() in shown or repr(seed) in shown]
    for secret in (ring, SecretKey(SEEDS[1])):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            copy.deepcopy(secret)
