"""`demand-registry audit` on a registry that has lived through some months."""

import json
import signal
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from command_line import PROGRAM, CommandLine, clean_environment
from databases import DatabaseUrls, dsn
from house import opened_database
from lived_months import Lived, month, opened_months
from ocsf_schema import assert_api_activity

from registry.cli import audit_export, audit_retention
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Code, Refused

BEFORE: Final = month(3).isoformat()


def command_line(urls: DatabaseUrls, folder: Path) -> CommandLine:
    """It has no key file: none of these commands needs one."""
    return CommandLine(
        {
            "REGISTRY_MODE": "sandbox",
            "REGISTRY_DATABASE_URL": urls.app,
            "REGISTRY_OWNER_DATABASE_URL": urls.owner,
            "REGISTRY_DATA_DIR": str(folder / "data"),
        }
    )


@pytest.fixture(scope="module")
def lived(cluster: EmbeddedUrls, template: str) -> Iterator[Lived]:
    """For commands that drop nothing."""
    with opened_database(cluster, template) as urls, opened_months(urls) as opened:
        yield opened


@pytest.fixture
def cli(lived: Lived, tmp_path: Path) -> CommandLine:
    return command_line(lived.house.urls, tmp_path)


@pytest.fixture
def own(urls: DatabaseUrls) -> Iterator[Lived]:
    """For commands that drop something."""
    with opened_months(urls) as opened:
        yield opened


@pytest.fixture
def cleaner(own: Lived, tmp_path: Path) -> CommandLine:
    return command_line(own.house.urls, tmp_path)


def bodies(lines: str) -> list[dict[str, Any]]:
    return [json.loads(line)["body"] for line in lines.splitlines()]


def test_standard_output_is_events_alone_and_people_are_told_the_rest(lived: Lived, cli: CommandLine) -> None:
    before = lived.rows()
    result = cli.run("audit", "export")
    assert result.exit_code == 0
    assert [line.encode() for line in result.stdout.splitlines()] == [
        b'{"index":%s,"body":%s}' % (b"null" if row.index is None else b"%d" % row.index, row.body)
        for row in sorted(before, key=lambda row: row.id)
    ]
    said = lived.rows()[-1].said
    assert result.stderr == f"Exported {len(before)} events. Recorded as {said['id']}.\n"
    assert (said["operation"], said["request"]["route"]) == ("export_events", "cli audit export")
    assert said["count"]["exported"] == len(before)


def test_a_range_of_one_organisation_goes_to_a_file_of_its_owner_alone(
    lived: Lived, cli: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "second.ndjson"
    file.write_text("of yesterday")
    options = ("--since", month(2).isoformat(), "--until", month(3).strftime("%Y-%m-%dT%H:%M:%SZ"))
    said = cli.done("audit", "export", *options, "--organisation", str(lived.asker.id), "--output", str(file))
    assert said.startswith(f"Exported 3 events to {file}. Recorded as ")
    assert [event["operation"] for event in bodies(file.read_text())] == ["look_up"] * 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["second.ndjson"]
    one = cli.run("audit", "export", "--organisation", lived.owner.new_id().hex)
    assert (one.exit_code, one.stdout) == (1, "")
    assert "There is no organisation with this id or name" in one.stderr


def test_ocsf_lines_are_api_activities_of_the_same_events(lived: Lived, cli: CommandLine) -> None:
    until = month(4).isoformat()
    plain = bodies(cli.run("audit", "export", "--until", until).stdout)
    mapped = [json.loads(line) for line in cli.run("audit", "export", "--until", until, "--ocsf").stdout.splitlines()]
    assert [one["metadata"]["original_event_uid"] for one in mapped] == [event["id"] for event in plain]
    assert {one["status_code"] for one in mapped} >= {"ok", "too_short"}
    assert {one["activity_name"] for one in mapped} >= {"Create", "Read"}
    for one in mapped:
        assert_api_activity(one)
    assert sorted(one["metadata"]["sequence"] for one in mapped) == list(range(len(mapped)))
    assert "192.0.2.7" not in json.dumps(mapped)


def test_a_file_that_breaks_off_does_not_come_to_be_and_leaves_nothing(
    lived: Lived, cli: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_one: Any) -> bytes:
        if len(list(tmp_path.iterdir())) == 2:
            raise Refused(Code.DATABASE_UNAVAILABLE, "The connection to the database was lost in the middle.")
        raise AssertionError("the file is written beside its name")

    monkeypatch.setattr(audit_export, "as_line", broken)
    file = tmp_path / "all.ndjson"
    file.write_text("of yesterday")
    said = cli.refused("audit", "export", "--output", str(file))
    assert "was lost in the middle" in said
    assert "is not the whole" in said
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("all.ndjson", "of yesterday")]
    assert lived.rows()[-1].said["operation"] == "export_events"


def test_a_reader_that_leaves_is_no_traceback_and_the_export_stands_in_the_log(lived: Lived, cli: CommandLine) -> None:
    """More events than a pipe holds, and a reader that takes one line."""
    with psycopg.connect(dsn(lived.house.urls.superuser), autocommit=True) as superuser:
        superuser.execute(
            "INSERT INTO audit.event (body) SELECT convert_to(jsonb_set(jsonb_set(convert_from(e.body, 'UTF8')::jsonb,"
            " '{id}', to_jsonb(gen_random_uuid())), '{case}', to_jsonb(repeat('x', 400)))::text, 'UTF8')"
            " FROM audit.event e, generate_series(1, 50) ORDER BY e.xid, e.id LIMIT 1000"
        )
    with subprocess.Popen(
        [PROGRAM, "audit", "export"],
        env=clean_environment(cli.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().startswith(b'{"index":')
        process.stdout.close()
        said = process.stderr.read()
        assert process.wait(30) in {1, -signal.SIGPIPE}
    assert b"Traceback" not in said
    assert b"Exported" not in said
    assert lived.last("export_events")["count"]["exported"] > 1_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--since", "yesterday"), "a time is written like"),
        (("--since", "2026-02-01", "--until", "2026-01-01"), "--until is before --since."),
        (("--output", "/"), "is a directory"),
    ],
)
def test_an_export_of_nonsense_is_a_usage_error(
    lived: Lived, cli: CommandLine, options: tuple[str, ...], said: str
) -> None:
    before = len(lived.rows())
    assert said in cli.refused("audit", "export", *options, code=2)
    assert len(lived.rows()) == before


def test_a_folder_that_there_is_not_is_named(lived: Lived, cli: CommandLine, tmp_path: Path) -> None:
    before = len(lived.rows())
    said = cli.refused("audit", "export", "--output", str(tmp_path / "nowhere" / "all.ndjson"))
    assert f"Nothing can be written in the folder {tmp_path / 'nowhere'}: No such file or directory." in said
    assert ".part" not in said
    assert len(lived.rows()) == before


def test_an_export_goes_through_where_one_connection_is_allowed(lived: Lived, cli: CommandLine) -> None:
    before = len(lived.rows())
    result = cli.with_environment(REGISTRY_POOL_SIZE="1").run("audit", "export")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, before)


def test_bodies_are_dropped_after_they_were_counted(own: Lived, cleaner: CommandLine) -> None:
    before, minimum = own.rows(), own.first_index_from(month(3))
    planned = cleaner.json("audit", "drop-bodies", "--before", BEFORE, "--dry-run")
    assert (planned["minimum_index"], planned["subjects"], planned["dropped"]) == (minimum, 2, False)
    said = cleaner.done("audit", "drop-bodies", "--before", BEFORE, "--dry-run")
    assert said.startswith(f"Would drop the bodies of {planned['events']} events from before ")
    assert said.endswith(f"UTC, with 2 disclosures. The first that stays has the index {minimum}.\n")
    asked = cleaner.refused("audit", "drop-bodies", "--before", BEFORE, code=2)
    assert "There is no terminal to ask on. Use --yes." in asked
    assert own.rows()[: len(before)] == before
    dropped = cleaner.json("audit", "drop-bodies", "--before", BEFORE, "--yes")
    event = own.last("drop_event_bodies")
    assert dropped.pop("audit_id") == event["id"]
    assert dropped == {**{key: planned[key] for key in planned if key != "audit_id"}, "dropped": True}
    assert event["request"]["route"] == "cli audit drop-bodies"
    assert len([row for row in own.rows() if row in before]) == len(before) - planned["events"]
    nothing = cleaner.done("audit", "drop-bodies", "--before", BEFORE, "--yes")
    assert nothing.startswith("Nothing to drop: no sealed event from before ")
    assert [row.said["result"] for row in own.rows() if row.said["operation"] == "drop_event_bodies"] == ["ok"]


def test_what_dropping_leaves_behind_is_said(cleaner: CommandLine) -> None:
    said = cleaner.done("audit", "drop-bodies", "--before", BEFORE, "--yes")
    assert said.startswith("Dropped the bodies of ")
    assert "in backups until they expire" in said


def test_private_parts_are_dropped(own: Lived, cleaner: CommandLine) -> None:
    before = len(own.private_events())
    done = cleaner.json("audit", "drop-private", "--before", BEFORE)
    assert 0 < done["dropped"] == before - len(own.private_events()) < before
    assert done["audit_id"] == own.last("drop_private_parts")["id"]
    assert cleaner.done("audit", "drop-private", "--before", BEFORE).startswith("Dropped 0 private parts from before ")


def test_dates_that_may_not_be_are_refused(cli: CommandLine) -> None:
    now = datetime.now(UTC)
    young = (now - timedelta(days=29)).isoformat()
    assert "kept for 30 days at least" in cli.refused("audit", "drop-bodies", "--before", young, "--yes")
    coming = (now + timedelta(days=1)).isoformat()
    for command in ("drop-bodies", "drop-private"):
        assert "has not come yet" in cli.refused("audit", command, "--before", coming)


@pytest.mark.parametrize("command", ["drop-bodies", "drop-private"])
def test_only_the_owner_may_drop(lived: Lived, cli: CommandLine, command: str) -> None:
    app = cli.with_environment(REGISTRY_OWNER_DATABASE_URL=lived.house.urls.app)
    before = len(lived.rows())
    assert "is not the schema's owner" in app.refused("audit", command, "--before", BEFORE)
    said = cli.without("REGISTRY_OWNER_DATABASE_URL").refused("audit", command, "--before", BEFORE)
    assert "REGISTRY_OWNER_DATABASE_URL is not set" in said
    assert len(lived.rows()) == before


def test_a_drop_tries_again_where_others_were_at_it(
    own: Lived, cleaner: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_retention, "_LOCK_SECONDS", 0.2)
    monkeypatch.setattr(audit_retention, "_PAUSE_SECONDS", 0.0)
    with psycopg.connect(dsn(own.house.urls.app)) as writer:
        writer.execute("INSERT INTO audit.subject (tag, event) VALUES (sha256('a'), gen_random_uuid())")
        said = cleaner.refused("audit", "drop-bodies", "--before", BEFORE, "--yes")
        assert "overloaded" in said

        def leave(_seconds: float) -> None:
            writer.rollback()

        monkeypatch.setattr("time.sleep", leave)
        assert cleaner.json("audit", "drop-bodies", "--before", BEFORE, "--yes")["dropped"] is True
