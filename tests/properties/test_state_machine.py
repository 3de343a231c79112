"""Any order of operations on the real registry, and after each of them the same answers as from a small model of it.

The model (tests/registry_model.py) is written by hand and knows nothing of how the registry does it.
"""

import csv
import io
from collections.abc import Callable
from dataclasses import astuple
from datetime import time, timedelta
from functools import partial
from typing import Any, Final
from uuid import UUID

import psycopg
import pytest
import registry_model
from compared_registry import NOT_SERVED, NUMBERS, OWNERS, ComparedRegistry, Draft, is_reversed, told
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from registry.db.database import Database
from registry.domain.credentials import Purpose
from registry.domain.errors import Code
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Attestation, Channel, Role
from registry.key_file import KeyFile
from registry.keys import SecretKey
from registry.operations.hit_files import HitFileOptions, HitTable
from registry.operations.import_hits import chunks
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, EndExclusion, RemoveExclusion
from registry.operations.manage_generations import AddGeneration
from registry.operations.operation import COMMAND_LINE, Caller
from registry.operations.quarantine_decoy import QuarantineDecoy, ReleaseDecoy
from registry.operations.questions import Question
from registry.operations.record_hits import Recorded, RecordHits
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit
from registry.settings import Settings

pytestmark = pytest.mark.long

MOST_GENERATIONS: Final = 3
SOME_CONTACTS: Final = 6
"""Before that many, two years are not let pass: too little would be left to compare."""

numbers = st.sampled_from(sorted(NUMBERS))
owners = st.sampled_from(OWNERS)
callers = st.sampled_from(["owner", "owner", "owner", "stranger"])
sides = st.sampled_from(["owner", "owner", "operator", "stranger"])
indexes = st.integers(min_value=0, max_value=20)
own_numbers = st.sampled_from(["", "", "", *sorted(NUMBERS)])
roles = st.sampled_from([Role.ADVERTISEMENT, Role.ADVERTISEMENT, *Role])
days = st.none() | st.integers(min_value=-12, max_value=12)
standings = st.sampled_from(["excluded", "disputed"])
drafts = st.lists(
    st.builds(
        Draft,
        number=st.sampled_from([*sorted(NUMBERS) * 3, *list(NUMBERS)[:2] * 3, NOT_SERVED]),
        decoy=indexes,
        ago=st.integers(min_value=0, max_value=6),
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
    [timedelta(microseconds=1), timedelta(hours=13), timedelta(days=1), timedelta(days=4), timedelta(days=60)]
)


class RegistryMachine(ComparedRegistry):
    lines = 0

    @initialize(generations=st.integers(1, MOST_GENERATIONS), first=drafts, standing=st.sets(standings, max_size=2))
    def begin(self, generations: int, first: list[Draft], standing: set[str]) -> None:
        """With decoys and contacts, and what often comes before a new generation."""
        for owner in ("first", "first", "second"):
            self.register_a_decoy(owner, Role.ADVERTISEMENT, live_from=None, live_until=None, acquired=None)
        self.record_hits("first", first)
        if "excluded" in standing:
            self.exclude_a_number(first[0].number, 3)
        if "disputed" in standing:
            self.open_a_dispute(first[-1].number)
        while len(self.keys.seeds) < generations:
            self.add_a_generation()

    def _caller(self, who: str, owner: str) -> Caller:
        """The owner of something, the operator, or the other organisation."""
        if who == "operator":
            return COMMAND_LINE
        return self.callers[owner if who == "owner" else next(other for other in OWNERS if other != owner)]

    @rule(owner=owners, role=roles, live_from=days, live_until=days, acquired=days, number=own_numbers)
    def register_a_decoy(
        self,
        owner: str,
        role: Role,
        live_from: int | None,
        live_until: int | None,
        acquired: int | None,
        number: str = "",
    ) -> None:
        """number: one that contacts others, or else one that never does."""
        decoy = registry_model.Decoy(
            owner, role.value, self.moment(live_from), self.moment(live_until), self.acquired(acquired), number=number
        )
        self.lines += 1
        operation = RegisterDecoy(
            label="A line",
            number=number or f"+1{300 + self.lines}5550100",
            role=role,
            live_from=decoy.live_from,
            live_until=decoy.live_until,
            acquired_on=decoy.acquired_on,
        )
        if is_reversed(decoy):
            assert self.refused(operation, self.callers[owner]) is Code.WINDOW_REVERSED
        elif self._is_taken(owner, number):
            assert self.refused(operation, self.callers[owner]) is Code.DECOY_NUMBER_TAKEN
        else:
            self.model.decoys[str(self.run(operation, self.callers[owner]).id)] = decoy

    @precondition(lambda self: self.model.decoys)
    @rule(
        index=indexes,
        what=st.sets(st.sampled_from(["role", "window", "acquired"]), max_size=2),
        role=roles,
        window=st.tuples(days, days),
        acquired=days,
        by=callers,
    )
    def change_a_decoy(
        self,
        index: int,
        what: set[str],
        role: Role,
        window: tuple[int | None, int | None],
        acquired: int | None,
        by: str,
    ) -> None:
        id_ = self.decoy(index)
        decoy = registry_model.Decoy(*astuple(self.model.decoys[id_]))
        changes: dict[str, object] = {"label": "Another name"}
        if "role" in what:
            decoy.role = changes["role"] = role.value
        if "window" in what:
            decoy.live_from, decoy.live_until = (self.moment(day) for day in window)
            changes |= {"live_from": decoy.live_from, "live_until": decoy.live_until}
        if "acquired" in what:
            decoy.acquired_on = changes["acquired_on"] = self.acquired(acquired)
        code = self.refused(ChangeDecoy(UUID(id_), changes), self._caller(by, decoy.owner))
        if by == "stranger":
            assert code is Code.NOT_FOUND
        elif decoy.role != self.model.decoys[id_].role and self.model.role_is_in_use(id_):
            assert code is Code.ROLE_IN_USE
        elif is_reversed(decoy):
            assert code is Code.WINDOW_REVERSED
        else:
            assert code is None
            self.model.decoys[id_] = decoy

    def _is_taken(self, owner: str, number: str, but: str | None = None) -> bool:
        """Whether the owner has a line of this number; not the one of this id."""
        return number != "" and any(
            decoy.owner == owner and decoy.number == number for id_, decoy in self.model.decoys.items() if id_ != but
        )

    @precondition(lambda self: self.model.decoys)
    @rule(index=indexes, number=numbers)
    def give_a_decoy_a_number(self, index: int, number: str) -> None:
        id_ = self.decoy(index)
        decoy = self.model.decoys[id_]
        code = self.refused(ChangeDecoy(UUID(id_), {"number": number}), self.callers[decoy.owner])
        if self._is_taken(decoy.owner, number, but=id_):
            assert code is Code.DECOY_NUMBER_TAKEN
        else:
            assert code is None
            self.model.give_number(decoy, number)

    @precondition(lambda self: self.model.decoys)
    @rule(index=indexes, how=st.sampled_from([QuarantineDecoy, ReleaseDecoy]), by=sides)
    def quarantine_or_release_a_decoy(
        self, index: int, how: type[QuarantineDecoy] | type[ReleaseDecoy], by: str
    ) -> None:
        """Also one that is in quarantine already, or in none."""
        id_ = self.decoy(index)
        code = self.refused(how(UUID(id_)), self._caller(by, self.model.decoys[id_].owner))
        decoy = self.model.decoys[id_]
        if by == "stranger":
            assert code is Code.NOT_FOUND
        elif by == "owner" and how is ReleaseDecoy and decoy.imposed:
            assert code is Code.QUARANTINED_BY_OPERATOR
        else:
            assert code is None
            decoy.quarantined = how is QuarantineDecoy
            decoy.imposed = decoy.quarantined and (decoy.imposed or by == "operator")

    @precondition(lambda self: self.model.decoys)
    @rule(owner=owners, submitted=drafts)
    def record_hits(self, owner: str, submitted: list[Draft]) -> None:
        hits = [
            Hit(
                draft.number,
                UUID(self.decoy(draft.decoy)),
                draft.channel,
                self.moment_of(draft),
                source_id=draft.source,
                attestation=draft.attestation,
                diverted=draft.diverted,
            )
            for draft in submitted
        ]
        self.compare_submission(owner, submitted, self.run(RecordHits(hits), self.callers[owner]))

    @precondition(lambda self: self.model.contacts)
    @rule(index=indexes)
    def submit_a_hit_again(self, index: int) -> None:
        """As its provider sent it the first time, however long ago that was and whatever has happened since."""
        known = list(self.model.contacts)
        id_ = known[index % len(known)]
        contact = self.model.contacts[id_]
        source = contact.source if isinstance(contact.source, str) else None
        again = Hit(contact.number, UUID(contact.decoy), Channel(contact.channel), contact.at, source_id=source)
        (outcome,) = self.run(RecordHits([again]), self.callers[self.model.decoys[contact.decoy].owner])
        assert isinstance(outcome, Recorded)
        assert (outcome.status, str(outcome.id)) == ("duplicate", id_)

    @precondition(lambda self: self.model.decoys)
    @rule(owner=owners, submitted=drafts, how=st.sampled_from(["recorded", "rehearsed"]))
    def import_hits(self, owner: str, submitted: list[Draft], how: str) -> None:
        text = io.StringIO()
        table = csv.writer(text)
        table.writerow(["source_id", "decoy_id", "number", "channel", "occurred_at", "attestation", "diverted"])
        for draft in submitted:
            row = [
                draft.source,
                self.decoy(draft.decoy),
                draft.number,
                draft.channel,
                self.moment_of(draft).isoformat(),
            ]
            table.writerow([*row, draft.attestation, draft.diverted])
        file = HitTable(io.BytesIO(text.getvalue().encode()), HitFileOptions(), max_rows=100)
        for _, operation in chunks(file, dry_run=how == "rehearsed"):
            outcomes = self.run(operation, self.callers[owner])
            self.compare_submission(owner, submitted, outcomes, kept=how == "recorded")

    @precondition(lambda self: self.model.contacts)
    @rule(index=indexes, by=sides)
    def retract_a_hit(self, index: int, by: str) -> None:
        known = list(self.model.contacts)
        id_ = known[index % len(known)]
        contact = self.model.contacts[id_]
        caller = self._caller(by, self.model.decoys[contact.decoy].owner)
        code = self.refused(RetractHit(UUID(id_), RetractionReason.MISDIAL), caller)
        if by == "stranger":
            assert code is Code.NOT_FOUND
        else:
            assert code is (Code.ALREADY_RETRACTED if contact.retracted else None)
            contact.retracted = True

    @rule(number=numbers, for_days=st.none() | st.integers(min_value=1, max_value=5))
    def exclude_a_number(self, number: str, for_days: int | None) -> None:
        ends = None if for_days is None else self.clock.now + timedelta(days=for_days)
        operation = AddExclusion(number, ExclusionReason.OUTREACH, expires_at=ends)
        if self.model.is_excluded(number):
            assert self.refused(operation, self.callers["operator"]) is Code.ALREADY_EXCLUDED
            return
        for expired in self.model.not_removed(number):
            self.model.end(expired, mistaken=False)
        added = self.run(operation, self.callers["operator"])
        self.model.exclusions[str(added.id)] = registry_model.Exclusion(number, ends)

    @rule(number=numbers, mistaken=st.booleans())
    def end_an_exclusion(self, number: str, mistaken: bool) -> None:  # noqa: FBT001 - drawn
        """Also one that has expired, of which it can still be said that it was a mistake."""
        code = self.refused(RemoveExclusion(number, mistaken=mistaken), self.callers["operator"])
        standing = self.model.not_removed(number)
        assert code is (None if standing else Code.NOT_FOUND)
        for one in standing:
            self.model.end(one, mistaken=mistaken)

    @precondition(lambda self: self.model.exclusions)
    @rule(index=indexes, mistaken=st.booleans(), by=st.sampled_from(["operator", "operator", "first"]))
    def end_an_exclusion_of_the_list(self, index: int, mistaken: bool, by: str) -> None:  # noqa: FBT001 - drawn
        known = list(self.model.exclusions)
        id_ = known[index % len(known)]
        exclusion = self.model.exclusions[id_]
        code = self.refused(EndExclusion(UUID(id_), mistaken), self.callers[by])
        if by == "operator" and not (exclusion.mistaken if mistaken else exclusion.removed):
            assert code is None
            self.model.end(exclusion, mistaken=mistaken)
        else:
            assert code is Code.NOT_FOUND

    @rule(number=numbers)
    def open_a_dispute(self, number: str) -> None:
        if self.model.is_disputed(number):
            assert self.refused(OpenDispute(number), self.callers["operator"]) is Code.ALREADY_DISPUTED
        else:
            self.model.disputes[str(self.run(OpenDispute(number), self.callers["operator"]).id)] = number

    @precondition(lambda self: self.model.disputes)
    @rule(index=indexes, resolution=st.sampled_from(list(Resolution)))
    def close_a_dispute(self, index: int, resolution: Resolution) -> None:
        known = list(self.model.disputes)
        id_ = known[index % len(known)]
        self.run(CloseDispute(UUID(id_), resolution), self.callers["operator"])
        del self.model.disputes[id_]
        assert self.refused(CloseDispute(UUID(id_), resolution), self.callers["operator"]) is Code.ALREADY_CLOSED

    @rule(by=leaps)
    def wait(self, by: timedelta) -> None:
        self.clock.now += by
        self.model.now = self.clock.now

    @precondition(lambda self: len(self.model.contacts) >= SOME_CONTACTS)
    @rule(before=st.sampled_from([timedelta(0), timedelta(microseconds=1)]))
    def wait_for_a_contact_to_expire(self, before: timedelta) -> None:
        """The next that does: to the very moment, or the last one before it."""
        moments = [moment for moment in self.model.expiries() if moment > self.clock.now + timedelta(seconds=1)]
        if moments:
            self.wait(moments[0] - self.clock.now - before)

    @precondition(lambda self: len(self.keys.seeds) < MOST_GENERATIONS)
    @rule()
    def add_a_generation(self) -> None:
        """And start the process again with the new key file."""
        number = max(self.keys.seeds) + 1
        seed = bytes([number]) * 32
        self.keys = KeyFile({**self.keys.seeds, number: seed}, self.keys.fingerprint_key)
        self.run(AddGeneration(number, SecretKey(seed).public_key), COMMAND_LINE)
        self.registry = self.opened()

    @rule(number=numbers, since=days, until=days)
    def look_up_with_a_window(self, number: str, since: int | None, until: int | None) -> None:
        """Also one that is refused: reversed, or not begun."""
        first, last = (None if day is None else self.clock.now.date() + timedelta(days=day) for day in (since, until))
        operation = LookUp(Question(number, None, first, last), Purpose.INVESTIGATION, None)
        tomorrow = self.clock.now.date() + timedelta(days=1)
        if any(day is not None and day > tomorrow for day in (first, last)):
            assert self.refused(operation, self.callers["employer"]) is Code.DATE_IN_FUTURE
        elif first is not None and last is not None and last < first:
            assert self.refused(operation, self.callers["employer"]) is Code.WINDOW_REVERSED
        else:
            assert told(self.run(operation, self.callers["employer"])) == self.model.ask(number, first, last)


Driven = Callable[[], RegistryMachine]


@pytest.fixture
def machine(database: Database, sandbox: Settings, superuser: psycopg.Connection[tuple[Any, ...]]) -> Driven:
    return partial(RegistryMachine, database, sandbox, superuser)


@pytest.mark.timeout(900)  # a failure is made shorter for up to five minutes before it is told
def test_any_order_of_operations_gives_the_answers_of_the_model(machine: Any) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=30))


@pytest.mark.parametrize("generations", [1, 2, 3])
def test_a_duplicate_carries_what_stands_against_its_number_into_the_newest_generation(
    machine: Driven, generations: int
) -> None:
    """Found by the machine: the exclusion came, and the listing that says so did not."""
    driven = machine()
    contact = Draft("+12065550101", 0, 1, time(11), Channel.SMS, None, diverted=False, source="SM1")
    driven.begin(1, [contact], {"excluded", "disputed"})
    for _ in range(generations - 1):
        driven.add_a_generation()
    driven.submit_a_hit_again(0)
    driven.every_answer_is_the_models()
    driven.end_an_exclusion("+12065550101", mistaken=True)
    driven.every_answer_is_the_models()
    driven.close_a_dispute(0, Resolution.WITHDRAWN)
    driven.every_answer_is_the_models()
    driven.teardown()


@pytest.mark.parametrize("generations", [1, 2, 3])
def test_what_an_ended_exclusion_covers_stays_covered_under_newer_generations_until_it_was_a_mistake(
    machine: Driven, generations: int
) -> None:
    driven = machine()
    number = "+12065550101"
    before, after = (
        Draft(number, 0, ago, time(11), Channel.SMS, None, diverted=False, source=source)
        for ago, source in ((1, "SM1"), (0, "SM2"))
    )
    driven.begin(1, [before], {"excluded"})
    driven.wait(timedelta(days=4))
    assert not driven.model.is_excluded(number)
    for _ in range(generations - 1):
        driven.add_a_generation()
    driven.every_answer_is_the_models()
    driven.submit_a_hit_again(0)
    driven.every_answer_is_the_models()
    assert driven.model.ask(number)[0] == "none"
    driven.record_hits("first", [after])
    driven.every_answer_is_the_models()
    facts = driven.model.ask(number)[2]
    assert facts is not None
    assert facts.contacts == 1
    driven.end_an_exclusion_of_the_list(0, mistaken=True, by="operator")
    driven.every_answer_is_the_models()
    facts = driven.model.ask(number)[2]
    assert facts is not None
    assert facts.contacts == 2
    driven.teardown()
