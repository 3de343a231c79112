"""What private checks need: generations and their keys, how numbers are read, and vectors to test oneself by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final, Self

from registry.client._document import Document
from registry.client._errors import KeyChanged, ProtocolError
from registry.client._oprf import BlindedBatch, PublishedKey
from registry.domain.tags import (
    BATCH_MOST,
    CHAIN_PREFIX,
    ELEMENT_BYTES,
    INPUT_PREFIX,
    SET_ID_BYTES,
    SUITE,
    TAG_BYTES,
    set_id,
    tag_of,
    tel_input,
)

_SEED_BYTES: Final = 32
_MOST_PREFIX_BITS: Final = 32
_NEWER: Final = "This registry's private checks are of a kind that this client does not know. Is there a newer client?"


@dataclass(frozen=True, slots=True)
class SetFacts:
    """About the set of one generation. bucket_entries: ids in every bucket, 0 where prefix_bits is 0: no buckets.

    epoch: when it was made, on the registry's clock.
    """

    etag: str
    entries: int
    size: int
    prefix_bits: int
    bucket_entries: int
    epoch: datetime

    @classmethod
    def read(cls, document: Document) -> Self:
        prefix_bits = document.whole("prefix_bits")
        if prefix_bits > _MOST_PREFIX_BITS:
            document.wrong("prefix_bits")
        return cls(
            etag=document.text("etag"),
            entries=document.whole("entries"),
            size=document.whole("bytes"),
            prefix_bits=prefix_bits,
            bucket_entries=document.whole("bucket_entries"),
            epoch=document.moment("epoch"),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One evaluation on the way to a tag. parent: the generation whose tag goes in; None where the number does."""

    generation: int
    public_key: bytes
    parent: int | None


@dataclass(frozen=True, slots=True)
class ActiveGeneration:
    """path: the steps to its tags, oldest first, its own last; one step unless it is chained."""

    number: int
    path: tuple[Step, ...]
    batch_max: int
    set: SetFacts

    @classmethod
    def read(cls, document: Document) -> Self:
        prefixes = (document.text("input_prefix"), document.text("chain_prefix"))
        if document.text("suite") != SUITE or prefixes != (INPUT_PREFIX.decode(), CHAIN_PREFIX.decode()):
            raise ProtocolError(_NEWER)
        path: list[Step] = []
        for place in (*document.children("chain"), document):
            step = Step(
                place.whole("generation"),
                place.octets("public_key", ELEMENT_BYTES),
                parent=path[-1].generation if path else None,
            )
            if step.parent is not None and step.parent >= step.generation:
                document.wrong("chain")
            path.append(step)
        batch_max = document.whole("batch_max")
        if batch_max < 1:
            document.wrong("batch_max")
        return cls(path[-1].generation, tuple(path), min(batch_max, BATCH_MOST), SetFacts.read(document.child("set")))


@dataclass(frozen=True, slots=True)
class TestVector:
    """number: one that nobody has. tag: 32 bytes. set_id: 8 bytes."""

    __test__ = False  # it is not a test, whatever pytest thinks of its name
    number: str
    input: str
    tag: bytes
    set_id: bytes


@dataclass(frozen=True, slots=True)
class TestKey:
    """A key whose secret is published."""

    __test__ = False
    seed: bytes
    generation: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Parameters:
    """generations: the active ones, newest first. normaliser_version: by which the registry reads numbers."""

    generations: tuple[ActiveGeneration, ...]
    served_regions: frozenset[str]
    accept_fictional: bool
    normaliser_version: str
    epoch_seconds: int
    test_key: TestKey
    test_vectors: tuple[TestVector, ...]
    audit_id: str

    @classmethod
    def read(cls, document: Document) -> Self:
        generations = tuple(map(ActiveGeneration.read, document.children("generations")))
        key = document.child("test_key")
        found = cls(
            generations=tuple(sorted(generations, key=lambda generation: -generation.number)),
            served_regions=frozenset(document.texts("served_regions")),
            accept_fictional=document.flag("accept_fictional"),
            normaliser_version=document.text("normaliser_version"),
            epoch_seconds=document.whole("epoch_seconds"),
            test_key=TestKey(
                key.hexadecimal("seed", _SEED_BYTES), key.whole("generation"), key.octets("public_key", ELEMENT_BYTES)
            ),
            test_vectors=tuple(
                TestVector(
                    number=vector.text("number"),
                    input=vector.text("input"),
                    tag=vector.octets("tag", TAG_BYTES),
                    set_id=vector.hexadecimal("set_id", SET_ID_BYTES),
                )
                for vector in document.children("test_vectors")
            ),
            audit_id=document.text("audit_id"),
        )
        if not generations:
            document.wrong("generations")
        found.public_keys()
        return found

    @property
    def batch_max(self) -> int:
        """Numbers that one evaluation may hold, whichever generations it asks for."""
        return min(generation.batch_max for generation in self.generations)

    @property
    def today(self) -> date:
        """The registry's day, in UTC, as far as its youngest set tells."""
        return max(generation.set.epoch for generation in self.generations).astimezone(UTC).date()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every evaluation that a number's tags take, each once, and none before the one that it builds on."""
        return tuple(dict.fromkeys(step for generation in self.generations for step in generation.path))

    def public_keys(self) -> dict[int, bytes]:
        """Of all generations that are evaluated. Raises ProtocolError where one has two."""
        keys: dict[int, bytes] = {}
        for step in self.steps:
            if keys.setdefault(step.generation, step.public_key) != step.public_key:
                raise ProtocolError(f"The registry names two public keys for generation {step.generation}.")
        return keys

    def require_keys(self, pinned: Mapping[int, bytes]) -> None:
        """Raises KeyChanged where a generation that is known has another public key than the known one."""
        for number, public_key in self.public_keys().items():
            if pinned.get(number, public_key) != public_key:
                raise KeyChanged(
                    f"The registry's public key of generation {number} is not the one that is known for it. Either its "
                    "operator made a new registry of it, or somebody is in between. Nothing was sent under the new key."
                )

    def check_vectors(self) -> None:
        """Holds this client's own arithmetic against the vectors: a proof, outputs, tags and set ids.

        Raises ProtocolError where they differ, after which no answer of this client could be trusted.
        """
        key = PublishedKey(self.test_key.seed)
        right = bool(self.test_vectors) and key.public_key == self.test_key.public_key
        if right:
            inputs = [tel_input(vector.number) for vector in self.test_vectors]
            batch = BlindedBatch(inputs)
            outputs = batch.finalize(*key.answer(batch.elements), key.public_key)
            right = [vector.input.encode() for vector in self.test_vectors] == inputs
            for vector, data, output in zip(self.test_vectors, inputs, outputs, strict=True):
                right = right and output == key.output(data) and tag_of(output) == vector.tag
                right = right and set_id(self.test_key.generation, vector.tag) == vector.set_id
        if not right:
            raise ProtocolError(f"The registry's test vectors are not what this client computes. {_NEWER}")
