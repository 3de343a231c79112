"""Generations as everybody may know them: numbers, public keys, and what was chained from what (docs/adr/0013).

Nothing secret is here: an API process holds this and no key.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Generation:
    """One OPRF key. parent: the generation whose tags this one's are made from; None where numbers are hashed."""

    number: int
    public_key: bytes
    parent: int | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Generations:
    """All generations that a registry ever had."""

    known: Mapping[int, Generation]
    active: tuple[int, ...]
    """Numbers of those under which questions are evaluated, newest first. New hits go under the first."""

    @classmethod
    def of(cls, generations: Iterable[Generation]) -> Self:
        """Raises ValueError where a parent is missing or newer than its child, so that no chain can be endless."""
        known = {generation.number: generation for generation in generations}
        for generation in known.values():
            parent = generation.parent
            if parent is not None and (parent not in known or parent >= generation.number):
                raise ValueError("a generation is chained from an older one that is known")
        active = sorted((number for number, generation in known.items() if not generation.retired), reverse=True)
        return cls(known, tuple(active))

    @property
    def current(self) -> int:
        """The generation under which new hits are stored."""
        return self.active[0]

    def chain(self, number: int) -> tuple[int, ...]:
        """The generations that a number goes through on its way to its tag under this one, oldest first."""
        steps = [number]
        while (parent := self.known[steps[-1]].parent) is not None:
            steps.append(parent)
        return tuple(reversed(steps))

    @property
    def evaluated(self) -> frozenset[int]:
        """Numbers of those whose keys are needed: the active ones and what they are chained from."""
        return frozenset(step for number in self.active for step in self.chain(number))

    @property
    def beginnings(self) -> tuple[int, ...]:
        """Where the evaluation under each active generation begins, each once, newest first."""
        return tuple(sorted({self.chain(number)[0] for number in self.active}, reverse=True))
