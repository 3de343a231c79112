"""The set of listed numbers that private checks compare with, and its buckets (docs/private-checks.md).

A bucket is what a client fetches that does not want the whole set: the ids that share their first bits. All buckets
have one size, so that the length of an answer tells nothing; what is missing is filled with dummies, which are always
the same ones, so that asking twice does not tell them apart.
"""

import hashlib
from collections.abc import Collection
from math import ceil, floor, log2, sqrt
from typing import Final

from registry.domain.tags import SET_ID_BYTES

EPOCH_SECONDS: Final = 300
SLOT_BITS: Final = 12
"""A set is stored in 4,096 slots; a bucket is one of them or several that follow each other."""
_BUCKETS_OF: Final = 1_000
"""A threshold of so many entries divided by this is about what one bucket holds."""
_ROUNDED_TO: Final = 16
_ID_BITS: Final = SET_ID_BYTES * 8


def prefix_bits(entries: int, threshold: int) -> int:
    """How many first bits the ids of one bucket share: min(12, floor(log2(n / 1000))) at the usual threshold of a
    million entries. 0, no buckets, up to the threshold.
    """
    if entries <= threshold:
        return 0
    return min(SLOT_BITS, floor(log2(entries * _BUCKETS_OF / threshold)))


def bucket_entries(entries: int, bits: int, largest: int) -> int:
    """The size that every bucket is filled up to. largest: the number of entries in the fullest one.

    The ids are uniform, so that six deviations above the mean hold them all; the size then depends on the number of
    all entries alone, and hardly ever changes when one is added.
    """
    if bits == 0:
        return 0
    mean: float = entries / 2**bits
    wanted = max(ceil(mean + 6 * sqrt(mean)), largest, 1)
    return -(-wanted // _ROUNDED_TO) * _ROUNDED_TO


def bucket_prefix(text: str, bits: int) -> int | None:
    """The bucket that a text names: its prefix in lower-case hexadecimal, zero-padded; None for what names none."""
    if bits == 0 or len(text) != ceil(bits / 4) or not set(text) <= set("0123456789abcdef"):
        return None
    prefix = int(text, 16)
    return prefix if prefix < 2**bits else None


def slots_of(prefix: int, bits: int) -> tuple[int, int]:
    """First and last slot of a bucket."""
    width = 2 ** (SLOT_BITS - bits)
    return prefix * width, (prefix + 1) * width - 1


def filled(ids: Collection[bytes], size: int, *, prefix: int, bits: int, seed: bytes) -> bytes:
    """A bucket's ids and dummies up to its size, ascending.

    seed: 32 bytes that only the registry can make for this bucket; whoever knows them knows the dummies.
    """
    found = set(ids)
    number = 0
    while len(found) < size:
        digest = hashlib.sha256(seed + number.to_bytes(8, "big")).digest()[:SET_ID_BYTES]
        rest = int.from_bytes(digest, "big") % 2 ** (_ID_BITS - bits)
        found.add((prefix << (_ID_BITS - bits) | rest).to_bytes(SET_ID_BYTES, "big"))
        number += 1
    return b"".join(sorted(found))
