"""Every expected failure is one plain sentence that says what to do, and repeats nothing that was typed."""

import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from command_line import CommandLine, clean_environment, free_port
from databases import dsn
from members import KEYS
from psycopg import sql

from registry import key_file
from registry.cli import main
from registry.key_file import KeyFile

LIST = ("organisations", "list")
NUMBER = "+12065550142"
KEY = "drk_test_" + "Ab3" * 15 + "x"
PASSPHRASE = "four canaries in a mine"


def test_without_a_database_a_command_says_where_it_would_look(tmp_path: Path) -> None:
    said = CommandLine({"REGISTRY_DATA_DIR": str(tmp_path)}).refused(*LIST)
    assert f"REGISTRY_DATABASE_URL is not set, and no `demand-registry run` runs on {tmp_path}" in said
    assert "REGISTRY_DATABASE_URL is not set" in CommandLine({"REGISTRY_DATA_DIR": str(tmp_path)}).refused("migrate")
    assert "REGISTRY_DATABASE_URL is not set" in CommandLine({"REGISTRY_DATA_DIR": str(tmp_path)}).refused("demo")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REGISTRY_DATABSE_URL", "x", "REGISTRY_DATABSE_URL"),
        ("REGISTRY_PORT", "many", "REGISTRY_PORT"),
        (
            "REGISTRY_DATABASE_URL",
            f"mysql://{PASSPHRASE}@h/d",
            "REGISTRY_DATABASE_URL is written postgresql+psycopg://LOGIN@HOST/DATABASE",
        ),
        ("REGISTRY_OWNER_DATABASE_URL", f"postgresql://h:{PASSPHRASE}/d", "REGISTRY_OWNER_DATABASE_URL is written"),
        ("REGISTRY_DATABASE_URL", PASSPHRASE, "postgresql+psycopg://LOGIN@HOST/DATABASE"),
        ("REGISTRY_DATABASE_URL", "postgresql+psycopg://a@127.0.0.1:1/b", "Is PostgreSQL running"),
        ("REGISTRY_KEY_FILE", "/nowhere/keys.json", "Make one with `demand-registry init`."),
        ("REGISTRY_KEY_FILE", "/etc/hostname", "is not a key file of this registry"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(shared: CommandLine, name: str, value: str, said: str) -> None:
    told = shared.with_environment(**{name: value}).refused(*LIST)
    assert said in told
    assert PASSPHRASE not in told


def test_a_missing_key_file_setting_is_named(shared: CommandLine) -> None:
    assert "REGISTRY_KEY_FILE is not set" in shared.without("REGISTRY_KEY_FILE").refused(*LIST)
    assert "REGISTRY_OWNER_DATABASE_URL is not set" in shared.without("REGISTRY_OWNER_DATABASE_URL").refused("migrate")


def test_a_key_file_that_others_can_read_is_refused(cli: CommandLine) -> None:
    path = Path(cli.environment["REGISTRY_KEY_FILE"])
    path.chmod(0o644)
    assert f"chmod 600 {path}" in cli.refused(*LIST)


def test_a_wrong_passphrase_is_refused_and_not_repeated(cli: CommandLine, tmp_path: Path) -> None:
    path = Path(cli.environment["REGISTRY_KEY_FILE"])
    key_file.write(path, KEYS, "another")
    wrong = tmp_path / "wrong"
    wrong.write_text(PASSPHRASE, encoding="utf-8")
    said = cli.with_environment(REGISTRY_KEY_PASSPHRASE_FILE=str(wrong)).refused(*LIST)
    assert f"The passphrase does not open {path}" in said
    assert PASSPHRASE not in said


def test_a_key_file_of_another_database_is_refused(cli: CommandLine) -> None:
    key_file.write(Path(cli.environment["REGISTRY_KEY_FILE"]), KeyFile.create(), None)
    assert "generation 1 is not the one this database was made with" in cli.refused(*LIST)


def test_a_database_that_no_key_file_was_registered_with_is_told_how(blank: CommandLine) -> None:
    key_file.write(Path(blank.environment["REGISTRY_KEY_FILE"]), KEYS, None)
    assert "Run `demand-registry init`." in blank.refused(*LIST)


@pytest.mark.parametrize("command", [LIST, ("migrate",), ("init", "--no-passphrase", "--key-file", "/nowhere/new")])
def test_a_schema_that_is_newer_than_the_code_is_refused(cli: CommandLine, command: tuple[str, ...]) -> None:
    with psycopg.connect(dsn(cli.environment["REGISTRY_OWNER_DATABASE_URL"]), autocommit=True) as owner:
        owner.execute("UPDATE registry.alembic_version SET version_num = '9999'")
    assert "Install the newer code." in cli.refused(*command)


@pytest.fixture
def stranger(cli: CommandLine) -> Iterator[CommandLine]:
    """The same database, reached by a login that nobody has given the application's rights."""
    with psycopg.connect(dsn(cli.environment["REGISTRY_OWNER_DATABASE_URL"]), autocommit=True) as owner:
        name = sql.Identifier("cli_stranger")
        owner.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        url = cli.environment["REGISTRY_DATABASE_URL"].replace("//registry_api@", "//cli_stranger@")
        yield cli.with_environment(REGISTRY_DATABASE_URL=url)
        owner.execute(sql.SQL("DROP ROLE {}").format(name))


def test_a_login_without_rights_is_told_which_it_needs(stranger: CommandLine) -> None:
    assert "GRANT registry_app TO" in stranger.refused(*LIST)


def test_the_demo_keeps_away_from_a_live_registry(cli: CommandLine) -> None:
    said = cli.with_environment(REGISTRY_MODE="live").refused("demo")
    assert "This registry is live" in said
    assert cli.json(*LIST)["data"] == []


def test_the_demo_takes_its_key_back_when_no_registry_answers(cli: CommandLine) -> None:
    result = cli.with_environment(REGISTRY_URL="http://127.0.0.1:1").run("demo")
    assert result.exit_code == 1
    assert "Nothing answers at http://127.0.0.1:1" in result.output
    (key,) = cli.json("keys", "list")["data"]
    assert key["revoked_at"] is not None
    assert key["expires_at"] is not None
    cli.done("organisations", "suspend", "Demo operator")
    assert "is suspended" in cli.refused("demo")


def test_run_and_serve_are_kept_apart(shared: CommandLine, tmp_path: Path) -> None:
    assert "`demand-registry serve` runs on yours" in shared.refused("run")
    nothing = CommandLine({"REGISTRY_DATA_DIR": str(tmp_path)})
    assert "REGISTRY_DATABASE_URL is not set, and it has no default." in nothing.refused("serve")
    assert "REGISTRY_KEY_FILE is not set, and it has no default." in shared.without("REGISTRY_KEY_FILE").refused(
        "serve"
    )


def test_a_place_that_cannot_hold_a_key_file_is_named(blank: CommandLine) -> None:
    blank.done("migrate")
    in_a_file = Path(blank.environment["REGISTRY_KEY_FILE"]).with_name("file")
    in_a_file.touch()
    said = blank.refused("init", "--no-passphrase", "--key-file", str(in_a_file / "keys.json"))
    assert said == f"Error: {in_a_file}: File exists.\n"


def test_serve_names_what_is_wrong_with_its_address(shared: CommandLine) -> None:
    assert "192.0.2.1 is not an address of this machine." in shared.refused("serve", "--host", "192.0.2.1")
    assert "The host no.such.host.invalid is not known." in shared.refused("serve", "--host", "no.such.host.invalid")


def test_serve_checks_schema_and_keys_before_it_listens(cli: CommandLine) -> None:
    key_file.write(Path(cli.environment["REGISTRY_KEY_FILE"]), KeyFile.create(), None)
    assert "not the one this database was made with" in cli.refused("serve", "--host", "192.0.2.1")


def test_a_data_folder_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    result = CommandLine({"REGISTRY_DATA_DIR": str(file)}).run("run", "--port", str(free_port()))
    assert result.exit_code == 1
    assert "is not a folder" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        [NUMBER],
        ["exclusions", NUMBER],
        ["exclusions", "add", "--reason", "police", NUMBER],
        ["exclusions", "add", "--reason", NUMBER],
        ["exclusions", "add", f"--number={NUMBER}"],
        ["exclusions", "add", "--reason", "police", "--expires", NUMBER],
        ["disputes", "close", NUMBER, "--resolution", "confirmed"],
        ["keys", "revoke", KEY, KEY],
        ["keys", "issue", "--organisation", "A", "--scope", KEY],
        ["import", f"/{NUMBER}.csv"],
        ["organisations", "create", NUMBER, "--kind", "employer"],
        ["organisations", "suspend", NUMBER],
        ["keys", "revoke", KEY],
    ],
)
def test_a_number_or_key_among_the_arguments_is_not_repeated(shared: CommandLine, arguments: list[str]) -> None:
    result = spoken(shared, arguments)
    assert result.exit_code in {1, 2}
    assert_silent(result)


@pytest.mark.parametrize("noun", ["exclusions", "disputes"])
@pytest.mark.parametrize("typed", [NUMBER, f"{NUMBER} {NUMBER}", f"{NUMBER}\n{NUMBER}", f"{NUMBER[:-1]}\udcff"])
def test_a_number_that_is_typed_is_not_repeated(shared: CommandLine, noun: str, typed: str) -> None:
    verb = ["add", "--reason", "police"] if noun == "exclusions" else ["open"]
    raw = typed.encode(errors="surrogateescape")
    for _ in range(2):
        assert_silent(spoken(shared, [noun, *verb], raw))
    assert_silent(spoken(shared.with_environment(REGISTRY_MODE="live"), [noun, *verb], raw))
    assert_silent(spoken(shared.with_environment(REGISTRY_KEY_FILE="/nowhere"), [noun, *verb], raw))
    assert_silent(spoken(shared, [noun, "list"]))


def spoken(cli: CommandLine, arguments: list[str], typed: bytes = b"") -> Result:
    runner = CliRunner(env=clean_environment(cli.environment))
    return runner.invoke(main, arguments, input=typed, prog_name="demand-registry")


def assert_silent(result: Result) -> None:
    """Neither what is printed nor any exception on the way holds a canary."""
    assert result.exc_info is not None
    error: BaseException | None = result.exc_info[1]
    told = result.output
    while error is not None:
        told += "".join(traceback.format_exception_only(error)) + repr(error)
        error = error.__cause__ or error.__context__
    for canary in (NUMBER, NUMBER[2:], KEY, KEY[9:], PASSPHRASE):
        assert canary not in told
