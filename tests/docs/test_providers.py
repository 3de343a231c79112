"""The commands of docs/providers.md and docs/outreach.md, run as they stand; then a month of an investigator's work in
one evening: lines pointed at the registry, a team excluded, a control line that nobody advertised.
"""

import base64
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from command_line import PROGRAM, clean_environment
from house import fictional_numbers, opened_database
from members import Member, hit
from providers import ACCOUNT, AUTH_TOKEN, TWIML, Line, add_credential, add_twilio, call, message, new_line
from running_api import RunningApi, Shared, operating, running_api

from registry.db.embedded import EmbeddedUrls

DOCS: Final = Path(__file__).parents[2] / "docs"
NUMBERS: Final = fictional_numbers()


@dataclass
class World:
    shared: Shared
    folder: Path

    @property
    def api(self) -> RunningApi:
        return self.shared.api

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.api.port}"

    def member(self, kind: str) -> Member:
        return self.shared.member(kind)

    def types(self, command: list[str], **environment: str) -> str:
        """What a command prints that succeeds."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=clean_environment({"PATH": path, "URL": self.url, "REGISTRY_URL": self.url, **environment}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def excludes(self, member: Member, numbers: list[str]) -> dict[str, Any]:
        """By the command line, from a file."""
        file = self.folder / "team.csv"
        file.write_text("number,reason\n" + "".join(f"{number},outreach\n" for number in numbers), encoding="utf-8")
        printed = self.types(
            [PROGRAM, "exclusions", "import", str(file), "--json"], REGISTRY_API_KEY=member.key, REGISTRY_URL=self.url
        )
        summary: dict[str, Any] = json.loads(printed)
        return summary


@pytest.fixture(scope="module")
def world(cluster: EmbeddedUrls, template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    folder = tmp_path_factory.mktemp("providers")
    with (
        opened_database(cluster, template) as urls,
        operating(urls) as operator,
        running_api(urls, folder) as api,
    ):
        yield World(Shared(api, operator, folder), folder)


@pytest.fixture
def sender(world: World) -> Member:
    """An investigator whose Twilio credential is registered."""
    member = world.member("investigator")
    add_twilio(member)
    return member


@pytest.fixture
def line(sender: Member) -> Line:
    return new_line(sender, next(NUMBERS), region="US")


@pytest.fixture
def employer(world: World) -> Member:
    return world.member("employer")


def blocks(document: str, language: str) -> list[str]:
    text = (DOCS / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_commands_point_a_number_at_the_registry_and_the_program_tests_it(world: World) -> None:
    investigator = world.member("investigator")
    commands, (program,) = blocks("providers.md", "sh"), blocks("providers.md", "python")
    assert len(commands) == 4
    (world.folder / "test.py").write_text(program, encoding="utf-8")
    script = "\n".join([*commands[:3], "export ADDRESS", f"{sys.executable} test.py", commands[3]])
    printed = world.types(
        ["bash", "-e", "-c", script], INVESTIGATOR=investigator.key, ACCOUNT_SID=ACCOUNT, AUTH_TOKEN=AUTH_TOKEN
    )
    assert AUTH_TOKEN not in printed
    assert f"{world.url}/v1/intake/twilio/" in printed
    assert printed.count(f"200 {TWIML}") == 2
    hits = json.loads(printed.splitlines()[-1])["data"]
    assert [(one["channel"], one["attestation"]) for one in hits] == [("voice", "B"), ("sms", None)]


def test_the_documented_event_of_ones_own_system_is_taken(line: Line) -> None:
    (event,) = blocks("providers.md", "json")
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    add_credential(line.member, "generic", secret=secret)
    told = json.loads(event)
    told["data"]["to"] = line.number
    assert line.generic(told, secret, datetime.now(UTC)).status_code == 200
    (recorded,) = line.hits()
    assert (recorded["channel"], recorded["attestation"]) == ("voice", "A")
    assert recorded["occurred_at"] == "2026-03-01T10:00:00Z"


def test_the_commands_protect_a_team(world: World, line: Line, employer: Member) -> None:
    for number in ("+12065550175", "+12065550176"):
        assert line.twilio(message(number)).status_code == 200
        assert employer.look_up(number)["outcome"] == "contact_observed"
    script = "\n".join(blocks("outreach.md", "sh"))
    printed = world.types(
        ["sh", "-e", "-c", script], REGISTRY_API_KEY=line.member.key, EMPLOYER=employer.key
    ).splitlines()
    assert "2 rows: 2 would be excluded, 0 excluded already, 0 refused." in printed
    columns = 'Read: number = "number", region = "region", reason = "reason", expires_at = "expires_at".'
    assert printed.count(columns) == 2
    assert "2 rows: 2 excluded, 0 excluded already, 0 refused." in printed
    assert json.loads(printed[-1])["outcome"] == "none"
    assert employer.look_up("+12065550176")["outcome"] == "none"


def test_a_signed_text_is_listed(line: Line, employer: Member) -> None:
    number = next(NUMBERS)
    answer = line.twilio(message(number))
    assert (answer.status_code, answer.text) == (200, TWIML)
    answered = employer.look_up(number)
    assert answered["outcome"] == "contact_observed"
    assert (answered["evidence"]["grade"], answered["evidence"]["channels"]) == ("single", ["sms"])


@pytest.mark.parametrize(
    ("verstat", "one", "with_another"),
    [
        ("TN-Validation-Passed-A", "single", "repeated"),
        ("TN-Validation-Passed-B", None, "repeated"),
        (None, None, "repeated"),
        ("No-TN-Validation", None, None),
        ("NULL", None, None),
        ("TN-Validation-Passed-D", None, None),
        ("TN-Validation-Failed-A", None, None),
        ("TN-Validation-Passed-A-Diverted", None, None),
    ],
)
def test_a_signed_call_is_worth_what_its_attestation_says(
    line: Line, employer: Member, verstat: str | None, one: str | None, with_another: str | None
) -> None:
    """verstat: None for a call that was not signed. with_another: with a second such call, to another line of the same
    organisation.
    """
    number = next(NUMBERS)
    other = new_line(line.member, next(NUMBERS), region="US")
    for called, grade in ((line, one), (other, with_another)):
        said = {} if verstat is None else {"StirVerstat": verstat}
        assert called.twilio(call(number, **said)).status_code == 200
        evidence = employer.look_up(number)["evidence"]
        assert (None if evidence is None else evidence["grade"]) == grade
    assert (len(line.hits()), len(other.hits())) == (1, 1)


def test_a_request_that_somebody_else_signed_is_refused_and_a_replay_records_nothing(
    line: Line, employer: Member
) -> None:
    forged, told = next(NUMBERS), message(next(NUMBERS))
    answer = line.twilio(message(forged), token="another-auth-token-of-16")
    assert (answer.status_code, answer.json()["code"]) == (403, "signature_refused")
    assert employer.look_up(forged)["outcome"] == "none"
    first, second = line.twilio(told), line.twilio(told)
    assert (first.status_code, first.content) == (second.status_code, second.content) == (200, TWIML.encode())
    assert len(line.hits()) == 1


QUESTIONS: Final[list[tuple[str, Callable[[str], dict[str, Any]]]]] = [
    ("/v1/lookups", lambda number: {"number": number, "purpose": "company_number"}),
    ("/v1/checks", lambda number: {"items": [{"ref": "a", "number": number}], "purpose": "company_number"}),
]


@pytest.mark.parametrize(("path", "question"), QUESTIONS)
def test_an_excluded_team_is_gone_from_every_answer_and_cannot_be_told_from_nobody(
    world: World, line: Line, employer: Member, path: str, question: Callable[[str], dict[str, Any]]
) -> None:
    team, nobody = [next(NUMBERS) for _ in range(3)], next(NUMBERS)
    second = world.member("investigator")
    elsewhere = second.register_decoy(next(NUMBERS))
    for number in team:
        line.twilio(message(number))
        second.record(hit(elsewhere, number))
        assert employer.look_up(number)["evidence"]["grade"] == "corroborated"
    summary = world.excludes(line.member, team)
    assert (summary["added"], summary["refused"]) == (3, 0)
    line.twilio(message(team[0]))  # and the next evening
    unlisted = answer_to(employer, path, question, nobody)
    for number in team:
        assert answer_to(employer, path, question, number) == unlisted
        assert second.look_up(number)["outcome"] == "none"
    assert world.excludes(line.member, team)["already"] == 3
    assert len(line.hits()) == 4


def answer_to(member: Member, path: str, question: Callable[[str], dict[str, Any]], number: str) -> tuple[Any, ...]:
    """Status, size, names of headers, and the body, in which only the number and the receipt may differ."""
    answer = member.post(path, question(number))
    document = answer.json()
    body = answer.text.replace(number, "NUMBER").replace(document["audit_id"], "RECEIPT")
    return answer.status_code, len(answer.content), answer.headers["content-length"], sorted(answer.headers), body


def test_a_control_lines_calls_are_in_the_baseline_and_in_no_answer(sender: Member, employer: Member) -> None:
    control = new_line(sender, next(NUMBERS), role="control", region="US")
    advertised = new_line(sender, next(NUMBERS), region="US")
    callers = [next(NUMBERS) for _ in range(4)]
    for number in callers:
        assert control.twilio(call(number, StirVerstat="TN-Validation-Passed-A")).status_code == 200
    assert control.twilio(message(callers[0])).status_code == 200
    for _ in range(10):
        advertised.twilio(message(next(NUMBERS)))
    assert control.twilio(call("anonymous")).status_code == 200
    answer = sender.get("/v1/statistics/baseline").json()
    total = answer["total"]
    assert (total["control"]["contacts"], total["advertised"]["contacts"]) == (5, 10)
    assert total["control"]["line_days"] == total["advertised"]["line_days"] > 0
    assert total["baseline"] == 0.5
    interval = total["control"]["proportion"]
    assert 0 < interval["low"] < interval["estimate"] <= interval["high"] <= 1
    by_provider = {(group["region"], group["provider"]): group for group in answer["groups"]}
    assert by_provider["US", "twilio"]["control"]["contacts"] == 5
    for number in callers:
        assert employer.look_up(number)["outcome"] == "none"
        assert sender.look_up(number)["evidence"] is None
    withheld = {one["id"]: one["withheld_contacts"] for one in sender.get("/v1/decoys").json()["data"]}
    assert withheld == {control.decoy: 1, advertised.decoy: 0}
