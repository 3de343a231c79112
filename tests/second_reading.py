"""An independent reading of RFC 9497 (mode VOPRF, suite ristretto255-SHA512) and RFC 9380's expand_message_xmd.

It owns what the registry's OPRF is checked against, and shares nothing with it: the group is libsodium's, everything
around it is written here from the two texts. It must never be used outside of tests; it takes no care of timing.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

import rbcl  # pyright: ignore[reportMissingTypeStubs]  # it has none

_CONTEXT: Final = b"OPRFV1-" + bytes([0x01]) + b"-ristretto255-SHA512"  # RFC 9497, section 3.1; 0x01 is modeVOPRF
_SHA512_OUTPUT_BYTES: Final = 64
_SHA512_BLOCK_BYTES: Final = 128


def expand_message_xmd(message: bytes, separation: bytes, length: int) -> bytes:
    """RFC 9380, section 5.3.1, with SHA-512. separation: the DST, at most 255 bytes. length: bytes wanted."""
    blocks = -(-length // _SHA512_OUTPUT_BYTES)
    if blocks > 255 or len(separation) > 255:
        raise ValueError("more than expand_message_xmd can give")
    suffix = separation + _octets(len(separation), 1)
    first = hashlib.sha512(bytes(_SHA512_BLOCK_BYTES) + message + _octets(length, 2) + b"\x00" + suffix).digest()
    uniform = previous = hashlib.sha512(first + b"\x01" + suffix).digest()
    for number in range(2, blocks + 1):
        mixed = bytes(a ^ b for a, b in zip(first, previous, strict=True))
        previous = hashlib.sha512(mixed + _octets(number, 1) + suffix).digest()
        uniform += previous
    return uniform[:length]


def hash_to_group(data: bytes) -> bytes:
    """RFC 9497, section 4.1: an element of ristretto255, 32 bytes."""
    return bytes(rbcl.crypto_core_ristretto255_from_hash(expand_message_xmd(data, b"HashToGroup-" + _CONTEXT, 64)))


def hash_to_scalar(data: bytes, separation: bytes) -> bytes:
    """RFC 9497, section 4.1: 64 uniform bytes, read little-endian, modulo the group's order; 32 bytes."""
    return bytes(rbcl.crypto_core_ristretto255_scalar_reduce(expand_message_xmd(data, separation, 64)))


@dataclass(frozen=True, slots=True)
class SecondKey:
    """skS and pkS of one server."""

    secret: bytes = field(repr=False)
    public: bytes

    @classmethod
    def derive(cls, seed: bytes, info: bytes) -> "SecondKey":
        """DeriveKeyPair, section 3.2.1. seed: 32 bytes."""
        given = seed + _octets(len(info), 2) + info
        for counter in range(256):
            secret = hash_to_scalar(given + _octets(counter, 1), b"DeriveKeyPair" + _CONTEXT)
            if any(secret):
                return cls(secret, bytes(rbcl.crypto_scalarmult_ristretto255_base(secret)))
        raise ValueError("DeriveKeyPairError")

    def blind_evaluate(self, blinded: bytes) -> bytes:
        """The evaluated element of section 3.3.2's BlindEvaluate, without its proof."""
        return bytes(rbcl.crypto_scalarmult_ristretto255(self.secret, blinded))

    def evaluate(self, data: bytes) -> bytes:
        """Evaluate of a known input, section 3.3.2: 64 bytes."""
        return finalize(data, self.blind_evaluate(hash_to_group(data)))


def blind(data: bytes, scalar: bytes) -> bytes:
    """Blind, section 3.3.1, with a given scalar of 32 bytes."""
    return bytes(rbcl.crypto_scalarmult_ristretto255(scalar, hash_to_group(data)))


def unblind(evaluated: bytes, scalar: bytes) -> bytes:
    """What Finalize does to an evaluated element before it hashes."""
    return bytes(rbcl.crypto_scalarmult_ristretto255(rbcl.crypto_core_ristretto255_scalar_invert(scalar), evaluated))


def finalize(data: bytes, unblinded: bytes) -> bytes:
    """The hash that ends Finalize and Evaluate, section 3.3.1: 64 bytes."""
    framed = _octets(len(data), 2) + data + _octets(len(unblinded), 2) + unblinded + b"Finalize"
    return hashlib.sha512(framed).digest()


def _octets(value: int, length: int) -> bytes:
    """I2OSP."""
    return value.to_bytes(length, "big")
