"""Which tags are listed, held against the registry's sets on this side, so that the registry does not learn them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from registry.client._errors import ProtocolError
from registry.client._listed import Buckets, ListedSet, prefix_of
from registry.client._parameters import Parameters, SetFacts
from registry.domain.tags import SET_ID_BYTES, set_id

TagsOf = Callable[[int], Iterable[bytes]]
"""All tags that will be looked for in the set of a generation."""


class Sets(Protocol):
    """Where the sets come from."""

    def parameters(self) -> Parameters: ...
    def listed_set(self, generation: int) -> ListedSet | None: ...
    def bucket(self, generation: int, prefix: int, facts: SetFacts) -> ListedSet | None: ...


class Membership:
    """The sets of all active generations."""

    __slots__ = ("_sets",)

    def __init__(self, sets: Mapping[int, ListedSet | Buckets]) -> None:
        self._sets = sets

    @classmethod
    def whole(cls, source: Sets, parameters: Parameters) -> "Membership":
        """8 bytes for every listed number. Tells the registry nothing."""
        return cls({one.number: _whole(source, one.number) for one in parameters.generations})

    @classmethod
    def cheapest(cls, source: Sets, tags_of: TagsOf) -> "Membership":
        """Only the buckets that are needed, wherever these are smaller than the whole set.

        Tells the registry the first bits of the ids of the asker's numbers, those that are not listed included.
        """
        sets: dict[int, ListedSet | Buckets] = {}
        # Asked again: the buckets of a long check's beginning may have been divided since.
        for one in source.parameters().generations:
            number, facts = one.number, one.set
            needed: set[int] = set()
            if facts.prefix_bits:
                needed = {prefix_of(set_id(number, tag), facts.prefix_bits) for tag in tags_of(number)}
            if facts.prefix_bits and len(needed) * facts.bucket_entries * SET_ID_BYTES < facts.size:
                sets[number] = _buckets(source, number, facts, needed)
            else:
                sets[number] = _whole(source, number)
        return cls(sets)

    def lists(self, generation: int, tag: bytes) -> bool:
        return set_id(generation, tag) in self._sets[generation]


def _whole(source: Sets, generation: int) -> ListedSet:
    return _present(source.listed_set(generation))


def _buckets(source: Sets, generation: int, facts: SetFacts, prefixes: Iterable[int]) -> Buckets:
    return Buckets(facts.prefix_bits, sorted(prefixes), lambda at: _present(source.bucket(generation, at, facts)))


def _present(found: ListedSet | None) -> ListedSet:
    if found is None:
        raise ProtocolError("The registry did not send the set, although none was here before.")
    return found
