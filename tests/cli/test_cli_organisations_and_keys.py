"""Organisations and keys from the command line, on a real database."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg
import pytest
from command_line import CommandLine
from databases import dsn

from registry.domain.credentials import DEFAULT_SCOPES, Mode, OrganisationKind, parse


@pytest.fixture
def events(cli: CommandLine) -> Iterator["psycopg.Connection[tuple[Any, ...]]"]:
    with psycopg.connect(dsn(cli.environment["REGISTRY_OWNER_DATABASE_URL"]), autocommit=True) as connection:
        yield connection


def test_an_organisation_is_created_listed_limited_suspended_and_resumed(cli: CommandLine) -> None:
    said = cli.done("organisations", "create", "Example Logistics", "--kind", "employer", "--numbers-per-day", "500")
    assert "Created Example Logistics, employer" in said
    id_ = cli.json("organisations", "list")["data"][0]["id"]
    assert id_ in said
    listed = cli.done("organisations", "list")
    assert id_ in listed
    assert "500" in listed
    limited = cli.done("organisations", "limits", "Example Logistics", "--requests-per-minute", "30")
    assert limited == "Example Logistics: 30 requests a minute, 500 numbers a day.\n"
    assert "is suspended since" in cli.done("organisations", "suspend", id_)
    assert cli.json("organisations", "list")["data"][0]["suspended_at"] is not None
    assert "is active" in cli.done("organisations", "resume", id_)
    assert cli.json("organisations", "list")["data"][0]["suspended_at"] is None


def test_json_answers_have_the_names_of_the_api_and_a_receipt(cli: CommandLine) -> None:
    made = cli.json("organisations", "create", "Example Watch", "--kind", "investigator")
    assert UUID(made.pop("audit_id")).version == 7
    assert made["created_at"].endswith("Z")
    assert set(made) == {
        "id",
        "kind",
        "name",
        "requests_per_minute",
        "numbers_per_day",
        "created_at",
        "suspended_at",
    }
    assert (made["kind"], made["requests_per_minute"], made["suspended_at"]) == ("investigator", 600, None)


def test_many_organisations_are_listed_over_several_pages(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.cli.session._PAGE", 2)
    made = [cli.organisation("partner", f"Partner {letter}") for letter in "abcde"]
    listed = cli.json("organisations", "list")
    assert [one["id"] for one in listed["data"]] == made
    assert len(listed["audit_ids"]) == 3


@pytest.mark.parametrize("kind", list(OrganisationKind))
def test_a_key_gets_its_kinds_default_scopes_and_is_printed_whole(cli: CommandLine, kind: OrganisationKind) -> None:
    owner = cli.organisation(kind.value, "Example")
    issued = cli.json("keys", "issue", "--organisation", "Example")
    key = parse(issued["key"], Mode.SANDBOX)
    assert key is not None
    assert (key.id, issued["organisation_id"]) == (issued["id"], owner)
    assert set(issued["scopes"]) == DEFAULT_SCOPES[kind]


def test_a_key_is_on_a_line_of_its_own_and_only_there(cli: CommandLine) -> None:
    cli.organisation("employer", "Example")
    said = cli.done("keys", "issue", "--organisation", "Example", "--expires", "2099-12-31")
    lines = [line for line in said.splitlines() if "drk_" in line]
    assert len(lines) == 1
    assert parse(lines[0], Mode.SANDBOX) is not None
    assert "until 2099-12-31 00:00 UTC" in said
    assert lines[0] not in cli.done("keys", "list")
    assert "drk_" not in cli.done("keys", "list", "--json")


def test_keys_are_listed_expired_and_revoked(cli: CommandLine) -> None:
    for name in ("First", "Second"):
        cli.organisation("employer", name)
    first = cli.json("keys", "issue", "--organisation", "First", "--scope", "lookups", "--scope", "audit")["id"]
    second = cli.json("keys", "issue", "--organisation", "Second")["id"]
    assert [key["id"] for key in cli.json("keys", "list")["data"]] == [first, second]
    assert [key["id"] for key in cli.json("keys", "list", "--organisation", "Second")["data"]] == [second]
    assert "audit lookups" in cli.done("keys", "list", "--organisation", "First")
    said = cli.done("keys", "expire", first, "--at", "2099-01-01T02:00:00+02:00")
    assert said == f"Key {first} expires at 2099-01-01 00:00 UTC.\n"
    assert cli.json("keys", "expire", first, "--never")["expires_at"] is None
    assert f"Key {second} is revoked since" in cli.done("keys", "revoke", second)
    assert [key["revoked_at"] is None for key in cli.json("keys", "list")["data"]] == [True, False]


def test_lists_of_nothing_say_so(cli: CommandLine) -> None:
    assert "no organisations yet" in cli.done("organisations", "list")
    assert "There are no keys." in cli.done("keys", "list")
    assert cli.json("keys", "list")["data"] == []


def test_every_command_is_in_the_audit_log_under_its_name(
    cli: CommandLine, events: "psycopg.Connection[tuple[Any, ...]]"
) -> None:
    made = cli.json("organisations", "create", "Example", "--kind", "employer")
    issued = cli.json("keys", "issue", "--organisation", "Example")
    cli.refused("keys", "revoke", "abcdefgh")
    bodies = [json.loads(bytes(row[0])) for row in events.execute("SELECT body FROM audit.event ORDER BY id")]
    told = [(body["operation"], body["request"]["route"], body["result"], body["id"]) for body in bodies]
    assert told[:2] == [
        ("create_organisation", "cli organisations create", "ok", made["audit_id"]),
        ("issue_key", "cli keys issue", "ok", issued["audit_id"]),
    ]
    assert told[2][:3] == ("revoke_key", "cli keys revoke", "not_found")
    assert {body["actor"]["organisation"] for body in bodies} == {None}


def test_refusals_say_what_to_do(cli: CommandLine) -> None:
    cli.organisation("employer", "Example")
    assert "Another organisation has this name. (name_taken)" in cli.refused(
        "organisations", "create", "Example", "--kind", "partner"
    )
    assert "`demand-registry organisations list` shows them" in cli.refused("organisations", "suspend", "Nobody")
    unknown = "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"
    assert "(not_found)" in cli.refused("keys", "issue", "--organisation", unknown)
    assert "cannot have: operator" in cli.refused("keys", "issue", "--organisation", "Example", "--scope", "operator")
    expired = ("--expires", "2020-01-01")
    assert "would have expired already" in cli.refused("keys", "issue", "--organisation", "Example", *expired)
    assert "There is no such key." in cli.refused("keys", "expire", "abcdefgh", "--never")


def test_wrong_use_ends_with_2(cli: CommandLine) -> None:
    cli.organisation("employer", "Example")
    assert "Give --requests-per-minute" in cli.refused("organisations", "limits", "Example", code=2)
    assert "either --at or --never" in cli.refused("keys", "expire", "abcdefgh", code=2)
    both = ("--at", "2099-01-01", "--never")
    assert "either --at or --never" in cli.refused("keys", "expire", "abcdefgh", *both, code=2)
    assert "a time is written like" in cli.refused("keys", "expire", "abcdefgh", "--at", "soon", code=2)
    assert "Invalid value for '--kind'" in cli.refused("organisations", "create", "A", "--kind", "b", code=2)
