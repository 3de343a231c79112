"""Keyed fingerprints of what callers send and must never be stored readable.

A provider's message id, an idempotency key, a request body and a client address can each hold, or be, a phone number
or a person's address. The database keeps only a keyed BLAKE2b of them. The key lives in the key file beside the tag
keys, and unlike those it does not rotate: a source that was seen once stays recognisable.
"""

import hashlib
from enum import StrEnum
from typing import Final

from registry.domain.confidential import Confidential

FINGERPRINT_BYTES: Final = 32


class Purpose(StrEnum):
    """What a fingerprint stands for. One purpose's fingerprints cannot be compared with another's."""

    SOURCE = "source"
    CONTENT = "content"
    IDEMPOTENCY_KEY = "idempotency-key"
    REQUEST = "request"
    ADDRESS = "address"
    SET_DUMMIES = "set-dummies"


class Fingerprinter(Confidential):
    """Makes fingerprints under one secret key of 32 bytes."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        if len(key) != FINGERPRINT_BYTES:
            raise ValueError("a fingerprint key has 32 bytes")
        self._key = key

    def __call__(self, purpose: Purpose, *parts: bytes) -> bytes:
        """32 bytes over the parts in order. Each part is preceded by its length, so that parts cannot run together."""
        digest = hashlib.blake2b(key=self._key, digest_size=FINGERPRINT_BYTES, person=purpose.value.encode()[:16])
        for part in parts:
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
        return digest.digest()
