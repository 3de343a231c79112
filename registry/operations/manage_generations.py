"""Generations: a new key is added, an old one retired. By the operator, on the machine that holds the key file."""

from dataclasses import dataclass, field

from registry.db import generations
from registry.db.database import Writing
from registry.domain.errors import Code, Refused
from registry.operations.operation import Caller, Done, WriteOperation
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class AddGeneration(WriteOperation[None, int]):
    """The key file must hold the key before this runs. Running processes refuse work until they are restarted with it,
    since without it they would answer `none` for numbers that are listed under it.
    """

    name = "add_generation"
    holds_generations = False
    number: int
    public_key: bytes = field(repr=False)

    def prepare(self, registry: Registry) -> None:
        del registry

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[int]:
        generations.add(tx, self.number, self.public_key)
        return Done(self.number, count={"added": 1}, generation=self.number)


@dataclass(frozen=True, slots=True)
class RetireGeneration(WriteOperation[None, int]):
    """Refused(invalid_value) where something that still matters is stored under it alone, unless forced.

    forced: its hits, exclusions and disputes are given up, and that its lines' own numbers are never listed. An
    exclusion that is given up may list somebody again.
    """

    name = "retire_generation"
    holds_generations = False
    number: int
    forced: bool = False

    def prepare(self, registry: Registry) -> None:
        if registry.generations.active == (self.number,):
            raise Refused(Code.INVALID_VALUE, "The only active generation cannot be retired. Add a new one first.")
        if self.number not in registry.generations.active:
            raise Refused(Code.NOT_FOUND, "There is no active generation of this number.")

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: None) -> Done[int]:
        if not self.forced:
            self._refuse_dependants(tx, registry)
        if not generations.retire(tx, self.number):
            raise Refused(Code.NOT_FOUND, "There is no active generation of this number.")
        return Done(self.number, count={"retired": 1}, generation=self.number)

    def _refuse_dependants(self, tx: Writing, registry: Registry) -> None:
        now = registry.clock()
        found = generations.dependants(tx, self.number, kept_since=registry.policy.kept_since(now), now=now)
        named = [
            name
            for name, present in (
                ("contacts that have not expired", found.unexpired_hits),
                ("exclusions", found.exclusions),
                ("ended exclusions that keep out what happened before", found.ended_exclusions),
                ("open disputes", found.disputes),
                ("decoys (set their number again first)", found.decoys),
            )
            if present
        ]
        if named:
            raise Refused(Code.INVALID_VALUE, f"Still stored under generation {self.number}: {', '.join(named)}.")
