"""The log key and the sealer from the command line."""

import json
import signal
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from command_line import CommandLine, free_port, started
from databases import DatabaseUrls
from house import fictional_numbers
from interleaved import wait_until
from members import Member
from running_api import operating, running_api
from sealed import LOG_KEY, OTHER_KEY, waiting

from registry import log_key
from registry.db import sealed_log
from registry.db.database import Database
from registry.domain.signed_notes import Checkpoint, Verifier, opened
from registry.signatures import holds

PASSPHRASE = "four canaries in a mine"
ORIGIN = "registry.example.org/log"


@pytest.fixture
def sealing(cli: CommandLine, tmp_path: Path) -> CommandLine:
    path = tmp_path / "log-key.json"
    log_key.write(path, LOG_KEY, None)
    return cli.with_environment(REGISTRY_LOG_KEY_FILE=str(path))


@pytest.fixture
def log(cli: CommandLine) -> Iterator[Database]:
    database = Database(cli.environment["REGISTRY_DATABASE_URL"])
    yield database
    database.dispose()


def test_a_log_key_is_made_once_and_shows_what_outsiders_pin(cli: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "secrets" / "log-key.json"
    here = cli.with_environment(REGISTRY_LOG_KEY_FILE=str(path))
    made = here.done("log-key", "create", "--origin", ORIGIN, "--no-passphrase")
    shown = here.done("log-key", "show").strip()
    assert made.endswith(f"{shown}\n")
    verifier = Verifier.parse(shown)
    assert verifier.name == ORIGIN
    assert here.json("log-key", "show") == {"origin": ORIGIN, "verifier_key": shown}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert "never overwritten" in here.refused("log-key", "create", "--origin", ORIGIN, "--no-passphrase")
    assert path.read_bytes() == before
    seed = json.loads(before)["plain"]["seed"]
    assert seed not in made + shown


def test_a_sealed_log_key_opens_with_its_own_passphrase_only(cli: CommandLine, tmp_path: Path) -> None:
    path, passphrase = tmp_path / "log-key.json", tmp_path / "passphrase"
    passphrase.write_text(f"{PASSPHRASE}\n")
    here = cli.with_environment(REGISTRY_LOG_KEY_FILE=str(path), REGISTRY_LOG_KEY_PASSPHRASE_FILE=str(passphrase))
    document = here.json("log-key", "create", "--origin", ORIGIN)
    assert document["sealed"] is True
    assert "seed" not in path.read_text()
    assert here.json("log-key", "show")["verifier_key"] == document["verifier_key"]
    passphrase.write_text("another one\n")
    assert "does not open" in here.refused("log-key", "show")
    assert "REGISTRY_LOG_KEY_PASSPHRASE_FILE" in cli.with_environment(REGISTRY_LOG_KEY_FILE=str(path)).refused(
        "log-key", "show"
    )


@pytest.mark.parametrize("origin", ["", "two words", "plus+sign", "a" * 201])
def test_an_origin_that_no_checkpoint_could_carry_is_refused(cli: CommandLine, tmp_path: Path, origin: str) -> None:
    path = tmp_path / "log-key.json"
    here = cli.with_environment(REGISTRY_LOG_KEY_FILE=str(path))
    assert "no spaces" in here.refused("log-key", "create", "--origin", origin, "--no-passphrase", code=2)
    assert not path.exists()


def test_a_key_file_is_no_log_key(cli: CommandLine) -> None:
    here = cli.with_environment(REGISTRY_LOG_KEY_FILE=cli.environment["REGISTRY_KEY_FILE"])
    assert "is not a log key of this registry" in here.refused("log-key", "show")


def test_sealing_once_seals_what_there_is_and_says_so(sealing: CommandLine, log: Database) -> None:
    assert sealing.done("seal", "--once") == "There was nothing to seal, or another sealer is at it.\n"
    sealing.organisation("employer", "Somebody")
    sealing.organisation("employer", "Somebody else")
    lines: list[str] = []

    def sealed() -> bool:
        lines.append(sealing.done("seal", "--once", "--json"))
        return not waiting(log)

    wait_until(sealed)
    done = [json.loads(line) for line in lines]
    assert sum(one["sealed"] for one in done) == 2
    head = log.transaction(sealed_log.last_checkpoint)
    assert head is not None
    assert (done[-1]["size"], done[-1]["root"]) == (2, head.root.hex())
    assert Checkpoint.parse(opened(head.note, LOG_KEY.verifier, holds), ORIGIN).size == 2


def test_a_log_that_another_key_has_signed_is_not_continued(sealing: CommandLine, log: Database) -> None:
    sealing.organisation("employer", "Somebody")
    wait_until(lambda: sealing.done("seal", "--once") and not waiting(log))
    log_key.write(Path(sealing.environment["REGISTRY_LOG_KEY_FILE"]), OTHER_KEY, None)
    sealing.organisation("employer", "Somebody else")
    said = sealing.refused("seal", "--once")
    assert "Nothing was sealed." in said
    assert "not one that this log key has signed" in said


def test_without_a_log_key_sealing_says_what_is_missing(cli: CommandLine) -> None:
    assert "REGISTRY_LOG_KEY_FILE is not set" in cli.refused("seal", "--once")


def test_a_sealer_apart_seals_what_an_api_without_the_key_records_and_ends_at_a_signal(
    urls: DatabaseUrls, tmp_path: Path
) -> None:
    path = tmp_path / "log-key.json"
    log_key.write(path, LOG_KEY, None)
    environment = {"REGISTRY_DATABASE_URL": urls.app, "REGISTRY_LOG_KEY_FILE": str(path)}
    with operating(urls) as operator, running_api(urls, tmp_path) as api:
        employer = operator.member(api, "employer")
        assert ask(employer) == 200
        assert operator.value("SELECT count(*) FROM audit.leaf") == 0
        with started(["seal"], free_port(), tmp_path / "sealed.txt", environment, "Sealing the log") as sealer:
            wait_until(lambda: not waiting(operator.registry.database))
            assert ask(employer) == 200
            wait_until(lambda: not waiting(operator.registry.database))
            assert sealer.stop(signal.SIGTERM) == 0
        assert operator.value("SELECT count(*) FROM audit.leaf") == operator.value("SELECT count(*) FROM audit.event")


def test_when_the_leading_process_is_killed_another_one_goes_on(urls: DatabaseUrls, tmp_path: Path) -> None:
    path = tmp_path / "log-key.json"
    log_key.write(path, LOG_KEY, None)
    with operating(urls) as operator, ExitStack() as stack:
        first = stack.enter_context(running_api(urls, tmp_path, log_key_file=path))
        second = stack.enter_context(running_api(urls, tmp_path, log_key_file=path))
        asking, other = operator.member(first, "employer"), operator.member(second, "employer")
        assert ask(asking) == 200
        wait_until(lambda: not waiting(operator.registry.database))
        assert ask(asking) == 200
        first.kill()
        assert ask(other) == 200
        wait_until(lambda: not waiting(operator.registry.database))
        counted = "SELECT count(*), count(DISTINCT (xid, id)), max(idx) + 1 FROM audit.leaf"
        leaves = operator.superuser.execute(counted).fetchone()
        events = operator.value("SELECT count(*) FROM audit.event")
        assert leaves == (events, events, events)


def ask(member: Member) -> int:
    question = {"number": next(fictional_numbers()), "purpose": "company_number"}
    return int(member.post("/v1/lookups", question).status_code)
