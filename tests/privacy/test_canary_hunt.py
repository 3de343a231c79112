"""The canary hunt: numbers, secrets and callers' texts are put through every operation,
and then searched for in everything that the registry leaves behind.

Each place holds a control value as well, written there on purpose, and what is found there must be that alone.
"""

import base64
import json
import logging
import os
import subprocess
import time
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from blinding import set_id
from canaries import (
    ASKED,
    CONTROL,
    LISTED,
    REFUSED,
    SEED,
    UNLISTED,
    Needles,
    every_needle,
    national,
    number_spellings,
)
from canary_abuses import abuse, break_down
from canary_requests import run_beside_the_api, succeed
from holders import tags as tags_of
from hunting_ground import Answer, Ask, Ground, opened_ground
from measuring import unmeasured
from private_asker import ASKING
from psycopg import sql

from registry.db.postgres_programs import program
from registry.keys import SecretKey
from registry.operations.operation import Operation
from registry.signers import Signers

pytestmark = [pytest.mark.xdist_group("canary-hunt"), pytest.mark.long, pytest.mark.timeout(300)]
_SPACED = f"{LISTED[2:5]} {LISTED[5:8]} {LISTED[8:]}"
_USER_AGENT = f"dialler/{LISTED[1:]} (tel {national(LISTED)}; {_SPACED}; {LISTED[2:]})"
_DESCRIPTORS = Path("/proc/self/fd")
STORED = "listed number's tag"
_OF_THE_LOG = {"getCheckpoint", "getTile", "getConsistency"}
"""For strangers; there are others of their kind that do not exist, or that one has already."""
_WITHOUT_KEY = {"getLiveness", "getReadiness", "getMetrics", *_OF_THE_LOG}
_DIGESTS = {"sha256 of listed number's tag, in hex", "sha256 of asked, in hex"}
"""Each binds an event that disclosed one tag to the index of disclosures: read by whoever asked, and the operator."""
_SIGNED = {"takeIn"}
"""Without a key as well, and refused where it is not signed."""


@pytest.fixture(scope="module")
def ground() -> Generator[Ground]:
    """Everything was asked of it, what succeeds, what is refused and what breaks, and it still runs."""
    with unmeasured(), opened_ground(_USER_AGENT) as opened:
        for kind, scopes in (("investigator", None), ("employer", ASKING), ("operator", None)):
            opened.new_member(kind, scopes)
        succeed(opened)
        abuse(opened)
        break_down(opened)
        _break_off_an_upload(opened)
        run_beside_the_api(opened)
        opened.ask(Ask("createLookup", key=opened.keys["employer"]).with_json({"number": LISTED}))  # keys out of date
        logging.getLogger("control").debug("%s", CONTROL)
        opened.as_superuser(
            sql.SQL("CREATE TABLE public.control AS SELECT {} AS number").format(sql.Literal(CONTROL)),
            sql.SQL("CHECKPOINT"),
        )
        (opened.temporary / "control").write_text(CONTROL, encoding="utf-8")
        yield opened


@pytest.fixture(scope="module")
def needles(ground: Ground) -> Needles:
    return every_needle(ground.secrets, tokens=ground.tokens)


@pytest.fixture(scope="module")
def needles_and_tags(ground: Ground) -> Needles:
    """For places where a pseudonym says too much as well."""
    tags = {"listed number's tag": tags_of(ground.registry, LISTED)[0], "asked": _tag(ground, ASKED)}
    return every_needle(ground.secrets, tags, ground.tokens)


def _tag(ground: Ground, e164: str) -> bytes:
    return tags_of(ground.registry, e164)[0]


def _break_off_an_upload(ground: Ground) -> None:
    """An upload that stops in its middle. While it is under way its file must have no name."""
    body = f"number\n{REFUSED}\n".encode() * 200_000
    head = (
        "POST /v1/checks/files?purpose=company_number HTTP/1.1\r\nHost: registry\r\nContent-Type: text/csv\r\n"
        f"Authorization: Bearer {ground.keys['employer']}\r\nContent-Length: {2 * len(body)}\r\n\r\n"
    )
    with ground.send(head.encode()) as connection:
        connection.sendall(body)
        until = time.monotonic() + 10
        while not (spooled := _open_files(ground)) and time.monotonic() < until:
            time.sleep(0.01)
        assert list(ground.temporary.iterdir()) == []
        assert spooled or not _DESCRIPTORS.exists(), "the upload is under way, in a file without a name"


def _open_files(ground: Ground) -> list[str]:
    """What this process has open in its temporary folder; nothing where the system does not tell."""
    links = (_link(descriptor) for descriptor in _DESCRIPTORS.glob("*"))
    return [link for link in links if link.startswith(str(ground.temporary))]


def _link(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:  # it was the listing's own
        return ""


def _is_control(found: set[str]) -> bool:
    """Whether the control was found, and nothing else."""
    return found != set() and all(name.startswith("control: ") for name in found)


@pytest.mark.parametrize("spelling", [pytest.param(needle, id=name) for name, needle in number_spellings(CONTROL)])
def test_the_search_finds_a_number_in_every_spelling(needles: Needles, spelling: bytes) -> None:
    for written in (
        spelling,
        spelling.hex().encode(),
        spelling.hex().upper().encode(),
        *(base64.b64encode(bytes(before) + spelling + b"after") for before in range(3)),
        *(base64.urlsafe_b64encode(bytes(before) + spelling) for before in range(3)),
        base64.b64encode(b'{"body": "' + spelling + b'"}').hex().encode(),
    ):
        assert _is_control(needles.found_in(b"before '" + written + b"' after")), written


def test_the_search_finds_every_canary(needles_and_tags: Needles) -> None:
    for needle, name in needles_and_tags.names.items():
        assert name in needles_and_tags.found_in(b"before " + needle + b" after")
    assert needles_and_tags.found_in(b"206 555 0177, and nothing else") == set()


def test_every_operation_of_the_document_succeeded_and_every_protected_one_failed(ground: Ground) -> None:
    asked: dict[bool, set[str]] = {True: set(), False: set()}
    for answer in ground.answers:
        asked[answer.status < 300].add(answer.ask.operation)
    assert asked[True] == set(ground.operations)
    assert asked[False] == set(ground.operations) - _WITHOUT_KEY | _OF_THE_LOG


def test_every_protected_operation_was_asked_without_a_key_and_with_the_database_broken(ground: Ground) -> None:
    by_status: dict[int, set[str]] = {}
    for answer in ground.answers:
        by_status.setdefault(answer.status, set()).add(answer.ask.operation)
    assert by_status[500] == set(ground.operations) - _WITHOUT_KEY
    assert by_status[401] == by_status[500] - _SIGNED
    assert by_status[403] == _SIGNED


def test_a_flood_was_held_back_and_told_in_the_log(ground: Ground) -> None:
    held = ground.rows(sql.SQL("SELECT convert_from(body, 'UTF8') FROM audit.event WHERE operation = 'hold_flood'"))
    assert {name for (body,) in held for name in json.loads(body)["count"]} >= {"held_numbers", "quarantined_decoys"}
    assert "far more contacts than usual" in ground.log.getvalue()


def test_every_operation_of_the_registry_was_run(ground: Ground) -> None:
    run = {row[0] for row in ground.rows(sql.SQL("SELECT DISTINCT operation FROM audit.event"))}
    assert run >= {operation.name for operation in _operations()}


def _operations() -> list[type[Operation[Any, Any]]]:
    """All that have a name of their own, which abstract ones have not."""
    found: list[type[Operation[Any, Any]]] = []
    waiting: list[Any] = [*Operation.__subclasses__()]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found += [kind] if "name" in vars(kind) else []
    return found


def test_no_log_line_holds_a_canary_or_a_tag(ground: Ground, needles_and_tags: Needles) -> None:
    text = ground.log.getvalue()
    assert '"name": "registry.access"' in text
    assert '"name": "registry.faults"' in text
    assert '"level": "DEBUG"' in text
    assert _is_control(needles_and_tags.found_in(text))


def test_no_problem_document_repeats_what_was_sent(ground: Ground, needles_and_tags: Needles) -> None:
    problems = [answer for answer in ground.answers if answer.is_problem]
    assert len(problems) > 500
    assert [(answer, found) for answer in problems if (found := needles_and_tags.found_in(answer.body))] == []


def test_no_problem_of_an_item_or_row_repeats_what_was_sent(ground: Ground, needles_and_tags: Needles) -> None:
    found = [problem for answer in ground.answers for problem in _item_problems(answer)]
    assert len(found) > 20
    assert [problem for problem in found if needles_and_tags.found_in(str(problem))] == []


def _item_problems(answer: Answer) -> Sequence[object]:
    if not answer.body.startswith(b"{") or answer.is_problem or answer.ask.operation == "createLookup":
        return []
    if b"\n" in answer.body.strip():
        return answer.body.splitlines()  # the progress of an import: nothing in it may repeat a row
    content = answer.json
    return [*content.get("refused_rows", []), *(one["problem"] for one in content.get("results", []) if one["problem"])]


def test_only_answers_about_numbers_hold_numbers(ground: Ground, needles_and_tags: Needles) -> None:
    """What was asked is answered with its number. Nobody else is ever told one."""
    found = [(answer.ask.operation, needles_and_tags.found_in(answer.body)) for answer in ground.answers]
    told = {operation for operation, needles in found if needles - _DIGESTS}
    assert told == {
        *("createLookup", "createCheck", "checkFile", "createPrivateDisclosure"),
        *("issueKey", "issueIntakeToken"),
    }
    assert {operation for operation, needles in found if needles and needles <= _DIGESTS} == {"listEvents"}


@pytest.mark.parametrize("file", ["events.ndjson", "ocsf.ndjson"])
def test_exported_events_hold_no_canary(ground: Ground, needles_and_tags: Needles, file: str) -> None:
    """And no tag: of what was disclosed, the digest that binds it."""
    exported = (ground.folder / file).read_bytes()
    assert exported.count(b"look_up") > 1
    assert needles_and_tags.found_in(exported) <= _DIGESTS
    assert _is_control(needles_and_tags.found_in(exported + CONTROL.encode()) - _DIGESTS)


def test_no_header_of_an_answer_holds_a_canary(ground: Ground, needles_and_tags: Needles) -> None:
    headers = {header for answer in ground.answers for header in answer.headers}
    assert ("content-type", "application/json") in headers
    assert needles_and_tags.found_in(str(headers)) == set()
    assert _is_control(needles_and_tags.found_in(str({*headers, ("control", CONTROL)})))


def test_no_exception_holds_a_canary(ground: Ground, needles_and_tags: Needles) -> None:
    """As text, as repr, with its causes, and as a traceback."""
    kinds = {type(error).__name__ for error in ground.exceptions}
    assert kinds >= {"Refused", "DatabaseFault"}
    assert _is_control(needles_and_tags.found_in(_told(ValueError(CONTROL))))
    assert [error for error in ground.exceptions if needles_and_tags.found_in(_told(error))] == []


def _told(error: BaseException) -> str:
    return "\n".join((repr(error), str(error), str(vars(error)), *traceback.format_exception(error)))


def test_the_metrics_hold_no_canary(ground: Ground, needles_and_tags: Needles) -> None:
    exposed = ground.ask(Ask("getMetrics")).body
    assert b'route="/v1/decoys/{decoy_id}"' in exposed
    assert needles_and_tags.found_in(exposed) == set()
    assert _is_control(needles_and_tags.found_in(exposed + f'{{route="{CONTROL}"}}'.encode()))


def test_a_dump_of_the_database_holds_no_canary(ground: Ground, needles: Needles) -> None:
    address = ground.superuser_dsn
    command = [str(program("pg_dump")), "--inserts", f"--dbname={address}"]
    dump = subprocess.run(command, check=True, capture_output=True).stdout
    for table in ("audit.event", "audit.private", "audit.subject", "registry.hits", "registry.idempotency_keys"):
        assert f"INSERT INTO {table} ".encode() in dump
    assert _is_control(needles.found_in(dump))
    running = ground.rows(sql.SQL("SELECT query FROM pg_stat_activity"))
    assert needles.found_in(str(running)) == set()


@pytest.fixture(scope="module")
def unlisted_needles(ground: Ground) -> Needles:
    """Of a number that was asked privately and is in no list: what it became on its way, in every form."""
    first = next(answer for answer in ground.answers if answer.ask.operation == "createPrivateEvaluation")
    blinded = base64.b64decode(json.loads(first.ask.body or b"")["blinded"])
    (told,) = first.json["evaluations"]
    evaluated, proof = base64.b64decode(told["evaluated"]), base64.b64decode(told["proof"])
    tag = SecretKey(SEED).tag(UNLISTED)
    things = {
        "blinded element": blinded[-32:],
        "evaluated element": evaluated[-32:],
        "proof": proof[:32],
        "unlisted number's tag": tag,
        "unlisted number's set id": set_id(1, tag),
        STORED: SecretKey(SEED).tag(LISTED),
    }
    numbers = {"unlisted number": UNLISTED, "control": CONTROL}
    spellings = [(f"{what}: {name}", text) for what, e164 in numbers.items() for name, text in number_spellings(e164)]
    return Needles.of([*spellings, *things.items()])


def test_nothing_is_kept_of_a_number_that_was_asked_privately_and_is_not_listed(
    ground: Ground, unlisted_needles: Needles
) -> None:
    """Neither its tag, which came with a disclosure, nor anything of its way there: in no file, log line, problem,
    header or number that is measured.
    """
    asked = next(one.ask for one in ground.answers if one.ask.operation == "createPrivateDisclosure")
    assert "unlisted number's tag, in base64" in unlisted_needles.found_in(asked.body or b"")
    kept = set(unlisted_needles.found_in_files(ground.pgdata, but_for=ground.before))
    assert STORED in kept, "a listed number's tag would be found, and is"
    assert _is_control(kept - {STORED})
    assert _is_control(unlisted_needles.found_in(ground.log.getvalue()))
    exposed = ground.ask(Ask("getMetrics")).body
    told = [exposed, *(answer.body for answer in ground.answers if answer.is_problem)]
    headers = [str(answer.headers).encode() for answer in ground.answers]
    assert [one for one in (*told, *headers) if unlisted_needles.found_in(one)] == []
    assert [error for error in ground.exceptions if unlisted_needles.found_in(_told(error))] == []


def test_a_user_agent_is_kept_without_what_could_be_a_number(ground: Ground) -> None:
    kept = {row[0] for row in ground.rows(sql.SQL("SELECT DISTINCT user_agent FROM audit.private"))}
    assert "dialler/... (tel (...)" in kept


def test_the_files_of_the_database_hold_no_canary(ground: Ground, needles: Needles) -> None:
    """Tables, indexes, the write-ahead log, temporary files, the server's log: byte by byte."""
    found = needles.found_in_files(ground.pgdata, but_for=ground.before)
    assert _is_control(set(found))
    places = {place.partition("/")[0] for files in found.values() for place in files}
    assert places >= {"base", "pg_wal"}, "the control lies in its table and in the log that was written before it"


def test_the_folders_of_the_process_hold_no_canary(ground: Ground, needles: Needles) -> None:
    """The passphrase stands in the operator's own file and nowhere else; no upload has left anything."""
    found = {
        (name.partition(":")[0], place)
        for name, places in needles.found_in_files(ground.folder, outside=ground.pgdata).items()
        for place in places
    }
    assert found == {("passphrase", "passphrase"), ("control", "temporary/control")}
    assert [path.name for path in ground.temporary.iterdir()] == ["control"]


def test_the_environment_and_the_command_line_of_each_process_hold_no_canary(ground: Ground, needles: Needles) -> None:
    environment = str(dict(os.environ))
    assert "REGISTRY_KEY_PASSPHRASE_FILE" in environment
    assert needles.found_in(environment) == set()
    assert _is_control(needles.found_in(environment + CONTROL))
    signers = ground.registry.tagging
    assert isinstance(signers, Signers)
    assert len(signers.pids) == 2
    for pid in (*signers.pids, os.getpid()):
        for file in ("environ", "cmdline"):
            path = Path(f"/proc/{pid}/{file}")
            if path.exists():
                assert needles.found_in(path.read_bytes()) == set()


def test_the_objects_of_the_process_show_no_canary(ground: Ground, needles_and_tags: Needles) -> None:
    registry = ground.registry
    shown = [registry, registry.settings, registry.tagging, registry.generations, registry.database, registry.policy]
    for one in shown:
        assert needles_and_tags.found_in(f"{one!r}{one!s}{one}") == set()
