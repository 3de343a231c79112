"""API keys as text, and what a key may do.

`drk_live_` or `drk_test_`, an id of 8, a secret of 32 and a checksum of 6 base62 characters. The checksum is no
protection; it keeps typos and noise away from the database. This module never hashes, stores, compares or shows a
secret, and makes no randomness: whoever issues a key passes it in.
"""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from zlib import crc32

from registry.domain.confidential import Confidential
from registry.domain.errors import Code, Refused

ID_LENGTH: Final = 8
SECRET_LENGTH: Final = 32
CHECKSUM_LENGTH: Final = 6
RANDOM_BYTES: Final = 64
"""What `from_random` wants: 40 characters use up 41.3 bytes on average, and 64 fall short once in 10 ** 20 times."""

_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BASE: Final = len(_ALPHABET)
_UNBIASED: Final = 256 - 256 % _BASE  # a byte from here on would make the first letters likelier than the last


class Mode(StrEnum):
    """live refuses fictional numbers; sandbox accepts them and says so. A key of the one is nothing to the other."""

    LIVE = "live"
    SANDBOX = "sandbox"


_PREFIXES: Final = {Mode.LIVE: "drk_live_", Mode.SANDBOX: "drk_test_"}
_SHAPES: Final = {
    mode: re.compile(
        f"{prefix}(?P<id>[0-9A-Za-z]{{{ID_LENGTH}}})(?P<secret>[0-9A-Za-z]{{{SECRET_LENGTH}}})"
        f"(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
    )
    for mode, prefix in _PREFIXES.items()
}


class Scope(StrEnum):
    """What a key may be used for. An operation that needs none of them is open to any key."""

    DECOYS = "decoys"
    HITS = "hits"
    LOOKUPS = "lookups"
    PRIVATE = "private"
    AUDIT = "audit"
    OPERATOR = "operator"


class OrganisationKind(StrEnum):
    INVESTIGATOR = "investigator"
    EMPLOYER = "employer"
    PARTNER = "partner"
    OPERATOR = "operator"


class Purpose(StrEnum):
    """Why someone asks about numbers, in their own declaration; it goes to the audit log."""

    COMPANY_NUMBER = "company_number"
    INVESTIGATION = "investigation"
    SUBJECT_REQUEST = "subject_request"
    PARTNER_SCREENING = "partner_screening"


_ASKING: Final = frozenset({Scope.LOOKUPS, Scope.PRIVATE, Scope.AUDIT})

ALLOWED_SCOPES: Final = {
    OrganisationKind.INVESTIGATOR: _ASKING | {Scope.DECOYS, Scope.HITS},
    OrganisationKind.EMPLOYER: _ASKING,
    OrganisationKind.PARTNER: _ASKING,
    OrganisationKind.OPERATOR: _ASKING | {Scope.OPERATOR},
}
"""The most that a key of each kind of organisation can be given. Only an operator's key can administer, and it cannot
submit: who records contacts and who corrects them stay two organisations."""

DEFAULT_SCOPES: Final = {
    OrganisationKind.INVESTIGATOR: frozenset({Scope.DECOYS, Scope.HITS, Scope.LOOKUPS}),
    OrganisationKind.EMPLOYER: frozenset({Scope.LOOKUPS}),
    OrganisationKind.PARTNER: frozenset({Scope.LOOKUPS}),
    OrganisationKind.OPERATOR: frozenset({Scope.OPERATOR, Scope.LOOKUPS, Scope.AUDIT}),
}
"""What a key gets where nobody says otherwise. `private` hands out a set that covers the whole list, so it is always
given on purpose."""


def scopes_for(kind: OrganisationKind, wanted: Iterable[Scope] | None = None) -> frozenset[Scope]:
    """The scopes of a new key: those wanted, which its kind must allow and be at least one, or the kind's defaults."""
    if wanted is None:
        return DEFAULT_SCOPES[kind]
    scopes = frozenset(wanted)
    if not scopes:
        raise Refused(Code.INVALID_VALUE, "A key needs at least one scope.")
    beyond = scopes - ALLOWED_SCOPES[kind]
    if beyond:
        names = ", ".join(sorted(beyond))
        raise Refused(Code.INVALID_VALUE, f"A key of an organisation of kind {kind} cannot have: {names}.")
    return scopes


@dataclass(frozen=True, slots=True)
class ApiKey(Confidential):
    """A key taken apart. id is public; secret is in no repr, str or format, and the key cannot be pickled or copied."""

    mode: Mode
    id: str
    secret: str = field(repr=False)


def compose(mode: Mode, id: str, secret: str) -> str:  # noqa: A002 - the word of the design
    """The text of a key, which is shown once, to the one it is issued to. Malformed parts raise ValueError."""
    if not (_is_base62(id, ID_LENGTH) and _is_base62(secret, SECRET_LENGTH)):
        raise ValueError("an API key's id has 8 and its secret 32 base62 characters")
    body = f"{_PREFIXES[mode]}{id}{secret}"
    return body + _checksum(body)


def parse(text: str, mode: Mode) -> ApiKey | None:
    """The key that the text is in this mode. None for anything else, without a word on what is wrong with it."""
    match = _SHAPES[mode].fullmatch(text)
    if match is None or _checksum(text[:-CHECKSUM_LENGTH]) != match["checksum"]:
        return None
    return ApiKey(mode=mode, id=match["id"], secret=match["secret"])


def from_random(mode: Mode, random: bytes) -> ApiKey:
    """A new key from RANDOM_BYTES bytes of a cryptographic source. Every key is equally likely.

    A byte that would favour some characters is skipped; ValueError where too few remain, and the caller tries again.
    """
    characters = "".join(_ALPHABET[byte % _BASE] for byte in random if byte < _UNBIASED)
    if len(characters) < ID_LENGTH + SECRET_LENGTH:
        raise ValueError("too few random bytes for an API key")
    return ApiKey(mode=mode, id=characters[:ID_LENGTH], secret=characters[ID_LENGTH:][:SECRET_LENGTH])


def _is_base62(text: str, length: int) -> bool:
    return len(text) == length and all(character in _ALPHABET for character in text)


def _checksum(body: str) -> str:
    """CRC-32 of the ASCII text as 6 base62 digits, most significant first; 62 ** 6 is over 2 ** 32."""
    remainder = crc32(body.encode("ascii"))
    digits: list[str] = []
    for _ in range(CHECKSUM_LENGTH):
        remainder, digit = divmod(remainder, _BASE)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
