"""`demand-registry run`, as a newcomer starts it: real processes, a real PostgreSQL, a real port.

One server is started for most tests, in a data folder of its own; `test_cli_run_again.py` starts and stops others.
"""

import csv
import json
import stat
import subprocess
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from command_line import CommandLine, Server, clean_environment, free_port, on_a_terminal, started
from members import NOW

from registry.domain.credentials import Mode, OrganisationKind, parse

pytestmark = [pytest.mark.xdist_group("cli-run"), pytest.mark.long]
READY = "Stop: +Ctrl-C"
OWN_HEADER = "source_id,decoy_id,number,region,channel,occurred_at\n"


@pytest.fixture(scope="module")
def server(short_folder: Path) -> Generator[Server]:
    environment = {"REGISTRY_DATA_DIR": str(short_folder / "data")}
    with started(["run"], free_port(), short_folder / "printed.txt", environment, READY) as ready:
        yield ready


@pytest.fixture(scope="module")
def cli(server: Server, short_folder: Path) -> CommandLine:
    """Commands in another terminal: all that they know is the data folder."""
    assert server.process.poll() is None
    return CommandLine({"REGISTRY_DATA_DIR": str(short_folder / "data")})


@pytest.fixture(scope="module")
def decoy(server: Server) -> str:
    body = {"label": "A line", "number": "+12065550111", "role": "advertisement"}
    answer = httpx.post(f"{server.url}/v1/decoys", json=body, headers=bearer(server.key("investigator")))
    return str(answer.json()["id"])


@pytest.fixture
def importing(cli: CommandLine, server: Server) -> CommandLine:
    return cli.with_environment(REGISTRY_API_KEY=server.key("investigator"))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_the_first_start_shows_the_docs_the_data_and_a_key_of_each_kind(server: Server, short_folder: Path) -> None:
    assert f"{server.url}/docs" in server.text
    assert httpx.get(f"{server.url}/docs").status_code == 200
    assert str(short_folder / "data") in server.text
    assert "a sandbox: fictional numbers are accepted" in server.text
    assert "Providers call" not in server.text, "only where it is another address"
    for kind in OrganisationKind:
        assert parse(server.key(kind.value), Mode.SANDBOX) is not None
        account = httpx.get(f"{server.url}/v1/account", headers=bearer(server.key(kind.value)))
        assert account.status_code == 200


def test_the_key_file_is_readable_by_its_owner_alone_and_warned_about(server: Server, short_folder: Path) -> None:
    path = short_folder / "data" / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"{path}  (not sealed by a passphrase: for trying only)" in server.text


def test_the_run_file_tells_mode_address_and_process(server: Server, short_folder: Path) -> None:
    content = json.loads((short_folder / "data" / "run.json").read_text(encoding="utf-8"))
    assert content == {"mode": "sandbox", "host": "127.0.0.1", "port": server.port, "pid": server.process.pid}


def test_the_three_commands_that_are_printed_work_as_they_stand(server: Server) -> None:
    script = server.text.partition("ask about the caller.\n")[2].partition("More keys:")[0]
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, env=clean_environment({}))
    assert done.stderr == ""
    decoy, hits, lookup = done.stdout.splitlines()
    assert len(decoy) == 36
    assert json.loads(hits)["recorded"] == 1
    assert json.loads(lookup)["outcome"] == "contact_observed"


def test_commands_beside_it_need_no_settings(cli: CommandLine, server: Server) -> None:
    names = [one["name"] for one in cli.json("organisations", "list")["data"]]
    assert names[:4] == ["Demo investigator", "Demo employer", "Demo partner", "Demo operator"]
    cli.organisation("employer", "Example Logistics")
    key = cli.with_environment(REGISTRY_MODE="live").key("Example Logistics")
    account = httpx.get(f"{server.url}/v1/account", headers=bearer(key))
    assert account.json()["organisation"] == "Example Logistics"
    cli.done("organisations", "suspend", "Example Logistics")
    assert httpx.get(f"{server.url}/v1/account", headers=bearer(key)).status_code == 401
    assert cli.json("generations", "list")["data"][0]["in_key_file"] is True
    assert "already" in cli.done("migrate")
    assert cli.json("verify-listings")["wrong"] == 0


def test_a_second_start_is_told_what_is_taken(cli: CommandLine, server: Server, short_folder: Path) -> None:
    same = cli.refused("run", "--port", str(server.port))
    assert f"Port {server.port} is taken" in same
    assert f"runs already (process {server.process.pid})" in same
    taken = cli.run("run", "--port", str(free_port()))
    assert taken.exit_code == 1
    assert f"is in use by process {server.process.pid}" in taken.stderr
    assert "REGISTRY_DATA_DIR=" in taken.stderr
    other = CommandLine({"REGISTRY_DATA_DIR": str(short_folder / "other"), "REGISTRY_PORT": str(server.port)})
    said = other.refused("run")
    assert f"`demand-registry run --port {server.port + 1}`" in said
    assert f"`REGISTRY_PORT={server.port + 1} make run`" in said
    assert not (short_folder / "other").exists()


def test_the_demo_finds_it_and_leaves_no_working_operator_key(cli: CommandLine) -> None:
    said = cli.done("demo")
    assert "What the registry did with the hits" in said
    assert "corroborated" in said
    assert "55 were recorded as contacts, 3 were counted as withheld, and one was told twice" in said
    assert "was refused (signature_refused)" in said
    assert "was answered contact_observed before, and none since" in said
    assert "4 contact_observed, 6 none. 2 more belong to the outreach team and are excluded: 2 none" in said
    operator = cli.json("keys", "list", "--organisation", "Demo operator")["data"]
    assert [key["revoked_at"] is None for key in operator] == [True, False]
    assert operator[1]["scopes"] == ["audit", "lookups", "operator"]


def test_a_lines_address_begins_with_where_it_is_reached(server: Server, decoy: str) -> None:
    path = f"{server.url}/v1/decoys/{decoy}/intake-token"
    urls = httpx.post(path, headers=bearer(server.key("investigator"))).json()["urls"]
    assert urls["twilio"].startswith(f"{server.url}/v1/intake/twilio/")


def test_the_demo_investigator_finds_its_requests_in_the_audit_log(server: Server) -> None:
    asked = httpx.get(f"{server.url}/v1/audit/events?operation=intake", headers=bearer(server.key("investigator")))
    assert asked.status_code == 200


def test_a_file_is_imported_with_progress_and_its_refused_rows_written(
    importing: CommandLine, decoy: str, tmp_path: Path
) -> None:
    file, refused = tmp_path / "hits.csv", tmp_path / "refused.csv"
    rows = [f"own-{i},{decoy},+12065550{i:03},US,sms,{NOW.isoformat()}\n" for i in range(120, 150)]
    bad = f"bad,{decoy},+120,US,sms,{NOW.isoformat()}\n"
    file.write_text(OWN_HEADER + bad + "".join(rows), encoding="utf-8")
    trial = importing.done("import", str(file), "--dry-run", "--refused", str(refused))
    assert trial.startswith("31 rows: 30 would be recorded, 0 known before, 1 refused, 0 no contact.\n")
    said = importing.done("import", str(file), "--refused", str(refused))
    assert said.startswith("31 rows: 30 recorded, 0 known before, 1 refused, 0 no contact.\n")
    assert f"All refused rows: {refused}" in said
    with refused.open(encoding="utf-8", newline="") as opened:
        header, row = csv.reader(opened)
    assert header == ["line", "code", "detail"]
    assert row[:2] == ["2", "too_short"]
    again = importing.json("import", str(file))
    assert (again["recorded"], again["duplicate"], again["refused"]) == (0, 30, 1)
    assert again["refused_by_code"] == {"too_short": 1}
    assert again["audit_ids"]


def test_twilios_log_finds_the_decoy_by_its_number(importing: CommandLine, decoy: str, tmp_path: Path) -> None:
    assert decoy
    file = tmp_path / "log.csv"
    header = "From,To,Body,Status,SentDate,ApiVersion,NumSegments,ErrorCode,AccountSid,Sid,Direction,Price,PriceUnit"
    rows = [
        f"+12065550161,+12065550111,secret words,received,{NOW.isoformat()},2010,1,,AC1,SM1,inbound,,USD",
        f"+12065550111,+12065550161,an answer,delivered,{NOW.isoformat()},2010,1,,AC1,SM2,outbound-reply,,USD",
    ]
    file.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    said = importing.done("import", str(file), "--format", "twilio")
    assert said == "2 rows: 1 recorded, 0 known before, 0 refused, 1 no contact.\n"


def test_any_other_file_is_mapped(importing: CommandLine, decoy: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    file.write_text(f"Caller,Start time\n(206) 555-0162,{NOW.isoformat()}\n", encoding="utf-8")
    mapping = ("--map", "number=Caller", "--map", "occurred_at=Start time")
    given = ("--decoy", decoy, "--channel", "voice", "--region", "US")
    assert importing.json("import", str(file), *mapping, *given)["recorded"] == 1
    assert "(column_not_found)" in importing.refused("import", str(file), "--map", "number=Nobody", *given)
    assert "FIELD=COLUMN" in importing.refused("import", str(file), "--map", "number", code=2)


def test_lines_of_json_are_imported_by_their_suffix(importing: CommandLine, decoy: str, tmp_path: Path) -> None:
    hit = {"decoy_id": decoy, "number": "+12065550163", "channel": "sms", "occurred_at": NOW.isoformat()}
    file = tmp_path / "hits.jsonl"
    file.write_text(json.dumps(hit) + "\n{}\n", encoding="utf-8")
    said = importing.done("import", str(file))
    assert said.startswith("2 rows: 1 recorded, 0 known before, 1 refused")


def test_a_file_of_refused_rows_alone_ends_with_1_and_shows_the_first_few(
    importing: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "hits.csv"
    file.write_text(OWN_HEADER + f"x,y,+120,US,sms,{NOW.isoformat()}\n" * 12, encoding="utf-8")
    result = importing.run("import", str(file))
    assert result.exit_code == 1
    assert "And 2 more; --refused FILE writes them all." in result.stdout


def test_the_key_of_an_import_comes_from_a_file_or_the_environment_and_is_never_shown(
    cli: CommandLine, server: Server, tmp_path: Path
) -> None:
    file, key_file = tmp_path / "hits.csv", tmp_path / "key"
    file.write_text(OWN_HEADER, encoding="utf-8")
    assert "No API key is given" in cli.refused("import", str(file), code=2)
    wrong = server.key("investigator")[:-1] + "!"
    key_file.write_text(f"{wrong}\n", encoding="utf-8")
    by_file = cli.with_environment(REGISTRY_API_KEY_FILE=str(key_file))
    assert wrong[:-1] not in by_file.refused("import", str(file))
    key_file.write_text(server.key("investigator")[:-1], encoding="utf-8")
    said = by_file.refused("import", str(file))
    assert "(unauthorized)" in said
    assert server.key("investigator")[:-1] not in said
    key_file.write_text(server.key("investigator"), encoding="utf-8")
    assert by_file.json("import", str(file))["rows"] == 0
    assert "cannot be read" in cli.refused("import", str(file), "--api-key-file", str(tmp_path / "absent"))


def test_an_import_says_what_is_wrong_with_its_address_and_files(importing: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "hits.csv"
    file.write_text(OWN_HEADER, encoding="utf-8")
    assert "Nothing answers at http://127.0.0.1:1." in importing.refused(
        "import", str(file), "--url", "http://127.0.0.1:1"
    )
    assert "is written like https://" in importing.refused("import", str(file), "--url", "registry.example")
    assert "write over the file" in importing.refused("import", str(file), "--refused", str(file), code=2)
    nowhere = str(tmp_path / "no" / "refused.csv")
    assert "cannot be written" in importing.refused("import", str(file), "--refused", nowhere)
    empty = tmp_path / "empty.csv"
    empty.touch()
    assert "(file_empty)" in importing.refused("import", str(empty))


def test_a_terminal_is_asked_for_the_key_and_does_not_show_it(
    cli: CommandLine, server: Server, decoy: str, tmp_path: Path
) -> None:
    file = tmp_path / "hits.csv"
    file.write_text(OWN_HEADER + f"tty,{decoy},+12065550164,US,sms,{NOW.isoformat()}\n", encoding="utf-8")
    key = server.key("investigator")
    said = on_a_terminal(["import", str(file)], cli.environment, [("API key (not shown)", key)])
    assert "1 row: 1 recorded" in said
    assert key not in said
