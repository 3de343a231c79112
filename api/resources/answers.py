"""The answer about one number, as lookups and checks give it."""

from datetime import date
from typing import Literal

from pydantic import Field

from api.problems import ItemProblem, item_problem
from api.resources.model import AnswerModel
from registry.domain.policy import Channel, Evidence, Grade, Outcome, Reason
from registry.operations.questions import ItemRefusal


class EvidenceModel(AnswerModel):
    """What stands behind `contact_observed`: counts and dates, never a decoy, an organisation or a text."""

    grade: Grade = Field(description="How firm: `single`, `repeated` or `corroborated`.")
    contacts: int = Field(ge=1)
    decoys: int = Field(ge=1)
    organisations: int = Field(ge=1)
    first_contact: date = Field(description="UTC date.")
    last_contact: date = Field(description="UTC date.")
    channels: list[Channel]
    policy: str = Field(description="Version of the rules that were applied.", examples=["2026-12.4"])

    @classmethod
    def of(cls, evidence: Evidence | None) -> "EvidenceModel | None":
        if evidence is None:
            return None
        return cls(
            grade=evidence.grade,
            contacts=evidence.contacts,
            decoys=evidence.decoys,
            organisations=evidence.organisations,
            first_contact=evidence.first_contact,
            last_contact=evidence.last_contact,
            channels=list(evidence.channels),
            policy=evidence.policy,
        )


OutcomeField = Outcome
ReasonField = Reason
NotesField = list[Literal["extension_ignored"]]


def item_refusal(refusal: ItemRefusal, pointer: str) -> ItemProblem:
    """The problem of one item; pointer: that of the item itself."""
    return ItemProblem.model_validate(item_problem(refusal.code, f"{pointer}/{refusal.field}", refusal.detail))
