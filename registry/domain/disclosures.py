"""Disclosures of one number as its holder is told of them: what the log's event says, and nothing that it does not say.

An event counts outcomes and does not keep whose outcome was which. Where it counts two kinds, both are given: nothing
here guesses.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from registry.domain.policy import Outcome

OPERATION: Final = "subject_disclosures"
"""The name of the operation that answers with these; its own events are disclosures as well."""


class Told(StrEnum):
    """What was said about the number. `none` is no disclosure, so it cannot be here."""

    CONTACT_OBSERVED = Outcome.CONTACT_OBSERVED.value
    INDETERMINATE = Outcome.INDETERMINATE.value
    DISCLOSURES = "disclosures"
    """To whom it had been disclosed before: the answer to a subject's request."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """The organisation that was told."""

    id: UUID
    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One answer about the number. recipient: None for the operator's own command line.

    numbers: how many were asked about together. told: one, or the several that the event leaves open; of none where it
    says nothing. proof: the tlog-proof file, None while the event waits to be sealed.
    """

    event: UUID
    time: datetime
    operation: str
    recipient: Recipient | None
    purpose: str | None
    case: str | None
    numbers: int
    told: tuple[Told, ...]
    policy: str | None
    proof: str | None

    @property
    def sealed(self) -> bool:
        return self.proof is not None


@dataclass(frozen=True, slots=True)
class SearchedGeneration:
    """One key under which numbers were pseudonymised. searched: False where the key was destroyed: what was disclosed
    under it can no longer be found by anybody.
    """

    number: int
    searched: bool
    retired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How far an answer reaches. kept_since: the oldest event that is still kept, None where none was ever dropped."""

    generations: Sequence[SearchedGeneration]
    kept_since: datetime | None

    @property
    def unsearchable_until(self) -> datetime | None:
        """Until then disclosures may have been made under keys that are destroyed. None where all are held."""
        moments = [one.retired_at for one in self.generations if not one.searched and one.retired_at is not None]
        return max(moments, default=None)


def read(body: bytes, recipient: Recipient | None, proof: str | None) -> Disclosure:
    """An event's exact bytes as a disclosure. recipient: the organisation that the event names."""
    event = json.loads(body)
    return Disclosure(
        event=UUID(event["id"]),
        time=datetime.fromisoformat(event["time"]),
        operation=event["operation"],
        recipient=recipient,
        purpose=event["purpose"],
        case=event["case"],
        numbers=event["count"]["submitted"],
        told=_told(event["operation"], event["count"]),
        policy=event["policy"],
        proof=proof,
    )


def _told(operation: str, count: Mapping[str, int]) -> tuple[Told, ...]:
    if operation == OPERATION:
        return (Told.DISCLOSURES,)
    return tuple(told for told in (Told.CONTACT_OBSERVED, Told.INDETERMINATE) if count.get(told.value))
