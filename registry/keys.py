"""The key ring: generations and their secrets in memory. The only module that imports the OPRF library.

`voprf` is young, so everything that reaches it is checked here first: seeds have exactly 32 bytes, inputs are never
empty and never over 65,535 bytes. Nothing here stores, logs or prints a secret, a number or a tag.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from voprf.ristretto import Evaluator

from registry.domain.fingerprints import Fingerprinter
from registry.domain.tags import tag_of, tel_input
from registry.key_file import KeyFile

SUITE: Final = "ristretto255-SHA512"
# The `info` of RFC 9497's DeriveKeyPair: part of every tag, so it can never change.
KEY_INFO: Final = b"demand-registry|key|v1"
_SEED_BYTES: Final = 32
_MAX_INPUT_BYTES: Final = 65_535


class SecretKey:
    """One OPRF key, derived from a seed of 32 bytes (RFC 9497, section 3.2.1). The seed itself is not kept."""

    __slots__ = ("_evaluator",)

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise ValueError("a seed has exactly 32 bytes")
        self._evaluator = Evaluator.from_seed(seed, KEY_INFO)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that clients pin and the database remembers."""
        return self._evaluator.public_key.serialize()

    def output(self, data: bytes) -> bytes:
        """RFC 9497 Evaluate of a known input: 64 bytes. Some 50 microseconds, during which it holds the GIL."""
        if not 0 < len(data) <= _MAX_INPUT_BYTES:
            raise ValueError("an OPRF input has 1 to 65,535 bytes")
        return self._evaluator.evaluate_known_input(data)

    def tag(self, e164: str) -> bytes:
        """The tag of a number under this key: 32 bytes."""
        return tag_of(self.output(tel_input(e164)))


class GenerationMismatch(Exception):  # noqa: N818 - it states a fact about two sides that must agree
    """The key file and the database do not belong together, or one is older than the other."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of the active generations, newest first, and the fingerprint key."""

    generations: tuple[int, ...]
    """Numbers of the active generations, newest first. New hits go under the first."""
    fingerprint: Fingerprinter = field(repr=False)
    _keys: Mapping[int, SecretKey] = field(repr=False)

    @classmethod
    def of(cls, file: KeyFile, active: Mapping[int, bytes]) -> Self:
        """active: generation number -> public key, as the database knows them.

        Raises GenerationMismatch where the file lacks one of them or derives another public key: with a wrong key every
        question would be answered `none`, which is worse than no answer.
        """
        keys: dict[int, SecretKey] = {}
        for number, public_key in active.items():
            seed = file.seeds.get(number)
            if seed is None:
                raise GenerationMismatch(f"The key file has no key for generation {number}, which is active.")
            keys[number] = SecretKey(seed)
            if keys[number].public_key != public_key:
                raise GenerationMismatch(
                    f"The key file's generation {number} is not the one this database was made with."
                )
        if not keys:
            raise GenerationMismatch("The database has no active generation. Run `demand-registry init`.")
        return cls(tuple(sorted(keys, reverse=True)), Fingerprinter(file.fingerprint_key), keys)

    @property
    def current(self) -> int:
        """The generation under which new hits are stored."""
        return self.generations[0]

    def tags(self, e164: str) -> tuple[bytes, ...]:
        """The number's tag under every active generation, newest first."""
        return tuple(self._keys[number].tag(e164) for number in self.generations)

    def tags_of(self, numbers: Iterable[str]) -> Sequence[tuple[bytes, ...]]:
        """`tags` of many numbers, in their order."""
        return [self.tags(e164) for e164 in numbers]
