"""Secrets at rest: a small JSON document, sealed under a passphrase or readable by its owner alone.

Sealed, its content is AES-256-GCM under a key that Argon2id derives from the passphrase. A file is replaced whole and
atomically, so that a crash leaves either the old one or the new one. Owns the form that all files of secrets share;
what is in them is their own modules' business.
"""

import base64
import json
import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from argon2.exceptions import Argon2Error
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# RFC 9106, section 4, second recommended option: 64 MiB, 3 passes, 4 lanes.
_ARGON2: Final = {"time_cost": 3, "memory_cost": 65_536, "parallelism": 4}


class SealedFileError(Exception):
    """The file cannot be used. The message says why and what to do; it never holds a secret."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is called, how it is made and opened, for messages, and the mark that it begins with."""

    format: str
    name: str
    made_by: str
    passphrase_setting: str


def read(path: Path, passphrase: str | None, kind: Kind) -> dict[str, Any]:
    """The secrets of a file. Raises SealedFileError for a missing, foreign, damaged or too widely readable one, and for
    a wrong passphrase.
    """
    try:
        mode = path.stat().st_mode
        content: object = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise SealedFileError(f"There is no {kind.name} at {path}. Make one with `{kind.made_by}`.") from None
    except OSError as error:
        raise SealedFileError(f"The {kind.name} {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise SealedFileError(f"{path} is not a {kind.name} of this registry.") from None
    document = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    if document.get("format") != kind.format:
        raise SealedFileError(f"{path} is not a {kind.name} of this registry.")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise SealedFileError(f"The {kind.name} {path} can be read by others. Run: chmod 600 {path}")
    if "plain" in document:
        return _object(document["plain"], path)
    if passphrase is None:
        raise SealedFileError(f"The {kind.name} {path} is sealed. Name its passphrase in {kind.passphrase_setting}.")
    try:
        key = _derive(passphrase, base64.b64decode(document["salt"]), document["argon2id"])
        nonce, sealed = base64.b64decode(document["nonce"]), base64.b64decode(document["sealed"])
        return _object(json.loads(AESGCM(key).decrypt(nonce, sealed, kind.format.encode())), path)
    except InvalidTag:
        raise SealedFileError(f"The passphrase does not open {path}, or the file was altered.") from None
    except (KeyError, TypeError, ValueError, OverflowError, Argon2Error):
        raise damaged(path) from None


def write(path: Path, content: dict[str, Any], passphrase: str | None, kind: Kind) -> None:
    """Replaces the file at once, readable by its owner only. Without a passphrase the secrets stand in it openly."""
    document: dict[str, Any] = {"format": kind.format}
    if passphrase is None:
        document["plain"] = content
    else:
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        sealed = AESGCM(_derive(passphrase, salt, _ARGON2)).encrypt(
            nonce, json.dumps(content).encode(), kind.format.encode()
        )
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


def damaged(path: Path) -> SealedFileError:
    return SealedFileError(f"{path} is damaged.")


def _object(content: Any, path: Path) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise damaged(path)
    return cast("dict[str, Any]", content)


def _derive(passphrase: str, salt: bytes, cost: dict[str, int]) -> bytes:
    """The AES-256 key. Cost parameters come from the file, so that raising them later leaves old files readable."""
    return hash_secret_raw(passphrase.encode(), salt, **cost, hash_len=32, type=Type.ID)
