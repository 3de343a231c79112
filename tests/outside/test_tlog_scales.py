"""tlog-scales, a Python reader of such logs that shares no code with the registry, accepts what its modules make, and
nothing that was changed.
"""

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grown_log import GrownLog, ed25519_holds, flipped
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import PlainEd25519Signer, Vkey
from tlog_scales.tiles import level_tiles
from tlog_scales.tiles import tile_path as path_elements
from tlog_scales.tlog import (
    Checkpoint,
    ConsistencyProof,
    ConsistencyProofInvalid,
    InclusionProof,
    InclusionProofInvalid,
)

from registry.domain import signed_notes
from registry.domain.merkle import EMPTY_ROOT, TILE_WIDTH, Tile, tile_sizes
from registry.domain.signed_notes import Verifier
from registry.domain.tile_paths import tile_path

SIZES = (1, 2, 3, 7, 255, 256, 257, 70_000)
PAIRS = [(old, new) for new in SIZES for old in SIZES if old <= new]


@pytest.fixture(scope="module")
def log() -> GrownLog:
    return GrownLog().grow([0, *SIZES])


def places(size: int) -> list[int]:
    return sorted({at for at in (0, 1, 6, 254, 255, 256, 65_535, 65_536, size // 3, size - 1) if at < size})


@pytest.mark.parametrize("size", [0, *SIZES])
def test_it_accepts_the_signed_checkpoint(log: GrownLog, size: int) -> None:
    checkpoint = Checkpoint.from_text(log.note(size))
    checkpoint.verify(Vkey.from_string(str(log.verifier)))
    assert (checkpoint.origin, checkpoint.size, checkpoint.root_hash) == (log.origin, size, log.roots[size])


def test_it_refuses_a_changed_checkpoint_and_another_key(log: GrownLog) -> None:
    key, note = Vkey.from_string(str(log.verifier)), log.note(256)
    other = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    for changed in (note.replace("\n256\n", "\n257\n"), note.replace(log.note(256).split("\n")[2], "A" * 43 + "=")):
        assert changed != note
        with pytest.raises(InvalidSignature):
            Checkpoint.from_text(changed).verify(key)
    with pytest.raises(RuntimeError, match="no signature matched"):
        Checkpoint.from_text(note).verify(Vkey.from_string(str(Verifier(log.origin, other))))


def test_the_registry_accepts_a_checkpoint_that_it_signs(log: GrownLog) -> None:
    signer = PlainEd25519Signer(log.origin, log.key)
    note = Checkpoint.make_signed(log.origin, 257, log.roots[257], [signer]).serialize()
    assert note == log.note(257)
    text = signed_notes.opened(note, log.verifier, ed25519_holds)
    assert signed_notes.Checkpoint.parse(text, log.origin).root == log.roots[257]


@pytest.mark.parametrize("size", SIZES)
def test_it_accepts_inclusion_and_refuses_what_was_changed(log: GrownLog, size: int) -> None:
    root = log.roots[size]
    for index in places(size):
        leaf, hashes = log.leaf(index), log.inclusion(index, size)
        proof = InclusionProof(index, size, hashes)
        proof.check(leaf, root)
        bad = [(proof, flipped(leaf), root), (proof, leaf, flipped(root))]
        bad += [
            (InclusionProof(index, size, [*hashes, root]), leaf, root),
            (InclusionProof(size, size, hashes), leaf, root),
        ]
        for at, hash_ in enumerate(hashes):
            changed = [*hashes[:at], flipped(hash_, at), *hashes[at + 1 :]]
            bad.append((InclusionProof(index, size, changed), leaf, root))
        for forged, its_leaf, its_root in bad:
            with pytest.raises(InclusionProofInvalid):
                forged.check(its_leaf, its_root)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_it_accepts_consistency_and_refuses_what_was_changed(log: GrownLog, old: int, new: int) -> None:
    hashes, was, root = log.consistency(old, new), log.roots[old], log.roots[new]
    proof = ConsistencyProof(old, new, hashes)
    proof.check(was, root)
    bad = [
        (proof, flipped(was), root),
        (proof, was, flipped(root)),
        (ConsistencyProof(old, new, [*hashes, root]), was, root),
    ]
    for at, hash_ in enumerate(hashes):
        bad.append((ConsistencyProof(old, new, [*hashes[:at], flipped(hash_), *hashes[at + 1 :]]), was, root))
    for forged, its_was, its_root in bad:
        with pytest.raises(ConsistencyProofInvalid):
            forged.check(its_was, its_root)


def test_an_empty_tree_is_the_beginning_of_every_tree_for_both(log: GrownLog) -> None:
    assert log.roots[0] == EMPTY_ROOT
    ConsistencyProof(0, 7, []).check(EMPTY_ROOT, log.roots[7])
    with pytest.raises(ConsistencyProofInvalid):
        ConsistencyProof(0, 7, []).check(log.roots[1], log.roots[7])


@pytest.mark.parametrize("size", SIZES)
def test_it_makes_the_same_root_and_proofs_from_the_published_tiles(log: GrownLog, size: int, tmp_path: Path) -> None:
    log.write(tmp_path, size)
    reader = TilesReader(LocalBackend(tmp_path))
    assert reader.get_checkpoint().root_hash == reader.calculate_root_hash() == log.roots[size]
    for index in places(size):
        assert reader.get_inclusion_proof(index, size).node_hashes == log.inclusion(index, size)
    for old in SIZES[: SIZES.index(size) + 1]:
        assert reader.get_consistency_proof(old, size).node_hashes == log.consistency(old, size)


@pytest.mark.parametrize("size", [0, *SIZES, 2**24, 2**40 + 12_345])
def test_it_counts_the_same_tiles(size: int) -> None:
    for level, full, partial in tile_sizes(size):
        assert level_tiles(size, level) == (full, partial)
    assert level_tiles(size, len(tile_sizes(size))) == (0, 0)


@pytest.mark.parametrize("index", [0, 1, 999, 1_000, 1_234_067, 999_999_999, 10**9, 2**55 - 1])
def test_it_writes_the_same_paths(index: int) -> None:
    for level in (0, 3, 7):
        assert tile_path(Tile(level, index), TILE_WIDTH) == "/".join(path_elements(level, index))
        for width in (1, 42, 255):
            assert tile_path(Tile(level, index), width) == "/".join(path_elements(level, index, width))
