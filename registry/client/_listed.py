"""The set of listed numbers, as ids of 8 bytes that mean nothing without a tag, and whether an id is among them.

The set is held in memory and never written to disk: whoever had it and stole the registry's key could reverse it.
"""

import operator
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final, Self

from registry.client._errors import ProtocolError
from registry.domain.tags import SET_ID_BYTES

_SET_ID_BITS: Final = 8 * SET_ID_BYTES
_BITS_PER_DIGIT: Final = 4


class ListedSet:
    """The ids of one generation, or of one bucket of it. 8 bytes of memory each. etag: None where none was sent."""

    __slots__ = ("_ids", "etag", "generation")

    def __init__(self, generation: int, body: bytes, etag: str | None = None) -> None:
        """body: sorted ids, one after the other. Raises ProtocolError for anything else."""
        if len(body) % SET_ID_BYTES:
            raise ProtocolError("The set is cut off: it is not made of 8-byte ids.")
        ids = array("Q", body)
        if sys.byteorder == "little":
            ids.byteswap()
        if any(map(operator.gt, ids, islice(ids, 1, None))):
            raise ProtocolError("The set is not sorted.")
        self.generation: Final = generation
        self.etag: Final = etag
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, set_id: object) -> bool:
        if not isinstance(set_id, bytes):
            return False
        wanted = int.from_bytes(set_id, "big")
        at = bisect_left(self._ids, wanted)
        return at < len(self._ids) and self._ids[at] == wanted

    def require_prefix(self, prefix: int, prefix_bits: int, entries: int) -> Self:
        """Itself, as a bucket. Raises ProtocolError where it has another size than all, or ids of another bucket."""
        shift = _SET_ID_BITS - prefix_bits
        # It is sorted: the first and the last tell about all.
        ends = {self._ids[0] >> shift, self._ids[-1] >> shift} if len(self._ids) else set[int]()
        if len(self._ids) != entries or ends != {prefix}:
            raise ProtocolError("The bucket is not the one that was asked for.")
        return self


def prefix_of(set_id: bytes, prefix_bits: int) -> int:
    """The number of the bucket that the id belongs to."""
    return int.from_bytes(set_id, "big") >> (_SET_ID_BITS - prefix_bits)


def prefix_text(prefix: int, prefix_bits: int) -> str:
    """As it stands in the address of a bucket: lower-case hexadecimal, padded with zeros."""
    return f"{prefix:0{-(-prefix_bits // _BITS_PER_DIGIT)}x}"


class Buckets:
    """Those buckets of one generation that some ids belong to."""

    __slots__ = ("_buckets", "_prefix_bits")

    def __init__(self, prefix_bits: int, prefixes: Iterable[int], fetch: Callable[[int], ListedSet]) -> None:
        self._prefix_bits = prefix_bits
        self._buckets = {prefix: fetch(prefix) for prefix in prefixes}

    def __contains__(self, set_id: object) -> bool:
        """Raises KeyError for an id whose bucket is not here: that must never be taken for an id that is not listed."""
        return isinstance(set_id, bytes) and set_id in self._buckets[prefix_of(set_id, self._prefix_bits)]
