"""The client's half of the OPRF (RFC 9497, mode VOPRF, suite ristretto255-SHA512). Its only importer of `voprf`.

The library is young, so that everything that reaches it is checked here first: inputs are never empty, elements have
exactly 32 bytes and are not the identity, the proof has 64, and there are as many elements as were sent. A proof that
does not hold makes it panic, which in Python is an exception outside of `Exception`, and writes a line and perhaps a
list of its own functions to the process's standard error. That holds nothing secret; the processes that check files
have no standard error at all, and a library must not take away that of the program it runs in.
"""

from collections.abc import Sequence
from typing import Final

from voprf.ristretto import BlindedInput, Client, Evaluator, PublicKey, VerifiableBatchOutput

from registry.client._errors import KeyChanged, ProtocolError
from registry.domain.confidential import Confidential
from registry.domain.tags import ELEMENT_BYTES, PROOF_BYTES

_IDENTITY: Final = bytes(ELEMENT_BYTES)
_KEY_INFO: Final = b"demand-registry|key|v1"
"""The `info` with which every key of a registry is derived from its seed (RFC 9497, section 3.2.1)."""
_NO_ANSWER: Final = "An element or the proof of the answer, or the public key, is none of this suite."


class BlindedBatch(Confidential):
    """Inputs, blinded, each with the secret that takes the blinding off again. That secret cannot leave the process."""

    __slots__ = ("_clients", "elements")

    def __init__(self, inputs: Sequence[bytes]) -> None:
        """inputs: at least one, none empty. Some 45 microseconds each."""
        if not inputs or not all(inputs):
            raise ValueError("a batch has at least one input, and none is empty")
        pairs = [Client.blind(data) for data in inputs]
        self._clients: list[Client] = [client for client, _ in pairs]
        self.elements: Final = b"".join(blinded.serialize() for _, blinded in pairs)
        """What is sent: 32 bytes for each input."""

    def __len__(self) -> int:
        return len(self._clients)

    def finalize(self, evaluated: bytes, proof: bytes, public_key: bytes) -> list[bytes]:
        """The outputs, 64 bytes each, in the order of the inputs. Some 120 microseconds each.

        Raises ProtocolError for what is no answer to this batch, KeyChanged where the proof does not hold: then the
        elements were not made with this key, or are not those that were asked for.
        """
        if len(evaluated) != len(self.elements):
            raise ProtocolError("The answer has another number of elements than were sent.")
        if len(proof) != PROOF_BYTES:
            raise ProtocolError("The answer's proof has not 64 bytes.")
        starts = range(0, len(evaluated), ELEMENT_BYTES)
        if any(evaluated[start : start + ELEMENT_BYTES] == _IDENTITY for start in starts):
            raise ProtocolError(_NO_ANSWER)
        try:
            key = PublicKey.deserialize(public_key)
            # The proof comes first in the form that the library reads.
            answer = VerifiableBatchOutput.deserialize(proof + evaluated)
        except ValueError:
            raise ProtocolError(_NO_ANSWER) from None
        outputs = self._verified(answer, key)
        if outputs is None:
            raise KeyChanged(
                "The answer's proof does not hold: its elements were not made with the registry's known key, or were "
                "changed on the way. None of them was used."
            )
        return outputs

    def _verified(self, answer: VerifiableBatchOutput, key: PublicKey) -> list[bytes] | None:
        """None where the proof does not hold."""
        try:
            return Client.finalize_batch(self._clients, answer, key)
        except BaseException as error:
            if not _is_panic(error):
                raise
        return None


def _is_panic(error: BaseException) -> bool:
    """The class has no module that could be imported, so that it is known by its name."""
    kind = type(error)
    return (kind.__module__, kind.__name__) == ("pyo3_runtime", "PanicException")


class PublishedKey:
    """The key that a registry's test vectors are made with; its seed is public."""

    __slots__ = ("_evaluator",)

    def __init__(self, seed: bytes) -> None:
        """seed: 32 bytes."""
        self._evaluator = Evaluator.from_seed(seed, _KEY_INFO)

    @property
    def public_key(self) -> bytes:
        return self._evaluator.public_key.serialize()

    def output(self, data: bytes) -> bytes:
        """Evaluate of a known input: 64 bytes."""
        return self._evaluator.evaluate_known_input(data)

    def answer(self, elements: bytes) -> tuple[bytes, bytes]:
        """What a registry with this key would answer: the evaluated elements, and their proof."""
        blinded = [
            BlindedInput.deserialize(elements[start : start + ELEMENT_BYTES])
            for start in range(0, len(elements), ELEMENT_BYTES)
        ]
        output = self._evaluator.evaluate_batch(blinded).serialize()
        return output[PROOF_BYTES:], output[:PROOF_BYTES]
