"""Values that are put into everything and must be found nowhere, every way in which one could be spelled, and a search
for all of them at once.

What a search finds is told by the name of the value and of its spelling. A control value is spelled the same way, and is
only ever written down on purpose: a place in which the control is not found was not searched.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType


def _example(region: str, kind: int = PhoneNumberType.MOBILE) -> str:
    found = phonenumbers.example_number_for_type(region, kind)
    if found is None:
        raise LookupError(region)
    return phonenumbers.format_number(found, PhoneNumberFormat.E164)


# Fictional numbers (555-01xx), in area codes that no other test uses.
LISTED: Final = "+13075550143"
RETRACTED: Final = "+14065550129"
DECOY: Final = "+16055550117"
OTHER_DECOY: Final = "+17015550163"
EXCLUDED: Final = "+18085550171"
DISPUTED: Final = "+19075550188"
REFUSED: Final = "+19025550135"
# libphonenumber's own examples: of a region that is served, and of two that are not.
ASKED: Final = _example("CA")
NOT_SERVED: Final = _example("GB")
NOT_SERVED_EITHER: Final = _example("DE")
NUMBERS: Final = {
    "listed number": LISTED,
    "retracted number": RETRACTED,
    "decoy's number": DECOY,
    "decoy's other number": OTHER_DECOY,
    "excluded number": EXCLUDED,
    "disputed number": DISPUTED,
    "refused number": REFUSED,
    "asked number": ASKED,
    "number not served": NOT_SERVED,
    "other number not served": NOT_SERVED_EITHER,
}
CONTROL: Final = "+15095550199"

SOURCE_ID: Final = "SMc4n4ry0fAs0urceId5b1e"
IDEMPOTENCY_KEY: Final = "c4n4ry-of-an-idempotency-key-77"
REF: Final = "c4n4ry of an item's reference"
MESSAGE: Final = "c4n4ry of a message that nobody may read"
PASSPHRASE: Final = "c4n4ry of a passphrase"
SEED: Final = hashlib.sha256(b"the canary's seed").digest()
FINGERPRINT_KEY: Final = hashlib.sha256(b"the canary's fingerprint key").digest()
TEXTS: Final = {
    "source id": SOURCE_ID,
    "idempotency key": IDEMPOTENCY_KEY,
    "item's reference": REF,
    "message body": MESSAGE,
    "passphrase": PASSPHRASE,
}


def national(e164: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)


def number_spellings(e164: str) -> Iterator[tuple[str, bytes]]:
    """A number as people, databases and rainbow tables write it."""
    parsed = phonenumbers.parse(e164)
    digits, last_ten = e164[1:], e164[-10:]
    plain = {
        "E.164": e164,
        "digits": digits,
        "last 10 digits": last_ten,
        "national": national(e164),
        "international": phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL),
        "dashes": f"{last_ten[:3]}-{last_ten[3:6]}-{last_ten[6:]}",
        "dots": f"{last_ten[:3]}.{last_ten[3:6]}.{last_ten[6:]}",
        "spaces": f"{last_ten[:3]} {last_ten[3:6]} {last_ten[6:]}",
    }
    for name, text in plain.items():
        yield name, text.encode()
        yield from _encoded(name, text.encode())
    for name in ("E.164", "digits", "last 10 digits", "national"):
        for algorithm in ("sha256", "sha1", "md5"):
            digest = hashlib.new(algorithm, plain[name].encode(), usedforsecurity=False).digest()
            yield from secret_spellings(f"{algorithm} of {name}", digest)
    for name in ("digits", "last 10 digits"):
        for order in ("little", "big"):
            yield f"{name} as an integer", int(plain[name]).to_bytes(8, order)  # type: ignore[arg-type]  # it is one


def secret_spellings(name: str, secret: bytes) -> Iterator[tuple[str, bytes]]:
    """Bytes as they are, as Python shows them, in hexadecimal and in base64."""
    yield name, secret
    yield f"{name} as Python shows it", repr(secret)[2:-1].encode()
    yield from _encoded(name, secret)


def text_spellings(name: str, text: str) -> Iterator[tuple[str, bytes]]:
    """A text and its plain hashes."""
    yield from secret_spellings(name, text.encode())
    for algorithm in ("sha256", "sha1", "md5"):
        digest = hashlib.new(algorithm, text.encode(), usedforsecurity=False).digest()
        yield from secret_spellings(f"{algorithm} of {name}", digest)


def _encoded(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield f"{name} in hex", data.hex().encode()
    yield f"{name} in hex", data.hex().upper().encode()
    for before in range(3):  # where it stands in what was encoded as a whole decides its letters
        whole = base64.b64encode(bytes(before) + data)
        certain = whole[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
        yield f"{name} in base64", certain
        yield f"{name} in base64", certain.replace(b"+", b"-").replace(b"/", b"_")


@dataclass(frozen=True)
class Needles:
    """Everything that is searched for. names: spelling -> what was found with it."""

    names: Mapping[bytes, str]
    _pattern: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_pattern", re.compile(_alternatives(list(self.names)), re.DOTALL))

    @classmethod
    def of(cls, spellings: Iterable[tuple[str, bytes]]) -> "Needles":
        return cls({needle: name for name, needle in spellings})

    def found_in(self, data: bytes | str) -> set[str]:
        """The names of what the data holds."""
        searched = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
        return {self.names[match.group()] for match in self._pattern.finditer(searched)}

    def found_in_files(self, folder: Path) -> dict[str, set[str]]:
        """Name of a finding -> the files below the folder that hold it, whose own names count as content."""
        found: dict[str, set[str]] = {}
        for path in sorted(folder.rglob("*")):
            here = str(path.relative_to(folder))
            content = path.read_bytes() if path.is_file() else b""
            for name in self.found_in(here) | self.found_in(content):
                found.setdefault(name, set()).add(here)
        return found


def every_needle(secrets: Mapping[str, str], tags: Mapping[str, bytes] | None = None) -> Needles:
    """All canaries and the control. secrets: those that a run made, by their names, such as API keys' secrets. tags:
    where even pseudonyms must not be.
    """
    spellings = [
        (f"{what}: {name}", needle)
        for what, e164 in {**NUMBERS, "control": CONTROL}.items()
        for name, needle in number_spellings(e164)
    ]
    for what, text in {**TEXTS, **secrets}.items():
        spellings += text_spellings(what, text)
    for what, secret in {"seed": SEED, "fingerprint key": FINGERPRINT_KEY, **(tags or {})}.items():
        spellings += secret_spellings(what, secret)
    return Needles.of(spellings)


def _alternatives(needles: list[bytes]) -> bytes:
    """A pattern for any of them, with common beginnings written once: time then hardly depends on how many there are.

    Where one needle begins with another, the shorter one is enough.
    """
    if b"" in needles:
        return b""
    rests: dict[int, list[bytes]] = {}
    for needle in needles:
        rests.setdefault(needle[0], []).append(needle[1:])
    branches = [re.escape(bytes([first])) + _alternatives(rest) for first, rest in sorted(rests.items())]
    return branches[0] if len(branches) == 1 else b"(?:" + b"|".join(branches) + b")"
