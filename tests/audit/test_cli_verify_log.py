"""`verify-log` at a database, as operators and auditors run it; and a whole registry that is witnessed."""

import json
import secrets
from collections.abc import Generator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from command_line import CommandLine
from log_scene import KEY, LogScene, opened_log_scene
from psycopg import sql
from sealed import LOG_KEY, OTHER_KEY
from serving import served
from sqlalchemy import make_url
from tampered_log import SIZE, TABLES, TamperedLog, sleep
from written_events import written_event

from registry.db.embedded import EmbeddedUrls

VERIFY: Final = ("verify-log", "--verifier-key", str(LOG_KEY.verifier))


@pytest.fixture
def cli(log: TamperedLog, tmp_path: Path) -> CommandLine:
    """Without a key file of the registry: nothing here needs one."""
    return CommandLine({"REGISTRY_DATABASE_URL": log.urls.app, "REGISTRY_DATA_DIR": str(tmp_path / "data")})


def test_what_was_looked_at_is_told_in_sentences(cli: CommandLine, log: TamperedLog, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text(LOG_KEY.sign(log.kept), encoding="utf-8")
    log.run("INSERT INTO audit.event (body) VALUES (%s)", written_event())
    assert cli.done(*VERIFY, "--checkpoint", str(kept)).splitlines() == [
        f"The log {LOG_KEY.origin} holds: {SIZE} events, {SIZE} bodies, 2 full tiles, 3 checkpoints, 6 disclosed tags.",
        "Addresses and user agents were not checked: this login may not read them.",
        "1 newer event waits to be sealed: nothing is known of what is not sealed.",
        f"It continues the checkpoint of {SIZE} events that you kept.",
    ]


def test_programs_get_one_document(cli: CommandLine, log: TamperedLog) -> None:
    superuser = cli.with_environment(REGISTRY_DATABASE_URL=log.urls.superuser)
    parts = log.value("SELECT count(*) FROM audit.private")
    for run, private in ((cli, None), (superuser, parts)):
        assert run.json(*VERIFY) == {
            "holds": True,
            "source": "database",
            "origin": LOG_KEY.origin,
            "size": SIZE,
            "root": log.kept.root.hex(),
            "kept_size": None,
            "checked": {
                "bodies": SIZE,
                "dropped": 0,
                "tiles": 2,
                "checkpoints": 3,
                "disclosures": 6,
                "private_parts": private,
            },
            "unsealed": 0,
        }


def test_a_contradiction_is_a_sentence_and_exit_code_1(cli: CommandLine, log: TamperedLog) -> None:
    log.rewrite_body(123)
    said = f"The body of event 123 (id {log.id_of(123)}) was changed after it was sealed."
    result = cli.run(*VERIFY)
    assert (result.exit_code, result.stdout, result.stderr) == (1, f"The log does NOT hold. {said}\n", "")
    result = cli.run(*VERIFY, "--json")
    found = {"kind": "body_changed", "detail": said, "index": 123, "event": log.id_of(123)}
    assert (result.exit_code, json.loads(result.stdout)) == (1, {"holds": False, "contradiction": found})


def test_a_log_that_another_key_signs_is_a_contradiction(cli: CommandLine) -> None:
    result = cli.run("verify-log", "--verifier-key", str(OTHER_KEY.verifier))
    assert result.exit_code == 1
    assert "is not signed by registry.example.org/log with this key" in result.stdout


def test_a_kept_checkpoint_convicts_where_it_is_said_to_be_signed_with_this_key(
    cli: CommandLine, log: TamperedLog, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_text(OTHER_KEY.sign(log.kept), encoding="utf-8")
    assert "is not a checkpoint of this log" in cli.refused(*VERIFY, "--checkpoint", str(kept), code=3)
    assert "is not a checkpoint of this log" in cli.refused(*VERIFY, "--checkpoint", "/etc/hostname", code=3)
    kept.write_text(LOG_KEY.sign(log.kept).replace(f"\n{SIZE}\n", "\n7\n"), encoding="utf-8")
    result = cli.run(*VERIFY, "--checkpoint", str(kept))
    assert result.exit_code == 1
    assert "The checkpoint that you kept does not hold under this verifier key." in result.stdout


def test_what_cannot_be_verified_is_exit_code_3(cli: CommandLine, log: TamperedLog) -> None:
    away = make_url(log.urls.app).set(database="nothing_here").render_as_string(hide_password=False)
    said = cli.with_environment(REGISTRY_DATABASE_URL=away).refused(*VERIFY, code=3)
    assert "The database cannot be reached" in said
    assert "REGISTRY_DATABASE_URL is not set" in cli.without("REGISTRY_DATABASE_URL").refused(*VERIFY, code=3)
    log.superuser.execute("DROP TABLE audit.checkpoint")
    assert "There is no audit log in this database" in cli.refused(*VERIFY, code=3)


def test_a_login_that_can_do_nothing_but_read_is_enough(cli: CommandLine, log: TamperedLog) -> None:
    name = f"auditor_{secrets.token_hex(4)}"
    auditor = sql.Identifier(name)
    for statement in (
        "CREATE ROLE {} LOGIN",
        "GRANT USAGE ON SCHEMA audit TO {}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA audit TO {}",
    ):
        log.superuser.execute(sql.SQL(statement).format(auditor))
    try:
        url = make_url(log.urls.app).set(username=name, password=None).render_as_string(hide_password=False)
        found = cli.with_environment(REGISTRY_DATABASE_URL=url).json(*VERIFY)
        assert (found["size"], found["checked"]["private_parts"] is None) == (SIZE, False)
    finally:
        for statement in ("DROP OWNED BY {}", "DROP ROLE {}"):
            log.superuser.execute(sql.SQL(statement).format(auditor))


@pytest.fixture
def scene(cluster: EmbeddedUrls, template: str) -> Generator[LogScene]:
    with opened_log_scene(cluster, template) as opened:
        yield opened


def test_a_registry_is_verified_and_witnessed_over_http_and_convicted_by_what_the_witness_kept(
    scene: LogScene, tmp_path: Path
) -> None:
    state, key = tmp_path / "state", str(KEY.verifier)
    with served(scene.house) as server:
        cli = CommandLine({"REGISTRY_URL": "http://{}:{}".format(*server.address)})
        witness = ("witness", "--verifier-key", key, "--state", str(state))
        assert "The log shows no checkpoint" in cli.refused(*witness, code=3)
        first = scene.grow_to(290)
        assert f"the checkpoint of {first.size} events" in cli.done(*witness)
        event = scene.ask()
        assert scene.seal().size == 291
        receipt = scene.employer.get(f"/v1/audit/events/{event}/proof")
        proved = cli.json("verify-proof", "-", "--verifier-key", key, typed=receipt.content)
        assert (proved["event"]["id"], proved["index"], proved["size"]) == (event, 290, 291)
        last = scene.grow_to(600)
        assert cli.json(*witness)["size_before"] == 290
        assert f"{last.size} events, 4 tiles" in cli.done(
            *("verify-log", "--url", cli.environment["REGISTRY_URL"], "--verifier-key", key, "--checkpoint", str(state))
        )
        with psycopg.connect(scene.house.urls.superuser_dsn, autocommit=True) as superuser:
            sleep(superuser, TABLES)
            log = TamperedLog(scene.house.urls, superuser, last)
            log.cut(291)
            assert "The log shows 291 events, and it had 600" in cli.run(*witness).stdout
        # By itself it holds, as it did in that moment.
        assert cli.json("verify-log", "--verifier-key", key, "--url", cli.environment["REGISTRY_URL"])["holds"]
        result = cli.run(
            "verify-log", "--verifier-key", key, "--checkpoint", str(state), "--url", cli.environment["REGISTRY_URL"]
        )
        assert (result.exit_code, "and the checkpoint that you kept has 600" in result.stdout) == (1, True)
