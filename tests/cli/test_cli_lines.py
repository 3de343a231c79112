"""Everybody's lines and contacts, as the operator's command line sees and takes them out of the count."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from command_line import CommandLine

from registry.domain.credentials import Purpose
from registry.domain.policy import Channel, Role
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

    def outcome(self) -> str:
        asked = LookUp(Question(CALLER, None, None, None), Purpose.INVESTIGATION, None)
        return self.registry.run(asked, COMMAND_LINE, self.request()).result.outcome.value

    def request(self) -> Request:
        return Request(self.registry.new_id(), "test")


@pytest.fixture
def lines(cli: CommandLine) -> Generator[Lines]:
    registry = open_registry(Settings.from_environment(cli.environment))
    made, contact = list[str](), ""
    for name, number in (("Example Watch", "+12065550100"), ("Another Watch", "+12065550101")):
        caller = Caller(organisation_id=UUID(cli.organisation("investigator", name)))
        line = RegisterDecoy(f"A line of {name}", number, Role.ADVERTISEMENT, "US")
        made.append(str(registry.run(line, caller, Request(registry.new_id(), "test")).result.id))
        if len(made) == 1:
            hit = Hit(CALLER, UUID(made[0]), Channel.SMS, datetime.now(UTC) - timedelta(hours=1))
            (outcome,) = registry.run(RecordHits([hit]), caller, Request(registry.new_id(), "test")).result
            contact = str(getattr(outcome, "id", None))
    yield Lines(registry, made[0], made[1], contact)
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


def test_what_there_is_not_is_said_plainly(cli: CommandLine, lines: Lines) -> None:
    for verb in ("quarantine", "release"):
        assert "There is no such decoy. (not_found)" in cli.refused("decoys", verb, UNKNOWN)
    assert "There is no such hit. (not_found)" in cli.refused("hits", "retract", UNKNOWN, "--reason", "other")
    assert "no organisation" in cli.refused("decoys", "list", "--organisation", "Nobody")
    assert lines.outcome() == "contact_observed"
