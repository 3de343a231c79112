"""The OPRF library and `registry.keys` against the RFC's vectors and an independent reading of it.

The vectors are those of RFC 9497, appendix A.1.2 (mode VOPRF, suite ristretto255-SHA512), and of RFC 9380, appendix
K.3, for the second reading's own foundation.
"""

from hypothesis import given
from hypothesis import strategies as st
from second_reading import SecondKey, blind, expand_message_xmd, finalize, unblind
from voprf.ristretto import BlindedInput, Client, Evaluator, VerifiableBatchOutput, VerifiableOutput

from registry.domain.tags import INPUT_PREFIX
from registry.keys import KEY_INFO, SecretKey

_RFC_SEED = bytes.fromhex("a3" * 32)
_RFC_INFO = bytes.fromhex("74657374206b6579")
_RFC_SECRET = bytes.fromhex("e6f73f344b79b379f1a0dd37e07ff62e38d9f71345ce62ae3a9bc60b04ccd909")
_RFC_PUBLIC = bytes.fromhex("c803e2cc6b05fc15064549b5920659ca4a77b2cca6f04f6b357009335476ad4e")
_RFC_BLIND = bytes.fromhex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706")

# input, blinded element, evaluated element, output
_RFC_VECTORS = [
    tuple(map(bytes.fromhex, vector))
    for vector in (
        (
            "00",
            "863f330cc1a1259ed5a5998a23acfd37fb4351a793a5b3c090b642ddc439b945",
            "aa8fa048764d5623868679402ff6108d2521884fa138cd7f9c7669a9a014267e",
            (
                "b58cfbe118e0cb94d79b5fd6a6dafb98764dff49c14e1770b566e42402da1a7d"
                "a4d8527693914139caee5bd03903af43a491351d23b430948dd50cde10d32b3c"
            ),
        ),
        (
            "5a" * 17,
            "cc0b2a350101881d8a4cba4c80241d74fb7dcbfde4a61fde2f91443c2bf9ef0c",
            "60a59a57208d48aca71e9e850d22674b611f752bed48b36f7a91b372bd7ad468",
            (
                "8a9a2f3c7f085b65933594309041fc1898d42d0858e59f90814ae90571a6df60"
                "356f4610bf816f27afdd84f47719e480906d27ecd994985890e5f539e7ea74b6"
            ),
        ),
    )
]
_EXPANDER = b"QUUX-V01-CS02-with-expander-SHA512-256"
_EXPANDED_128 = (
    "41b037d1734a5f8df225dd8c7de38f851efdb45c372887be655212d07251b921b052b62eaed99b46f72f2ef4cc96bfaf"
    "254ebbbec091e1a3b9e4fb5e5b619d2e0c5414800a1d882b62bb5cd1778f098b8eb6cb399d5d9d18f5d5842cf5d13d7e"
    "b00a7cff859b605da678b318bd0e65ebff70bec88c753b159a805d2c89c55961"
)

seeds = st.binary(min_size=32, max_size=32)
e164s = st.integers(min_value=1_000_000, max_value=999_999_999_999_999).map(lambda number: f"+{number}")
inputs = st.binary(min_size=1, max_size=300) | st.integers(min_value=1, max_value=65_535).map(bytes)


def test_the_second_reading_expands_messages_as_rfc_9380_does() -> None:
    assert (
        expand_message_xmd(b"", _EXPANDER, 32).hex()
        == "6b9a7312411d92f921c6f68ca0b6380730a1a4d982c507211a90964c394179ba"
    )
    assert (
        expand_message_xmd(b"abc", _EXPANDER, 32).hex()
        == "0da749f12fbe5483eb066a5f595055679b976e93abe9be6f0f6318bce7aca8dc"
    )
    assert expand_message_xmd(b"", _EXPANDER, 128).hex() == _EXPANDED_128


def test_the_second_reading_derives_the_rfcs_key_pair() -> None:
    assert SecondKey.derive(_RFC_SEED, _RFC_INFO) == SecondKey(_RFC_SECRET, _RFC_PUBLIC)


def test_the_second_reading_gives_the_rfcs_elements_and_outputs() -> None:
    key = SecondKey(_RFC_SECRET, _RFC_PUBLIC)
    for data, blinded, evaluated, output in _RFC_VECTORS:
        assert blind(data, _RFC_BLIND) == blinded
        assert key.blind_evaluate(blinded) == evaluated
        assert finalize(data, unblind(evaluated, _RFC_BLIND)) == output
        assert key.evaluate(data) == output


def test_the_library_derives_the_rfcs_public_key_from_its_seed_and_info() -> None:
    assert Evaluator.from_seed(_RFC_SEED, _RFC_INFO).public_key.serialize() == _RFC_PUBLIC


def test_the_library_gives_the_rfcs_output_for_a_known_input() -> None:
    library = Evaluator.from_seed(_RFC_SEED, _RFC_INFO)
    for data, _, _, output in _RFC_VECTORS:
        assert library.evaluate_known_input(data) == output


def test_the_library_evaluates_the_rfcs_blinded_elements() -> None:
    library = Evaluator.from_seed(_RFC_SEED, _RFC_INFO)
    for _, blinded, evaluated, _ in _RFC_VECTORS:
        answer = library.evaluate(BlindedInput.deserialize(blinded)).serialize()
        assert len(answer) == 64 + 32  # its proof, which is random, and then the element
        assert answer[64:] == evaluated


@given(seed=seeds)
def test_a_secret_key_has_the_public_key_of_the_second_reading(seed: bytes) -> None:
    assert SecretKey(seed).public_key == SecondKey.derive(seed, KEY_INFO).public


@given(seed=seeds, data=inputs)
def test_a_secret_key_evaluates_like_the_second_reading(seed: bytes, data: bytes) -> None:
    assert SecretKey(seed).output(data) == SecondKey.derive(seed, KEY_INFO).evaluate(data)


@given(seed=seeds, numbers=st.lists(e164s, min_size=1, max_size=50))
def test_tags_of_a_batch_are_those_of_the_second_reading(seed: bytes, numbers: list[str]) -> None:
    key, second = SecretKey(seed), SecondKey.derive(seed, KEY_INFO)
    assert [key.tag(e164) for e164 in numbers] == [
        second.evaluate(INPUT_PREFIX + e164.encode("ascii"))[:32] for e164 in numbers
    ]


@given(one=seeds, other=seeds, e164=e164s)
def test_two_keys_agree_on_a_tag_only_if_they_are_one_key(one: bytes, other: bytes, e164: str) -> None:
    assert (SecretKey(one).tag(e164) == SecretKey(other).tag(e164)) is (one == other)


@given(seed=seeds, data=inputs)
def test_a_blinded_question_ends_in_the_output_of_the_known_input(seed: bytes, data: bytes) -> None:
    """What a private check will stand on: the client, who never shows its input, computes the stored tag."""
    library = Evaluator.from_seed(seed, KEY_INFO)
    client, blinded = Client.blind(data)
    answer = VerifiableOutput.deserialize(library.evaluate(blinded).serialize())
    assert client.finalize(answer, library.public_key) == SecondKey.derive(seed, KEY_INFO).evaluate(data)


@given(seed=seeds, batch=st.lists(inputs, min_size=1, max_size=20))
def test_a_batch_of_blinded_questions_ends_in_the_outputs_of_the_known_inputs(seed: bytes, batch: list[bytes]) -> None:
    library, second = Evaluator.from_seed(seed, KEY_INFO), SecondKey.derive(seed, KEY_INFO)
    clients, blinded = zip(*(Client.blind(data) for data in batch), strict=True)
    answer = VerifiableBatchOutput.deserialize(library.evaluate_batch(blinded).serialize())
    assert Client.finalize_batch(clients, answer, library.public_key) == [second.evaluate(data) for data in batch]


@given(seed=seeds, data=inputs)
def test_the_elements_of_a_blinded_question_are_those_of_the_second_reading(seed: bytes, data: bytes) -> None:
    library, second = Evaluator.from_seed(seed, KEY_INFO), SecondKey.derive(seed, KEY_INFO)
    _, blinded = Client.blind(data)
    assert library.evaluate(blinded).serialize()[64:] == second.blind_evaluate(blinded.serialize())
