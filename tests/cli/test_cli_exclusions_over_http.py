"""`demand-registry exclusions add | remove | list` with an API key: over HTTP, for the side whose key it is."""

import json
from typing import Any

import pytest
from client_scene import Scene
from command_line import CommandLine
from members import Member


def at(scene: Scene, member: Member) -> CommandLine:
    return CommandLine({"REGISTRY_URL": scene.url, "REGISTRY_API_KEY": member.key})


@pytest.fixture
def team(scene: Scene) -> Member:
    return scene.house.member("investigator")


@pytest.fixture
def cli(scene: Scene, team: Member) -> CommandLine:
    return at(scene, team)


def listed(cli: CommandLine, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cli.json("exclusions", "list", *options)["data"]
    return found


def test_an_investigator_adds_sees_and_ends_its_own(scene: Scene, cli: CommandLine, team: Member) -> None:
    first, second = scene.fresh(2)
    assert cli.done("exclusions", "list") == "No number is excluded. --all shows those that have ended.\n"
    added = cli.json("exclusions", "add", "--reason", "outreach", "--region", "US", typed=first[2:])
    said = cli.done("exclusions", "add", "--reason", "own_staff", "--expires", "2027-01-31", typed=second)
    one, other = sorted(listed(cli), key=lambda one: str(one["reason"]))
    assert (one["id"], one["organisation_id"]) == (added["id"], str(team.id))
    assert (other["expires_at"], other["expired"], other["id"] in said) == ("2027-01-31T00:00:00Z", False, True)
    table = cli.done("exclusions", "list")
    assert one["id"] in table
    assert "2027-01-31 00:00" in table
    assert first[-7:] not in table

    assert cli.json("exclusions", "remove", "--region", "US", typed=first[2:])["ids"] == [one["id"]]
    assert listed(cli) == [other]
    assert [ended["id"] for ended in listed(cli, "--ended")] == [one["id"]]
    assert {each["id"] for each in listed(cli, "--all")} == {one["id"], other["id"]}
    assert f"The exclusion {other['id']} has ended" in cli.done("exclusions", "remove", "--id", other["id"])
    assert cli.done("exclusions", "list", "--ended").count("\n") == 4


def test_all_pages_are_shown(scene: Scene, cli: CommandLine, team: Member) -> None:
    lines = "".join(f"{number}\n" for number in scene.fresh(501))
    answer = team.post("/v1/exclusions/imports?reason=own_staff", content=lines, headers={"Content-Type": "text/plain"})
    assert answer.json()["added"] == 501
    document = cli.json("exclusions", "list")
    assert (len({one["id"] for one in document["data"]}), len(document["audit_ids"])) == (501, 2)


def test_the_operator_sees_everybodys_and_narrows_them_to_one(scene: Scene, cli: CommandLine, team: Member) -> None:
    (number,) = scene.fresh(1)
    own = cli.json("exclusions", "add", "--reason", "outreach", typed=number)["id"]
    operator = at(scene, scene.house.member("operator"))
    operators = operator.json("exclusions", "add", "--reason", "police", typed=number)["id"]
    assert {own, operators} <= {one["id"] for one in listed(operator)}
    of_team = ("--organisation", str(team.id))
    assert [one["id"] for one in listed(operator, *of_team)] == [own]
    assert operator.json("exclusions", "remove", *of_team, typed=number)["ids"] == [own]
    assert listed(operator, *of_team) == []
    assert operator.json("exclusions", "remove", "--all", typed=number)["ids"] == [operators]


def test_what_is_not_an_investigators_is_refused_plainly(scene: Scene, cli: CommandLine, team: Member) -> None:
    (number,) = scene.fresh(1)
    for words, code in (
        (("remove",), "not_found"),
        (("remove", "--all"), "invalid_value"),
        (("remove", "--id", str(team.id)), "not_found"),
        (("add", "--reason", "police"), "invalid_value"),
    ):
        said = cli.refused("exclusions", *words, typed=number)
        assert f"({code})" in said
        assert number[-7:] not in said
    assert cli.json("exclusions", "list", "--organisation", "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d")["data"] == []
    assert "named by its id" in cli.refused("exclusions", "list", "--organisation", "Example Watch", code=2)
    assert "exclude one another" in cli.refused("exclusions", "list", "--all", "--ended", code=2)
    assert "Nothing answers" in cli.with_environment(REGISTRY_URL="http://127.0.0.1:1").refused("exclusions", "list")
    unauthorised = at(scene, scene.house.member("employer")).refused("exclusions", "list")
    assert "(unauthorized)" in unauthorised
    keyless = cli.without("REGISTRY_API_KEY").refused("exclusions", "list", code=2)
    assert "No API key is given" in keyless


def test_without_a_key_or_an_address_it_needs_the_database() -> None:
    said = CommandLine().refused("exclusions", "list")
    assert "REGISTRY_DATABASE_URL is not set" in said
    assert json.dumps(said).isascii()
