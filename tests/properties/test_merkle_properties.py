"""Against RFC 6962's recursive definitions, written down here once more as they stand there."""

import base64
from collections.abc import Sequence
from functools import cache
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grown_log import GrownLog, ed25519_holds, flipped
from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.merkle import (
    TILE_WIDTH,
    Edge,
    Node,
    ProofInvalid,
    Tile,
    consistency_path,
    hashes_of,
    inclusion_path,
    root_of,
    tile_of,
    tile_sizes,
    verify_consistency,
    verify_inclusion,
)
from registry.domain.signed_notes import Checkpoint, NoteInvalid, Receipt, Verifier, opened, sign
from registry.domain.tile_paths import TilePathInvalid, parse_tile_path, tile_path

MOST = 700
"""Leaves: over two full tiles, so that level 1 has more than one hash."""
LOG = GrownLog(key=Ed25519PrivateKey.from_private_bytes(bytes(range(32)))).grow(range(MOST + 1))
LEAVES = tuple(sha256(b"\0" + entry).digest() for entry in LOG.entries)
sizes = st.integers(1, MOST)


def split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


@cache
def mth(low: int, high: int) -> bytes:
    """Section 2.1, with D[low:high] named by its bounds."""
    if high == low:
        return sha256(b"").digest()
    if high - low == 1:
        return LEAVES[low]
    k = split(high - low)
    return sha256(b"\x01" + mth(low, low + k) + mth(low + k, high)).digest()


def path(m: int, low: int, high: int) -> list[bytes]:
    """Section 2.1.1."""
    if high - low == 1:
        return []
    k = split(high - low)
    if m < k:
        return [*path(m, low, low + k), mth(low + k, high)]
    return [*path(m - k, low + k, high), mth(low, low + k)]


def subproof(m: int, low: int, high: int, *, whole: bool) -> list[bytes]:
    """Section 2.1.2."""
    if m == high - low:
        return [] if whole else [mth(low, high)]
    k = split(high - low)
    if m <= k:
        return [*subproof(m, low, low + k, whole=whole), mth(low + k, high)]
    return [*subproof(m - k, low + k, high, whole=False), mth(low, low + k)]


def read(nodes: Sequence[Node]) -> list[bytes]:
    return [mth(node.index << node.level, (node.index + 1) << node.level) for node in nodes]


@given(size=st.integers(0, MOST))
@example(size=0)
@example(size=256)
def test_the_root_is_the_recursive_one(size: int) -> None:
    assert root_of(LEAVES[:size]) == mth(0, size)


def test_every_root_of_a_growing_edge_is_the_recursive_one() -> None:
    edge = Edge()
    for size in range(MOST):
        assert edge.root() == mth(0, size)
        edge.append(LEAVES[size])


def test_every_proof_of_every_small_tree_is_the_recursive_one_and_holds() -> None:
    for size in range(1, 41):
        for at in range(size):
            proof = hashes_of(inclusion_path(at, size), read)
            assert proof == path(at, 0, size)
            verify_inclusion(LEAVES[at], at, size, proof, mth(0, size))
        for old in range(1, size + 1):
            proof = hashes_of(consistency_path(old, size), read)
            assert proof == subproof(old, 0, size, whole=True)
            verify_consistency(old, mth(0, old), size, mth(0, size), proof)


@given(size=sizes, data=st.data())
def test_an_inclusion_proof_is_the_recursive_one_holds_and_stands_no_change(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = hashes_of(inclusion_path(index, size), read), mth(0, size)
    assert proof == path(index, 0, size)
    verify_inclusion(LEAVES[index], index, size, proof, root)
    byte, bit = data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7))
    changed = [
        (LEAVES[index], index, [*proof[:at], flipped(proof[at], byte, bit), *proof[at + 1 :]], root)
        for at in range(len(proof))
    ]
    changed += [
        (flipped(LEAVES[index], byte, bit), index, proof, root),
        (LEAVES[index], index, proof, flipped(root, byte, bit)),
        (LEAVES[index], index, [*proof, root], root),
        (LEAVES[index], index, proof[:-1] if proof else [root], root),
    ]
    changed += [(LEAVES[index], other, proof, root) for other in data.draw(st.sets(st.integers(-1, size))) - {index}]
    for leaf, its_index, its_proof, its_root in changed:
        with pytest.raises(ProofInvalid):
            verify_inclusion(leaf, its_index, size, its_proof, its_root)


@given(index=st.integers(0, MOST - 1), data=st.data())
def test_a_leaf_is_proved_in_no_tree_with_another_root(index: int, data: st.DataObject) -> None:
    size, other = data.draw(st.integers(index + 1, MOST)), data.draw(st.integers(0, MOST))
    proof = hashes_of(inclusion_path(index, size), read)
    if other != size:
        with pytest.raises(ProofInvalid):
            verify_inclusion(LEAVES[index], index, other, proof, mth(0, other))


@given(new=sizes, data=st.data())
def test_a_consistency_proof_is_the_recursive_one_holds_and_stands_no_change(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof, was, root = hashes_of(consistency_path(old, new), read), mth(0, old), mth(0, new)
    assert proof == subproof(old, 0, new, whole=True)
    verify_consistency(old, was, new, root, proof)
    byte, bit = data.draw(st.integers(0, 31)), data.draw(st.integers(0, 7))
    changed = [
        (old, was, root, [*proof[:at], flipped(proof[at], byte, bit), *proof[at + 1 :]]) for at in range(len(proof))
    ]
    changed += [
        (old, flipped(was, byte, bit), root, proof),
        (old, was, flipped(root, byte, bit), proof),
        (old, was, root, [*proof, root]),
        (old, was, root, proof[1:] if proof else [root]),
    ]
    changed += [(other, was, root, proof) for other in data.draw(st.sets(st.integers(-1, new + 1))) - {old}]
    for its_old, its_was, its_root, its_proof in changed:
        with pytest.raises(ProofInvalid):
            verify_consistency(its_old, its_was, new, its_root, its_proof)


@given(size=st.integers(0, MOST))
@example(size=255)
@example(size=256)
@example(size=512)
def test_an_edge_that_is_rebuilt_from_tiles_is_the_grown_one(size: int) -> None:
    partial = [LOG.hashes[level][full * TILE_WIDTH :][:width] for level, full, width in tile_sizes(size)]
    rebuilt, grown = Edge(size, partial), Edge()
    filled = [tile for leaf in LEAVES[:size] for tile in grown.append(leaf)]
    assert (rebuilt.size, rebuilt.root()) == (grown.size, grown.root())
    assert len(filled) == sum(full for _, full, _ in tile_sizes(size))
    for leaf in LEAVES[size : size + 300]:
        assert rebuilt.append(leaf) == grown.append(leaf)
        assert rebuilt.root() == grown.root()


def test_an_edge_rebuilt_high_up_goes_on_like_the_grown_one() -> None:
    """Two full tiles of level 0 turn over level 1 at 65,536 leaves; equal leaves make such a tree cheap to know."""
    level_0, level_1 = [LEAVES[0]] * 256, [root_of([LEAVES[0]] * 256)] * 256
    edge = Edge(65_535, [level_0[:255], level_1[:255]])
    below, above = edge.append(LEAVES[0])
    assert (below.tile, list(below.hashes), below.root) == (Tile(0, 255), level_0, level_1[0])
    assert (above.tile, list(above.hashes), above.root) == (Tile(1, 0), level_1, root_of(level_1))
    assert edge.root() == above.root == Edge(65_536, [[], [], [above.root]]).root()


@given(size=st.integers(0, 2**63 - 1))
def test_tiles_hold_every_leaf_once_and_level_by_level_their_roots(size: int) -> None:
    count = size
    for at, (level, full, partial) in enumerate(tile_sizes(size)):
        assert (level, full * TILE_WIDTH + partial) == (at, count)
        assert 0 <= partial < TILE_WIDTH
        count = full
    assert count == 0


@given(size=sizes, data=st.data())
def test_every_node_of_a_tree_lies_in_one_tile_that_the_tree_has(size: int, data: st.DataObject) -> None:
    level = data.draw(st.integers(0, size.bit_length() - 1))
    node = Node(level, data.draw(st.integers(0, (size >> level) - 1)))
    tile, first, count = tile_of(node)
    held = {level: full * TILE_WIDTH + partial for level, full, partial in tile_sizes(size)}[tile.level]
    assert first + count <= TILE_WIDTH
    assert tile.index * TILE_WIDTH + first + count <= held
    assert LOG.read([node]) == read([node])


tiles = st.builds(Tile, st.integers(0, 7), st.integers(0, 10**18 - 1))


@given(tile=tiles, width=st.integers(1, 256))
def test_a_tiles_path_is_read_back(tile: Tile, width: int) -> None:
    assert parse_tile_path(tile_path(tile, width)) == (tile, width)


@given(text=st.from_regex(r"tile/[0-9]{1,2}/(x?[0-9]{3,4}/?){1,3}(\.p/[0-9]{1,3})?\n?", fullmatch=True))
def test_a_text_is_a_tiles_path_only_if_it_is_written_that_way(text: str) -> None:
    try:
        tile, width = parse_tile_path(text)
    except TilePathInvalid:
        return
    assert tile_path(tile, width) == text


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters="+"), min_size=1, max_size=200
)
hashes = st.binary(min_size=32, max_size=32)
counts = st.integers(0, 2**63 - 1)


@given(name=names, key=hashes)
def test_a_verifier_key_is_read_back(name: str, key: bytes) -> None:
    assert Verifier.parse(str(Verifier(name, key))) == Verifier(name, key)


@given(name=names, seed=hashes, size=counts, root=hashes)
def test_a_checkpoint_is_read_back_from_its_note(name: str, seed: bytes, size: int, root: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)
    verifier, checkpoint = Verifier(name, key.public_key().public_bytes_raw()), Checkpoint(name, size, root)
    text = opened(sign(checkpoint.text(), verifier, key.sign), verifier, ed25519_holds)
    assert (text, Checkpoint.parse(text, name)) == (checkpoint.text(), checkpoint)


@given(entry=st.none() | st.binary(), index=counts, proof=st.lists(hashes, max_size=63), note=st.text(max_size=300))
def test_a_receipt_is_read_back(entry: bytes | None, index: int, proof: list[bytes], note: str) -> None:
    receipt = Receipt(entry, index, tuple(proof), note)
    assert Receipt.parse(receipt.text()) == receipt


@given(index=st.integers(0, 6), size=st.sampled_from([7, 8, 257, MOST]), data=st.data())
def test_a_receipt_with_a_change_is_refused_or_says_the_same(index: int, size: int, data: st.DataObject) -> None:
    receipt = LOG.receipt(index, size)
    text = receipt.text()
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from("\n =+/A0\u2014\t") | st.characters())
    kept = data.draw(st.sampled_from([at, at + 1]))  # the character is put in, or put in another's place
    try:
        read_back = Receipt.parse(text[:at] + character + text[kept:])
        checkpoint = read_back.verify(LOG.verifier, ed25519_holds)
    except (NoteInvalid, ProofInvalid):
        return
    assert checkpoint == Checkpoint(LOG.origin, size, LOG.roots[size])
    assert (read_back.entry, read_back.index, read_back.hashes) == (receipt.entry, index, receipt.hashes)


@given(data=st.binary(max_size=400), text=st.text(max_size=200))
def test_what_is_no_note_is_refused_and_never_an_accident(data: bytes, text: str) -> None:
    encoded = base64.b64encode(data).decode()
    for note in (text, f"{text}\n\n\u2014 {LOG.origin} {encoded}\n", f"{text}\n\n{encoded}\n"):
        with pytest.raises(NoteInvalid):
            opened(note, LOG.verifier, ed25519_holds)
    with pytest.raises(NoteInvalid):
        Receipt.parse(f"c2sp.org/tlog-proof@v1\n{text}\n\n").verify(LOG.verifier, ed25519_holds)
    with pytest.raises(NoteInvalid):
        Verifier.parse(f"{LOG.origin}+{LOG.verifier.key_id.hex()}+{text}")
