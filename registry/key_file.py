"""The key file: the only place where the registry's secrets are at rest.

It holds the seed of every generation and the fingerprint key. Sealed, its content is AES-256-GCM under a key that
Argon2id derives from a passphrase; unsealed, for the embedded start, it must be readable by its owner alone. A file is
replaced whole and atomically, so that a crash leaves either the old one or the new one.
"""

import base64
import json
import os
import secrets
import stat
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self, cast

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.domain.confidential import Confidential

FORMAT: Final = "demand-registry-key-file/1"
SEED_BYTES: Final = 32
# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_ARGON2: Final = {"time_cost": 3, "memory_cost": 65_536, "parallelism": 4}


class KeyFileError(Exception):
    """The key file cannot be used. The message says why and what to do; it never holds a secret."""


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
    """Opens a key file. Raises KeyFileError for a missing, foreign, damaged or too widely readable file, and for a
    wrong passphrase.
    """
    try:
        mode = path.stat().st_mode
        content: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise KeyFileError(f"There is no key file at {path}. Make one with `demand-registry init`.") from None
    except OSError as error:
        raise KeyFileError(f"The key file {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise KeyFileError(f"{path} is not a key file of this registry.") from None
    document = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if document.get("format") != FORMAT:
        raise KeyFileError(f"{path} is not a key file of this registry.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyFileError(f"The key file {path} can be read by others. Run: chmod 600 {path}")
    if "plain" in document:
        return _secrets(document["plain"], path)
    if passphrase is None:
        raise KeyFileError(f"The key file {path} is sealed. Name its passphrase in REGISTRY_KEY_PASSPHRASE_FILE.")
    try:
        key = _derive(passphrase, base64.b64decode(document["salt"]), document["argon2id"])
        nonce, sealed = base64.b64decode(document["nonce"]), base64.b64decode(document["sealed"])
        return _secrets(json.loads(AESGCM(key).decrypt(nonce, sealed, FORMAT.encode())), path)
    except InvalidTag:
        raise KeyFileError(f"The passphrase does not open {path}, or the file was altered.") from None
    except (KeyError, TypeError, ValueError, OverflowError, Argon2Error):
        raise KeyFileError(f"{path} is damaged.") from None


def write(path: Path, content: KeyFile, passphrase: str | None) -> None:
    """Replaces the file at once, readable by its owner only. Without a passphrase the secrets stand in it openly."""
    plain: dict[str, Any] = {
        "seeds": {str(number): base64.b64encode(seed).decode() for number, seed in sorted(content.seeds.items())},
        "fingerprint_key": base64.b64encode(content.fingerprint_key).decode(),
    }
    if content.chained:
        plain["chained"] = sorted(content.chained)
    document: dict[str, Any] = {"format": FORMAT}
    if passphrase is None:
        document["plain"] = plain
    else:
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        sealed = AESGCM(_derive(passphrase, salt, _ARGON2)).encrypt(nonce, json.dumps(plain).encode(), FORMAT.encode())
        document |= {"argon2id": _ARGON2}
        document |= {
            name: base64.b64encode(value).decode()
            for name, value in (("salt", salt), ("nonce", nonce), ("sealed", sealed))
        }
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(json.dumps(document, indent=1).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name survives a power cut, too
    finally:
        os.close(folder)


def _derive(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    """The AES-256 key. Cost parameters come from the file, so that raising them later leaves old files readable."""
    return hash_secret_raw(passphrase.encode(), salt, **cost, hash_len=32, type=Type.ID)


def _secrets(plain: dict[str, Any], path: Path) -> KeyFile:
    try:
        seeds = {int(number): base64.b64decode(seed) for number, seed in plain["seeds"].items()}
        fingerprint_key = base64.b64decode(plain["fingerprint_key"])
        chained = frozenset(int(number) for number in plain.get("chained", ()))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise KeyFileError(f"{path} is damaged.") from None
    if not seeds or len(fingerprint_key) != SEED_BYTES or any(len(seed) != SEED_BYTES for seed in seeds.values()):
        raise KeyFileError(f"{path} is damaged.")
    if not chained <= seeds.keys():
        raise KeyFileError(f"{path} is damaged.")
    return KeyFile(seeds=seeds, fingerprint_key=fingerprint_key, chained=chained)
