"""A number's tags under every generation whose keys are held, for who asks about their own number."""

from pathlib import Path

import pytest
from holders import start_of
from house import sandbox_settings

from registry import key_file
from registry.domain.errors import Code, Refused
from registry.domain.generations import Generation, Generations
from registry.key_file import KeyFile
from registry.keys import KeyRing, SecretKey
from registry.operations.registry import normaliser
from registry.signers import Signers
from registry.tagging import InProcess, WithoutKeys, WrittenNumber

NUMBER = "+12065550177"
SEEDS = {number: bytes([number]) * 32 for number in range(1, 6)}
FILE = KeyFile(SEEDS, bytes(range(32)))
KEYS = {number: SecretKey(seed) for number, seed in SEEDS.items()}
KNOWN = Generations.of(
    [
        Generation(1, KEYS[1].public_key, None, retired=True),
        Generation(2, KEYS[2].public_key, None, retired=True),
        Generation(3, KEYS[3].public_key, 2),
        Generation(4, KEYS[4].public_key, 3, retired=True),
        Generation(5, KEYS[5].public_key),
    ]
)
"""1 is retired; 2 was carried on by 3, and that by 4, which is retired as well; 5 is the newest."""


def expected() -> dict[int, bytes]:
    second = KEYS[2].tag(NUMBER)
    third = KEYS[3].chained(second)
    return {
        5: KEYS[5].tag(NUMBER),
        4: KEYS[4].chained(third),
        3: third,
        2: second,
        1: KEYS[1].tag(NUMBER),
    }


def test_retired_and_chained_generations_are_among_them() -> None:
    found = KeyRing.of(FILE, KNOWN).every_tag(NUMBER)
    assert found == expected()
    assert list(found) == [5, 4, 3, 2, 1]


def test_a_destroyed_key_leaves_out_its_generation_and_what_is_chained_from_it() -> None:
    assert KeyRing.of(FILE.without(1), KNOWN).every_tag(NUMBER).keys() == {2, 3, 4, 5}
    assert KeyRing.of(FILE.without(4), KNOWN).every_tag(NUMBER).keys() == {1, 2, 3, 5}
    retired = Generations.of(
        Generation(one.number, one.public_key, one.parent, one.number < 5) for one in KNOWN.known.values()
    )
    assert KeyRing.of(FILE.without(2), retired).every_tag(NUMBER).keys() == {1, 5}


def test_a_key_that_is_not_the_retired_generations_own_counts_as_destroyed() -> None:
    """With a wrong key nothing would be found, and the answer would say that nothing was told."""
    assert KeyRing.of(KeyFile({**SEEDS, 1: bytes(32)}, bytes(32)), KNOWN).every_tag(NUMBER).keys() == {2, 3, 4, 5}


def test_nothing_else_is_evaluated_under_a_retired_generation() -> None:
    ring = KeyRing.of(FILE, KNOWN)
    assert ring.tags(NUMBER) == (expected()[5], expected()[3])
    for number in (1, 4):
        with pytest.raises(KeyError):
            ring.evaluate_batch(number, bytes(32))
        with pytest.raises(KeyError):
            ring.chain(number, [bytes(32)])
    assert not [seed for seed in SEEDS.values() if repr(seed) in repr(ring) or seed.hex() in repr(ring)]


def test_a_signer_gives_what_the_same_keys_give_in_this_process(tmp_path: Path) -> None:
    settings = sandbox_settings()
    key_file.write(tmp_path / "keys.json", FILE, None)
    here = InProcess(normaliser(settings), KeyRing.of(FILE, KNOWN))
    signers = Signers(start_of(settings, tmp_path / "keys.json", KNOWN), 1)
    try:
        for tagging in (here, signers):
            assert tagging.every_tag(WrittenNumber("(206) 555-0177", "US")) == expected()
            elsewhere = tagging.every_tag(WrittenNumber("+44 7400 123456", None))
            assert isinstance(elsewhere, dict)
            assert len(elsewhere) == 5
            refused = tagging.every_tag(WrittenNumber("+1 206 555", None))
            assert isinstance(refused, Refused)
            assert refused.code is Code.TOO_SHORT
            assert "206" not in refused.detail
    finally:
        signers.close()


def test_without_keys_nothing_is_found_rather_than_too_little() -> None:
    with pytest.raises(RuntimeError, match="without keys"):
        WithoutKeys(KNOWN).every_tag(WrittenNumber(NUMBER, None))
