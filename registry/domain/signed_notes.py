"""Signed notes, checkpoints and proofs as files: the texts that outsiders verify (C2SP signed-note, tlog-checkpoint,
tlog-proof).

Owns their exact bytes. Parsing is strict: a text that could be read in two ways is refused. It never signs by itself:
whoever holds the private key hands in a function.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from registry.domain.merkle import HASH_BYTES, leaf_hash, verify_inclusion

ED25519: Final = 0x01
_KEY_ID_BYTES: Final = 4
_PUBLIC_KEY_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 64
_SIGNATURE: Final = re.compile("\u2014 (?P<name>[^ +\\s]+) (?P<data>[A-Za-z0-9+/]+={0,2})\n")
_NAME: Final = re.compile(r"[^ +\s\x00-\x1f\ud800-\udfff]{1,200}")
_FORBIDDEN: Final = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters, and halves of characters, which have no UTF-8."""
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,18}")
PROOF: Final = "c2sp.org/tlog-proof@v1"
_MOST_BYTES: Final = 1_000_000
_MOST_HASHES: Final = 63


class NoteInvalid(Exception):  # noqa: N818 - it states what was found
    """A text is not what it should be, or not signed by whom it should be. The message says why, for people."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A log's public key and the name that it signs under, as people publish and pin it."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature line names its key."""
        content = self.name.encode() + b"\n" + bytes([ED25519]) + self.public_key
        return hashlib.sha256(content).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """The verifier key: `name+key id+key`, as sumdb's note and every C2SP tool read it."""
        key = base64.b64encode(bytes([ED25519]) + self.public_key).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{key}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NoteInvalid."""
        name, _, rest = text.strip().partition("+")
        identifier, _, key = rest.partition("+")
        try:
            data = base64.b64decode(key, validate=True)
        except ValueError:  # base64's own error is one, and so is that of a key that is not ASCII
            data = b""
        if _NAME.fullmatch(name) is None or len(data) != 1 + _PUBLIC_KEY_BYTES or data[0] != ED25519:
            raise NoteInvalid("This is not a verifier key: it is written NAME+ID+KEY, for an Ed25519 key.")
        found = cls(name, data[1:])
        if found.key_id.hex() != identifier:
            raise NoteInvalid("The verifier key's id is not that of its key.")
        return found


def is_name(text: str) -> bool:
    """Whether a log can be called that: no white space and no plus sign."""
    return _NAME.fullmatch(text) is not None


def sign(text: str, verifier: Verifier, signature: Callable[[bytes], bytes]) -> str:
    """The note: a text that ends with a line break, an empty line, and one signature line."""
    if not text.endswith("\n"):
        raise ValueError("a note's text ends with a line break")
    data = base64.b64encode(verifier.key_id + signature(text.encode())).decode("ascii")
    return f"{text}\n\u2014 {verifier.name} {data}\n"


def opened(note: str, verifier: Verifier, check: Callable[[bytes, bytes, bytes], bool]) -> str:
    """The text of a note that this key has signed; signatures of others are passed over, as the format asks.

    check: (public key, signature, message) -> whether it holds. Raises NoteInvalid.
    """
    text, gap, lines = note.rpartition("\n\n")
    if not gap or len(note) > _MOST_BYTES:
        raise NoteInvalid("This is not a signed note.")
    text += "\n"
    if _FORBIDDEN.search(note):
        raise NoteInvalid("The note holds characters that are not allowed in one.")
    # All lines are read before one is believed, so that it never depends on their order whether this is a note.
    for name, data in [_signature(line) for line in lines.splitlines(keepends=True)]:
        if name != verifier.name or data[:_KEY_ID_BYTES] != verifier.key_id:
            continue
        if len(data) != _KEY_ID_BYTES + _SIGNATURE_BYTES or not check(
            verifier.public_key, data[_KEY_ID_BYTES:], text.encode()
        ):
            raise NoteInvalid("The note's signature does not hold: the text was changed, or another key has signed it.")
        return text
    raise NoteInvalid(f"The note is not signed by {verifier.name} with this key.")


def claims(text: str, verifier: Verifier) -> bool:
    """Whether a line of it says that this key has signed it, rightly or not. What no line says that of, whatever it is,
    tells nothing about who holds the key.
    """
    for line in text.splitlines(keepends=True):
        try:
            name, data = _signature(line)
        except NoteInvalid:
            continue
        if name == verifier.name and data[:_KEY_ID_BYTES] == verifier.key_id:
            return True
    return False


def _signature(line: str) -> tuple[str, bytes]:
    """The key's name, and its id with the signature."""
    match = _SIGNATURE.fullmatch(line)
    if match is None:
        raise NoteInvalid("The note's signature lines are not written as they must be.")
    data = _decoded(match["data"])
    if len(data) <= _KEY_ID_BYTES:
        raise NoteInvalid("The note's signature lines are not written as they must be.")
    return match["name"], data


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: its origin, the number of its entries, and their root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"

    @classmethod
    def parse(cls, text: str, origin: str) -> Self:
        """Raises NoteInvalid for another log's, and for what is no checkpoint."""
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1] or not all(lines[:-1]):  # noqa: PLR2004 - three lines and what follows the last
            raise NoteInvalid("This is not a checkpoint.")
        if lines[0] != origin:
            raise NoteInvalid(f"This is a checkpoint of another log than {origin}.")
        if _SIZE.fullmatch(lines[1]) is None:
            raise NoteInvalid("The checkpoint's size is not a number.")
        return cls(origin, int(lines[1]), decoded_hash(lines[2]))


@dataclass(frozen=True, slots=True)
class Receipt:
    """An entry, where it stands, and the proof that it does: verifiable offline with the log's public key alone.

    entry: the event's exact bytes, None once they were dropped. note: the signed checkpoint.
    """

    entry: bytes | None
    index: int
    hashes: tuple[bytes, ...]
    note: str

    def text(self) -> str:
        extra = [] if self.entry is None else [f"extra {base64.b64encode(self.entry).decode('ascii')}"]
        hashes = [base64.b64encode(one).decode("ascii") for one in self.hashes]
        return "\n".join([PROOF, *extra, f"index {self.index}", *hashes, "", self.note])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NoteInvalid."""
        head, gap, note = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or len(text) > _MOST_BYTES or lines[0] != PROOF:
            raise NoteInvalid("This is not a tlog-proof file.")
        rest = lines[1:]
        entry = None
        if rest and rest[0].startswith("extra "):
            entry = _decoded(rest.pop(0).removeprefix("extra "))
        if not rest or not rest[0].startswith("index ") or _SIZE.fullmatch(rest[0][6:]) is None:
            raise NoteInvalid("The proof does not say its entry's index.")
        if len(rest) - 1 > _MOST_HASHES:
            raise NoteInvalid("The proof has more hashes than any log could need.")
        return cls(entry, int(rest[0][6:]), tuple(map(decoded_hash, rest[1:])), note)

    def verify(self, verifier: Verifier, check: Callable[[bytes, bytes, bytes], bool]) -> Checkpoint:
        """The checkpoint that the entry is proved to be in. Raises NoteInvalid, ProofInvalid."""
        if self.entry is None:
            raise NoteInvalid("The proof does not hold its entry.")
        checkpoint = Checkpoint.parse(opened(self.note, verifier, check), verifier.name)
        verify_inclusion(leaf_hash(self.entry), self.index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def hashes_text(hashes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(one).decode("ascii") for one in hashes]


def decoded_hash(text: str) -> bytes:
    """A hash from its base64. Raises NoteInvalid."""
    found = _decoded(text)
    if len(found) != HASH_BYTES:
        raise NoteInvalid("A hash has 32 bytes.")
    return found


def _decoded(text: str) -> bytes:
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:  # base64's own error is one, and so is that of a text that is not ASCII
        raise NoteInvalid("What should be base64 is not.") from None
    if base64.b64encode(found).decode("ascii") != text:
        raise NoteInvalid("What should be base64 is not written in its one right way.")
    return found
