"""The tree of the audit log: RFC 6962 hashing, its nodes and tiles, and the proofs that are made of them.

Pure arithmetic: a tree is an ascending row of leaf hashes, and whoever has a way to read nodes can build every proof.
A node is named by its level (0: leaves) and its index on it; only complete nodes, over 2**level leaves, have a name.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

HASH_BYTES: Final = 32
TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
"""Hashes in a full tile (C2SP tlog-tiles)."""
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


class ProofInvalid(Exception):  # noqa: N818 - it states what was found
    """A proof does not prove what it is shown for. The message says what does not fit, for people."""


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """A complete subtree: the leaves from index * 2**level on, 2**level of them."""

    level: int
    index: int


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """256 hashes of one level, or fewer at the right edge. Level 0 holds leaves, level 1 the roots of their tiles."""

    level: int
    index: int


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, section 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """The root over these hashes; a last one without a partner is promoted, never doubled."""
    level = list(hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*paired, level[-1]] if len(level) % 2 else paired
    return level[0]


@dataclass(frozen=True, slots=True)
class FullTile:
    """hashes: 256, from left to right. root: theirs, which is one hash of the next level's tile."""

    tile: Tile
    hashes: tuple[bytes, ...]
    root: bytes


class Edge:
    """The right edge of a growing tree: the hashes of each level's partial tile, and the roots of the complete subtrees
    that the tree is made of. Memory grows with log(n); a leaf costs two hashes on average, a root at most log(n).
    """

    __slots__ = ("_partial", "_peaks", "size")

    def __init__(self, size: int = 0, partial: Iterable[Sequence[bytes]] = ()) -> None:
        """partial: the hashes of the partial tile of each level of `tile_sizes(size)`, empty where there is none."""
        self.size = size
        self._partial = [list(hashes) for hashes in partial]
        if [len(hashes) for hashes in self._partial] != [partial for _, _, partial in tile_sizes(size)]:
            raise ValueError("these are not the partial tiles of a tree of this size")
        self._peaks: list[bytes] = []
        for hashes in reversed(self._partial):
            low = 0
            for node in _complete(0, len(hashes)):
                self._peaks.append(root_of(hashes[low : low + (1 << node.level)]))
                low += 1 << node.level

    def copy(self) -> "Edge":
        return Edge(self.size, self._partial)

    def append(self, hash_: bytes) -> list[FullTile]:
        """One more leaf; the tiles that it has filled."""
        filled: list[FullTile] = []
        index, level = self.size, 0
        self.size += 1
        self._add(0, hash_)
        while index & 1:
            hash_ = node_hash(self._peaks.pop(), hash_)
            index, level = index >> 1, level + 1
            if level % TILE_HEIGHT == 0:
                below = level // TILE_HEIGHT - 1
                filled.append(FullTile(Tile(below, index), tuple(self._partial[below]), hash_))
                self._partial[below] = []
                self._add(below + 1, hash_)
        self._peaks.append(hash_)
        return filled

    def root(self) -> bytes:
        """RFC 6962's root of the whole tree."""
        return _folded(self._peaks)

    def _add(self, level: int, hash_: bytes) -> None:
        if level == len(self._partial):
            self._partial.append([])
        self._partial[level].append(hash_)


def inclusion_path(index: int, size: int) -> list[list[Node]]:
    """RFC 6962, section 2.1.1: for each hash of the proof, leaf side first, the nodes that it folds from."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    path: list[list[Node]] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_complete(middle, high))
            high = middle
        else:
            path.append(_complete(low, middle))
            low = middle
    return path[::-1]


def consistency_path(old: int, new: int) -> list[list[Node]]:
    """RFC 6962, section 2.1.2: the nodes of each hash of the proof that the old tree is the new one's beginning."""
    if not 0 < old <= new:
        raise ValueError("a consistency proof leads from a smaller tree that is not empty to a larger one")
    path: list[list[Node]] = []
    low, high, whole = 0, new, True
    while old != high:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_complete(middle, high))
            high = middle
        else:
            path.append(_complete(low, middle))
            low, whole = middle, False
    if not whole:
        path.append(_complete(low, high))
    return path[::-1]


def hashes_of(path: Sequence[Sequence[Node]], read: Callable[[Sequence[Node]], Sequence[bytes]]) -> list[bytes]:
    """The hashes of a path. read: the hashes of many nodes at once, in their order."""
    found = iter(read([node for nodes in path for node in nodes]))
    return [_folded([next(found) for _ in nodes]) for nodes in path]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofInvalid unless the leaf hash stands at the index of the tree of this size and root."""
    if not 0 <= index < size:
        raise ProofInvalid("The index lies outside of the tree.")
    _require_hashes(leaf, root, *proof)
    _require_length(proof, len(inclusion_path(index, size)))
    found = leaf
    for on_left, hash_ in _sides(index, size - 1, proof):
        found = node_hash(hash_, found) if on_left else node_hash(found, hash_)
    if found != root:
        raise ProofInvalid("The proof leads to another root than the checkpoint's.")


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ProofInvalid unless the tree of the old size and root is the beginning of the new one."""
    if not 0 <= old <= new:
        raise ProofInvalid("The later tree is smaller than the earlier one.")
    _require_hashes(old_root, new_root, *proof)
    if old == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("The earlier tree is empty, and its root is not that of an empty tree.")
    if old in {0, new}:
        _require_length(proof, 0)
        if old == new and old_root != new_root:
            raise ProofInvalid("Two trees of one size have different roots.")
        return
    _require_length(proof, len(consistency_path(old, new)))
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    # Where the old tree is complete in itself, its root is where the proof begins, and is not in it.
    first, rest = (proof[0], proof[1:]) if at else (old_root, proof)
    found_old = found_new = first
    for on_left, hash_ in _sides(at, last, rest):
        if on_left:
            found_old, found_new = node_hash(hash_, found_old), node_hash(hash_, found_new)
        else:
            found_new = node_hash(found_new, hash_)
    if found_old != old_root:
        raise ProofInvalid("The proof does not begin with the tree that was seen before.")
    if found_new != new_root:
        raise ProofInvalid("The proof does not lead to the tree that is shown now.")


def _require_hashes(*hashes: bytes) -> None:
    """Of other lengths, two inputs of a node could be cut in another place and still give its hash."""
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise ProofInvalid("A hash has 32 bytes.")


def _require_length(proof: Sequence[bytes], length: int) -> None:
    if len(proof) != length:
        raise ProofInvalid(f"The proof has {len(proof)} hashes, and it would have {length}.")


def _sides(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bool, bytes]]:
    """Going up from a node, at the right edge past the levels on which it has no partner: each hash, and whether it
    stands on the left (RFC 9162, sections 2.1.3.2 and 2.1.4.2).
    """
    for hash_ in proof:
        on_left = bool(at & 1) or at == last
        yield on_left, hash_
        while on_left and at and not at & 1:
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1


def tile_of(node: Node) -> tuple[Tile, int, int]:
    """The tile that a node is computed from: the tile, and the first and the number of its hashes."""
    within = node.level % TILE_HEIGHT
    first = node.index << within
    return Tile(node.level // TILE_HEIGHT, first >> TILE_HEIGHT), first % TILE_WIDTH, 1 << within


def tile_sizes(size: int) -> list[tuple[int, int, int]]:
    """For every level of tiles of a tree: the level, its full tiles, and the hashes in its partial one (0: none)."""
    if size < 0:
        raise ValueError("a tree has no fewer than no leaves")
    found: list[tuple[int, int, int]] = []
    level = 0
    while size:
        found.append((level, size >> TILE_HEIGHT, size % TILE_WIDTH))
        level, size = level + 1, size >> TILE_HEIGHT
    return found


def _split(count: int) -> int:
    """The largest power of two below a count of at least two."""
    return 1 << (count - 1).bit_length() - 1


def _complete(low: int, high: int) -> list[Node]:
    """The complete subtrees of a range whose start is aligned for them, from left to right."""
    found: list[Node] = []
    while low < high:
        level = (high - low).bit_length() - 1
        found.append(Node(level, low >> level))
        low += 1 << level
    return found


def _folded(hashes: Sequence[bytes]) -> bytes:
    """The root of a tree from those of its complete subtrees, from left to right."""
    if not hashes:
        return EMPTY_ROOT
    *before, root = hashes
    for hash_ in reversed(before):
        root = node_hash(hash_, root)
    return root
