"""A small registry to which anything may happen, and both ways to ask it.

The private way is gone as a client goes it: blinded, evaluated, proof verified, compared with the sets of this epoch,
and disclosed by the tag of the newest generation that has it. No tag comes from anywhere else.
"""

import io
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg
from blinding import Chain, set_id, split, tags_through
from compared_registry import EMPTIED
from holders import in_process
from members import KEYS, Clock, open_test_registry

from registry.db.database import Database
from registry.domain.credentials import OrganisationKind, Purpose
from registry.domain.errors import Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Attestation, Channel, Role
from registry.key_file import KeyFile
from registry.keys import SecretKey
from registry.operations.check import Check
from registry.operations.disclose import Disclose, TagItem
from registry.operations.download_private_set import DownloadPrivateSet
from registry.operations.evaluate_blinded import EvaluateBlinded
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, RemoveExclusion
from registry.operations.manage_generations import AddGeneration
from registry.operations.manage_organisations import CreateOrganisation
from registry.operations.operation import COMMAND_LINE, Caller, Operation, Request
from registry.operations.questions import Question
from registry.operations.record_hits import Recorded, RecordHits
from registry.operations.registry import Registry
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit
from registry.settings import Settings

OWNERS: Final = ("first", "second")
MOST_GENERATIONS: Final = 3

Asked = tuple[str, date | None, date | None]
"""A number and the days of its possession."""
Told = tuple[str, str | None, object]
"""Outcome, reason and evidence."""


@dataclass
class World:
    """An emptied database, and a registry on it that is started again with every new generation."""

    database: Database
    settings: Settings
    superuser: psycopg.Connection[tuple[Any, ...]] = field(repr=False)
    clock: Clock = field(default_factory=Clock)
    keys: KeyFile = KEYS
    decoys: list[tuple[UUID, Caller]] = field(default_factory=list[tuple[UUID, Caller]])
    hits: list[tuple[UUID, Caller]] = field(default_factory=list[tuple[UUID, Caller]])
    disputes: list[UUID] = field(default_factory=list[UUID])

    def __post_init__(self) -> None:
        self.superuser.execute(EMPTIED)
        self.registry = open_test_registry(self.database, self.clock, self.settings)
        first, second = (self._caller(name, OrganisationKind.INVESTIGATOR) for name in OWNERS)
        self.employer = self._caller("employer", OrganisationKind.EMPLOYER)
        for index, owner in enumerate([first, second, first]):
            line = RegisterDecoy(label="A line", number=f"+1{300 + index}5550100", role=Role.ADVERTISEMENT)
            self.decoys.append((self.run(line, owner).id, owner))

    def _caller(self, name: str, kind: OrganisationKind) -> Caller:
        """One organisation of each name is enough for all runs."""
        known = self.superuser.execute("SELECT id FROM registry.organisations WHERE name = %s", (name,)).fetchone()
        id_: UUID = known[0] if known else self.run(CreateOrganisation(kind, name), COMMAND_LINE).id
        return Caller(id_, kind, name)

    def run(self, operation: Operation[Any, Any], caller: Caller = COMMAND_LINE) -> Any:
        return self.registry.run(operation, caller, Request(self.registry.new_id(), "test")).result

    def moment(self, day: int | None) -> datetime | None:
        return None if day is None else datetime.combine(self.clock.now.date() + timedelta(days=day), time(11), UTC)

    def add_generation(self) -> None:
        """And start the process again with the new key file."""
        number = max(self.keys.seeds) + 1
        seed = bytes([number]) * 32
        self.keys = KeyFile({**self.keys.seeds, number: seed}, self.keys.fingerprint_key)
        self.run(AddGeneration(number, SecretKey(seed).public_key))
        self.registry = Registry.of(self.settings, self.database, in_process(self.settings, self.keys), self.clock)

    def sets(self) -> dict[int, set[bytes]]:
        """Active generation -> the set ids of this epoch."""
        found: dict[int, set[bytes]] = {}
        for generation in self.registry.generations.active:
            content = io.BytesIO()
            self.run(DownloadPrivateSet(generation, content), self.employer)
            found[generation] = set(split(content.read()))
        return found

    def ask_plainly(self, questions: Sequence[Asked]) -> list[Told]:
        items = [Question(number, None, since, until) for number, since, until in questions]
        answers = self.run(Check(items, Purpose.COMPANY_NUMBER, None), self.employer)
        return [(one.outcome, one.reason, one.evidence) for one in answers]

    def ask_privately(self, questions: Sequence[Asked]) -> list[Told]:
        members = self._members(sorted({number for number, _, _ in questions}))
        asked = [
            (i, TagItem(members[n], since, until)) for i, (n, since, until) in enumerate(questions) if n in members
        ]
        told: list[Told] = [("none", None, None)] * len(questions)
        if asked:
            verdicts = self.run(Disclose([item for _, item in asked], Purpose.COMPANY_NUMBER, None), self.employer)
            for (index, _), one in zip(asked, verdicts, strict=True):
                told[index] = (one.outcome, one.reason, one.evidence)
        return told

    def _members(self, e164s: Sequence[str]) -> dict[str, bytes]:
        """Of these numbers those that are in a set, each with its tag under the newest generation that has it."""
        sets, members = self.sets(), dict[str, bytes]()
        for generation, chain in self._chains().items():
            for e164, tag in zip(e164s, tags_through(chain, e164s, self._evaluate), strict=True):
                if e164 not in members and set_id(generation, tag) in sets[generation]:
                    members[e164] = tag
        return members

    def _chains(self) -> dict[int, Chain]:
        """Active generation -> the way to a tag under it, newest first."""
        known = self.registry.generations
        return {
            number: [(step, known.known[step].public_key) for step in known.chain(number)] for number in known.active
        }

    def _evaluate(self, generation: int, blinded: bytes) -> tuple[bytes, bytes]:
        asked = EvaluateBlinded(blinded, Purpose.COMPANY_NUMBER, None, (generation,))
        (found,) = self.run(asked, self.employer)
        return found.elements, found.proof


class Step(ABC):
    """Something that happens. What cannot, such as excluding what is excluded, does not."""

    @abstractmethod
    def do(self, world: World) -> None: ...


@dataclass(frozen=True)
class Contact(Step):
    """ago: days before today. decoy: which of those there are."""

    number: str
    decoy: int
    ago: int
    at: time
    channel: Channel
    attestation: Attestation | None
    diverted: bool

    def do(self, world: World) -> None:
        decoy, owner = world.decoys[self.decoy % len(world.decoys)]
        at = datetime.combine(world.clock.now.date() - timedelta(days=self.ago), self.at, UTC)
        hit = Hit(
            self.number,
            decoy,
            self.channel,
            min(at, world.clock.now),
            attestation=self.attestation,
            diverted=self.diverted,
        )
        (outcome,) = world.run(RecordHits([hit]), owner)
        assert isinstance(outcome, Recorded)
        world.hits.append((outcome.id, owner))


@dataclass(frozen=True)
class Retraction(Step):
    index: int

    def do(self, world: World) -> None:
        if world.hits:
            hit, owner = world.hits[self.index % len(world.hits)]
            with suppress(Refused):
                world.run(RetractHit(hit, RetractionReason.MISDIAL), owner)


@dataclass(frozen=True)
class Exclusion(Step):
    """seconds: after which it expires; None for never."""

    number: str
    seconds: int | None

    def do(self, world: World) -> None:
        ends = None if self.seconds is None else world.clock.now + timedelta(seconds=self.seconds)
        with suppress(Refused):
            world.run(AddExclusion(self.number, ExclusionReason.OTHER, expires_at=ends))


@dataclass(frozen=True)
class Inclusion(Step):
    """mistaken: the exclusion should never have been, so that contacts from before count again."""

    number: str
    mistaken: bool = True

    def do(self, world: World) -> None:
        with suppress(Refused):
            world.run(RemoveExclusion(self.number, mistaken=self.mistaken))


@dataclass(frozen=True)
class Dispute(Step):
    number: str

    def do(self, world: World) -> None:
        with suppress(Refused):
            world.disputes.append(world.run(OpenDispute(self.number)).id)


@dataclass(frozen=True)
class Closure(Step):
    index: int

    def do(self, world: World) -> None:
        if world.disputes:
            with suppress(Refused):
                id_ = world.disputes[self.index % len(world.disputes)]
                world.run(CloseDispute(id_, Resolution.CONFIRMED))


@dataclass(frozen=True)
class Change(Step):
    """A decoy's role and the days between which it is live."""

    decoy: int
    role: Role
    since: int | None
    until: int | None

    def do(self, world: World) -> None:
        decoy, owner = world.decoys[self.decoy % len(world.decoys)]
        window = {"live_from": world.moment(self.since), "live_until": world.moment(self.until)}
        for changes in (window, {"role": self.role}):
            with suppress(Refused):
                world.run(ChangeDecoy(decoy, changes), owner)


@dataclass(frozen=True)
class NewGeneration(Step):
    def do(self, world: World) -> None:
        if len(world.keys.seeds) < MOST_GENERATIONS:
            world.add_generation()


@dataclass(frozen=True)
class Wait(Step):
    by: timedelta

    def do(self, world: World) -> None:
        world.clock.now += self.by


@dataclass(frozen=True)
class Download(Step):
    """So that the sets of a later epoch are made from older ones."""

    def do(self, world: World) -> None:
        world.sets()
