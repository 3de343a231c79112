"""How a number becomes a tag: the bytes that are hashed, and what is kept of the result (docs/adr/0001).

The keyed evaluation itself is in `registry/keys.py`. These byte strings can never change: every stored tag stands on
them.
"""

import hashlib
from typing import Final

INPUT_PREFIX: Final = b"demand-registry|tel|v1|"
CHAIN_PREFIX: Final = b"demand-registry|chain|v1|"
OUTPUT_BYTES: Final = 64
TAG_BYTES: Final = 32
SET_ID_BYTES: Final = 8

SUITE: Final = "ristretto255-SHA512"
ELEMENT_BYTES: Final = 32
PROOF_BYTES: Final = 64
BATCH_MOST: Final = 1_000
"""Elements in one blinded batch, which one proof covers."""


def tel_input(e164: str) -> bytes:
    """The OPRF input for a number in E.164: the prefix, `+`, and ASCII digits."""
    return INPUT_PREFIX + e164.encode("ascii")


def chain_input(tag: bytes) -> bytes:
    """The OPRF input that carries a tag into a new generation without knowing its number."""
    if len(tag) != TAG_BYTES:
        raise ValueError("a tag has 32 bytes")
    return CHAIN_PREFIX + tag


def tag_of(output: bytes) -> bytes:
    """The 32 bytes that are stored of an OPRF output of 64."""
    if len(output) != OUTPUT_BYTES:
        raise ValueError("an OPRF output has 64 bytes")
    return output[:TAG_BYTES]


def set_id(generation: int, tag: bytes) -> bytes:
    """What stands for a tag in the set of listed numbers that private checks compare with: 8 bytes."""
    if len(tag) != TAG_BYTES:
        raise ValueError("a tag has 32 bytes")
    return hashlib.sha256(b"demand-registry|set|v1|%d|%b" % (generation, tag)).digest()[:SET_ID_BYTES]
