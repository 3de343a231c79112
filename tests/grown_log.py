"""A log in memory that is made with the registry's own modules alone: tiles, proofs, signed checkpoints, receipts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry.domain.merkle import (
    TILE_WIDTH,
    Edge,
    Node,
    Tile,
    consistency_path,
    hashes_of,
    inclusion_path,
    leaf_hash,
    root_of,
    tile_of,
    tile_sizes,
)
from registry.domain.signed_notes import Checkpoint, Receipt, Verifier, sign
from registry.domain.tile_paths import tile_path


def ed25519_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass
class GrownLog:
    """hashes: of each level's tiles, side by side. roots: by size, of every size that was asked for while it grew."""

    origin: str = "log.example/demand"
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    entries: list[bytes] = field(default_factory=list[bytes])
    hashes: list[list[bytes]] = field(default_factory=list[list[bytes]])
    roots: dict[int, bytes] = field(default_factory=dict[int, bytes])
    edge: Edge = field(default_factory=Edge)

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.origin, self.key.public_key().public_bytes_raw())

    def grow(self, sizes: Iterable[int]) -> "GrownLog":
        for size in sizes:
            while self.edge.size < size:
                self._append(f'{{"event":{self.edge.size}}}'.encode())
            self.roots[size] = self.edge.root()
        return self

    def note(self, size: int) -> str:
        return sign(Checkpoint(self.origin, size, self.roots[size]).text(), self.verifier, self.key.sign)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return hashes_of(inclusion_path(index, size), self.read)

    def consistency(self, old: int, new: int) -> list[bytes]:
        return hashes_of(consistency_path(old, new), self.read)

    def receipt(self, index: int, size: int) -> Receipt:
        return Receipt(self.entries[index], index, tuple(self.inclusion(index, size)), self.note(size))

    def leaf(self, index: int) -> bytes:
        return leaf_hash(self.entries[index])

    def read(self, nodes: Sequence[Node]) -> list[bytes]:
        """Each from its one tile."""
        return [root_of(self.tile(tile)[first : first + count]) for tile, first, count in map(tile_of, nodes)]

    def tile(self, tile: Tile) -> list[bytes]:
        return self.hashes[tile.level][tile.index * TILE_WIDTH : (tile.index + 1) * TILE_WIDTH]

    def write(self, folder: Path, size: int) -> None:
        """The checkpoint and the tiles of that size, as files under their published paths."""
        for level, full, partial in tile_sizes(size):
            for index, width in [
                *((index, TILE_WIDTH) for index in range(full)),
                *([(full, partial)] if partial else []),
            ]:
                tile = Tile(level, index)
                file = folder / tile_path(tile, width)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(b"".join(self.tile(tile)[:width]))
        (folder / "checkpoint").write_text(self.note(size), encoding="utf-8")

    def _append(self, entry: bytes) -> None:
        self.entries.append(entry)
        self._add(0, leaf_hash(entry))
        for filled in self.edge.append(leaf_hash(entry)):
            self._add(filled.tile.level + 1, filled.root)

    def _add(self, level: int, hash_: bytes) -> None:
        if level == len(self.hashes):
            self.hashes.append([])
        self.hashes[level].append(hash_)


def flipped(data: bytes, at: int = 0, bit: int = 0) -> bytes:
    return data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1 :]
