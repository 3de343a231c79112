"""The key ring: generations and their secrets in memory. The only module of the server that imports the OPRF library.

`voprf` is young, so everything that reaches it is checked here first: seeds have exactly 32 bytes, inputs are never
empty and never over 65,535 bytes, elements have exactly 32 bytes, batches have 1 to 1,000 of them. Nothing here stores,
logs or prints a secret, a number or a tag.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from voprf.ristretto import BlindedInput, Evaluator

from registry.domain.errors import Code, FieldProblem, Refused
from registry.domain.fingerprints import Fingerprinter
from registry.domain.generations import Generations
from registry.domain.intake.credentials import CredentialSealer
from registry.domain.tags import BATCH_MOST, ELEMENT_BYTES, PROOF_BYTES, chain_input, tag_of, tel_input
from registry.key_file import KeyFile

# The `info` of RFC 9497's DeriveKeyPair: part of every tag, so it can never change.
KEY_INFO: Final = b"demand-registry|key|v1"
_SEED_BYTES: Final = 32
_MAX_INPUT_BYTES: Final = 65_535
_IDENTITY: Final = bytes(ELEMENT_BYTES)


class SecretKey:
    """One OPRF key, derived from a seed of 32 bytes (RFC 9497, section 3.2.1). The seed itself is not kept."""

    __slots__ = ("_evaluator",)

    def __init__(self, seed: bytes) -> None:
        if len(seed) != _SEED_BYTES:
            raise ValueError("a seed has exactly 32 bytes")
        self._evaluator = Evaluator.from_seed(seed, KEY_INFO)

    @property
    def public_key(self) -> bytes:
        """The 32 bytes that clients pin and the database remembers."""
        return self._evaluator.public_key.serialize()

    def output(self, data: bytes) -> bytes:
        """RFC 9497 Evaluate of a known input: 64 bytes. Some 50 microseconds, during which it holds the GIL."""
        if not 0 < len(data) <= _MAX_INPUT_BYTES:
            raise ValueError("an OPRF input has 1 to 65,535 bytes")
        return self._evaluator.evaluate_known_input(data)

    def tag(self, e164: str) -> bytes:
        """The tag of a number under this key: 32 bytes."""
        return tag_of(self.output(tel_input(e164)))

    def chained(self, tag: bytes) -> bytes:
        """What a tag of the parent generation becomes under this key: 32 bytes."""
        return tag_of(self.output(chain_input(tag)))

    def evaluate_batch(self, blinded: bytes) -> tuple[bytes, bytes]:
        """RFC 9497 BlindEvaluate, mode VOPRF: the evaluated elements, 32 bytes each, and one proof of 64 bytes.

        blinded: 1 to 1,000 elements of 32 bytes each. Some 80 microseconds an element, during which it holds the GIL.
        Refused(invalid_element), with the index of the first that is none, for what is no canonical encoding of a
        group element, and for the identity.
        """
        if not 0 < len(blinded) <= BATCH_MOST * ELEMENT_BYTES or len(blinded) % ELEMENT_BYTES:
            raise ValueError("a batch has 1 to 1,000 elements of 32 bytes")
        elements: list[BlindedInput] = []
        for start in range(0, len(blinded), ELEMENT_BYTES):
            encoded = blinded[start : start + ELEMENT_BYTES]
            try:
                if encoded == _IDENTITY:
                    raise ValueError("identity")
                elements.append(BlindedInput.deserialize(encoded))
            except ValueError:
                raise _no_element(start // ELEMENT_BYTES) from None
        output = self._evaluator.evaluate_batch(elements).serialize()
        return output[PROOF_BYTES:], output[:PROOF_BYTES]  # the library writes the proof first


def _no_element(index: int) -> Refused:
    detail = f"Element {index} is not an element of the group, or is its identity."
    return Refused(Code.INVALID_ELEMENT, detail, (FieldProblem("/blinded", Code.INVALID_ELEMENT, detail, index),))


class GenerationMismatch(Exception):  # noqa: N818 - it states a fact about two sides that must agree
    """The key file and the database do not belong together, or one is older than the other."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of the active generations and of those that they are chained from, the fingerprint key, and the one that
    provider credentials are sealed under.

    _past: the keys of all other generations that the key file still has. Nothing is evaluated under them but the tags
    of somebody who asks what was told about their own number.
    """

    generations: Generations
    fingerprint: Fingerprinter = field(repr=False)
    credentials: CredentialSealer = field(repr=False)
    _keys: Mapping[int, SecretKey] = field(repr=False)
    _past: Mapping[int, SecretKey] = field(default_factory=dict[int, SecretKey], repr=False)

    @classmethod
    def of(cls, file: KeyFile, generations: Generations) -> Self:
        """generations: as the database knows them.

        Raises GenerationMismatch where the file lacks a key that is needed or derives another public key: with a wrong
        key every question would be answered `none`, which is worse than no answer.
        """
        if not generations.active:
            raise GenerationMismatch("The database has no active generation. Run `demand-registry init`.")
        keys: dict[int, SecretKey] = {}
        for number in sorted(generations.evaluated):
            seed = file.seeds.get(number)
            if seed is None:
                raise GenerationMismatch(f"The key file has no key for generation {number}, which is in use.")
            keys[number] = SecretKey(seed)
            if keys[number].public_key != generations.known[number].public_key:
                raise GenerationMismatch(
                    f"The key file's generation {number} is not the one this database was made with."
                )
        past = {
            number: key
            for number in sorted(generations.known.keys() & file.seeds.keys() - keys.keys())
            if (key := SecretKey(file.seeds[number])).public_key == generations.known[number].public_key
        }
        return cls(generations, Fingerprinter(file.fingerprint_key), CredentialSealer(file.fingerprint_key), keys, past)

    def tags(self, e164: str) -> tuple[bytes, ...]:
        """The number's tag under every active generation, newest first."""
        found: dict[int, bytes] = {}
        return tuple(self._tag(number, e164, found) for number in self.generations.active)

    def every_tag(self, e164: str) -> dict[int, bytes]:
        """Generation -> the number's tag under it, newest first: retired ones too, as long as the key file has their
        keys. What is left out can never be found from a number again.
        """
        held = self._keys.keys() | self._past.keys()
        reached = (number for number in self.generations.known if held.issuperset(self.generations.chain(number)))
        found: dict[int, bytes] = {}
        return {number: self._tag(number, e164, found) for number in sorted(reached, reverse=True)}

    def _tag(self, number: int, e164: str, found: dict[int, bytes]) -> bytes:
        """found: tags under generations that were met before, since several may be chained from one."""
        if number not in found:
            parent = self.generations.known[number].parent
            key = self._keys.get(number) or self._past[number]
            found[number] = key.tag(e164) if parent is None else key.chained(self._tag(parent, e164, found))
        return found[number]

    def chain(self, number: int, tags: Sequence[bytes]) -> list[bytes]:
        """What tags of a generation's parent become under it: 32 bytes each, in order. Some 50 microseconds a tag."""
        key = self._keys[number]
        return [key.chained(tag) for tag in tags]

    def evaluate_batch(self, number: int, blinded: bytes) -> tuple[bytes, bytes]:
        """`SecretKey.evaluate_batch` under one of the generations in use."""
        return self._keys[number].evaluate_batch(blinded)
