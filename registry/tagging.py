"""Everything that takes a secret key: from text to tags, blinded evaluation, chaining, fingerprints, and providers'
signatures.

What both ways have in common: `InProcess` here, for the command line and tests, and the signer processes of
`registry/signers.py`, which an API process leaves all of it to, so that it never holds a key itself.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from registry.domain.errors import Refused
from registry.domain.fingerprints import Purpose
from registry.domain.generations import Generations
from registry.domain.intake.credentials import NONCE_BYTES, same_secret
from registry.domain.intake.signatures import Claim, ProviderSecret, holds
from registry.domain.numbers import Normaliser, Number, RegionNotServed
from registry.keys import KeyRing

_KEYLESS: Final = "this registry was opened without keys"


@dataclass(frozen=True, slots=True)
class Source:
    """What an event is recognised by: its sender's id for it or, without one, what else is said of the contact.

    content: joins the number's own digits in a fingerprint, and only where there is no id.
    """

    id: bytes | None = field(repr=False)
    content: tuple[bytes, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class WrittenNumber:
    """A number as somebody wrote it. No part of it appears in a repr.

    source: fingerprinted along with the number, if given. any_region: tags are wanted also where it is not served.
    """

    text: str
    region: str | None
    source: Source | None = None
    any_region: bool = False

    def __repr__(self) -> str:
        return "WrittenNumber(...)"


@dataclass(frozen=True, slots=True)
class TaggedNumber:
    """A number and its tag under every active generation, newest first; no tags where its region is not served.

    source: the fingerprint of its source, 32 bytes, where that was asked for.
    """

    number: Number
    tags: tuple[bytes, ...]
    source: bytes | None = None

    @property
    def served(self) -> bool:
        return bool(self.tags)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A blinded batch under one generation's key. elements: 32 bytes each, in order. proof: 64 bytes."""

    generation: int
    elements: bytes
    proof: bytes


@dataclass(frozen=True, slots=True)
class SealedSecret:
    """A provider's secret as it is stored. context: what it is bound to (`sealing_context`)."""

    context: bytes
    sealed: bytes = field(repr=False)


SealedClaim = tuple[Claim, Sequence[SealedSecret]]
"""What a request claims to be signed with, and the secrets that may bear it out."""


class Tagging(Protocol):
    """Whoever holds the keys. Every method raises Refused(signer_unavailable) where the holder is gone."""

    @property
    def generations(self) -> Generations: ...

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        """Reads numbers that people wrote, in order. A text that is no number gives its Refused instead."""
        ...

    def every_tag(self, written: WrittenNumber) -> dict[int, bytes] | Refused:
        """Generation -> the number's tag under it, newest first, wherever the number is from: see `KeyRing.every_tag`.

        A text that is no number gives its Refused instead.
        """
        ...

    def evaluate(self, generations: Sequence[int], blinded: bytes) -> list[Evaluated]:
        """One result for each generation, in order. Raises what `KeyRing.evaluate_batch` raises."""
        ...

    def fingerprints(self, wanted: Sequence[tuple[Purpose, tuple[bytes, ...]]]) -> list[bytes]:
        """A fingerprint of 32 bytes for each purpose and parts, in order."""
        ...

    def seal(self, context: bytes, secret: ProviderSecret) -> bytes:
        """A provider's secret as it may be stored."""
        ...

    def signed(self, claims: Sequence[SealedClaim]) -> list[bool]:
        """Whether one of its secrets bears each claim out, in order. One that cannot be unsealed bears nothing out."""
        ...

    def twins(self, one: SealedSecret, others: Sequence[SealedSecret]) -> list[bool]:
        """Whether each of the others is the same secret as the one. What cannot be unsealed is the same as nothing."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class InProcess:
    """With the keys in this process, in the calling thread."""

    normaliser: Normaliser
    keys: KeyRing

    @property
    def generations(self) -> Generations:
        return self.keys.generations

    def read(self, written: WrittenNumber) -> TaggedNumber | Refused:
        """About 80 microseconds for each active generation, during which it holds the GIL."""
        try:
            number, served = self.normaliser.normalise(written.text, written.region), True
        except RegionNotServed as refused:
            number, served = refused.number, written.any_region
        except Refused as refused:
            return refused
        tags = self.keys.tags(number.e164) if served else ()
        return TaggedNumber(number, tags, self._fingerprint(number, written.source))

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        return [self.read(number) for number in numbers]

    def every_tag(self, written: WrittenNumber) -> dict[int, bytes] | Refused:
        try:
            number = self.normaliser.normalise(written.text, written.region)
        except RegionNotServed as refused:
            number = refused.number
        except Refused as refused:
            return refused
        return self.keys.every_tag(number.e164)

    def evaluate(self, generations: Sequence[int], blinded: bytes) -> list[Evaluated]:
        return [Evaluated(number, *self.keys.evaluate_batch(number, blinded)) for number in generations]

    def fingerprints(self, wanted: Sequence[tuple[Purpose, tuple[bytes, ...]]]) -> list[bytes]:
        return [self.keys.fingerprint(purpose, *parts) for purpose, parts in wanted]

    def seal(self, context: bytes, secret: ProviderSecret) -> bytes:
        return self.keys.credentials.seal(context, secret, secrets.token_bytes(NONCE_BYTES))

    def signed(self, claims: Sequence[SealedClaim]) -> list[bool]:
        return [self._signed(claim, secrets) for claim, secrets in claims]

    def twins(self, one: SealedSecret, others: Sequence[SealedSecret]) -> list[bool]:
        own, *found = (self.keys.credentials.unseal(each.context, each.sealed) for each in (one, *others))
        return [own is not None and secret is not None and same_secret(own, secret) for secret in found]

    def _signed(self, claim: Claim, secrets: Sequence[SealedSecret]) -> bool:
        unsealed = (self.keys.credentials.unseal(one.context, one.sealed) for one in secrets)
        return any(secret is not None and holds(claim, secret) for secret in unsealed)

    def close(self) -> None:
        """There is nothing to end."""

    def _fingerprint(self, number: Number, source: Source | None) -> bytes | None:
        if source is None:
            return None
        if source.id is not None:
            return self.keys.fingerprint(Purpose.SOURCE, source.id)
        return self.keys.fingerprint(Purpose.CONTENT, number.e164.encode(), *source.content)


@dataclass(frozen=True, slots=True)
class WithoutKeys:
    """For a registry that is opened where no operation takes a key. Asked for anything, it raises RuntimeError."""

    generations: Generations

    def read_all(self, numbers: Sequence[WrittenNumber]) -> list[TaggedNumber | Refused]:
        del numbers
        raise RuntimeError(_KEYLESS)

    def every_tag(self, written: WrittenNumber) -> dict[int, bytes] | Refused:
        del written
        raise RuntimeError(_KEYLESS)

    def evaluate(self, generations: Sequence[int], blinded: bytes) -> list[Evaluated]:
        del generations, blinded
        raise RuntimeError(_KEYLESS)

    def fingerprints(self, wanted: Sequence[tuple[Purpose, tuple[bytes, ...]]]) -> list[bytes]:
        del wanted
        raise RuntimeError(_KEYLESS)

    def seal(self, context: bytes, secret: ProviderSecret) -> bytes:
        del context, secret
        raise RuntimeError(_KEYLESS)

    def signed(self, claims: Sequence[SealedClaim]) -> list[bool]:
        del claims
        raise RuntimeError(_KEYLESS)

    def twins(self, one: SealedSecret, others: Sequence[SealedSecret]) -> list[bool]:
        del one, others
        raise RuntimeError(_KEYLESS)

    def close(self) -> None:
        """There is nothing to end."""
