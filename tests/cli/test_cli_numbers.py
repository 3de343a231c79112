"""Exclusions, disputes and the verification of listings, on a real database. Numbers are typed, never arguments."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from command_line import CommandLine, on_a_terminal
from databases import dsn

from registry.domain.credentials import Purpose
from registry.domain.errors import Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Channel, Role
from registry.operations.assembly import open_registry
from registry.operations.look_up import LookUp
from registry.operations.manage_decoys import RegisterDecoy
from registry.operations.manage_exclusions import AddExclusion, RemoveExclusion
from registry.operations.operation import COMMAND_LINE, Caller, Request
from registry.operations.questions import Question
from registry.operations.record_hits import RecordHits
from registry.operations.registry import Registry
from registry.operations.submitted_hits import Hit
from registry.settings import Settings

CALLER = "+12065550142"
"""Reserved for fiction."""


@dataclass(frozen=True)
class Contact:
    """A number with one recorded contact, and what is answered about it."""

    registry: Registry

    def outcome(self) -> str:
        asked = LookUp(Question(CALLER, None, None, None), Purpose.INVESTIGATION, None)
        request = Request(self.registry.new_id(), "test")
        return self.registry.run(asked, COMMAND_LINE, request).result.outcome.value


@pytest.fixture
def contact(cli: CommandLine) -> Generator[Contact]:
    registry = open_registry(Settings.from_environment(cli.environment))
    caller = Caller(organisation_id=UUID(cli.organisation("investigator", "Example Watch")))
    request = Request(registry.new_id(), "test")
    decoy = registry.run(RegisterDecoy("A line", "+12065550100", Role.ADVERTISEMENT), caller, request).result
    hit = Hit(CALLER, decoy.id, Channel.SMS, datetime.now(UTC) - timedelta(hours=1))
    registry.run(RecordHits([hit]), caller, request)
    yield Contact(registry)
    registry.database.dispose()


def test_an_excluded_number_is_answered_like_one_that_nobody_saw_until_it_is_removed(
    cli: CommandLine, contact: Contact
) -> None:
    assert contact.outcome() == "contact_observed"
    added = cli.json("exclusions", "add", "--reason", "outreach", "--region", "US", typed="(206) 555-0142\n")
    assert (added["reason"], added["expires_at"]) == ("outreach", None)
    assert contact.outcome() == "none"
    ended = f"The exclusion {added['id']} has ended: the number's"
    said = cli.done("exclusions", "remove", typed=f"{CALLER}\n")
    assert said == f"{ended} contacts count from now on, unless another one keeps them out.\n"
    assert contact.outcome() == "none"
    said = cli.done("exclusions", "remove", "--id", added["id"], "--mistaken")
    assert said == f"{ended} contacts from before count again, unless another one keeps them out.\n"
    assert contact.outcome() == "contact_observed"
    assert "(not_found)" in cli.refused("exclusions", "remove", "--id", added["id"], "--mistaken")


def test_exclusions_are_listed_without_numbers(cli: CommandLine) -> None:
    assert cli.done("exclusions", "list") == "No number is excluded. --all shows those that have ended.\n"
    said = cli.done("exclusions", "add", "--reason", "police", "--expires", "2099-01-01", typed=CALLER)
    (listed,) = cli.json("exclusions", "list")["data"]
    assert said == f"The number is excluded, under the id {listed['id']}.\n"
    assert (listed["reason"], listed["expires_at"]) == ("police", "2099-01-01T00:00:00Z")
    assert listed["id"] in cli.done("exclusions", "list")
    assert cli.json("exclusions", "remove", typed=CALLER)["id"] == listed["id"]
    assert cli.json("exclusions", "list")["data"] == []
    (ended,) = cli.json("exclusions", "list", "--ended")["data"]
    assert cli.json("exclusions", "list", "--all")["data"] == [ended]
    assert ended["removed_at"] is not None
    assert (ended["organisation_id"], ended["organisation"], ended["expired"]) == (None, None, False)
    assert ended["mistaken"] is False
    cli.done("exclusions", "add", "--reason", "police", typed=CALLER)
    cli.done("exclusions", "remove", "--mistaken", typed=CALLER)
    assert [one["mistaken"] for one in cli.json("exclusions", "list", "--all")["data"]] == [True, False]


def test_the_operator_sees_whose_an_exclusion_is_and_ends_it_by_its_id_or_its_side(
    cli: CommandLine, contact: Contact
) -> None:
    """An investigator excludes numbers by API; the operator's command line is above all sides."""
    id_ = cli.organisation("investigator", "Another Watch")
    watch = Caller(organisation_id=UUID(id_))

    def exclude() -> str:
        added = contact.registry.run(AddExclusion(CALLER, ExclusionReason.OWN_STAFF), watch, Request(UUID(id_), "test"))
        return str(added.result.id)

    added = exclude()
    assert "Another Watch" in cli.done("exclusions", "list")
    refused = cli.refused("exclusions", "remove", typed=CALLER)
    assert "The operator's side does not exclude the number. An investigator may: with `all` every side's" in refused
    assert "(not_found)" in refused
    assert contact.outcome() == "none"
    assert cli.json("exclusions", "remove", "--organisation", "Another Watch", "--mistaken", typed=CALLER)["ids"] == [
        added
    ]
    assert contact.outcome() == "contact_observed"
    added = exclude()
    assert cli.json("exclusions", "remove", "--id", added, "--mistaken")["ids"] == [added]
    cli.done("exclusions", "add", "--reason", "police", typed=CALLER)
    added = exclude()
    assert len(cli.json("exclusions", "remove", "--all", "--mistaken", typed=CALLER)["ids"]) == 2
    assert contact.outcome() == "contact_observed"
    assert "Nobody excludes the number. (not_found)" in cli.refused("exclusions", "remove", "--all", typed=CALLER)
    refused = cli.refused("exclusions", "remove", "--organisation", "Another Watch", typed=CALLER)
    assert "That organisation does not exclude the number. With `all` every side's exclusion of it ends." in refused
    with pytest.raises(Refused, match="Your organisation does not exclude the number"):
        contact.registry.run(RemoveExclusion(CALLER), watch, Request(UUID(id_), "test"))
    assert "exclude one another" in cli.refused("exclusions", "remove", "--id", added, "--all", code=2)


def test_a_disputed_number_is_indeterminate_until_the_dispute_is_closed(cli: CommandLine, contact: Contact) -> None:
    assert cli.done("disputes", "list") == "There are no disputes.\n"
    opened = cli.json("disputes", "open", typed=CALLER)
    assert contact.outcome() == "indeterminate"
    assert opened["id"] in cli.done("disputes", "list")
    said = cli.done("disputes", "close", opened["id"], "--resolution", "confirmed")
    assert said == f"The dispute {opened['id']} is closed: confirmed.\n"
    assert contact.outcome() == "contact_observed"
    assert cli.json("disputes", "list")["data"][0]["resolution"] == "confirmed"
    assert "(already_closed)" in cli.refused("disputes", "close", opened["id"], "--resolution", "withdrawn")


def test_a_dispute_tells_its_day_and_its_closing_in_json(cli: CommandLine) -> None:
    said = cli.done("disputes", "open", "--region", "US", typed="206 555 0142")
    (listed,) = cli.json("disputes", "list")["data"]
    assert said == f"The dispute {listed['id']} is open and due on {listed['due_on']}.\n"
    assert cli.json("disputes", "close", listed["id"], "--resolution", "withdrawn")["closed_at"] is not None


def test_refusals_are_told_without_the_number(cli: CommandLine) -> None:
    cli.done("exclusions", "add", "--reason", "other", typed=CALLER)
    assert "The number is excluded already. (already_excluded)" in cli.refused(
        "exclusions", "add", "--reason", "other", typed=CALLER
    )
    assert "(not_found)" in cli.refused("exclusions", "remove", typed="+12065550143")
    assert "(too_short)" in cli.refused("disputes", "open", typed="+1 206 555")
    assert "(unknown_region)" in cli.refused("disputes", "open", "--region", "XX", typed="2065550142")
    unknown = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"
    assert "(not_found)" in cli.refused("disputes", "close", unknown, "--resolution", "confirmed")


@pytest.mark.parametrize("typed", ["", "\n\n", f"{CALLER}\n{CALLER}\n"])
def test_standard_input_holds_exactly_one_number(cli: CommandLine, typed: str) -> None:
    assert "one line with one phone number" in cli.refused("exclusions", "remove", typed=typed, code=2)


def test_standard_input_is_text(cli: CommandLine) -> None:
    assert "not UTF-8" in cli.refused("exclusions", "remove", typed=b"\xff\xfe\x00", code=2)


def test_a_terminal_is_asked_twice_and_shows_nothing_that_is_typed(cli: CommandLine) -> None:
    said = on_a_terminal(
        ["exclusions", "add", "--reason", "survivor"],
        cli.environment,
        [("Phone number", CALLER), ("Repeat", "+12065550199"), ("Phone number", CALLER), ("Repeat", CALLER)],
    )
    assert "do not match" in said
    assert "The number is excluded" in said
    assert "55501" not in said


def test_listings_are_verified_and_repaired(cli: CommandLine, contact: Contact) -> None:
    assert cli.done("verify-listings") == "Tags compared: 2. Stale: 0. Wrong: 0.\n"
    with psycopg.connect(dsn(cli.environment["REGISTRY_OWNER_DATABASE_URL"]), autocommit=True) as owner:
        owner.execute("DELETE FROM registry.listings")
    found = cli.run("verify-listings", "--json")
    assert found.exit_code == 1
    assert '"wrong": 2' in found.stdout
    repaired = cli.run("verify-listings", "--repair")
    assert (repaired.exit_code, repaired.stdout) == (1, "Tags compared: 2. Stale: 0. Wrong: 2. All are repaired.\n")
    assert cli.json("verify-listings")["wrong"] == 0
    assert contact.outcome() == "contact_observed"
