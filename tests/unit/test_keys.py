import copy
import pickle

import pytest
from holders import generations_of, key_ring
from voprf.ristretto import Client, PublicKey, VerifiableBatchOutput

from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Fingerprinter, Purpose
from registry.domain.generations import Generation, Generations
from registry.domain.tags import SUITE
from registry.key_file import KeyFile
from registry.keys import KEY_INFO, GenerationMismatch, KeyRing, SecretKey

SEEDS = {number: bytes([number]) * 32 for number in (1, 2, 3)}
FINGERPRINT_KEY = bytes(range(32))
FILE = KeyFile(SEEDS, FINGERPRINT_KEY)
PUBLIC = {number: SecretKey(seed).public_key for number, seed in SEEDS.items()}
NUMBER = "+12065550177"


def generations(*active: int) -> Generations:
    return Generations.of(Generation(number, PUBLIC[number]) for number in active)


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
    ring = KeyRing.of(FILE, generations(2, 1, 3))
    assert ring.generations.active == (3, 2, 1)
    assert ring.generations.current == 3


def test_a_number_has_a_tag_under_every_active_generation_in_their_order() -> None:
    ring = KeyRing.of(FILE, generations(1, 2, 3))
    assert ring.tags(NUMBER) == tuple(SecretKey(SEEDS[number]).tag(NUMBER) for number in (3, 2, 1))
    assert len(set(ring.tags(NUMBER))) == 3


def test_a_chained_generation_hashes_the_tag_of_its_parent() -> None:
    ring = key_ring(FILE, {2: 1})
    assert ring.generations.active == (3, 2)
    first = SecretKey(SEEDS[1]).tag(NUMBER)
    chained = SecretKey(SEEDS[2]).output(b"demand-registry|chain|v1|" + first)[:32]
    assert ring.tags(NUMBER) == (SecretKey(SEEDS[3]).tag(NUMBER), chained)


def test_a_chain_of_three_goes_through_all_of_them() -> None:
    ring = key_ring(FILE, {2: 1, 3: 2})
    second = SecretKey(SEEDS[2]).chained(SecretKey(SEEDS[1]).tag(NUMBER))
    assert ring.tags(NUMBER) == (SecretKey(SEEDS[3]).chained(second),)


def test_a_chained_generation_cannot_be_used_without_its_parents_key() -> None:
    with pytest.raises(GenerationMismatch, match="no key for generation 1, which is in use"):
        KeyRing.of(FILE.without(1), generations_of(FILE, {2: 1}))


def test_a_batch_is_evaluated_to_what_its_inputs_are_evaluated_to_and_proved() -> None:
    key = SecretKey(SEEDS[1])
    inputs = [b"one", b"two", b"three"]
    clients, blinded = zip(*(Client.blind(one) for one in inputs), strict=True)
    elements, proof = key.evaluate_batch(b"".join(one.serialize() for one in blinded))
    assert (len(elements), len(proof)) == (96, 64)
    output = VerifiableBatchOutput.deserialize(proof + elements)
    found = Client.finalize_batch(list(clients), output, PublicKey.deserialize(key.public_key))
    assert found == [key.output(one) for one in inputs]


@pytest.mark.parametrize("length", [0, 31, 33, 32 * 1_001])
def test_a_batch_of_another_size_never_reaches_the_library(length: int) -> None:
    with pytest.raises(ValueError, match="1 to 1,000 elements"):
        SecretKey(SEEDS[1]).evaluate_batch(bytes(length))


@pytest.mark.parametrize("index", [0, 2])
@pytest.mark.parametrize(
    "encoded",
    [bytes(32), b"\xff" * 32, bytes(31) + b"\x80", b"\x01" + bytes(31), (2**255 - 19).to_bytes(32, "little")],
    ids=["identity", "too large", "high bit", "negative", "not canonical"],
)
def test_what_is_no_element_is_refused_with_its_index(encoded: bytes, index: int) -> None:
    good = Client.blind(b"one")[1].serialize()
    batch = [good, good, good]
    batch[index] = encoded
    with pytest.raises(Refused) as raised:
        SecretKey(SEEDS[1]).evaluate_batch(b"".join(batch))
    (problem,) = raised.value.errors
    assert (problem.code, problem.pointer, problem.index) == (Code.INVALID_ELEMENT, "/blinded", index)


def test_a_retired_generations_key_in_the_file_is_not_evaluated() -> None:
    ring = KeyRing.of(FILE, generations(2))
    assert ring.generations.active == (2,)
    assert ring.tags(NUMBER) == (SecretKey(SEEDS[2]).tag(NUMBER),)


def test_the_ring_fingerprints_under_the_files_key() -> None:
    made = KeyRing.of(FILE, generations(1, 2, 3)).fingerprint(Purpose.SOURCE, b"SM01")
    assert made == Fingerprinter(FINGERPRINT_KEY)(Purpose.SOURCE, b"SM01")


def test_a_file_without_an_active_generation_is_refused() -> None:
    with pytest.raises(GenerationMismatch, match="no key for generation 3, which is in use"):
        KeyRing.of(FILE.without(3), generations(1, 2, 3))


def test_a_file_of_another_database_is_refused() -> None:
    """With a wrong key every question would be answered `none`."""
    with pytest.raises(GenerationMismatch, match="generation 2 is not the one this database was made with"):
        KeyRing.of(KeyFile({**SEEDS, 2: bytes(32)}, FINGERPRINT_KEY), generations(1, 2, 3))


def test_a_database_without_generations_is_refused() -> None:
    with pytest.raises(GenerationMismatch, match="demand-registry init"):
        KeyRing.of(FILE, generations())


def test_no_refusal_holds_a_secret() -> None:
    said: list[str] = []
    for file, known in (
        (FILE.without(1), generations(1, 2, 3)),
        (KeyFile({1: bytes(32)}, FINGERPRINT_KEY), generations(1, 2, 3)),
        (FILE, generations()),
    ):
        with pytest.raises(GenerationMismatch) as raised:
            KeyRing.of(file, known)
        said.append(f"{raised.value!s}{raised.value!r}")
    assert len(said) == 3
    secrets = [spelling for seed in (*SEEDS.values(), FINGERPRINT_KEY) for spelling in (seed.hex(), repr(seed))]
    assert not [secret for secret in secrets for text in said if secret in text]


def test_keys_are_in_no_text_and_no_pickle_of_a_ring() -> None:
    ring = KeyRing.of(FILE, generations(1, 2, 3))
    shown = f"{ring}{ring!r}{SecretKey(SEEDS[1])!r}"
    assert shown.startswith("KeyRing(generations=Generations(known=")
    assert not [seed for seed in (*SEEDS.values(), FINGERPRINT_KEY) if seed.hex() in shown or repr(seed) in shown]
    for secret in (ring, SecretKey(SEEDS[1])):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
        with pytest.raises(TypeError):
            copy.deepcopy(secret)
