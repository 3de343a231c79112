"""Everybody's lines and contacts, as the operator's command line sees and takes them out of the count."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from command_line import CommandLine

from registry.db import decoy_days
from registry.db.database import Writing
from registry.domain.credentials import Purpose
from registry.domain.errors import Code, Refused
from registry.domain.policy import Channel, Role
from registry.operations import retract_hits
from registry.operations.assembly import open_registry
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import RegisterDecoy
from registry.operations.operation import COMMAND_LINE, Caller, Request
from registry.operations.questions import Question
from registry.operations.record_hits import RecordHits
from registry.operations.registry import Registry
from registry.operations.submitted_hits import Hit
from registry.settings import Settings

CALLER = "+12065550142"
UNKNOWN = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"


@dataclass(frozen=True)
class Lines:
    """One line of each of two organisations, and a contact on the first."""

    registry: Registry
    first: str
    second: str
    contact: str
    watch: Caller
    """Whose the first is."""

    def record(self, number: str, hours_ago: int) -> None:
        """A contact on the first line."""
        hit = Hit(number, UUID(self.first), Channel.SMS, datetime.now(UTC) - timedelta(hours=hours_ago))
        self.registry.run(RecordHits([hit]), self.watch, self.request())

    def outcome(self) -> str:
        asked = LookUp(Question(CALLER, None, None, None), Purpose.INVESTIGATION, None)
        return self.registry.run(asked, COMMAND_LINE, self.request()).result.outcome.value

    def request(self) -> Request:
        return Request(self.registry.new_id(), "test")


@pytest.fixture
def lines(cli: CommandLine) -> Generator[Lines]:
    registry = open_registry(Settings.from_environment(cli.environment))
    made, contact, callers = list[str](), "", list[Caller]()
    for name, number in (("Example Watch", "+12065550100"), ("Another Watch", "+12065550101")):
        caller = Caller(organisation_id=UUID(cli.organisation("investigator", name)))
        callers.append(caller)
        line = RegisterDecoy(f"A line of {name}", number, Role.ADVERTISEMENT, "US")
        made.append(str(registry.run(line, caller, Request(registry.new_id(), "test")).result.id))
        if len(made) == 1:
            hit = Hit(CALLER, UUID(made[0]), Channel.SMS, datetime.now(UTC) - timedelta(hours=1))
            (outcome,) = registry.run(RecordHits([hit]), caller, Request(registry.new_id(), "test")).result
            contact = str(getattr(outcome, "id", None))
    yield Lines(registry, made[0], made[1], contact, callers[0])
    registry.database.dispose()


def test_a_line_is_found_quarantined_and_released(cli: CommandLine, lines: Lines) -> None:
    found = cli.json("decoys", "list")["data"]
    assert [(one["id"], one["organisation"]) for one in found] == [
        (lines.second, "Another Watch"),
        (lines.first, "Example Watch"),
    ]
    assert cli.json("decoys", "list", "--quarantined")["data"] == []
    said = cli.done("decoys", "quarantine", lines.first)
    assert said.startswith(f"The line {lines.first} is in quarantine, and only the operator releases it")
    assert lines.outcome() == "none"
    (held,) = cli.json("decoys", "list", "--quarantined")["data"]
    assert (held["id"], held["quarantine_reason"]) == (lines.first, "operator")
    (free,) = cli.json("decoys", "list", "--not-quarantined")["data"]
    assert free["id"] == lines.second
    assert cli.json("decoys", "release", lines.first)["quarantined_at"] is None
    assert lines.outcome() == "contact_observed"


def test_the_table_says_whose_each_line_is_and_why_it_is_held(cli: CommandLine, lines: Lines) -> None:
    cli.done("decoys", "quarantine", lines.first)
    told = cli.done("decoys", "list", "--organisation", "Example Watch")
    for text in (lines.first, "Example Watch", "A line of Example Watch", "advertisement", "operator", "Last intake"):
        assert text in told
    assert lines.second not in told
    assert "55501" not in told
    nothing = cli.done("decoys", "list", "--organisation", "Another Watch", "--quarantined")
    assert nothing == "There is no such line.\n"


def test_a_contact_that_was_reported_is_retracted_by_its_id(cli: CommandLine, lines: Lines) -> None:
    said = cli.done("hits", "retract", lines.contact, "--reason", "spoofed")
    assert said == f"The contact {lines.contact} is retracted: spoofed.\n"
    assert lines.outcome() == "none"
    assert "retracted already. (already_retracted)" in cli.refused(
        "hits", "retract", lines.contact, "--reason", "other"
    )


def test_what_a_line_had_in_a_stretch_of_time_is_retracted(cli: CommandLine, lines: Lines) -> None:
    for hours_ago in (2, 3, 50):
        lines.record("+12065550143", hours_ago)
    words = ("hits", "retract", "--decoy", lines.first, "--reason", "spoofed")
    since = ("--since", (datetime.now(UTC) - timedelta(days=1)).isoformat())
    said = cli.done(*words, *since, "--dry-run")
    assert said == f"3 contacts on the line {lines.first} would be retracted: spoofed.\n"
    until = ("--until", (datetime.now(UTC) - timedelta(minutes=90)).isoformat())
    told = cli.json(*words, *since, *until)
    assert (told["retracted"], told["remaining"], told["dry_run"], len(told["audit_ids"])) == (2, 0, False, 1)
    assert lines.outcome() == "contact_observed"
    assert cli.done(*words, *since) == f"1 contact on the line {lines.first} is retracted: spoofed.\n"
    assert lines.outcome() == "none"
    told = cli.json(*words, "--dry-run")
    assert (told["retracted"], told["dry_run"]) == (1, True)
    assert cli.done(*words) == f"1 contact on the line {lines.first} is retracted: spoofed.\n"
    assert cli.done(*words) == f"0 contacts on the line {lines.first} are retracted: spoofed.\n"


def test_many_are_retracted_in_chunks_and_what_was_done_before_one_fails_stays_so(
    cli: CommandLine, lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retract_hits, "CHUNK_HITS", 2)
    for hours_ago in range(2, 6):
        lines.record("+12065550143", hours_ago)
    subtract, calls = decoy_days.subtract_all, list[UUID]()

    def third_fails(tx: Writing, decoy: UUID, contacts: Mapping[tuple[date, str], int]) -> None:
        calls.append(decoy)
        if len(calls) == 3:
            raise Refused(Code.OVERLOADED, "The same records are being changed by other requests.")
        subtract(tx, decoy, contacts)

    monkeypatch.setattr(decoy_days, "subtract_all", third_fails)
    words = ("hits", "retract", "--decoy", lines.first, "--reason", "other")
    said = cli.refused(*words)
    assert said.startswith("Retracted before that, for good: 4. Run it again for the rest.\n")
    assert "(overloaded)" in said
    assert cli.done(*words) == f"1 contact on the line {lines.first} is retracted: other.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((UNKNOWN, "--decoy", UNKNOWN), "Name one contact by its ID, or a line with --decoy: not both."),
        ((UNKNOWN, "--dry-run"), "--since, --until and --dry-run go with --decoy"),
        ((UNKNOWN, "--since", "2026-12-01"), "--since, --until and --dry-run go with --decoy"),
        ((), "Name a contact by its ID, or a line with --decoy."),
    ],
)
def test_what_could_mean_one_contact_or_many_is_refused(
    cli: CommandLine, lines: Lines, words: tuple[str, ...], said: str
) -> None:
    assert said in cli.refused("hits", "retract", *words, "--reason", "other", code=2)
    assert lines.outcome() == "contact_observed"


def test_what_there_is_not_is_said_plainly(cli: CommandLine, lines: Lines) -> None:
    for verb in ("quarantine", "release"):
        assert "There is no such decoy. (not_found)" in cli.refused("decoys", verb, UNKNOWN)
    assert "There is no such hit. (not_found)" in cli.refused("hits", "retract", UNKNOWN, "--reason", "other")
    line = ("hits", "retract", "--decoy", UNKNOWN, "--reason", "other")
    assert "There is no such decoy. (not_found)" in cli.refused(*line)
    window = ("--since", "2026-12-02", "--until", "2026-12-01")
    assert "until is before since. (window_reversed)" in cli.refused(*line, *window)
    assert "no organisation" in cli.refused("decoys", "list", "--organisation", "Nobody")
    assert lines.outcome() == "contact_observed"
