"""`demand-registry exclusions import`: a file of numbers, over HTTP alone, by an investigator and by the operator."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from client_scene import Scene
from command_line import CommandLine, clean_environment
from members import Member

HTTP_ALONE = """
import sys
server = ("pydantic", "sqlalchemy", "psycopg", "alembic", "argon2", "cryptography", "uvicorn", "fastapi")
sys.modules.update(dict.fromkeys(server))
from registry.cli import main
main(prog_name="demand-registry")
"""


def at(scene: Scene, member: Member) -> CommandLine:
    return CommandLine({"REGISTRY_URL": scene.url, "REGISTRY_API_KEY": member.key})


@pytest.fixture
def team(scene: Scene) -> Member:
    return scene.house.member("investigator")


@pytest.fixture
def numbers(scene: Scene, team: Member) -> list[str]:
    """Two that the team has been recorded for."""
    found = scene.fresh(2)
    decoy = team.register_decoy(scene.fresh(1)[0])
    hits = [
        {"decoy_id": decoy, "number": one, "channel": "sms", "occurred_at": "2026-11-01T10:00:00Z"} for one in found
    ]
    team.record(*hits)
    return found


def outcomes(scene: Scene, numbers: list[str]) -> list[str]:
    employer = scene.house.member("employer")
    return [employer.look_up(number)["outcome"] for number in numbers]


def test_a_file_is_rehearsed_then_excluded_and_can_be_imported_again(
    scene: Scene, team: Member, numbers: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "team.csv"
    file.write_text("Name,Phone\n" + "".join(f"Ann,{number[2:]}\n" for number in numbers), encoding="utf-8")
    words = ("exclusions", "import", str(file), "--map", "number=Phone", "--reason", "own_staff", "--region", "US")
    columns = 'Read: number = "Phone". Not read: "Name".\n'
    assert at(scene, team).done(*words, "--dry-run") == (
        f"{columns}2 rows: 2 would be excluded, 0 excluded already, 0 refused.\n"
    )
    assert outcomes(scene, numbers) == ["contact_observed"] * 2
    assert (
        at(scene, team).done(*words, "--expires", "2027-01-31")
        == f"{columns}2 rows: 2 excluded, 0 excluded already, 0 refused.\n"
    )
    assert outcomes(scene, numbers) == ["none"] * 2
    again = at(scene, team).json(*words)
    assert (again["added"], again["already"], again["refused_by_code"]) == (0, 2, {})
    ends = {one["expires_at"] for one in team.get("/v1/exclusions").json()["data"]}
    assert ends == {"2027-01-31T00:00:00Z"}


def test_the_operator_imports_with_its_own_reasons_from_lines(scene: Scene, numbers: list[str], tmp_path: Path) -> None:
    file, refused = tmp_path / "police.ndjson", tmp_path / "refused.csv"
    lines = [{"number": numbers[0], "reason": "police"}, {"number": "withheld", "reason": "police"}]
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    cli = at(scene, scene.house.member("operator"))
    result = cli.run("exclusions", "import", str(file), "--refused", str(refused))
    assert result.stdout.startswith("2 rows: 1 excluded, 0 excluded already, 1 refused.\n")
    assert str(refused) in result.stdout
    assert refused.read_text(encoding="utf-8").startswith("line,code,detail\n2,withheld,")
    assert outcomes(scene, numbers) == ["none", "contact_observed"]
    # A cron job must not be content while somebody can still be listed.
    assert (result.exit_code, result.stderr.startswith("1 row was refused. Its number is not excluded")) == (1, True)


def test_a_rehearsal_of_a_file_with_refused_rows_fails_as_well(scene: Scene, team: Member, tmp_path: Path) -> None:
    file = tmp_path / "team.csv"
    file.write_text(f"number\n{scene.fresh(1)[0]}\nwithheld\n12\n", encoding="utf-8")
    result = at(scene, team).run("exclusions", "import", str(file), "--reason", "own_staff", "--dry-run", "--json")
    summary = json.loads(result.stdout)
    assert (summary["added"], summary["refused"], result.exit_code) == (1, 2, 1)
    assert result.stderr.startswith("2 rows were refused. Their numbers are not excluded")


def test_what_cannot_be_done_is_told_without_a_number(scene: Scene, team: Member, tmp_path: Path) -> None:
    file = tmp_path / "team.csv"
    file.write_text("number\n+12065550142\n", encoding="utf-8")
    words = ("exclusions", "import", str(file))
    cli = at(scene, team)
    assert "no column `reason`" in cli.refused(*words)
    assert "Your reasons are: outreach, own_staff, advertised_number." in cli.refused(*words, "--reason", "police")
    assert "FIELD=COLUMN" in cli.refused(*words, "--map", "number", code=2)
    assert "write over" in cli.refused(*words, "--refused", str(file), code=2)
    assert "Invalid value for '--reason'" in cli.refused(*words, "--reason", "flood", code=2)
    file.write_text("number\nwithheld\n", encoding="utf-8")
    result = cli.run(*words, "--reason", "outreach")
    assert (result.exit_code, "1 refused" in result.stdout) == (1, True)
    unauthorised = at(scene, scene.house.member("employer")).refused(*words, "--reason", "outreach")
    assert "(unauthorized)" in unauthorised


def test_over_http_it_runs_on_the_base_install_and_on_the_database_it_says_what_it_needs(
    scene: Scene, team: Member, tmp_path: Path
) -> None:
    file = tmp_path / "team.txt"
    file.write_text(f"{scene.fresh(1)[0]}\n", encoding="utf-8")
    environment = clean_environment({"REGISTRY_URL": scene.url, "REGISTRY_API_KEY": team.key})

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-c", HTTP_ALONE, "exclusions", *words]
        return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False)

    done = run("import", str(file), "--reason", "outreach")
    said = 'Read: number = "column_1".\n1 row: 1 excluded, 0 excluded already, 0 refused.\n'
    assert (done.returncode, done.stdout) == (0, said), done.stderr
    listed = run("list", "--json")
    assert listed.returncode == 0, listed.stderr
    (one,) = json.loads(listed.stdout)["data"]
    ended = run("remove", "--id", one["id"])
    assert (ended.returncode, one["id"] in ended.stdout) == (0, True), ended.stderr
    del environment["REGISTRY_URL"], environment["REGISTRY_API_KEY"]
    refused = run("list")
    assert refused.returncode == 1
    assert "`exclusions list` needs the server's packages" in refused.stderr
