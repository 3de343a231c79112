"""The command line put to work with canaries, on files and at prompts. What it shows, refusals among it, is searched
like a log: it ends up in terminals, mails of cron and support tickets.
"""

import json
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from canaries import ASKED, AUTH_TOKEN, DECOY, DISPUTED, LISTED, MESSAGE, REF, REFUSED, SOURCE_ID, national
from command_line import CommandLine
from hunting_ground import Ground
from providers import ACCOUNT
from psycopg import sql

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def operators_command_line(ground: Ground) -> CommandLine:
    """On the database itself."""
    names = ("MODE", "DATABASE_URL", "KEY_FILE", "KEY_PASSPHRASE_FILE", "SIGNERS")
    environment = {f"REGISTRY_{name}": os.environ[f"REGISTRY_{name}"] for name in names}
    return CommandLine({**environment, "REGISTRY_OWNER_DATABASE_URL": ground.urls.owner})


def hunt_commands(ground: Ground) -> None:
    """Those that only speak HTTP, with files on a machine that is not the registry's; then the operator's."""
    with tempfile.TemporaryDirectory(prefix="registry-hunter-", dir=ground.folder.parent) as folder:
        _import_hits(ground, Path(folder))
        _import_exclusions(ground, Path(folder))
        _check(ground, Path(folder))
    command = operators_command_line(ground)
    _exclude(ground, command)
    _retract(ground, command)
    _providers(ground, command)


def hand_out(ground: Ground, command: CommandLine) -> None:
    """The audit log as files beside the database, where they are searched, and what the owner may drop of it."""
    ground.log.write(command.done("audit", "export", "--output", str(ground.folder / "events.ndjson")))
    ground.log.write(command.done("audit", "export", "--ocsf", "--output", str(ground.folder / "ocsf.ndjson")))
    ground.log.write(command.done("audit", "drop-bodies", "--before", LONG_AGO.isoformat(), "--dry-run"))
    ground.log.write(command.done("audit", "drop-private", "--before", LONG_AGO.isoformat()))


def _shown(ground: Ground, command: CommandLine, *words: str, typed: str = "", code: int = 0) -> str:
    """What it wrote to both of its streams."""
    result = command.run(*words, typed=typed)
    assert result.exit_code == code, result.output
    ground.log.write(result.output)
    return result.output


def _at(ground: Ground, kind: str) -> CommandLine:
    return CommandLine({"REGISTRY_URL": f"http://127.0.0.1:{ground.port}", "REGISTRY_API_KEY": ground.keys[kind]})


def _import_hits(ground: Ground, folder: Path) -> None:
    file, refused = folder / "contacts.csv", folder / "refused.csv"
    when = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    rows = [
        (f"{SOURCE_ID}command", LISTED, when),
        (LISTED, national(LISTED), REFUSED),
        ("", REFUSED[:-3], when),
        ("", f"{REFUSED} {MESSAGE}", when),
    ]
    file.write_text("Event,Caller,At\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    ((decoy,),) = ground.rows(sql.SQL("SELECT id::text FROM registry.decoys ORDER BY id LIMIT 1"))
    words = ("import", str(file), "--channel", "sms", "--region", "US", "--decoy", decoy)
    mapped = ("--map", "number=Caller", "--map", "occurred_at=At", "--map", "source_id=Event")
    command = _at(ground, "investigator")
    _shown(ground, command, *words, *mapped, "--dry-run", "--json")
    said = _shown(ground, command, *words, *mapped, "--refused", str(refused))
    assert "4 rows: 1 recorded, 0 known before, 3 refused" in said
    ground.log.write(refused.read_text(encoding="utf-8"))
    _shown(ground, command, *words, code=1)  # no such column
    file.write_bytes(f"number\n{REFUSED}\x00\xff\n".encode("utf-16-le"))
    _shown(ground, command, *words, code=1)
    file.write_text(f"number,occurred_at\n{REFUSED},{LISTED}\n", encoding="utf-8")
    _shown(ground, command, *words, code=1)
    _shown(ground, command.with_environment(REGISTRY_API_KEY=REFUSED), *words, code=1)
    _shown(ground, command.with_environment(REGISTRY_API_KEY=ground.keys["employer"]), *words, code=1)


def _import_exclusions(ground: Ground, folder: Path) -> None:
    file, refused = folder / "team.csv", folder / "refused.csv"
    rows = [
        (MESSAGE, DISPUTED),
        (MESSAGE, REFUSED[:-3]),
        (REFUSED, f"{REFUSED} {MESSAGE}", ASKED),
        (MESSAGE, LISTED, "", REFUSED),
    ]
    header = f"name,number,tel {REFUSED}\n"
    file.write_text(header + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    words = ("exclusions", "import", str(file), "--region", "US")
    command = _at(ground, "investigator")
    _shown(ground, command, *words, "--reason", "outreach", "--dry-run", "--json", code=1)
    said = _shown(ground, command, *words, "--reason", "outreach", "--refused", str(refused), code=1)
    assert "4 rows: 1 excluded, 0 excluded already, 3 refused" in said
    assert 'Read: number = "column_2". Not read: "column_1", "column_3".' in said
    assert 'Column "column_3" seems to hold numbers too' in said
    ground.log.write(refused.read_text(encoding="utf-8"))
    _shown(ground, command, *words, code=1)  # no reason
    _shown(ground, command, *words, "--reason", "police", code=1)
    _shown(ground, command, *words, "--reason", "outreach", "--map", f"number={MESSAGE}", code=1)
    verbs = ("exclusions", "add", "--reason", "own_staff"), ("exclusions", "remove")
    for typed, code in ((national(ASKED), 0), (f"{REFUSED} {MESSAGE}", 1), (REFUSED[:-3], 1)):
        for verb in verbs:
            _shown(ground, command, *verb, "--region", "CA", typed=typed, code=code)
    _shown(ground, command, "exclusions", "list")
    leavers = ("exclusions", "remove-file", str(file), "--region", "US")
    _shown(ground, command, *leavers, "--refused", str(refused), code=1)
    ground.log.write(refused.read_text(encoding="utf-8"))
    _shown(ground, command, *leavers, "--map", f"number={MESSAGE}", code=1)


def _check(ground: Ground, folder: Path) -> None:
    file, out = folder / "phones.csv", folder / "out.csv"
    rows = [(LISTED, REF), (national(ASKED), REF), (REFUSED[:-3], MESSAGE), (f"{REFUSED} {MESSAGE}", REF)]
    file.write_text("Phone,Remark\n" + "".join(f"{','.join(row)}\n" for row in rows), encoding="utf-8")
    words = ("check", str(file), "--out", str(out), "--region", "US", "--cache", str(folder / "cache"))
    command = _at(ground, "employer")
    observed = 1
    _shown(ground, command, *words, code=observed)
    _shown(ground, command, *words, "--private", "--json", code=observed)
    assert LISTED in out.read_text(encoding="utf-8")
    _shown(ground, command, *words, "--column", MESSAGE, code=2)
    _shown(ground, command, *words, "--case-ref", REFUSED, code=2)
    _shown(ground, command, *words, "--public-key", f"1:{REFUSED}", "--private", code=2)
    _shown(ground, command.with_environment(REGISTRY_API_KEY=REFUSED), *words, code=2)
    file.write_bytes(b"\xff" + REFUSED.encode("utf-16-le"))
    _shown(ground, command, *words, code=2)


def _exclude(ground: Ground, command: CommandLine) -> None:
    """The operator's verbs, with the number typed. What is added is taken back. Few: each has signers to start."""
    add, remove = ("exclusions", "add", "--reason", "police"), ("exclusions", "remove")
    _shown(ground, command, *add, "--region", "US", typed=national(DECOY))
    _shown(ground, command, *add, "--json", typed=DECOY, code=1)  # it is already
    _shown(ground, command, *add, typed=f"{REFUSED} {MESSAGE}", code=1)
    _shown(ground, command, *add, "--region", REFUSED, typed=REFUSED, code=1)
    _shown(ground, command, *add, typed=f"{REFUSED}\n{REFUSED}", code=2)
    _shown(ground, command, "exclusions", "list")
    _shown(ground, command, *remove, typed=DECOY)
    _shown(ground, command, *remove, typed=DECOY, code=1)
    _shown(ground, command, *remove, typed=REFUSED[:-3], code=1)
    _shown(ground, command, *remove, "--all", "--json", typed=DISPUTED, code=1)  # the file ended it


def _retract(ground: Ground, command: CommandLine) -> None:
    """What a line had on a day long ago, which is nothing."""
    ((decoy,),) = ground.rows(sql.SQL("SELECT id::text FROM registry.decoys ORDER BY id LIMIT 1"))
    words = ("hits", "retract", "--reason", "spoofed")
    window = ("--since", LONG_AGO.isoformat(), "--until", LONG_AGO.isoformat())
    _shown(ground, command, *words, "--decoy", decoy, *window, "--dry-run")
    _shown(ground, command, *words, "--decoy", decoy, *window, "--json")
    _shown(ground, command, *words, decoy, code=1)  # no hit's id
    _shown(ground, command, *words, decoy, "--decoy", decoy, code=2)


def _providers(ground: Ground, command: CommandLine) -> None:
    whose = ("--organisation", "A canary's investigator")
    add = ("providers", "add", "twilio", *whose)
    _shown(ground, command, *add, typed=f"AC{'f' * 32}\n{AUTH_TOKEN}\n")
    _shown(ground, command, *add, typed=f"{ACCOUNT}\n{AUTH_TOKEN}\n", code=1)  # it is in use
    _shown(ground, command, *add, typed=f"{ACCOUNT}\n{AUTH_TOKEN}\n{AUTH_TOKEN}", code=2)
    _shown(ground, command, *add, typed=f"{AUTH_TOKEN}\n{ACCOUNT}\n", code=1)
    listed = json.loads(_shown(ground, command, "providers", "list", *whose, "--json"))["data"]
    _shown(ground, command, "providers", "retire", listed[0]["id"], *whose)
    _shown(ground, command, *add, typed=f"{ACCOUNT}\n{AUTH_TOKEN}\n", code=1)  # it was retired
