"""Any order of operations on the real registry, and after each of them the same answers as from a small model of it.

The model (tests/registry_model.py) is written from DESIGN.md, section 6, and knows nothing of how the registry does it.
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
import registry_model
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from members import KEYS, NOW, Clock
from registry_model import Facts, Model

from registry.db.database import Database
from registry.domain.credentials import OrganisationKind, Purpose
from registry.domain.errors import Code, Refused
from registry.domain.policy import Attestation, Channel, Role
from registry.key_file import KeyFile
from registry.keys import KeyRing, SecretKey
from registry.operations.assembly import adopt_keys
from registry.operations.check import Check
from registry.operations.hit_files import HitFileOptions, HitTable
from registry.operations.import_hits import chunks
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, ExclusionReason, RemoveExclusion
from registry.operations.manage_generations import AddGeneration
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Caller, Operation, Request
from registry.operations.questions import Answer, ItemRefusal, Question
from registry.operations.record_hits import Hit, Recorded, RecordHits
from registry.operations.record_hits import Outcome as HitOutcome
from registry.operations.registry import Registry
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.verify_listings import VerifyListings
from registry.settings import Settings

NUMBERS: Final = {
    "+12065550101": "mobile",
    "+12065550102": "mobile",
    "+19025550103": "mobile",
    "+18005550104": "toll_free",
}
NOT_SERVED: Final = "+447400123456"
OWNERS: Final = ("first", "second")
MOST_GENERATIONS: Final = 3
CLOCK_SKEW: Final = timedelta(minutes=5)
EMPTIED: Final = (
    "TRUNCATE registry.hits, registry.submissions, registry.listings, registry.exclusions, registry.disputes,"
    " registry.decoys, registry.generations"
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


numbers = st.sampled_from(sorted(NUMBERS))
owners = st.sampled_from(OWNERS)
indexes = st.integers(min_value=0, max_value=20)
roles = st.sampled_from([Role.ADVERTISEMENT, Role.ADVERTISEMENT, *Role])
days = st.none() | st.integers(min_value=-12, max_value=12)
drafts = st.lists(
    st.builds(
        Draft,
        number=st.sampled_from([*sorted(NUMBERS) * 3, NOT_SERVED]),
        decoy=indexes,
        ago=st.integers(min_value=0, max_value=10),
        at=st.sampled_from([time(0), time(11), time(23, 59, 59, 999_999)]),
        channel=st.sampled_from([Channel.SMS, Channel.CHAT, Channel.VOICE, Channel.VOICE]),
        attestation=st.sampled_from([None, Attestation.A, Attestation.B]),
        diverted=st.sampled_from([False] * 5 + [True]),
        source=st.none() | st.sampled_from(["SM1", "SM2", "SM3"]),
    ),
    min_size=1,
    max_size=5,
)
leaps = st.sampled_from(
    [timedelta(microseconds=1), timedelta(hours=13), timedelta(days=1), timedelta(days=7), timedelta(days=365)]
)


class RegistryMachine(RuleBasedStateMachine):
    def __init__(self, database: Database, wanted: Settings, superuser: psycopg.Connection[tuple[Any, ...]]) -> None:
        super().__init__()
        superuser.execute(EMPTIED)
        self.clock = Clock(NOW)
        self.model = Model(NOW)
        self.database = database
        self.settings = wanted
        self.keys = KEYS
        adopt_keys(database, KEYS)
        self.registry = self._opened()
        self.callers = {owner: self._new_caller(superuser, owner) for owner in (*OWNERS, "employer", "operator")}
        self.lines = 0

    def _opened(self) -> Registry:
        """A process of the registry that is started now."""
        public = {number: SecretKey(seed).public_key for number, seed in self.keys.seeds.items()}
        return Registry.of(self.settings, self.database, KeyRing.of(self.keys, public), self.clock)

    def _new_caller(self, superuser: psycopg.Connection[tuple[Any, ...]], name: str) -> Caller:
        """One organisation of each name is enough for all runs."""
        kind = OrganisationKind.INVESTIGATOR if name in OWNERS else OrganisationKind(name)
        known = superuser.execute("SELECT id FROM registry.organisations WHERE name = %s", (name,)).fetchone()
        id_: UUID = known[0] if known else self._run(CreateOrganisation(kind, name), COMMAND_LINE).id
        return Caller(id_, kind, name)

    def _run(self, operation: Operation[Any, Any], caller: Caller) -> Any:
        return self.registry.run(operation, caller, Request(self.registry.new_id(), "test")).result

    def _refused(self, operation: Operation[Any, Any], caller: Caller) -> Code | None:
        """Runs what may be refused; None where it was done."""
        try:
            self._run(operation, caller)
        except Refused as refused:
            return refused.headline
        return None

    def _moment(self, day: int | None) -> datetime | None:
        if day is None:
            return None
        return datetime.combine(self.clock.now.date() + timedelta(days=day), time(11), UTC)

    def _decoy(self, index: int) -> str:
        known = list(self.model.decoys)  # in the order of their making: ids are random
        return known[index % len(known)]

    @rule(owner=owners, role=roles, live_from=days, live_until=days, acquired=days)
    def register_a_decoy(
        self, owner: str, role: Role, live_from: int | None, live_until: int | None, acquired: int | None
    ) -> None:
        decoy = registry_model.Decoy(
            owner, role.value, self._moment(live_from), self._moment(live_until), self._acquired(acquired)
        )
        self.lines += 1
        operation = RegisterDecoy(
            label="A line",
            number=f"+1{300 + self.lines}5550100",
            role=role,
            live_from=decoy.live_from,
            live_until=decoy.live_until,
            acquired_on=decoy.acquired_on,
        )
        if _is_reversed(decoy):
            assert self._refused(operation, self.callers[owner]) is Code.WINDOW_REVERSED
        else:
            self.model.decoys[str(self._run(operation, self.callers[owner]).id)] = decoy

    def _acquired(self, day: int | None) -> date | None:
        return None if day is None else self.clock.now.date() - timedelta(days=abs(day))

    @precondition(lambda self: self.model.decoys)
    @rule(
        index=indexes,
        role=st.none() | roles,
        window=st.none() | st.tuples(days, days),
        acquired=st.just("same") | days,
        by=st.sampled_from(["owner", "owner", "owner", "stranger"]),
    )
    def change_a_decoy(
        self, index: int, role: Role | None, window: tuple[int | None, int | None] | None, acquired: Any, by: str
    ) -> None:
        id_ = self._decoy(index)
        decoy = registry_model.Decoy(*astuple(self.model.decoys[id_]))
        changes: dict[str, object] = {"label": "Another name"}
        if role is not None:
            decoy.role = changes["role"] = role.value
        if window is not None:
            decoy.live_from, decoy.live_until = (self._moment(day) for day in window)
            changes |= {"live_from": decoy.live_from, "live_until": decoy.live_until}
        if acquired != "same":
            decoy.acquired_on = changes["acquired_on"] = self._acquired(acquired)
        stranger = next(owner for owner in OWNERS if owner != decoy.owner)
        caller = self.callers[decoy.owner if by == "owner" else stranger]
        code = self._refused(ChangeDecoy(UUID(id_), changes), caller)
        if by == "stranger":
            assert code is Code.NOT_FOUND
        elif _is_reversed(decoy):
            assert code is Code.WINDOW_REVERSED
        else:
            assert code is None
            self.model.decoys[id_] = decoy

    @precondition(lambda self: self.model.decoys)
    @rule(owner=owners, submitted=drafts)
    def record_hits(self, owner: str, submitted: list[Draft]) -> None:
        hits = [
            Hit(
                draft.number,
                UUID(self._decoy(draft.decoy)),
                draft.channel,
                self._at(draft),
                source_id=draft.source,
                attestation=draft.attestation,
                diverted=draft.diverted,
            )
            for draft in submitted
        ]
        self._compare_submission(owner, submitted, self._run(RecordHits(hits), self.callers[owner]))

    @precondition(lambda self: self.model.contacts)
    @rule(index=indexes)
    def submit_a_hit_again(self, index: int) -> None:
        """As its provider sent it the first time, however long ago that was and whatever has happened since."""
        known = list(self.model.contacts)
        id_ = known[index % len(known)]
        contact = self.model.contacts[id_]
        source = contact.source if isinstance(contact.source, str) else None
        again = Hit(contact.number, UUID(contact.decoy), Channel(contact.channel), contact.at, source_id=source)
        (outcome,) = self._run(RecordHits([again]), self.callers[self.model.decoys[contact.decoy].owner])
        assert isinstance(outcome, Recorded)
        assert (outcome.status, str(outcome.id)) == ("duplicate", id_)

    @precondition(lambda self: self.model.decoys)
    @rule(owner=owners, submitted=drafts, how=st.sampled_from(["recorded", "rehearsed"]))
    def import_hits(self, owner: str, submitted: list[Draft], how: str) -> None:
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["source_id", "decoy_id", "number", "channel", "occurred_at", "attestation", "diverted"])
        for draft in submitted:
            row = [draft.source, self._decoy(draft.decoy), draft.number, draft.channel, self._at(draft).isoformat()]
            table.writerow([*row, draft.attestation, draft.diverted])
        file = HitTable(io.BytesIO(text.getvalue().encode()), HitFileOptions(), max_rows=100)
        for _, operation in chunks(file, dry_run=how == "rehearsed"):
            outcomes = self._run(operation, self.callers[owner])
            self._compare_submission(owner, submitted, outcomes, kept=how == "recorded")

    def _at(self, draft: Draft) -> datetime:
        return datetime.combine(self.clock.now.date() - timedelta(days=draft.ago), draft.at, UTC)

    def _compare_submission(
        self, owner: str, submitted: Sequence[Draft], outcomes: Sequence[HitOutcome], *, kept: bool = True
    ) -> None:
        """What became of each contact; the model learns of those that were recorded."""
        before = dict(self.model.contacts)
        for draft, outcome in zip(submitted, outcomes, strict=True):
            decoy, at = self._decoy(draft.decoy), self._at(draft)
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

    @precondition(lambda self: self.model.contacts)
    @rule(index=indexes, owner=owners)
    def retract_a_hit(self, index: int, owner: str) -> None:
        known = list(self.model.contacts)
        id_ = known[index % len(known)]
        contact = self.model.contacts[id_]
        code = self._refused(RetractHit(UUID(id_), RetractionReason.MISDIAL), self.callers[owner])
        if self.model.decoys[contact.decoy].owner != owner:
            assert code is Code.NOT_FOUND
        else:
            assert code is (Code.ALREADY_RETRACTED if contact.retracted else None)
            contact.retracted = True

    @rule(number=numbers, for_days=st.none() | st.integers(min_value=1, max_value=20))
    def exclude_a_number(self, number: str, for_days: int | None) -> None:
        ends = None if for_days is None else self.clock.now + timedelta(days=for_days)
        code = self._refused(AddExclusion(number, ExclusionReason.OUTREACH, expires_at=ends), self.callers["operator"])
        if self.model.is_excluded(number):
            assert code is Code.ALREADY_EXCLUDED
        else:
            assert code is None
            self.model.exclusions[number] = ends

    @rule(number=numbers)
    def end_an_exclusion(self, number: str) -> None:
        """One that has expired may be taken for ended or not: nobody's answer depends on it."""
        code = self._refused(RemoveExclusion(number), self.callers["operator"])
        if self.model.is_excluded(number):
            assert code is None
        elif number not in self.model.exclusions:
            assert code is Code.NOT_FOUND
        self.model.exclusions.pop(number, None)

    @rule(number=numbers)
    def open_a_dispute(self, number: str) -> None:
        if self.model.is_disputed(number):
            assert self._refused(OpenDispute(number), self.callers["operator"]) is Code.ALREADY_DISPUTED
        else:
            self.model.disputes[str(self._run(OpenDispute(number), self.callers["operator"]).id)] = number

    @precondition(lambda self: self.model.disputes)
    @rule(index=indexes, resolution=st.sampled_from(list(Resolution)))
    def close_a_dispute(self, index: int, resolution: Resolution) -> None:
        known = list(self.model.disputes)
        id_ = known[index % len(known)]
        self._run(CloseDispute(UUID(id_), resolution), self.callers["operator"])
        del self.model.disputes[id_]
        assert self._refused(CloseDispute(UUID(id_), resolution), self.callers["operator"]) is Code.ALREADY_CLOSED

    @rule(by=leaps)
    def wait(self, by: timedelta) -> None:
        self.clock.now += by
        self.model.now = self.clock.now

    @precondition(lambda self: self.model.contacts)
    @rule(index=indexes, before=st.sampled_from([timedelta(0), timedelta(microseconds=1)]))
    def wait_for_a_contact_to_expire(self, index: int, before: timedelta) -> None:
        """To the very moment, or the last one before it."""
        moments = [moment for moment in self.model.expiries() if moment > self.clock.now + timedelta(seconds=1)]
        if moments:
            self.wait(moments[index % len(moments)] - self.clock.now - before)

    @precondition(lambda self: len(self.keys.seeds) < MOST_GENERATIONS)
    @rule()
    def add_a_generation(self) -> None:
        """And start the process again with the new key file."""
        number = max(self.keys.seeds) + 1
        seed = bytes([number]) * 32
        self.keys = KeyFile({**self.keys.seeds, number: seed}, self.keys.fingerprint_key)
        self._run(AddGeneration(number, SecretKey(seed).public_key), COMMAND_LINE)
        self.registry = self._opened()

    @rule(number=numbers, since=days, until=days)
    def look_up_with_a_window(self, number: str, since: int | None, until: int | None) -> None:
        """Also one that is refused: reversed, or not begun."""
        first, last = (None if day is None else self.clock.now.date() + timedelta(days=day) for day in (since, until))
        operation = LookUp(Question(number, None, first, last), Purpose.INVESTIGATION, None)
        tomorrow = self.clock.now.date() + timedelta(days=1)
        if any(day is not None and day > tomorrow for day in (first, last)):
            assert self._refused(operation, self.callers["employer"]) is Code.DATE_IN_FUTURE
        elif first is not None and last is not None and last < first:
            assert self._refused(operation, self.callers["employer"]) is Code.WINDOW_REVERSED
        else:
            assert _told(self._run(operation, self.callers["employer"])) == self.model.ask(number, first, last)

    @invariant()
    def every_answer_is_the_models(self) -> None:
        """About each number: ever, and in a window whose ends lie on days of contacts."""
        today = self.clock.now.date()
        windows = [
            (None, None),
            (today - timedelta(days=5), today - timedelta(days=1)),
            (today - timedelta(days=3), None),
        ]
        asked = [(number, *window) for number in NUMBERS for window in windows]
        questions = [Question(number, None, since, until) for number, since, until in asked]
        questions.append(Question(NOT_SERVED))
        *answers, elsewhere = self._run(Check(questions, Purpose.INVESTIGATION, None), self.callers["employer"])
        assert [_told(answer) for answer in answers] == [self.model.ask(*question) for question in asked]
        assert _told(elsewhere) == ("indeterminate", "region_not_served", None)

    def teardown(self) -> None:
        verified = self._run(VerifyListings(), COMMAND_LINE)
        assert verified.wrong == 0, verified
        repaired = self._run(VerifyListings(repair=True), COMMAND_LINE)
        assert repaired.stale == verified.stale
        assert self._run(VerifyListings(), COMMAND_LINE).stale == 0


def _is_reversed(decoy: registry_model.Decoy) -> bool:
    return decoy.live_from is not None and decoy.live_until is not None and decoy.live_until <= decoy.live_from


def _told(answer: Answer) -> registry_model.Answer:
    """An answer of the registry as the model gives it."""
    evidence = answer.evidence
    facts = None
    if evidence is not None:
        values = {field.name: getattr(evidence, field.name) for field in fields(Facts)}
        facts = Facts(**values)
    return answer.outcome.value, None if answer.reason is None else answer.reason.value, facts


def test_any_order_of_operations_gives_the_answers_of_the_model(
    database: Database, sandbox: Settings, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    machine: Any = partial(RegistryMachine, database, sandbox, superuser)
    profile = settings(max_examples=settings().max_examples // 2, stateful_step_count=30)
    run_state_machine_as_test(machine, settings=profile)
