"""Blinded evaluation: the registry multiplies what it cannot read, and proves that it did so with its published key."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from registry.db.database import Writing
from registry.domain.credentials import Purpose
from registry.domain.errors import Code, Refused
from registry.domain.generations import Generations
from registry.domain.tags import ELEMENT_BYTES
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.registry import Registry
from registry.tagging import Evaluated


@dataclass(frozen=True, slots=True)
class EvaluateBlinded(ReadOperation[list[Evaluated], list[Evaluated]]):
    """blinded: 1 to 1,000 elements of 32 bytes each. generations: None for where each active one begins."""

    name = "evaluate_blinded"
    blinded: bytes = field(repr=False)
    asked_for: Purpose
    case: str | None
    generations: tuple[int, ...] | None = None

    @property
    def purpose(self) -> Purpose:
        return self.asked_for

    @property
    def case_ref(self) -> str | None:
        return self.case

    @property
    def submitted(self) -> int:
        return len(self.blinded) // ELEMENT_BYTES

    def prepare(self, registry: Registry) -> list[Evaluated]:
        known = registry.generations
        wanted = known.beginnings if self.generations is None else self.generations
        for number in wanted:
            require_evaluated(known, number)
        return registry.tagging.evaluate(wanted, self.blinded)

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: list[Evaluated]
    ) -> Done[list[Evaluated]]:
        count = {"evaluated": self.submitted, "generations": len(prepared)}
        return Done(prepared, count=count, generation=registry.generations.current)


def require_evaluated(known: Generations, number: int) -> None:
    """Raises Refused: `unknown_generation`, or `retired_generation` where nothing is evaluated under it any more."""
    if number not in known.known:
        raise Refused(Code.UNKNOWN_GENERATION, "There is no generation of this number.")
    if number not in known.evaluated:
        raise Refused(Code.RETIRED_GENERATION, "This generation is retired.")


def require_active(known: Generations, number: int) -> None:
    """Like `require_evaluated`, for what only an active generation has."""
    require_evaluated(known, number)
    if number not in known.active:
        raise Refused(Code.RETIRED_GENERATION, "This generation is retired; its tags live on in one chained from it.")


def distinct(numbers: Sequence[int]) -> tuple[int, ...]:
    """In their order, each once."""
    return tuple(dict.fromkeys(numbers))
