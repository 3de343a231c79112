"""The client's half of the OPRF against an implementation that shares nothing with it."""

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from second_reading import SecondKey

from registry.client import KeyChanged, ProtocolError, _oprf
from registry.client._oprf import BlindedBatch, PublishedKey
from registry.keys import KEY_INFO, SecretKey

SEED = bytes(range(32))
INPUTS = [b"one", b"two", b"three"]


def answered(batch: BlindedBatch, seed: bytes = SEED) -> tuple[bytes, bytes]:
    return SecretKey(seed).evaluate_batch(batch.elements)


@settings(max_examples=20)
@given(
    seed=st.binary(min_size=32, max_size=32),
    inputs=st.lists(st.binary(min_size=1, max_size=60), min_size=1, max_size=8),
)
def test_what_is_finalized_is_what_the_second_reading_evaluates(seed: bytes, inputs: list[bytes]) -> None:
    batch, second = BlindedBatch(inputs), SecondKey.derive(seed, KEY_INFO)
    assert batch.finalize(*answered(batch, seed), second.public) == [second.evaluate(data) for data in inputs]
    assert PublishedKey(seed).public_key == second.public
    assert [PublishedKey(seed).output(data) for data in inputs] == [second.evaluate(data) for data in inputs]


def test_blinding_never_repeats_itself() -> None:
    assert BlindedBatch([b"one"]).elements != BlindedBatch([b"one"]).elements
    assert len(BlindedBatch(INPUTS)) == 3


@pytest.mark.parametrize("inputs", [[], [b""], [b"one", b""]])
def test_nothing_is_not_blinded(inputs: list[bytes]) -> None:
    with pytest.raises(ValueError, match="at least one input"):
        BlindedBatch(inputs)


def test_a_proof_that_does_not_hold_is_an_error_that_can_be_caught() -> None:
    """The library panics, and its panic is no Exception."""
    batch = BlindedBatch(INPUTS)
    evaluated, proof = answered(batch)
    for wrong in (bytes([proof[0] ^ 1]) + proof[1:], answered(batch, b"\x01" * 32)[1]):
        with pytest.raises(KeyChanged):
            batch.finalize(evaluated, wrong, SecretKey(SEED).public_key)
    assert batch.finalize(evaluated, proof, SecretKey(SEED).public_key)


def test_an_interruption_is_not_taken_for_a_bad_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupting:
        @staticmethod
        def finalize_batch(*_: object) -> list[bytes]:
            raise KeyboardInterrupt

    batch = BlindedBatch(INPUTS)
    evaluated, proof = answered(batch)
    monkeypatch.setattr(_oprf, "Client", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        batch.finalize(evaluated, proof, SecretKey(SEED).public_key)


def test_an_answer_of_another_length_is_told() -> None:
    batch = BlindedBatch(INPUTS)
    evaluated, proof = answered(batch)
    for wrong in ((evaluated[:-32], proof), (evaluated + evaluated[:32], proof), (evaluated, proof[:-1])):
        with pytest.raises(ProtocolError):
            batch.finalize(*wrong, SecretKey(SEED).public_key)


def test_what_is_no_public_key_is_told() -> None:
    batch = BlindedBatch(INPUTS)
    for wrong in (bytes(32), b"\xff" * 32, b"short"):
        with pytest.raises(ProtocolError):
            batch.finalize(*answered(batch), wrong)


def test_the_secrets_of_blinding_stay_in_the_process() -> None:

    with pytest.raises(TypeError):
        pickle.dumps(BlindedBatch(INPUTS))
