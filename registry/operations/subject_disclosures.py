"""A subject's request: to whom was anything told about this number, what, when and why, with a proof of each.

Answered by the operator, under every key that there still is. Where something is found the answer is itself a
disclosure, to the operator, and recorded as one; where nothing is, nothing is stored.
"""

from dataclasses import dataclass, field
from uuid import UUID

from registry.db import generations, sealed_log, subject_disclosures
from registry.db.database import Reading, Writing
from registry.db.subject_disclosures import Named
from registry.domain import disclosures
from registry.domain.credentials import Purpose
from registry.domain.disclosures import Disclosure, Reach, Recipient, SearchedGeneration
from registry.domain.errors import Code, FieldProblem, Refused
from registry.operations.operation import Caller, Done, ReadOperation
from registry.operations.questions import number_refusal
from registry.operations.receipts import receipt_of
from registry.operations.registry import Registry
from registry.tagging import WrittenNumber


@dataclass(frozen=True, slots=True)
class Disclosures:
    """One page, newest first. next: the event to continue from; None on the last page."""

    items: list[Disclosure]
    next: UUID | None
    reach: Reach


@dataclass(frozen=True, slots=True)
class SubjectDisclosures(ReadOperation[dict[int, bytes], Disclosures]):
    """after: the last event of the page before. limit: at most so many."""

    name = disclosures.OPERATION
    number: str = field(repr=False)
    region: str | None = field(default=None, repr=False)
    case: str | None = None
    after: UUID | None = None
    limit: int = 100

    @property
    def purpose(self) -> Purpose:
        """There is no other: whoever wants to know about others has no business here."""
        return Purpose.SUBJECT_REQUEST

    @property
    def case_ref(self) -> str | None:
        return self.case

    @property
    def submitted(self) -> int:
        return 1

    def prepare(self, registry: Registry) -> dict[int, bytes]:
        """The number's tag under every generation that can still be evaluated."""
        found = registry.tagging.every_tag(WrittenNumber(self.number, self.region))
        if isinstance(found, Refused):
            at = number_refusal(found, self.region)
            raise Refused(at.code, at.detail, (FieldProblem(f"/{at.field}", at.code, at.detail),))
        return found

    def perform(self, tx: Writing, registry: Registry, caller: Caller, prepared: dict[int, bytes]) -> Done[Disclosures]:
        with sealed_log.as_reader(tx):
            found = subject_disclosures.page(tx, prepared.values(), before=self.after, most=self.limit + 1)
            named = found[: self.limit]
            items = [_disclosure(tx, one) for one in named]
            kept_since = subject_disclosures.kept_since(tx)
        searched = [
            SearchedGeneration(one.number, one.number in prepared, one.retired_at)
            for one in generations.all_generations(tx)
        ]
        following = named[-1].entry.event if len(found) > self.limit else None
        return Done(
            Disclosures(items, following, Reach(searched, kept_since)),
            count={"disclosures": len(items)},
            disclosed=sorted({tag for one in named for tag in one.tags}),
            made_under={tag: generation for generation, tag in prepared.items()},
            generation=registry.generations.current,
        )


def _disclosure(tx: Reading, named: Named) -> Disclosure:
    entry = named.entry
    recipient = None
    if entry.organisation is not None and named.kind is not None and named.name is not None:
        recipient = Recipient(entry.organisation, named.kind, named.name)
    return disclosures.read(entry.body, recipient, _proof(tx, named))


def _proof(tx: Reading, named: Named) -> str | None:
    """None where the event waits to be sealed."""
    try:
        return receipt_of(tx, named.entry).text()
    except Refused as refused:
        if refused.code is not Code.NOT_SEALED:
            raise
        return None
