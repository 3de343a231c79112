"""What is answered, typed. Names and values are the API's own; a value that a newer registry adds stays what it is.

No repr shows a number.
"""

from dataclasses import dataclass, field
from datetime import date
from typing import Self

from registry.client._document import Document


@dataclass(frozen=True, slots=True)
class Evidence:
    """What stands behind `contact_observed`. grade: single, repeated or corroborated. Dates are UTC."""

    grade: str
    contacts: int
    decoys: int
    organisations: int
    first_contact: date
    last_contact: date
    channels: tuple[str, ...]
    policy: str

    @classmethod
    def read(cls, document: Document) -> Self:
        return cls(
            grade=document.text("grade"),
            contacts=document.whole("contacts"),
            decoys=document.whole("decoys"),
            organisations=document.whole("organisations"),
            first_contact=document.day("first_contact"),
            last_contact=document.day("last_contact"),
            channels=document.texts("channels"),
            policy=document.text("policy"),
        )


@dataclass(frozen=True, slots=True)
class ItemProblem:
    """Why one item of several has no answer."""

    code: str
    detail: str

    @classmethod
    def read(cls, document: Document) -> Self:
        return cls(document.text("code"), document.text("detail"))


@dataclass(frozen=True, slots=True)
class Answer:
    """About one number. Either outcome or problem is given.

    number: in E.164; None for an item that was refused, and in answers about tags. outcome: contact_observed, none or
    indeterminate. reason: with indeterminate only. evidence: with contact_observed only.
    """

    number: str | None = field(repr=False)
    outcome: str | None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    evidence: Evidence | None = None
    problem: ItemProblem | None = None
    ref: str | None = field(default=None, repr=False)

    @classmethod
    def read(cls, document: Document) -> Self:
        evidence, problem = document.optional_child("evidence"), document.optional_child("problem")
        return cls(
            number=document.optional_text("number"),
            outcome=document.text("outcome") if problem is None else None,
            reason=document.optional_text("reason"),
            notes=document.texts("notes") if document.has("notes") else (),
            evidence=None if evidence is None else Evidence.read(evidence),
            problem=None if problem is None else ItemProblem.read(problem),
            ref=document.optional_text("ref"),
        )


@dataclass(frozen=True, slots=True)
class LookupAnswer:
    """guidance: where it is said what to do next. audit_id: the receipt, as in every answer."""

    answer: Answer
    guidance: str
    audit_id: str

    @classmethod
    def read(cls, document: Document) -> Self:
        return cls(Answer.read(document), document.text("guidance"), document.text("audit_id"))


@dataclass(frozen=True, slots=True)
class Answers:
    """results: in the order of what was asked. counts: of each outcome, and `refused`."""

    results: tuple[Answer, ...]
    counts: dict[str, int]
    guidance: str
    audit_id: str

    @classmethod
    def read(cls, document: Document, asked: int) -> Self:
        results = tuple(map(Answer.read, document.children("results")))
        if len(results) != asked:
            document.wrong("results")
        return cls(results, document.counts("counts"), document.text("guidance"), document.text("audit_id"))


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit and what is left of it. unit: requests or numbers."""

    name: str
    unit: str
    quota: int
    remaining: int
    window_seconds: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Account:
    """Who asks. key: the public part of the key."""

    organisation_id: str
    organisation: str
    kind: str
    key: str
    scopes: tuple[str, ...]
    mode: str
    limits: tuple[Limit, ...]
    audit_id: str

    @classmethod
    def read(cls, document: Document) -> Self:
        return cls(
            organisation_id=document.text("organisation_id"),
            organisation=document.text("organisation"),
            kind=document.text("kind"),
            key=document.text("key"),
            scopes=document.texts("scopes"),
            mode=document.text("mode"),
            limits=tuple(
                Limit(
                    name=limit.text("name"),
                    unit=limit.text("unit"),
                    quota=limit.whole("quota"),
                    remaining=limit.whole("remaining"),
                    window_seconds=limit.whole("window_seconds"),
                    reset_seconds=limit.whole("reset_seconds"),
                )
                for limit in document.children("limits")
            ),
            audit_id=document.text("audit_id"),
        )
