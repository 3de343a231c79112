"""Many numbers asked at once: every item is answered in order, refusals included."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from registry.db.database import Writing
from registry.domain.credentials import Purpose
from registry.domain.policy import Outcome
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.questions import Answer, Asked, ItemRefusal, Question, answer_all, made_under, prepare_all
from registry.operations.registry import Registry

REFUSED = "refused"
Answers = list[Answer | ItemRefusal]


@dataclass(frozen=True, slots=True)
class Check(ReadOperation[list[Asked | ItemRefusal], Answers]):
    """items: a question, or the refusal of one that could not even be read (a file's row, say)."""

    name = "check"
    items: Sequence[Question | ItemRefusal]
    asked_for: Purpose
    case: str | None

    @property
    def purpose(self) -> Purpose:
        return self.asked_for

    @property
    def case_ref(self) -> str | None:
        return self.case

    @property
    def submitted(self) -> int:
        return len(self.items)

    def prepare(self, registry: Registry) -> list[Asked | ItemRefusal]:
        return prepare_all(registry, self.items)

    def perform(
        self, tx: Writing, registry: Registry, caller: Caller, prepared: list[Asked | ItemRefusal]
    ) -> Done[Answers]:
        del caller
        answers, disclosed = answer_all(tx, prepared, policy=registry.policy, now=registry.clock())
        return Done(
            answers,
            count=tally(answers),
            disclosed=disclosed,
            made_under=made_under(prepared, disclosed, registry.generations.active),
            policy=registry.policy.name,
            generation=registry.generations.current,
        )


def tally(answers: Sequence[Answer | ItemRefusal]) -> dict[str, int]:
    """How many of each outcome, zeros included, and how many were refused."""
    counted = Counter(REFUSED if isinstance(one, ItemRefusal) else one.outcome.value for one in answers)
    return {name: counted[name] for name in (*(outcome.value for outcome in Outcome), REFUSED)}
