"""Values that are put into everything and must be found nowhere, every way in which one could be spelled, and a search
for all of them at once.

What a search finds is told by the names of the value and of its spelling. A control value is spelled the same way, and
is only ever written down on purpose: a place in which the control is not found was not searched.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

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
UNLISTED: Final = "+12085550126"
"""Asked about privately alone, and seen by nobody: not even its pseudonym may be found anywhere."""
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

SOURCE_ID: Final = "SM" + "c4a4f00d" * 3 + "50c4a1d5"
"""As Twilio's are: its signatures are taken for no others."""
IDEMPOTENCY_KEY: Final = "c4n4ry-of-an-idempotency-key-77"
REF: Final = "c4n4ry of an item's reference"
MESSAGE: Final = "c4n4ry of a message that nobody may read"
PASSPHRASE: Final = "c4n4ry of a passphrase"
AUTH_TOKEN: Final = "c4n4ry-0f-an-auth-t0ken-99"
WEBHOOK_SECRET: Final = "c4n4ry of a webhook's secret, 41"
SEED: Final = hashlib.sha256(b"the canary's seed").digest()
LOG_SEED: Final = hashlib.sha256(b"the canary's log seed").digest()
FINGERPRINT_KEY: Final = hashlib.sha256(b"the canary's fingerprint key").digest()
TEXTS: Final = {
    "source id": SOURCE_ID,
    "idempotency key": IDEMPOTENCY_KEY,
    "item's reference": REF,
    "message body": MESSAGE,
    "passphrase": PASSPHRASE,
    "auth token": AUTH_TOKEN,
    "webhook secret": WEBHOOK_SECRET,
}


def national(e164: str) -> str:
    return phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.NATIONAL)


def number_spellings(e164: str) -> Iterator[tuple[str, bytes]]:
    """A number as people, databases and rainbow tables write it."""
    last_ten = e164[-10:]
    texts = {
        "E.164": e164,
        "digits": e164[1:],
        "last 10 digits": last_ten,
        "national": national(e164),
        "international": phonenumbers.format_number(phonenumbers.parse(e164), PhoneNumberFormat.INTERNATIONAL),
        **{
            f"with {name}": f"{last_ten[:3]}{mark}{last_ten[3:6]}{mark}{last_ten[6:]}"
            for name, mark in (("dashes", "-"), ("dots", "."), ("spaces", " "))
        },
    }
    for name, text in texts.items():
        yield name, text.encode()
    for name in ("E.164", "digits", "last 10 digits", "national"):
        yield from _hashes(name, texts[name])
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    for name in ("digits", "last 10 digits"):
        for order in orders:
            yield f"{name} as an integer", int(texts[name]).to_bytes(_INTEGER_BYTES, order)


def secret_spellings(name: str, secret: bytes) -> Iterator[tuple[str, bytes]]:
    """Bytes as they are, as Python shows them, and their plain hashes."""
    yield name, secret
    yield f"{name} as Python shows it", repr(secret)[2:-1].encode()
    yield from _hashes(name, secret)


def _hashes(name: str, value: str | bytes) -> Iterator[tuple[str, bytes]]:
    data = value.encode() if isinstance(value, str) else value
    for algorithm in ("sha256", "sha1", "md5"):
        yield f"{algorithm} of {name}", hashlib.new(algorithm, data, usedforsecurity=False).digest()


@dataclass(frozen=True)
class Needles:
    """Everything that is searched for. names: spelling -> what was found with it."""

    names: Mapping[bytes, str]

    @classmethod
    def of(cls, spellings: Iterable[tuple[str, bytes]]) -> "Needles":
        """Where one spelling holds another, the shorter one is enough."""
        names: dict[bytes, str] = {}
        for name, needle in spellings:
            names.setdefault(needle, name)
        shortest: dict[bytes, str] = {}
        for needle in sorted(names, key=len):
            if not any(shorter in needle for shorter in shortest):
                shortest[needle] = names[needle]
        return cls(shortest)

    def found_in(self, data: bytes | str, *, layers: int = 2) -> set[str]:
        """The names of what the data holds, as it is or in hexadecimal or base64.

        layers: how often something may be written in hexadecimal, as a dump of bytes is.
        """
        text = data if isinstance(data, bytes) else data.encode("utf-8", "backslashreplace")
        searched = _EMPTY.sub(bytes(_INTEGER_BYTES), text)
        found = {name for needle, name in self.names.items() if needle in searched}
        for decoded in _from_base64(searched):
            found |= {f"{name}, in base64" for needle, name in self.names.items() if needle in decoded}
        if layers:
            for decoded in _from_hex(searched):
                found |= {f"{name}, in hex" for name in self.found_in(decoded, layers=layers - 1)}
        return found

    def found_in_files(
        self, folder: Path, *, but_for: frozenset[bytes] = frozenset(), outside: Path | None = None
    ) -> dict[str, set[str]]:
        """Name of a finding -> the files below the folder that hold it. A file's own name counts as content.

        but_for: blocks that were there before any canary was. outside: a folder in it that is searched by itself.
        """
        found: dict[str, set[str]] = {}
        for path in sorted(folder.rglob("*")):
            if outside is not None and outside in path.parents:
                continue
            here = str(path.relative_to(folder))
            content = b"".join(block for block in _blocks(path) if block not in but_for)
            for name in self.found_in(here) | self.found_in(content):
                found.setdefault(name, set()).add(here)
        return found


def blocks_of(folder: Path) -> frozenset[bytes]:
    """All that stands in the files below the folder just now."""
    return frozenset(block for path in folder.rglob("*") for block in _blocks(path))


def _blocks(path: Path) -> list[bytes]:
    """8 KiB each, as PostgreSQL writes them; those without any content left out."""
    content = path.read_bytes() if path.is_file() else b""
    whole = (content[start : start + _BLOCK_BYTES] for start in range(0, len(content), _BLOCK_BYTES))
    return [block for block in whole if block.count(0) < len(block)]


def every_needle(
    secrets: Mapping[str, str], tags: Mapping[str, bytes] | None = None, tokens: Mapping[str, str] | None = None
) -> Needles:
    """All canaries and the control. secrets: those that a run made, by their names, such as API keys' secrets. tags:
    for places where not even pseudonyms may be. tokens: random ones, whose hashes give nothing away and are stored.
    """
    numbers = {**NUMBERS, "unlisted number": UNLISTED, "control": CONTROL}
    spellings = [
        (f"{what}: {name}", needle) for what, e164 in numbers.items() for name, needle in number_spellings(e164)
    ]
    texts = {what: text.encode() for what, text in {**TEXTS, **secrets}.items()}
    keys = {"seed": SEED, "fingerprint key": FINGERPRINT_KEY, "log key's seed": LOG_SEED}
    for what, secret in {**texts, **keys, **(tags or {})}.items():
        spellings += secret_spellings(what, secret)
    spellings += [(what, token.encode()) for what, token in (tokens or {}).items()]
    return Needles.of(spellings)


_BLOCK_BYTES: Final = 8_192
_INTEGER_BYTES: Final = 8  # the shortest needle: 16 characters of hexadecimal, 10 whole ones of base64
_EMPTY: Final = re.compile(rb"\0{16,}")
_HEX: Final = re.compile(rb"[0-9A-Fa-f]{16,}")
_BASE64: Final = re.compile(rb"[0-9A-Za-z+/_-]{10,}")
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def _from_hex(data: bytes) -> Iterator[bytes]:
    """What stands in hexadecimal, read from its first and from its second digit on."""
    runs: list[bytes] = _HEX.findall(data)
    for start in range(2) if runs else ():
        yield b"\n".join(bytes.fromhex(run[start : len(run) - (len(run) - start) % 2].decode()) for run in runs)


def _from_base64(data: bytes) -> Iterator[bytes]:
    """What stands in base64, read from each of four neighbouring letters on."""
    runs: list[bytes] = [run.translate(_STANDARD) for run in _BASE64.findall(data)]
    for start in range(4) if runs else ():
        yield b"\n".join(base64.b64decode(run[start:].ljust(-(-len(run[start:]) // 4) * 4, b"A")) for run in runs)
