"""Go's golang.org/x/mod/sumdb accepts what the registry's modules make, and nothing that was changed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from grown_log import GrownLog, flipped
from outside_verifiers import (
    SOURCES,
    WANTED,
    GoVerifier,
    Job,
    consistency_job,
    go_verifier,
    inclusion_job,
    note_job,
    path_job,
    receipt_job,
)

from registry.domain.merkle import Tile, tile_sizes
from registry.domain.signed_notes import Checkpoint, Verifier, sign
from registry.domain.tile_paths import tile_path

SIZES = (1, 2, 3, 7, 255, 256, 257, 70_000)
PAIRS = [(old, new) for new in SIZES for old in SIZES if old <= new]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> GoVerifier:
    return go_verifier(tmp_path_factory.mktemp("go"))


@pytest.fixture(scope="module")
def log() -> GrownLog:
    return GrownLog().grow(SIZES)


def places(size: int) -> list[int]:
    """The edges of the tree and of its tiles, and a few between."""
    return sorted(
        {at for at in (0, 1, 2, 6, 127, 254, 255, 256, 511, 65_535, 65_536, size // 3, size - 1) if at < size}
    )


def test_without_go_the_test_is_skipped_and_names_the_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="golang-go and golang-golang-x-mod-dev"):
        go_verifier(tmp_path)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=WANTED):
        go_verifier(tmp_path)


def test_the_verifier_computes_no_hash_by_itself() -> None:
    assert not [source.name for source in SOURCES.glob("*.go") if "crypto/" in source.read_text(encoding="utf-8")]


def test_go_accepts_every_signed_checkpoint(go: GoVerifier, log: GrownLog) -> None:
    jobs = [note_job(str(log.verifier), log.note(size)) for size in SIZES]
    assert go.check_all(jobs) == [None] * len(SIZES)
    assert go.check_note(str(log.verifier), log.note(1)) is None


def test_go_refuses_a_checkpoint_with_any_one_byte_changed(go: GoVerifier, log: GrownLog) -> None:
    note = log.note(70_000)
    changed = list(one_character_changed(note))
    said = go.check_all(note_job(str(log.verifier), text) for text in changed)
    assert accepted_elsewhere(note, said) == []


def accepted_elsewhere(text: str, said: list[str | None]) -> list[int]:
    """Places of accepted changes. The last digit before base64's padding has bits that mean nothing; Go reads over
    them, the registry does not.
    """
    return [at for at, refusal in enumerate(said) if refusal is None and text[at + 1 : at + 2] != "="]


def one_character_changed(text: str) -> Iterator[str]:
    for at, character in enumerate(text):
        yield text[:at] + ("\u2013" if character == "\u2014" else chr(ord(character) ^ 1)) + text[at + 1 :]


def test_go_refuses_another_key_another_name_and_another_logs_note(go: GoVerifier, log: GrownLog) -> None:
    other = Ed25519PrivateKey.generate()
    stranger = Verifier(log.origin, other.public_key().public_bytes_raw())
    assert go.check_note(str(stranger), log.note(7)) == "note has no verifiable signatures"
    assert go.check_note(str(Verifier("log.example/other", log.verifier.public_key)), log.note(7)) is not None
    forged = sign(Checkpoint(log.origin, 7, log.roots[7]).text(), log.verifier, other.sign)
    assert (
        go.check_note(str(log.verifier), forged)
        == f"invalid signature for key {log.origin}+{log.verifier.key_id.hex()}"
    )
    assert go.check_note(str(log.verifier)[:-4] + "AAAA", log.note(7)) == "invalid verifier hash"


def test_go_accepts_a_name_outside_of_ascii(go: GoVerifier) -> None:
    log = GrownLog("registro.example/señales").grow([3])
    assert go.check_receipt(str(log.verifier), log.receipt(1, 3).text()) is None


@pytest.mark.parametrize("size", SIZES)
def test_go_accepts_inclusion_and_refuses_what_was_changed(go: GoVerifier, log: GrownLog, size: int) -> None:
    root = log.roots[size]
    good: list[Job] = []
    bad: list[Job] = []
    for index in places(size):
        leaf, proof = log.leaf(index), log.inclusion(index, size)
        good.append(inclusion_job(leaf, index, size, proof, root))
        bad += [
            inclusion_job(flipped(leaf, 31), index, size, proof, root),
            inclusion_job(leaf, index, size, proof, flipped(root, 7, bit=7)),
            inclusion_job(leaf, index, size, [*proof, root], root),
            inclusion_job(leaf, size, size, proof, root),
        ]
        bad += [
            inclusion_job(leaf, index, size, [*proof[:at], flipped(proof[at], at), *proof[at + 1 :]], root)
            for at in range(len(proof))
        ]
        bad += [inclusion_job(leaf, other, size, proof, root) for other in places(size) if other != index]
    assert go.check_all(good) == [None] * len(good)
    assert None not in go.check_all(bad)
    told = log.leaf(0), 0, size, log.inclusion(0, size), root
    assert go.check_inclusion(*told) is None


def test_go_accepts_consistency_and_refuses_what_was_changed(go: GoVerifier, log: GrownLog) -> None:
    good: list[Job] = []
    bad: list[Job] = []
    for old, new in PAIRS:
        proof, was, root = log.consistency(old, new), log.roots[old], log.roots[new]
        good.append(consistency_job(old, was, new, root, proof))
        bad += [
            consistency_job(old, flipped(was, 3), new, root, proof),
            consistency_job(old, was, new, flipped(root, 3), proof),
            consistency_job(old, was, new, root, [*proof, root]),
        ]
        bad += [
            consistency_job(old, was, new, root, [*proof[:at], flipped(proof[at]), *proof[at + 1 :]])
            for at in range(len(proof))
        ]
    assert go.check_all(good) == [None] * len(PAIRS)
    assert None not in go.check_all(bad)
    told = log.roots[7], 70_000, log.roots[70_000], log.consistency(7, 70_000)
    assert go.check_consistency(7, *told) is None
    assert go.check_consistency(6, *told) is not None


@pytest.mark.parametrize("size", SIZES)
def test_go_reads_the_whole_tree_from_the_published_tiles(
    go: GoVerifier, log: GrownLog, size: int, tmp_path: Path
) -> None:
    log.write(tmp_path, size)
    assert go.check_tiles(tmp_path, size, log.roots[size]) is None
    assert "inconsistent" in str(go.check_tiles(tmp_path, size, flipped(log.roots[size])))
    written = sorted(path for path in (tmp_path / "tile").rglob("*") if path.is_file())
    assert len(written) == sum(full + bool(partial) for _, full, partial in tile_sizes(size))
    for path in {*written[:3], written[len(written) // 2], *written[-3:]}:
        whole = path.read_bytes()
        path.write_bytes(flipped(whole, len(whole) - 1))
        assert "inconsistent" in str(go.check_tiles(tmp_path, size, log.roots[size]))
        path.write_bytes(whole)
    shutil.rmtree(tmp_path / "tile")
    assert "no such file" in str(go.check_tiles(tmp_path, size, log.roots[size]))


def test_go_verifies_a_receipt_offline_and_refuses_any_byte_of_its_entry_and_proof(
    go: GoVerifier, log: GrownLog
) -> None:
    key = str(log.verifier)
    receipts = [log.receipt(index, size).text() for size in SIZES for index in places(size)]
    assert go.check_all(receipt_job(key, receipt) for receipt in receipts) == [None] * len(receipts)
    receipt = log.receipt(0, 257).text()
    assert go.check_receipt(key, receipt) is None
    changed = list(one_character_changed(receipt))
    said = go.check_all(receipt_job(key, text) for text in changed)
    assert accepted_elsewhere(receipt, said) == []


@pytest.mark.parametrize("index", [0, 1, 999, 1_000, 1_234_067, 999_999_999, 10**9, 2**55 - 1])
@pytest.mark.parametrize("width", [1, 255, 256])
def test_go_reads_tile_paths(go: GoVerifier, index: int, width: int) -> None:
    jobs = [path_job(tile_path(Tile(level, index), width)) for level in (0, 3, 7)]
    assert go.check_all([*jobs, path_job("tile/0/1"), path_job("tile/0/x000/001")])[:3] == [None] * 3
    assert None not in go.check_all([path_job("tile/0/1"), path_job("tile/0/x000/001"), path_job("tile/0/001.p/256")])
