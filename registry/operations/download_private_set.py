"""Handing out private sets: their parameters, the whole of one, or a bucket of it."""

import tempfile
from dataclasses import dataclass, field
from typing import IO, Final

from registry.db import listings, private_sets
from registry.db.database import Writing
from registry.db.private_sets import PrivateSet, ids_of
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.private_sets import SLOT_BITS, bucket_prefix, filled, slots_of
from registry.operations.evaluate_blinded import require_active
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.private_sets import current_sets
from registry.operations.registry import Registry
from registry.settings import Settings

_LAST_SLOT: Final = 2**SLOT_BITS - 1
_SLOTS_AT_ONCE: Final = 64
_IN_MEMORY_BYTES: Final = 1_048_576


@dataclass(frozen=True, slots=True)
class ViewPrivateParameters(ReadOperation[dict[int, PrivateSet], dict[int, PrivateSet]]):
    """What a client must know before it blinds: every active generation and what its set is like."""

    name = "view_private_parameters"

    def prepare(self, registry: Registry) -> dict[int, PrivateSet]:
        return current_sets(registry)

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, PrivateSet]
    ) -> Done[dict[int, PrivateSet]]:
        active = registry.generations.active
        return Done({number: prepared[number] for number in active}, generation=registry.generations.current)


def spool(settings: Settings) -> IO[bytes]:
    """An empty file for a set: a small one stays in memory, a large one has no name. Whoever opens it closes it."""
    folder = settings.spool_dir
    return tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES, dir=None if folder is None else str(folder))


@dataclass(frozen=True, slots=True)
class Download:
    """length: bytes that were written, or None where the receiver has the set already."""

    etag: str
    length: int | None


@dataclass(frozen=True, slots=True)
class DownloadPrivateSet(ReadOperation[None, Download]):
    """into: where the set is written, and then stands at its beginning. It stays its owner's also when this fails.

    known: the entity tags that the caller has, or `*`.
    """

    name = "download_private_set"
    generation: int
    into: IO[bytes] = field(repr=False)
    known: frozenset[str] = frozenset()

    def prepare(self, registry: Registry) -> None:
        require_active(registry.generations, self.generation)
        current_sets(registry)

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[Download]:
        listings.hold_still(tx)  # while it is read the next epoch may begin
        found = _found(tx, self.generation)
        if _has(self.known, found.etag):
            return Done(Download(found.etag, None), count={"not_modified": 1}, generation=self.generation)
        self.into.seek(0)
        self.into.truncate()
        for first in range(0, _LAST_SLOT + 1, _SLOTS_AT_ONCE):
            for ids in private_sets.slots(tx, self.generation, first, first + _SLOTS_AT_ONCE - 1):
                self.into.write(ids)
        length = self.into.tell()
        self.into.seek(0)
        return Done(Download(found.etag, length), count={"entries": found.entries}, generation=self.generation)


@dataclass(frozen=True, slots=True)
class Bucket:
    """content: None where the caller has it already."""

    etag: str
    content: bytes | None


@dataclass(frozen=True, slots=True)
class DownloadPrivateBucket(ReadOperation[bytes, Bucket]):
    """Refused(not_found) for a prefix that names no bucket, and for a set that has none."""

    name = "download_private_bucket"
    generation: int
    prefix: str = field(repr=False)
    known: frozenset[str] = frozenset()

    def prepare(self, registry: Registry) -> bytes:
        require_active(registry.generations, self.generation)
        current_sets(registry)
        parts = (str(self.generation).encode(), self.prefix.encode("utf-8", "replace"))
        (seed,) = registry.tagging.fingerprints([(Purpose.SET_DUMMIES, parts)])
        return seed

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: bytes) -> Done[Bucket]:
        listings.hold_still(tx)
        found = _found(tx, self.generation)
        bits = found.prefix_bits
        prefix = bucket_prefix(self.prefix, bits)
        if prefix is None:
            raise Refused(Code.NOT_FOUND, "There is no such bucket.")
        etag = f'{found.etag[:-1]}-{bits}-{self.prefix}"'  # of as many bits: with others it holds other ids
        if _has(self.known, etag):
            return Done(Bucket(etag, None), count={"not_modified": 1}, generation=self.generation)
        first, last = slots_of(prefix, bits)
        ids = ids_of(b"".join(private_sets.slots(tx, self.generation, first, last)))
        content = filled(ids, found.bucket_entries, prefix=prefix, bits=bits, seed=prepared)
        return Done(Bucket(etag, content), count={"entries": found.bucket_entries}, generation=self.generation)


def _found(tx: Writing, generation: int) -> PrivateSet:
    found = private_sets.find(tx, generation)
    if found is None:
        raise Refused(Code.NOT_FOUND, "There is no set of this generation.")
    return found


def _has(known: frozenset[str], etag: str) -> bool:
    """RFC 9110, section 13.1.2: weak comparison, and `*` for whatever there is."""
    return "*" in known or etag in {tag.removeprefix("W/") for tag in known}
