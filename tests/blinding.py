"""What a private check's client computes, written for tests on the OPRF library alone (docs/private-checks.md).

It blinds, verifies, follows chains and works out set ids, and shares nothing with the client that is shipped. It must
never be told a secret key.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from voprf.ristretto import Client, PublicKey, VerifiableBatchOutput

INPUT_PREFIX: Final = b"demand-registry|tel|v1|"
CHAIN_PREFIX: Final = b"demand-registry|chain|v1|"
ELEMENT_BYTES: Final = 32

Evaluate = Callable[[int, bytes], tuple[bytes, bytes]]
"""Has a blinded batch evaluated under a generation. Gives the evaluated elements and their proof."""
Chain = Sequence[tuple[int, bytes]]
"""Generations that a number goes through, oldest first, each with the public key that is pinned for it."""


class Unproved(Exception):  # noqa: N818 - it states a fact about a proof
    """The proof does not hold: another key, or other elements."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs that were blinded, each with a random factor of its own. blinded: 32 bytes each, in order."""

    blinded: bytes
    _clients: Sequence[Client] = field(repr=False)

    @classmethod
    def of(cls, inputs: Iterable[bytes]) -> "Batch":
        pairs = [Client.blind(data) for data in inputs]
        return cls(b"".join(blinded.serialize() for _, blinded in pairs), [client for client, _ in pairs])

    @classmethod
    def of_numbers(cls, e164s: Iterable[str]) -> "Batch":
        return cls.of(INPUT_PREFIX + e164.encode("ascii") for e164 in e164s)

    def tags(self, evaluated: bytes, proof: bytes, public_key: bytes) -> list[bytes]:
        """The first 32 bytes of each output. Raises Unproved."""
        try:
            output = VerifiableBatchOutput.deserialize(proof + evaluated)
            outputs = Client.finalize_batch(self._clients, output, PublicKey.deserialize(public_key))
        except ValueError:
            raise Unproved from None
        except BaseException as panic:
            if type(panic).__name__ != "PanicException":  # the library's way of saying so is no Exception
                raise
            raise Unproved from None
        assert {len(one) for one in outputs} == {64}
        return [one[:32] for one in outputs]


def tags_through(chain: Chain, e164s: Iterable[str], evaluate: Evaluate) -> list[bytes]:
    """Each number's tag under the last generation of the chain. Raises Unproved."""
    inputs = [INPUT_PREFIX + e164.encode("ascii") for e164 in e164s]
    tags: list[bytes] = []
    for generation, public_key in chain:
        batch = Batch.of(inputs)
        tags = batch.tags(*evaluate(generation, batch.blinded), public_key)
        inputs = [CHAIN_PREFIX + tag for tag in tags]
    return tags


def set_id(generation: int, tag: bytes) -> bytes:
    return hashlib.sha256(f"demand-registry|set|v1|{generation}|".encode() + tag).digest()[:8]


def split(joined: bytes, size: int = 8) -> list[bytes]:
    """Elements, tags or set ids that stand one behind the other."""
    assert len(joined) % size == 0
    return [joined[start : start + size] for start in range(0, len(joined), size)]


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
