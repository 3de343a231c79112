"""The key file: the only place where the registry's secrets are at rest. Its form is `registry.sealed_file`'s.

It holds the seed of every generation and the fingerprint key. The key that signs the audit log is in a file of its own.
"""

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self

from registry import sealed_file
from registry.domain.confidential import Confidential

KIND: Final = sealed_file.Kind(
    "demand-registry-key-file/1", "key file", "demand-registry init", "REGISTRY_KEY_PASSPHRASE_FILE"
)
SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class KeyFile(Confidential):
    """The secrets. seeds: generation number -> 32 bytes. Nothing of them appears in a repr.

    chained: those of them that carry on another one's tags; only `generations rekey` makes them known to the database.
    """

    seeds: dict[int, bytes] = field(repr=False)
    fingerprint_key: bytes = field(repr=False)
    chained: frozenset[int] = frozenset()

    @classmethod
    def create(cls) -> Self:
        """New secrets: generation 1 and a fingerprint key."""
        return cls(seeds={1: secrets.token_bytes(SEED_BYTES)}, fingerprint_key=secrets.token_bytes(32))

    def with_new_generation(self, known: Collection[int] = (), *, chained: bool = False) -> tuple["KeyFile", int]:
        """The same secrets and one more seed, under a number that was never used.

        known: numbers that the database knows; a destroyed generation is gone from the file, its number is not free.
        """
        number = max((*self.seeds, *known)) + 1
        seeds = {**self.seeds, number: secrets.token_bytes(SEED_BYTES)}
        return replace(self, seeds=seeds, chained=self.chained | {number} if chained else self.chained), number

    def without(self, number: int) -> "KeyFile":
        """The same secrets with one generation's seed gone for good."""
        seeds = {kept: seed for kept, seed in self.seeds.items() if kept != number}
        return replace(self, seeds=seeds, chained=self.chained - {number})


def read(path: Path, passphrase: str | None) -> KeyFile:
    """Opens a key file. Raises SealedFileError for a missing, foreign, damaged or too widely readable file, and for a
    wrong passphrase.
    """
    plain = sealed_file.read(path, passphrase, KIND)
    try:
        seeds = {int(number): base64.b64decode(seed) for number, seed in plain["seeds"].items()}
        fingerprint_key = base64.b64decode(plain["fingerprint_key"])
        chained = frozenset(int(number) for number in plain.get("chained", ()))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise sealed_file.damaged(path) from None
    if not seeds or len(fingerprint_key) != SEED_BYTES or any(len(seed) != SEED_BYTES for seed in seeds.values()):
        raise sealed_file.damaged(path)
    if not chained <= seeds.keys():
        raise sealed_file.damaged(path)
    return KeyFile(seeds=seeds, fingerprint_key=fingerprint_key, chained=chained)


def write(path: Path, content: KeyFile, passphrase: str | None) -> None:
    """Replaces the file at once, readable by its owner only. Without a passphrase the secrets stand in it openly."""
    plain: dict[str, Any] = {
        "seeds": {str(number): base64.b64encode(seed).decode() for number, seed in sorted(content.seeds.items())},
        "fingerprint_key": base64.b64encode(content.fingerprint_key).decode(),
    }
    if content.chained:
        plain["chained"] = sorted(content.chained)
    sealed_file.write(path, plain, passphrase, KIND)
