"""From text to tags: normalising and evaluating together, for one number or for many.

What both ways have in common: `InProcess` here, for single numbers, the command line and tests, and the signer pool of
`registry/signers.py`, which does the same for many numbers on every core.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from registry.domain.errors import Refused
from registry.domain.numbers import Normaliser, Number, RegionNotServed
from registry.keys import KeyRing


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number as somebody wrote it. Neither part appears in a repr."""

    text: str
    region: str | None

    def __repr__(self) -> str:
        return "WrittenNumber(...)"


@dataclass(frozen=True, slots=True)
class TaggedNumber:
    """A number and its tag under every active generation, newest first; no tags where its region is not served."""

    number: Number
    tags: tuple[bytes, ...]

    @property
    def served(self) -> bool:
        return bool(self.tags)


class Tagging(Protocol):
    """Reads numbers that people wrote, in order. A text that is no number gives its Refused instead."""

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]: ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """Tagging in the calling thread."""

    normaliser: Normaliser
    keys: KeyRing

    def read(self, text: str, region: str | None) -> TaggedNumber | Refused:
        """About 80 microseconds for each active generation, during which it holds the GIL."""
        try:
            number = self.normaliser.normalise(text, region)
        except RegionNotServed as refused:
            return TaggedNumber(refused.number, ())
        except Refused as refused:
            return refused
        return TaggedNumber(number, self.keys.tags(number.e164))

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        return [self.read(number.text, number.region) for number in numbers]
