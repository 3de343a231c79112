"""`demand-registry exclusions remove-file`: over HTTP alone, by an investigator and by the operator."""

import json
from pathlib import Path

import pytest
from client_scene import Scene
from command_line import CommandLine
from members import Member

COMMAND = ("exclusions", "remove-file")
COLUMNS = 'Read: number = "number", region = "region". Not read: "reason", "expires_at".\n'


def at(scene: Scene, member: Member) -> CommandLine:
    return CommandLine({"REGISTRY_URL": scene.url, "REGISTRY_API_KEY": member.key})


@pytest.fixture
def team(scene: Scene) -> Member:
    return scene.house.member("investigator")


@pytest.fixture
def file(scene: Scene, team: Member, tmp_path: Path) -> Path:
    """With the numbers of two people whom the team excludes, as it was imported."""
    path = tmp_path / "team.csv"
    rows = "".join(f"{number[2:]},US,own_staff,2027-01-31\n" for number in scene.fresh(2))
    path.write_text(f"number,region,reason,expires_at\n{rows}", encoding="utf-8")
    assert at(scene, team).json("exclusions", "import", str(path))["added"] == 2
    return path


def in_force(member: Member) -> int:
    return len(member.get("/v1/exclusions?active=true").json()["data"])


def test_a_team_that_leaves_is_ended_with_the_file_that_protected_it(scene: Scene, team: Member, file: Path) -> None:
    cli = at(scene, team)
    said = f"{COLUMNS}2 rows: 2 would be ended, 0 not excluded, 0 refused.\n"
    assert cli.done(*COMMAND, str(file), "--dry-run") == said
    assert in_force(team) == 2
    said = f"{COLUMNS}2 rows: 2 ended, 0 not excluded, 0 refused. Contacts count from now on.\n"
    assert cli.done(*COMMAND, str(file)) == said
    assert in_force(team) == 0
    again = cli.json(*COMMAND, str(file))
    assert (again["ended"], again["not_excluded"], again["refused_by_code"]) == (0, 2, {})


def test_a_file_that_should_never_have_been_imported_is_taken_back(scene: Scene, team: Member, file: Path) -> None:
    cli = at(scene, team)
    rehearsed = cli.done(*COMMAND, str(file), "--mistaken", "--dry-run")
    assert rehearsed == f"{COLUMNS}2 rows: 2 would be ended, 0 not excluded, 0 refused.\n"
    said = f"{COLUMNS}2 rows: 2 ended, 0 not excluded, 0 refused. Contacts from before count again.\n"
    assert cli.done(*COMMAND, str(file), "--mistaken") == said
    assert [one["mistaken"] for one in team.get("/v1/exclusions").json()["data"]] == [True, True]


def test_refused_rows_are_told_and_kept_without_a_number_and_end_with_1(
    scene: Scene, team: Member, file: Path, tmp_path: Path
) -> None:
    refused = tmp_path / "refused.csv"
    (stranger,) = scene.fresh(1)
    with file.open("a", encoding="utf-8") as more:
        more.write(f"{stranger[2:]},US,own_staff,\nanonymous,,,\n")
    result = at(scene, team).run(*COMMAND, str(file), "--refused", str(refused))
    assert result.exit_code == 1, result.output
    assert result.stderr == "1 row was refused. Its number may still be excluded: correct the file and send it again.\n"
    assert result.stdout.startswith(
        f"{COLUMNS}4 rows: 2 ended, 1 not excluded, 1 refused. Contacts count from now on.\n"
    )
    rows = refused.read_text(encoding="utf-8").splitlines()
    assert [row.split(",")[:2] for row in rows] == [["line", "code"], ["4", "not_excluded"], ["5", "withheld"]]
    assert stranger[-7:] not in result.stdout + refused.read_text(encoding="utf-8")
    assert in_force(team) == 0


def test_the_operator_ends_one_organisations_or_everybodys(
    scene: Scene, team: Member, file: Path, tmp_path: Path
) -> None:
    operator = at(scene, scene.house.member("operator"))
    assert operator.json(*COMMAND, str(file))["not_excluded"] == 2
    assert operator.json(*COMMAND, str(file), "--organisation", str(team.id))["ended"] == 2
    assert at(scene, team).json("exclusions", "import", str(file))["added"] == 2
    lines = tmp_path / "team.ndjson"
    numbers = [row.split(",")[0] for row in file.read_text(encoding="utf-8").splitlines()[1:]]
    lines.write_text("".join(f"{json.dumps({'number': one})}\n" for one in numbers), encoding="utf-8")
    assert operator.json(*COMMAND, str(lines), "--region", "US", "--all")["ended"] == 2
    assert in_force(team) == 0


def test_what_cannot_be_done_is_told(scene: Scene, team: Member, file: Path) -> None:
    cli = at(scene, team)
    assert "Only the operator ends exclusions of others." in cli.refused(*COMMAND, str(file), "--all")
    both = (*COMMAND, str(file), "--all", "--organisation", str(team.id))
    assert "exclude one another" in cli.refused(*both, code=2)
    assert "FIELD=COLUMN" in cli.refused(*COMMAND, str(file), "--map", "number", code=2)
    assert "write over" in cli.refused(*COMMAND, str(file), "--refused", str(file), code=2)
    assert "(unauthorized)" in at(scene, scene.house.member("employer")).refused(*COMMAND, str(file))
    away = cli.with_environment(REGISTRY_URL="http://127.0.0.1:1")
    assert "Nothing answers" in away.refused(*COMMAND, str(file))
    assert in_force(team) == 2
