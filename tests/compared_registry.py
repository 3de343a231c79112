"""A registry on a real database beside the model that its answers are compared with, for state machines to drive.

It owns the comparison, and nothing of what is done in between: that is the machine's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final

import psycopg
import registry_model
from holders import in_process
from hypothesis.stateful import RuleBasedStateMachine, invariant
from members import KEYS, NOW, Clock
from registry_model import Facts, Model

from registry.db.database import Database
from registry.domain.credentials import OrganisationKind, Purpose
from registry.domain.errors import Code, Refused
from registry.domain.policy import Attestation, Channel
from registry.operations.assembly import adopt_keys, public_keys
from registry.operations.check import Check
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Caller, Operation, Request
from registry.operations.questions import Answer, ItemRefusal, Question
from registry.operations.record_hits import Outcome, Recorded
from registry.operations.registry import Registry
from registry.operations.verify_listings import VerifyListings
from registry.settings import Settings

if TYPE_CHECKING:
    from uuid import UUID

NUMBERS: Final = {
    "+12065550101": "mobile",
    "+19025550102": "mobile",
    "+18005550103": "toll_free",
}
NOT_SERVED: Final = "+447400123456"
OWNERS: Final = ("first", "second")
CLOCK_SKEW: Final = timedelta(minutes=5)
EMPTIED: Final = (
    "TRUNCATE registry.hits, registry.submissions, registry.listings, registry.exclusions, registry.disputes,"
    " registry.decoys, registry.decoy_days, registry.generations, registry.private_sets, registry.private_set_slots,"
    " registry.rekeyings, registry.rekeyed_tags CASCADE"
)


@dataclass(frozen=True)
class Draft:
    """A contact that somebody submits. decoy: which of those there are; ago: days before now, at that time of day."""

    number: str
    decoy: int
    ago: int
    at: time
    channel: Channel
    attestation: Attestation | None
    diverted: bool
    source: str | None


class ComparedRegistry(RuleBasedStateMachine):
    """Begins empty, under one generation, with one organisation of each kind and two that submit contacts."""

    def __init__(self, database: Database, wanted: Settings, superuser: psycopg.Connection[tuple[Any, ...]]) -> None:
        super().__init__()
        superuser.execute(EMPTIED)
        self.clock = Clock(NOW)
        self.model = Model(NOW)
        self.database = database
        self.settings = wanted
        self.keys = KEYS
        adopt_keys(database, public_keys(KEYS))
        self.registry = self.opened()
        self.callers = {owner: self._new_caller(superuser, owner) for owner in (*OWNERS, "employer", "operator")}

    def opened(self) -> Registry:
        """A process of the registry that is started now."""
        return Registry.of(self.settings, self.database, in_process(self.settings, self.keys), self.clock)

    def _new_caller(self, superuser: psycopg.Connection[tuple[Any, ...]], name: str) -> Caller:
        """One organisation of each name is enough for all runs."""
        kind = OrganisationKind.INVESTIGATOR if name in OWNERS else OrganisationKind(name)
        known = superuser.execute("SELECT id FROM registry.organisations WHERE name = %s", (name,)).fetchone()
        id_: UUID = known[0] if known else self.run(CreateOrganisation(kind, name), COMMAND_LINE).id
        return Caller(id_, kind, name)

    def run(self, operation: Operation[Any, Any], caller: Caller) -> Any:
        return self.registry.run(operation, caller, Request(self.registry.new_id(), "test")).result

    def refused(self, operation: Operation[Any, Any], caller: Caller) -> Code | None:
        """Runs what may be refused; None where it was done."""
        try:
            self.run(operation, caller)
        except Refused as refused:
            return refused.headline
        return None

    def moment(self, day: int | None) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(self.clock.now.date() + timedelta(days=day), time(11), UTC)

    def decoy(self, index: int) -> str:
        known = list(self.model.decoys)  # in the order of their making: ids are random
        return known[index % len(known)]

    def acquired(self, day: int | None) -> date | None:
        return None if day is None else self.clock.now.date() - timedelta(days=abs(day))

    def moment_of(self, draft: Draft) -> datetime:
        return datetime.combine(self.clock.now.date() - timedelta(days=draft.ago), draft.at, UTC)

    def compare_submission(
        self, owner: str, submitted: Sequence[Draft], outcomes: Sequence[Outcome], *, kept: bool = True
    ) -> None:
        """What became of each contact; the model learns of those that were recorded."""
        before = dict(self.model.contacts)
        for draft, outcome in zip(submitted, outcomes, strict=True):
            decoy, at = self.decoy(draft.decoy), self.moment_of(draft)
            expected = self._expected_refusal(owner, draft.number, decoy, at)
            if expected is not None:
                assert isinstance(outcome, ItemRefusal)
                assert outcome.code is expected
                continue
            assert isinstance(outcome, Recorded)
            source = draft.source or (decoy, draft.number, int(at.timestamp()), draft.channel)
            known = self.model.same_event(owner, source)
            assert outcome.status == ("recorded" if known is None else "duplicate")
            if known is None:
                self.model.contacts[str(outcome.id)] = registry_model.Contact(
                    draft.number, NUMBERS[draft.number], decoy, at, draft.channel.value,
                    None if draft.attestation is None else draft.attestation.value, draft.diverted, source,
                )  # fmt: skip
            else:
                assert str(outcome.id) == known
        if not kept:
            self.model.contacts = before

    def _expected_refusal(self, owner: str, number: str, decoy: str, at: datetime) -> Code | None:
        if at > self.clock.now + CLOCK_SKEW:
            return Code.DATE_IN_FUTURE
        if number == NOT_SERVED:
            return Code.REGION_NOT_SERVED
        return None if self.model.decoys[decoy].owner == owner else Code.UNKNOWN_DECOY

    @invariant()
    def every_answer_is_the_models(self) -> None:
        """About each number: ever, and in windows that begin or end on days of its contacts, or beside them."""
        asked = [(number, *window) for number in NUMBERS for window in self._windows(number)]
        questions = [Question(number, None, since, until) for number, since, until in asked]
        questions.append(Question(NOT_SERVED))
        *answers, elsewhere = self.run(Check(questions, Purpose.INVESTIGATION, None), self.callers["employer"])
        assert [told(answer) for answer in answers] == [self.model.ask(*question) for question in asked]
        assert told(elsewhere) == ("indeterminate", "region_not_served", None)

    def _windows(self, number: str) -> list[tuple[date | None, date | None]]:
        today = self.clock.now.date()
        days = sorted({contact.at.date() for contact in self.model.contacts.values() if contact.number == number})
        if not days:
            return [(None, None), (today, today)]
        first, middle, last = days[0], days[len(days) // 2], days[-1]
        day = timedelta(days=1)
        return [
            *((None, None), (first, last), (first, None), (None, last), (middle, middle), (None, middle)),
            *((first + day, None), (first - day, middle), (middle, last + day if last < today else None)),
        ]

    def teardown(self) -> None:
        verified = self.run(VerifyListings(), COMMAND_LINE)
        assert verified.wrong == 0, verified
        repaired = self.run(VerifyListings(repair=True), COMMAND_LINE)
        assert repaired.stale == verified.stale
        assert self.run(VerifyListings(), COMMAND_LINE).stale == 0


def is_reversed(decoy: registry_model.Decoy) -> bool:
    return decoy.live_from is not None and decoy.live_until is not None and decoy.live_until <= decoy.live_from


def told(answer: Answer) -> registry_model.Answer:
    """An answer of the registry as the model gives it."""
    evidence = answer.evidence
    facts = None
    if evidence is not None:
        values = {field.name: getattr(evidence, field.name) for field in fields(Facts)}
        facts = Facts(**values)
    return answer.outcome.value, None if answer.reason is None else answer.reason.value, facts
