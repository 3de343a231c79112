"""What the commands that send a file of exclusions say of its columns."""

import json
from pathlib import Path

import pytest
from client_scene import Scene
from command_line import CommandLine
from members import Member

from registry.cli.file_columns import rows, show_columns, warn_of_numbers

IMPORT = ("--reason", "own_staff", "--region", "US")
REMOVE = ("--region", "US")


def at(scene: Scene, member: Member) -> CommandLine:
    return CommandLine({"REGISTRY_URL": scene.url, "REGISTRY_API_KEY": member.key})


@pytest.fixture
def cli(scene: Scene) -> CommandLine:
    return at(scene, scene.house.member("investigator"))


@pytest.fixture
def file(scene: Scene, tmp_path: Path) -> Path:
    """Of a team in which somebody has two numbers."""
    path = tmp_path / "team.csv"
    one, another, third = scene.fresh(3)
    path.write_text(f"Name,Phone,Phone 2,Ends\nAnn,{one},{another},2027-01-31\nBea,{third},,\n", encoding="utf-8")
    return path


def test_a_second_column_of_numbers_is_warned_of_and_fails_a_rehearsal(cli: CommandLine, file: Path) -> None:
    words = ("exclusions", "import", str(file), *IMPORT)
    warning = (
        'Column "Phone 2" seems to hold numbers too; they are not excluded by this. '
        'Import it again with --map number="Phone 2".\n'
    )
    columns = 'Read: number = "Phone", expires_at = "Ends". Not read: "Name", "Phone 2".\n'
    rehearsed = cli.run(*words, "--dry-run")
    assert rehearsed.stdout == f"{columns}2 rows: 2 would be excluded, 0 excluded already, 0 refused.\n"
    assert (rehearsed.stderr, rehearsed.exit_code) == (warning, 1)
    done = cli.run(*words)
    assert done.stdout == f"{columns}2 rows: 2 excluded, 0 excluded already, 0 refused.\n"
    assert (done.stderr, done.exit_code) == (warning, 0)
    document = cli.run(*words, "--json")
    assert json.loads(document.stdout)["columns"]["not_read"][1] == {"column": "Phone 2", "numbers": 1}
    assert (document.stderr, document.exit_code) == (warning, 0)


def test_a_removal_warns_as_well(cli: CommandLine, file: Path) -> None:
    words = ("exclusions", "remove-file", str(file), *REMOVE)
    warning = (
        'Column "Phone 2" seems to hold numbers too; nothing of theirs ends by this. '
        'Send it again with --map number="Phone 2".\n'
    )
    rehearsed = cli.run(*words, "--dry-run")
    assert rehearsed.stdout.startswith('Read: number = "Phone". Not read: "Name", "Phone 2", "Ends".\n2 rows: 0')
    assert (rehearsed.stderr, rehearsed.exit_code) == (warning, 1)
    done = cli.run(*words)
    assert (done.stderr, done.exit_code) == (warning, 0)


def test_lines_have_no_columns(cli: CommandLine, scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "team.ndjson"
    file.write_text(json.dumps({"number": scene.fresh(1)[0]}) + "\n", encoding="utf-8")
    said = cli.done("exclusions", "import", str(file), *IMPORT)
    assert said == "1 row: 1 excluded, 0 excluded already, 0 refused.\n"
    said = cli.done("exclusions", "remove-file", str(file), *REMOVE)
    assert said == "1 row: 1 ended, 0 not excluded, 0 refused. Contacts count from now on.\n"


def test_a_row_with_a_second_number_beside_the_columns_is_refused(
    cli: CommandLine, scene: Scene, tmp_path: Path
) -> None:
    file = tmp_path / "team.csv"
    one, another = scene.fresh(2)
    file.write_text(f"Name,Phone\nAnn,{one},{another}\n", encoding="utf-8")
    result = cli.run("exclusions", "import", str(file), *IMPORT)
    assert (result.exit_code, "row_too_long" in result.stdout) == (1, True)
    assert not any(number[-7:] in result.output for number in (one, another))
    assert result.stderr.startswith("1 row was refused.")


def test_only_some_of_many_columns_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    not_read = [{"column": f"c{number}", "numbers": 1} for number in range(12)]
    summary = {"columns": {"read": [{"field": "number", "column": "n"}], "not_read": not_read}}
    show_columns(summary)
    assert warn_of_numbers(summary, left="they stay", again="Again")
    told = capsys.readouterr()
    assert told.out.endswith('"c8", "c9", and 2 more.\n')
    assert told.err.splitlines()[-2:] == [
        'Column "c9" seems to hold numbers too; they stay. Again with --map number=c9.',
        "And 2 more columns.",
    ]


def test_a_registry_that_tells_no_columns_is_understood(capsys: pytest.CaptureFixture[str]) -> None:
    show_columns({})
    assert not warn_of_numbers({}, left="", again="")
    assert capsys.readouterr() == ("", "")


def test_one_row_is_one_row() -> None:
    assert [rows(count) for count in (0, 1, 2, 2_000)] == ["0 rows", "1 row", "2 rows", "2,000 rows"]
