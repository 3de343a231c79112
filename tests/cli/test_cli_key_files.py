"""Migration, key files and generations from the command line, on real databases."""

import json
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import CommandLine, on_a_terminal
from databases import as_superuser, named
from members import KEYS
from psycopg import sql

from registry import key_file
from registry.db.embedded import OWNER_ROLE, EmbeddedUrls
from registry.db.migrate import head
from registry.operations.assembly import open_registry
from registry.settings import Settings

PASSPHRASE = "four canaries in a mine"


@pytest.fixture
def empty(cluster: EmbeddedUrls, template: str, tmp_path: Path) -> Iterator[CommandLine]:
    """A database without a schema; the cluster has the roles."""
    name = f"empty_{secrets.token_hex(6)}"
    create = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER_ROLE))
    as_superuser(cluster, create)
    urls = named(cluster, name)
    yield CommandLine(
        {
            "REGISTRY_DATABASE_URL": urls.app,
            "REGISTRY_OWNER_DATABASE_URL": urls.owner,
            "REGISTRY_KEY_FILE": str(tmp_path / "keys.json"),
        }
    )
    as_superuser(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\nnot this line\n", encoding="utf-8")
    return path


def test_an_empty_database_is_migrated_once(empty: CommandLine) -> None:
    assert empty.done("migrate") == f"Migrated: empty -> {head()}\n"
    assert empty.done("migrate") == f"The database is at revision {head()} already.\n"
    assert empty.json("migrate") == {"before": head(), "after": head()}


def test_a_first_start_goes_step_by_step(empty: CommandLine) -> None:
    assert "Run `demand-registry migrate` first." in empty.refused("init", "--no-passphrase")
    empty.done("migrate")
    assert "Make one with `demand-registry init`." in empty.refused("organisations", "list")
    empty.done("init", "--no-passphrase")
    assert "no organisations yet" in empty.done("organisations", "list")


def test_a_login_that_may_not_migrate_is_told_so(empty: CommandLine) -> None:
    as_app = empty.with_environment(REGISTRY_OWNER_DATABASE_URL=empty.environment["REGISTRY_DATABASE_URL"])
    said = as_app.refused("migrate")
    assert "The database refused the migration, and nothing was changed: permission denied" in said


def test_a_sealed_key_file_is_made_once_and_backed_up(blank: CommandLine, passphrase_file: Path) -> None:
    path = Path(blank.environment["REGISTRY_KEY_FILE"])
    said = blank.done("init", "--passphrase-file", str(passphrase_file))
    assert f"Made {path}; generation 1 is registered" in said
    assert "Back it up now, apart from the database" in said
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert key_file.read(path, PASSPHRASE).seeds.keys() == {1}
    before = path.read_bytes()
    assert "never overwritten" in blank.refused("init", "--no-passphrase")
    assert path.read_bytes() == before


def test_a_key_file_elsewhere_is_named_for_the_environment(blank: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "new" / "place.json"
    said = blank.done("init", "--key-file", str(path), "--no-passphrase")
    assert f"Set REGISTRY_KEY_FILE={path} for everything" in said
    with_it = blank.with_environment(REGISTRY_KEY_FILE=str(path))
    assert with_it.json("generations", "list")["data"][0]["in_key_file"] is True


def test_a_database_with_generations_gets_no_second_key_file(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    said = cli.refused("init", "--key-file", str(path), "--no-passphrase")
    assert "can only be found with the key file that they came from" in said
    assert not path.exists()


def test_an_existing_key_file_is_adopted_by_a_new_database(blank: CommandLine) -> None:
    path = Path(blank.environment["REGISTRY_KEY_FILE"])
    key_file.write(path, KEYS, None)
    assert blank.json("init", "--adopt") == {"key_file": str(path), "generations": [1], "sealed": False}
    registry = open_registry(Settings.from_environment(blank.environment))
    assert registry.generations.active == (1,)
    registry.database.dispose()


def test_a_passphrase_comes_from_a_file_or_a_terminal(blank: CommandLine, tmp_path: Path) -> None:
    assert "no terminal" in blank.refused("init", typed=f"{PASSPHRASE}\n", code=2)
    blank_line = tmp_path / "blank"
    blank_line.write_text("\n", encoding="utf-8")
    for path in (blank_line, tmp_path / "absent"):
        assert "empty" in blank.refused("init", "--passphrase-file", str(path))
    both = ("--passphrase-file", str(blank_line), "--no-passphrase")
    assert "either" in blank.refused("init", *both, code=2)
    assert not Path(blank.environment["REGISTRY_KEY_FILE"]).exists()


def test_a_sealed_file_stays_sealed_through_a_rotation(blank: CommandLine, passphrase_file: Path) -> None:
    sealed = blank.with_environment(REGISTRY_KEY_PASSPHRASE_FILE=str(passphrase_file))
    path = Path(blank.environment["REGISTRY_KEY_FILE"])
    assert sealed.json("init")["sealed"] is True
    said = sealed.done("generations", "add")
    assert f"Generation 2 is active; its secret is in {path}." in said
    assert "until then they answer 503" in said
    assert "plain" not in json.loads(path.read_text(encoding="utf-8"))
    assert key_file.read(path, PASSPHRASE).seeds.keys() == {1, 2}
    assert "is sealed" in blank.refused("generations", "list")
    listed = sealed.json("generations", "list")["data"]
    assert [(one["number"], one["retired_at"], one["in_key_file"]) for one in listed] == [
        (1, None, True),
        (2, None, True),
    ]


def test_a_generation_is_retired_and_then_destroyed(cli: CommandLine) -> None:
    path = Path(cli.environment["REGISTRY_KEY_FILE"])
    assert "only active generation" in cli.refused("generations", "retire", "1")
    cli.done("generations", "add")
    said = cli.done("generations", "retire", "1")
    assert "Generation 1 is retired." in said
    assert "demand-registry generations retire 1 --destroy" in said
    assert "retired already" in cli.refused("generations", "retire", "1")
    assert key_file.read(path, None).seeds.keys() == {1, 2}
    assert "is destroyed in this key file" in cli.done("generations", "retire", "1", "--destroy")
    assert key_file.read(path, None).seeds.keys() == {2}
    assert "holds no secret of generation 1" in cli.done("generations", "retire", "1", "--destroy")
    table = cli.done("generations", "list")
    assert "yes" in table
    assert "no" in table
    assert "(not_found)" in cli.refused("generations", "retire", "9")


def test_a_generation_that_something_hangs_on_is_retired_by_force_alone(cli: CommandLine) -> None:
    cli.done("exclusions", "add", "--reason", "police", typed="+12065550142")
    cli.done("generations", "add")
    assert "Still stored under generation 1: exclusions." in cli.refused("generations", "retire", "1")
    gone = cli.json("generations", "retire", "1", "--force", "--destroy")
    assert (gone["number"], gone["destroyed"]) == (1, True)


def test_an_exclusion_that_ended_holds_its_generation_while_it_keeps_out_what_happened_before(
    cli: CommandLine,
) -> None:
    id_ = cli.json("exclusions", "add", "--reason", "own_staff", typed="+12065550142")["id"]
    cli.done("generations", "add")
    cli.done("exclusions", "remove", typed="+12065550142")
    held = "Still stored under generation 1: ended exclusions that keep out what happened before."
    assert held in cli.refused("generations", "retire", "1")
    cli.done("exclusions", "remove", "--id", id_, "--mistaken")
    assert "Generation 1 is retired." in cli.done("generations", "retire", "1")


def test_what_stands_under_a_newer_generation_too_holds_none(cli: CommandLine) -> None:
    cli.done("exclusions", "add", "--reason", "police", typed="+12065550142")
    dispute = cli.json("disputes", "open", typed="+12065550143")["id"]
    cli.done("generations", "add")
    cli.done("exclusions", "add", "--reason", "survivor", typed="+12065550144")
    cli.done("disputes", "open", typed="+12065550145")
    held = cli.refused("generations", "retire", "1")
    assert "Still stored under generation 1: exclusions, open disputes." in held
    cli.done("exclusions", "remove", "--mistaken", typed="+12065550142")
    assert "Still stored under generation 1: open disputes." in cli.refused("generations", "retire", "1")
    cli.done("disputes", "close", dispute, "--resolution", "confirmed")
    assert "Generation 1 is retired." in cli.done("generations", "retire", "1")
    assert len(cli.json("exclusions", "list")["data"]) == 1


def test_one_that_ended_under_a_newer_generation_too_holds_none(cli: CommandLine) -> None:
    cli.done("generations", "add")
    cli.done("exclusions", "add", "--reason", "own_staff", typed="+12065550142")
    cli.done("exclusions", "remove", typed="+12065550142")
    assert "Generation 1 is retired." in cli.done("generations", "retire", "1")


def test_the_number_of_a_destroyed_generation_is_never_given_again(cli: CommandLine) -> None:
    path = Path(cli.environment["REGISTRY_KEY_FILE"])
    assert cli.json("generations", "add")["number"] == 2
    cli.done("generations", "retire", "2", "--destroy")
    assert cli.json("generations", "add")["number"] == 3
    assert key_file.read(path, None).seeds.keys() == {1, 3}


def test_an_interrupted_rotation_is_completed_with_the_key_that_it_left(cli: CommandLine) -> None:
    path = Path(cli.environment["REGISTRY_KEY_FILE"])
    left, _ = key_file.read(path, None).with_new_generation()
    key_file.write(path, left, None)
    assert cli.json("generations", "add")["number"] == 2
    assert key_file.read(path, None).seeds == left.seeds


def test_no_secret_of_the_key_file_is_ever_printed(cli: CommandLine) -> None:
    printed = "".join(
        cli.done(*arguments)
        for arguments in (
            ("generations", "list"),
            ("generations", "list", "--json"),
            ("generations", "add"),
            ("generations", "retire", "1", "--json"),
        )
    )
    held = key_file.read(Path(cli.environment["REGISTRY_KEY_FILE"]), None)
    for secret in (*held.seeds.values(), held.fingerprint_key):
        assert secret.hex() not in printed


def test_a_terminal_is_asked_for_passphrases_and_shows_none(blank: CommandLine) -> None:
    twice = [("New passphrase (not shown)", PASSPHRASE), ("Once more", PASSPHRASE)]
    assert PASSPHRASE not in (said := on_a_terminal(["init"], blank.environment, twice))
    assert "generation 1 is registered with the database" in said
    said = on_a_terminal(["generations", "list"], blank.environment, [("Passphrase of", PASSPHRASE)])
    assert "In the key file" in said
    assert PASSPHRASE not in said
