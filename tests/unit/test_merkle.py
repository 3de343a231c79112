"""Published vectors: the eight leaves that Certificate Transparency's implementations are tested with."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import pytest

from registry.domain.merkle import (
    EMPTY_ROOT,
    TILE_WIDTH,
    Edge,
    Node,
    ProofInvalid,
    Tile,
    consistency_path,
    hashes_of,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_of,
    tile_of,
    tile_sizes,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
LEAF_2 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
LEAF_5 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
FIRST_4, FIRST_2 = ROOTS[4].hex(), ROOTS[2].hex()
LEAVES_3_4 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
LEAVES_5_6 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"
LEAVES_7_8 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
LAST_4 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
INCLUSION: list[tuple[int, int, list[str]]] = [
    (0, 1, []),
    (0, 8, [LEAF_2, LEAVES_3_4, LAST_4]),
    (5, 8, [LEAF_5, LEAVES_7_8, FIRST_4]),
    (2, 3, [FIRST_2]),
    (1, 5, [ROOTS[1].hex(), LEAVES_3_4, LEAF_5]),
]
CONSISTENCY: list[tuple[int, int, list[str]]] = [
    (1, 1, []),
    (1, 8, [LEAF_2, LEAVES_3_4, LAST_4]),
    (6, 8, [LEAVES_5_6, LEAVES_7_8, FIRST_4]),
    (2, 5, [LEAVES_3_4, LEAF_5]),
]
GARBAGE = bytes(range(32))


def read(nodes: Sequence[Node]) -> list[bytes]:
    return [root_of(LEAVES[node.index << node.level : (node.index + 1) << node.level]) for node in nodes]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_come_out_however_the_tree_is_made(size: int) -> None:
    edge = Edge()
    assert [edge.append(leaf) for leaf in LEAVES[:size]] == [[]] * size
    assert (edge.size, edge.root(), root_of(LEAVES[:size])) == (size, ROOTS[size], ROOTS[size])


@pytest.mark.parametrize(("index", "size", "published"), INCLUSION)
def test_the_published_inclusion_proofs_come_out_and_hold(index: int, size: int, published: list[str]) -> None:
    proof = hashes_of(inclusion_path(index, size), read)
    assert [hash_.hex() for hash_ in proof] == published
    verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize(("old", "new", "published"), CONSISTENCY)
def test_the_published_consistency_proofs_come_out_and_hold(old: int, new: int, published: list[str]) -> None:
    proof = hashes_of(consistency_path(old, new), read)
    assert [hash_.hex() for hash_ in proof] == published
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


Change: TypeAlias = Callable[[list[bytes]], list[bytes]]
CHANGES: dict[str, Change] = {
    "garbage at its end": lambda proof: [*proof, GARBAGE],
    "nothing at its end": lambda proof: [*proof, b""],
    "garbage at its beginning": lambda proof: [GARBAGE, *proof],
    "the whole tree's root at its end": lambda proof: [*proof, ROOTS[8]],
    "the whole tree's root at its beginning": lambda proof: [ROOTS[8], *proof],
    "one hash more in the middle": lambda proof: [proof[0], GARBAGE, *proof[1:]],
    "one hash twice": lambda proof: [proof[0], *proof],
    "no last hash": lambda proof: proof[:-1],
    "no first hash": lambda proof: proof[1:],
    "no hashes": lambda _: [],
    "two hashes swapped": lambda proof: [proof[1], proof[0], *proof[2:]],
    "a hash cut short": lambda proof: [proof[0][:-1], *proof[1:]],
    "a hash too long": lambda proof: [proof[0] + b"\0", *proof[1:]],
    "one bit flipped in the first hash": lambda proof: [bytes([proof[0][0] ^ 0x10]) + proof[0][1:], *proof[1:]],
    "one bit flipped in the last hash": lambda proof: [*proof[:-1], proof[-1][:-1] + bytes([proof[-1][-1] ^ 1])],
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(("index", "size", "published"), [case for case in INCLUSION if len(case[2]) > 1])
def test_a_changed_inclusion_proof_is_refused(index: int, size: int, published: list[str], change: Change) -> None:
    proof = change([bytes.fromhex(hash_) for hash_ in published])
    with pytest.raises(ProofInvalid):
        verify_inclusion(LEAVES[index], index, size, proof, ROOTS[size])


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize(("old", "new", "published"), [case for case in CONSISTENCY if len(case[2]) > 1])
def test_a_changed_consistency_proof_is_refused(old: int, new: int, published: list[str], change: Change) -> None:
    proof = change([bytes.fromhex(hash_) for hash_ in published])
    with pytest.raises(ProofInvalid):
        verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


@pytest.mark.parametrize(("index", "size", "published"), INCLUSION)
def test_a_proof_holds_for_no_other_leaf_place_size_and_root(index: int, size: int, published: list[str]) -> None:
    proof = [bytes.fromhex(hash_) for hash_ in published]
    leaf, root = LEAVES[index], ROOTS[size]
    others = [
        *((leaf, other, size, root) for other in (index - 1, index + 1, index ^ 2, -1, size) if other != index),
        # One more leaf can leave a path as it is; the root says which tree it is, and that is signed with the size.
        *((leaf, index, other, root) for other in (0, size * 2, size // 2, -size)),
        *((leaf, index, size, other) for other in (GARBAGE, EMPTY_ROOT, b"", root[:-1], root + b"\0", b"\0" + root)),
        *((other, index, size, root) for other in (GARBAGE, b"", LEAVES[7], leaf[:-1], leaf + b"\0")),
    ]
    for other in others:
        its_leaf, its_index, its_size, its_root = other
        with pytest.raises(ProofInvalid):
            verify_inclusion(its_leaf, its_index, its_size, proof, its_root)


@pytest.mark.parametrize(("old", "new", "published"), CONSISTENCY)
def test_consistency_holds_for_no_other_sizes_and_roots(old: int, new: int, published: list[str]) -> None:
    proof = [bytes.fromhex(hash_) for hash_ in published]
    for its_old, its_new in (
        (old - 1, new),
        (old + 1, new),
        (old ^ 2, new),
        (old, new * 2),
        (old, new // 2),
        (-1, new),
    ):
        with pytest.raises(ProofInvalid):
            verify_consistency(its_old, ROOTS[old], its_new, ROOTS[new], proof)
    swapped = [] if old == new else [(ROOTS[new], ROOTS[old])]
    for was, root in ((GARBAGE, ROOTS[new]), (ROOTS[old], GARBAGE), (b"", ROOTS[new]), (ROOTS[old], b""), *swapped):
        with pytest.raises(ProofInvalid):
            verify_consistency(old, was, new, root, proof)


def test_a_tree_is_consistent_with_itself_and_nothing_else_of_its_size() -> None:
    verify_consistency(3, ROOTS[3], 3, ROOTS[3], [])
    with pytest.raises(ProofInvalid, match="one size have different roots"):
        verify_consistency(3, ROOTS[3], 3, ROOTS[4], [])
    with pytest.raises(ProofInvalid, match="has 1 hashes, and it would have 0"):
        verify_consistency(3, ROOTS[3], 3, ROOTS[3], [ROOTS[3]])


def test_the_empty_tree_is_the_beginning_of_every_tree_and_has_one_root() -> None:
    for size in (0, 1, 8):
        verify_consistency(0, EMPTY_ROOT, size, ROOTS[size], [])
        with pytest.raises(ProofInvalid, match="not that of an empty tree"):
            verify_consistency(0, ROOTS[1], size, ROOTS[size], [])
    with pytest.raises(ProofInvalid, match="has 1 hashes"):
        verify_consistency(0, EMPTY_ROOT, 8, ROOTS[8], [ROOTS[8]])
    with pytest.raises(ProofInvalid, match="different roots"):
        verify_consistency(0, EMPTY_ROOT, 0, ROOTS[1], [])


def test_a_refusal_says_what_does_not_fit() -> None:
    proof = hashes_of(consistency_path(6, 8), read)
    with pytest.raises(ProofInvalid, match="lies outside of the tree"):
        verify_inclusion(LEAVES[0], 1, 1, [], ROOTS[1])
    with pytest.raises(ProofInvalid, match="another root than the checkpoint's"):
        verify_inclusion(LEAVES[1], 0, 1, [], ROOTS[1])
    with pytest.raises(ProofInvalid, match="smaller than the earlier one"):
        verify_consistency(2, ROOTS[2], 1, ROOTS[1], [])
    with pytest.raises(ProofInvalid, match="does not begin with the tree that was seen before"):
        verify_consistency(6, ROOTS[5], 8, ROOTS[8], proof)
    with pytest.raises(ProofInvalid, match="does not lead to the tree that is shown now"):
        verify_consistency(6, ROOTS[6], 8, ROOTS[7], proof)
    with pytest.raises(ProofInvalid, match="32 bytes"):
        verify_consistency(6, ROOTS[6], 8, ROOTS[8], [*proof[:-1], proof[-1] * 2])


def test_a_leaf_is_never_taken_for_a_node() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1]) == ROOTS[2]


def test_paths_lead_only_to_what_a_tree_has() -> None:
    for index, size in ((0, 0), (1, 1), (-1, 1), (8, 8)):
        with pytest.raises(ValueError, match="not in the tree"):
            inclusion_path(index, size)
    for old, new in ((0, 0), (0, 1), (2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="smaller tree that is not empty"):
            consistency_path(old, new)


def test_a_node_is_computed_from_one_tile() -> None:
    assert tile_of(Node(0, 0)) == (Tile(0, 0), 0, 1)
    assert tile_of(Node(0, 300)) == (Tile(0, 1), 44, 1)
    assert tile_of(Node(7, 3)) == (Tile(0, 1), 128, 128)
    assert tile_of(Node(8, 3)) == (Tile(1, 0), 3, 1)
    assert tile_of(Node(15, 3)) == (Tile(1, 1), 128, 128)
    assert tile_of(Node(16, 256)) == (Tile(2, 1), 0, 1)


def test_the_formats_own_example_of_tiles() -> None:
    assert tile_sizes(70_000) == [(0, 273, 112), (1, 1, 17), (2, 0, 1)]
    assert tile_sizes(256) == [(0, 1, 0), (1, 0, 1)]
    assert tile_sizes(0) == []
    with pytest.raises(ValueError, match="no fewer than no leaves"):
        tile_sizes(-1)


def test_the_edge_hands_out_each_tile_once_when_it_is_full() -> None:
    edge, leaves = Edge(), [leaf_hash(bytes([at])) for at in range(TILE_WIDTH)]
    assert [edge.append(leaf) for leaf in leaves[:-1]] == [[]] * (TILE_WIDTH - 1)
    (filled,) = edge.append(leaves[-1])
    assert (filled.tile, list(filled.hashes), filled.root) == (Tile(0, 0), leaves, root_of(leaves))
    assert edge.append(leaves[0]) == []


def test_a_copy_of_the_edge_grows_by_itself() -> None:
    edge = Edge(3, [LEAVES[:3]])
    copy = edge.copy()
    copy.append(LEAVES[3])
    assert (edge.size, edge.root()) == (3, ROOTS[3])
    assert (copy.size, copy.root()) == (4, ROOTS[4])


@pytest.mark.parametrize("partial", [[], [LEAVES[:2]], [LEAVES[:4]], [LEAVES[:3], LEAVES[:1]], [[], LEAVES[:3]]])
def test_an_edge_is_not_rebuilt_from_other_tiles_than_its_sizes(partial: list[list[bytes]]) -> None:
    with pytest.raises(ValueError, match="not the partial tiles"):
        Edge(3, partial)
