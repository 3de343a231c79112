"""The key that signs the audit log's checkpoints: a file of its own, apart from the tag keys.

Whoever has it can sign another history of the log, which every copy of an honest checkpoint then convicts; it reads and
changes nothing. The log's name (its origin) is kept with it, since a signature is one of a name and a key.
"""

import base64
import binascii
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from registry import sealed_file
from registry.domain.confidential import Confidential
from registry.domain.signed_notes import Checkpoint, Verifier, is_name, sign

KIND: Final = sealed_file.Kind(
    "demand-registry-log-key/1", "log key", "demand-registry log-key create", "REGISTRY_LOG_KEY_PASSPHRASE_FILE"
)
SEED_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class LogKey(Confidential):
    """origin: the name that checkpoints carry: a host and a path, such as registry.example.org/log."""

    origin: str
    seed: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if not is_name(self.origin) or len(self.seed) != SEED_BYTES:
            raise ValueError("a log key has a name without spaces and plus signs, and a seed of 32 bytes")

    @classmethod
    def create(cls, origin: str) -> Self:
        return cls(origin, secrets.token_bytes(SEED_BYTES))

    @property
    def verifier(self) -> Verifier:
        """What outsiders pin."""
        public = self._private().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return Verifier(self.origin, public)

    def sign(self, checkpoint: Checkpoint) -> str:
        """The checkpoint as a signed note (C2SP signed-note, Ed25519)."""
        return sign(checkpoint.text(), self.verifier, self._private().sign)

    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)


def read(path: Path, passphrase: str | None) -> LogKey:
    """Raises SealedFileError."""
    content = sealed_file.read(path, passphrase, KIND)
    try:
        return LogKey(str(content["origin"]), base64.b64decode(content["seed"], validate=True))
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise sealed_file.damaged(path) from None


def write(path: Path, key: LogKey, passphrase: str | None) -> None:
    content = {"origin": key.origin, "seed": base64.b64encode(key.seed).decode("ascii")}
    sealed_file.write(path, content, passphrase, KIND)
