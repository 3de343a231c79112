"""Providers' requests while something is wrong: limits reached, the database away, two at once, keys elsewhere."""

from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

import psycopg
import pytest
from audit_trail import AuditTrail
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from databases import as_superuser
from house import House, fictional_numbers, opened_database, opened_house, sandbox_settings
from members import NOW, Member
from providers import (
    AUTH_TOKEN,
    TWIML,
    Line,
    add_credential,
    add_twilio,
    call,
    contact,
    message,
    new_line,
    public_key,
    telnyx_message,
)
from psycopg import sql

from api.intake_desk import IntakeDesk
from registry.db.embedded import EmbeddedUrls
from registry.db.intake import line_key

if TYPE_CHECKING:
    from fastapi import FastAPI

FAILURES = 3


@pytest.fixture(scope="module")
def wary(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """A registry of its own, which lets an address fail three times a minute."""
    settings = sandbox_settings(failures_per_minute=FAILURES, public_url="https://registry.example.org/in/")
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as house:
        yield house


@pytest.fixture(scope="module")
def number() -> Callable[[], str]:
    return fictional_numbers().__next__


@pytest.fixture
def line(wary: House, number: Callable[[], str]) -> Line:
    wary.superuser.execute("TRUNCATE registry.address_rates")
    return _line(wary.member("investigator"), number())


def _line(member: Member, number: str) -> Line:
    add_twilio(member)
    return new_line(member, number)


def _count(house: House, line: Line) -> int:
    rows = house.superuser.execute("SELECT count(*) FROM registry.hits WHERE decoy_id = %s", (line.decoy,)).fetchall()
    return int(rows[0][0])


def _submissions(house: House, line: Line) -> int:
    statement = "SELECT count(*) FROM registry.submissions WHERE decoy_id = %s"
    return int(house.superuser.execute(statement, (line.decoy,)).fetchall()[0][0])


def test_the_signature_covers_the_configured_public_address(wary: House, line: Line, number: Callable[[], str]) -> None:
    assert line.urls["twilio"].startswith("https://registry.example.org/in/v1/intake/twilio/")
    assert line.twilio(message(number())).status_code == 200
    with_port = line.urls["twilio"].replace("example.org", "example.org:443")
    assert line.twilio(message(number()), url=with_port).status_code == 200
    over_http = line.urls["twilio"].replace("https", "http")
    assert line.twilio(message(number()), url=over_http).status_code == 403
    assert _count(wary, line) == 2


def test_an_address_that_fails_too_often_is_told_so_and_not_recorded_and_what_is_signed_still_comes_through(
    wary: House, line: Line, number: Callable[[], str]
) -> None:
    trail = AuditTrail(wary.superuser)
    answers = [line.twilio(message(number()), token="wrong" * 4) for _ in range(FAILURES + 1)]
    assert [answer.status_code for answer in answers] == [403] * FAILURES + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert answers[-1].json()["violated-policies"] == ["address"]
    assert [len(trail.of(answer)) for answer in answers] == [1] * FAILURES + [0]
    assert line.twilio(message(number())).status_code == 200
    assert line.member.get("/v1/account").status_code == 200, "API keys are not held back by it"


def test_an_unknown_address_is_answered_like_a_wrong_signature(wary: House, line: Line) -> None:
    def told(answer: Any) -> Any:
        body = answer.json()
        assert AuditTrail(wary.superuser).of(answer)[0]["result"] == "signature_refused"
        return answer.status_code, {name: body[name] for name in body if name not in {"instance", "audit_id"}}

    wrong = told(line.twilio(call("+12065550101"), token="wrong" * 4))
    for token in ("A" * 43, "short", "%C3%A9" * 43):
        line_of_nobody = Line(line.member, line.decoy, {"twilio": f"https://x/v1/intake/twilio/{token}"})
        wary.superuser.execute("TRUNCATE registry.address_rates")
        assert told(line_of_nobody.twilio(call("+12065550101"))) == wrong
    answer = line.member.client.post("/v1/intake/pigeon/" + "A" * 43, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_contact_costs_nothing_of_the_days_numbers_and_is_taken_when_they_are_used_up(
    wary: House, number: Callable[[], str]
) -> None:
    wary.superuser.execute("TRUNCATE registry.address_rates")
    line = _line(wary.member("investigator", numbers_per_day=1), number())  # which is the line's own
    told = message(number())
    assert [line.twilio(one).status_code for one in (told, told, message(number()))] == [200] * 3
    assert _count(wary, line) == 2


def test_a_line_that_gets_too_many_signed_requests_is_told_to_get_them_again_and_others_are_not_held_back(
    wary: House, line: Line, number: Callable[[], str]
) -> None:
    other, told = new_line(line.member, number()), message(number())
    assert line.twilio(told).status_code == 200
    assert line.twilio({**told, "MessageSid": "none"}).status_code == 422
    assert line.twilio({**told, "SmsStatus": "sent"}).status_code == 200
    key = line_key(UUID(line.decoy))
    ahead = (
        "SELECT tat - extract(epoch FROM clock_timestamp()) * 1000000 FROM registry.address_rates WHERE address = %s"
    )
    assert wary.superuser.execute(ahead, (key,)).fetchall()[0] > (0,), "whatever is signed has its cost"
    wary.superuser.execute("UPDATE registry.address_rates SET tat = tat + 90000000 WHERE address = %s", (key,))
    before = wary.superuser.execute("SELECT count(*) FROM audit.event").fetchall()
    answers = [line.twilio(told), line.twilio(message(number()))]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "overloaded")] * 2
    assert all(20 < int(answer.headers["retry-after"]) <= 31 for answer in answers)
    assert wary.superuser.execute("SELECT count(*) FROM audit.event").fetchall() == before
    assert line.twilio(told, token="wrong" * 4).status_code == 403, "nobody without the secret is told of it"
    assert other.twilio(message(number())).status_code == 200
    assert _count(wary, line) == 1


def test_a_provider_is_answered_in_time_also_where_the_database_hangs_and_loses_nothing(
    wary: House, line: Line, number: Callable[[], str]
) -> None:
    told, state = message(number()), cast("FastAPI", wary.client.app).state
    patient, state.intake_desk = state.intake_desk, IntakeDesk(wary.registry, answer_seconds=0.3)
    try:
        with psycopg.connect(wary.urls.superuser_dsn) as gate:
            gate.execute("LOCK TABLE registry.submissions IN ACCESS EXCLUSIVE MODE")
            answer = line.twilio(told)
            assert (answer.status_code, answer.json()["code"]) == (503, "overloaded")
            assert answer.headers["retry-after"] == "5"
            unsigned = line.twilio(told, token="wrong" * 4)
            assert unsigned.status_code == 403, "what waits for nothing is answered"
            gate.rollback()
        until = monotonic() + 20
        while _count(wary, line) == 0 and monotonic() < until:
            sleep(0.01)
        assert _count(wary, line) == 1, "it is done to its end, whether or not the provider still waits"
        assert line.twilio(told).status_code == 200
    finally:
        state.intake_desk.close()
        state.intake_desk = patient
    assert _count(wary, line) == 1


def test_a_suspended_organisation_takes_nothing(wary: House, line: Line, number: Callable[[], str]) -> None:
    wary.superuser.execute("UPDATE registry.organisations SET suspended_at = now() WHERE id = %s", (line.member.id,))
    assert line.twilio(message(number())).status_code == 403
    assert _count(wary, line) == 0


def test_two_requests_with_one_sid_at_once_are_one_contact(wary: House, line: Line, number: Callable[[], str]) -> None:
    told = message(number())
    with ThreadPoolExecutor(4) as pool:
        answers = [sent.result() for sent in [pool.submit(line.twilio, told) for _ in range(8)]]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, TWIML)}
    assert (_count(wary, line), _submissions(wary, line)) == (1, 1)
    counts = [AuditTrail(wary.superuser).of(answer)[0]["count"] for answer in answers]
    assert sorted(name for count in counts for name in count if name in {"recorded", "duplicate"}) == [
        *["duplicate"] * 7,
        "recorded",
    ]


@contextmanager
def _away(house: House, cluster: EmbeddedUrls) -> Generator[None]:
    """Nobody gets a connection, and those that there are end, but for the superuser's."""
    name = sql.Identifier(house.superuser.info.dbname)
    as_superuser(cluster, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
    house.superuser.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    try:
        yield
    finally:
        as_superuser(cluster, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


def test_while_the_database_is_away_the_provider_is_told_to_come_again(
    wary: House, line: Line, number: Callable[[], str], cluster: EmbeddedUrls
) -> None:
    told = message(number())
    with _away(wary, cluster):
        for token in (AUTH_TOKEN, "wrong" * 4):
            answer = line.twilio(told, token=token)
            assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
            assert int(answer.headers["retry-after"]) > 0
    assert _count(wary, line) == 0
    assert line.twilio(told).status_code == 200
    assert _count(wary, line) == 1


def test_what_cannot_be_recorded_wholly_is_not_recorded(wary: House, line: Line, number: Callable[[], str]) -> None:
    told = message(number())
    wary.superuser.execute(
        "CREATE FUNCTION audit.broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    wary.superuser.execute(
        "CREATE TRIGGER broken BEFORE INSERT ON audit.event FOR EACH ROW EXECUTE FUNCTION audit.broken()"
    )
    try:
        assert line.twilio(told).status_code == 500
        assert line.twilio(call("anonymous")).status_code == 500
    finally:
        wary.superuser.execute("DROP TRIGGER broken ON audit.event")
        wary.superuser.execute("DROP FUNCTION audit.broken")
    assert (_count(wary, line), _submissions(wary, line)) == (0, 0)
    assert wary.superuser.execute("SELECT count(*) FROM registry.withheld_contacts").fetchall() == [(0,)]
    assert line.twilio(told).status_code == 200


def test_signer_processes_hold_the_secrets(cluster: EmbeddedUrls, template: str) -> None:
    """Every provider's request is borne out by a process that is not the API's."""
    key = Ed25519PrivateKey.generate()
    secret = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyE="
    with opened_database(cluster, template) as urls, opened_house(urls, signers=1) as house:
        member = house.member("investigator")
        add_credential(member, "telnyx", public_key=public_key(key))
        add_credential(member, "generic", secret=secret)
        line = _line(member, "+12065550100")
        answers = [
            line.twilio(message("+12065550101")),
            line.telnyx(telnyx_message("+12065550102"), key, NOW),
            line.generic(contact("+12065550103"), secret, NOW),
            line.twilio(call("anonymous")),
        ]
        assert [answer.status_code for answer in answers] == [200] * 4
        assert _count(house, line) == 3
        assert line.twilio(message("+12065550104"), token="wrong" * 4).status_code == 403
        rows = house.superuser.execute("SELECT provider FROM registry.hits ORDER BY provider").fetchall()
        assert rows == [("generic",), ("telnyx",), ("twilio",)]
