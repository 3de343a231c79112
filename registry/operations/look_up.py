"""One number asked."""

from dataclasses import dataclass

from registry.db.database import Writing
from registry.domain.credentials import Purpose
from registry.domain.errors import FieldProblem, Refused
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.questions import Answer, Asked, ItemRefusal, Question, answer_all, made_under, prepare_all
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class LookUp(ReadOperation[Asked, Answer]):
    name = "look_up"
    question: Question
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
        return 1

    def prepare(self, registry: Registry) -> Asked:
        (prepared,) = prepare_all(registry, [self.question])
        if isinstance(prepared, ItemRefusal):
            problem = FieldProblem(f"/{prepared.field}", prepared.code, prepared.detail)
            raise Refused(prepared.code, prepared.detail, (problem,))
        return prepared

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: Asked) -> Done[Answer]:
        del caller
        answers, disclosed = answer_all(tx, [prepared], policy=registry.policy, now=registry.clock())
        result = answers[0]
        if isinstance(result, ItemRefusal):
            raise TypeError("a prepared question is answered, not refused")
        return Done(
            result,
            count={result.outcome.value: 1},
            disclosed=disclosed,
            made_under=made_under([prepared], disclosed, registry.generations.active),
            policy=registry.policy.name,
            generation=registry.generations.current,
        )
