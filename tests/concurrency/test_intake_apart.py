"""What is odd about one provider's request costs no other one anything: no second charge, no wait, no event."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, cast
from uuid import UUID

import psycopg
import pytest
from arrivals import arrived
from audit_trail import AuditTrail
from databases import DatabaseUrls
from house import House, fictional_numbers, opened_database, opened_house
from members import NOW
from providers import Line, add_credential, add_twilio, call, contact, message, new_line

from api import metrics
from api.intake_desk import IntakeDesk
from api.intake_round import Outcome, Rest
from registry.db.database import DatabaseOptions
from registry.db.embedded import EmbeddedUrls
from registry.db.intake import line_key
from registry.domain.intake.contacts import contact_of
from registry.domain.intake.received import Delivery, Received

if TYPE_CHECKING:
    from fastapi import FastAPI

NUMBERS: Final = fictional_numbers()
SECRET: Final = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyE="
TOO_LARGE: Final = [
    "Mon, 01 Jan 2024 10:00:00 +99999999999999999999",
    "Mon, 99999999999999999999 Jan 2024 10:00:00 +0000",
]


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    """With as many connections as a real one."""
    with opened_database(cluster, template) as urls, opened_house(urls, options=DatabaseOptions()) as opened:
        yield opened


@pytest.fixture
def desk(house: House) -> Generator[IntakeDesk]:
    opened = IntakeDesk(house.registry)
    yield opened
    opened.close()


def twilio_line(house: House) -> Line:
    member = house.member("investigator")
    add_twilio(member)
    return new_line(member, next(NUMBERS))


def ahead(house: House, line: Line) -> float:
    """How many requests the line is ahead of what it may take, at 100 ms each."""
    rows = house.superuser.execute(
        "SELECT (tat - extract(epoch FROM clock_timestamp()) * 1000000) / 100000 FROM registry.address_rates"
        " WHERE address = %s",
        (line_key(UUID(line.decoy)),),
    ).fetchall()
    return float(rows[0][0]) if rows else 0.0


def finish(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, Rest):
            outcome.do()


@pytest.mark.parametrize("at", TOO_LARGE)
def test_a_time_that_no_clock_has_is_refused_and_recorded(house: House, at: str) -> None:
    member = house.member("investigator")
    add_credential(member, "generic", secret=SECRET)
    line = new_line(member, next(NUMBERS))
    answer = line.generic(contact(next(NUMBERS), occurred_at=at), SECRET, NOW)
    assert answer.status_code == 422, answer.text
    assert AuditTrail(house.superuser).only(answer)["operation"] == "intake"
    table = f'number,decoy_id,channel,occurred_at\n{next(NUMBERS)},{line.decoy},sms,"{at}"\n'
    told = member.post("/v1/hits/imports", content=table, headers={"Content-Type": "text/csv"}).json()
    assert (told["recorded"], told["refused"]) == (0, 1)


def test_a_request_that_cannot_be_read_for_a_fault_of_ours_is_nobody_elses_and_recorded(
    house: House, desk: IntakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    faulty, line = twilio_line(house), twilio_line(house)
    odd = arrived(house, faulty, message(next(NUMBERS)))
    others = [arrived(house, line, message(next(NUMBERS))) for _ in range(20)]

    def reader(delivery: Delivery) -> Received | None:
        if delivery is odd.delivery:
            raise OverflowError
        return contact_of(delivery)

    monkeypatch.setattr("api.intake_round.contact_of", reader)
    outcomes = desk.take_together([odd, *others])
    with pytest.raises(OverflowError):
        finish(outcomes[:1])
    finish(outcomes[1:])
    assert len(line.hits()) == 20
    assert ahead(house, line) <= 20.5, "they were charged once"
    (event,) = AuditTrail(house.superuser).of_request(str(odd.arrival.request.id))
    assert (event["operation"], event["result"]) == ("intake", "internal")


def test_contacts_of_a_line_that_is_being_changed_hold_up_nobody_else(house: House) -> None:
    """However many: each waits for the line for seconds."""
    changing, line = twilio_line(house), twilio_line(house)
    assert line.twilio(call("anonymous")).status_code == 200
    with ThreadPoolExecutor(12) as threads, psycopg.connect(house.urls.superuser_dsn) as gate:
        gate.execute("SELECT FROM registry.decoys WHERE id = %s FOR NO KEY UPDATE", (changing.decoy,))
        waiting = [threads.submit(changing.twilio, message(next(NUMBERS))) for _ in range(8)]
        sleep(0.5)
        began = monotonic()
        contacts = [
            threads.submit(line.twilio, message(next(NUMBERS))),
            threads.submit(line.twilio, call("anonymous")),
            threads.submit(line.twilio, call(next(NUMBERS)), token="wrong" * 4),
        ]
        assert [one.result().status_code for one in contacts] == [200, 200, 403]
        assert monotonic() - began < 5
        gate.rollback()
        assert [one.result().status_code for one in waiting] == [200] * 8
    assert len(changing.hits()) == 8


def test_what_nobody_waits_for_any_more_is_done_all_the_same(cluster: EmbeddedUrls, template: str) -> None:
    """A withheld caller is counted and a refusal recorded, though their providers had gone before."""
    with opened_database(cluster, template) as urls, opened_house(urls, options=DatabaseOptions()) as house:
        line = twilio_line(house)
        state = cast("FastAPI", house.client.app).state
        patient, state.intake_desk = state.intake_desk, IntakeDesk(house.registry, answer_seconds=0.5)
        before = _failures()
        try:
            answers = _while_nothing_can_be_recorded(urls, line)
            assert [answer.status_code for answer in answers] == [503] * 6
        finally:
            state.intake_desk.close()
            state.intake_desk = patient
        assert _failures() - before == 3
        (withheld,) = house.superuser.execute("SELECT sum(contacts)::int FROM registry.withheld_contacts").fetchall()
        assert withheld == (3,)
        refused = "SELECT count(*) FROM audit.event WHERE convert_from(body, 'UTF8') LIKE '%signature_refused%'"
        assert house.superuser.execute(refused.encode()).fetchall() == [(3,)]


def _while_nothing_can_be_recorded(urls: DatabaseUrls, line: Line) -> list[Any]:
    """More of each kind than are done at a time."""
    with ThreadPoolExecutor(6) as threads, psycopg.connect(urls.superuser_dsn) as gate:
        gate.execute("LOCK TABLE audit.event IN EXCLUSIVE MODE")
        sent = [threads.submit(line.twilio, call("anonymous")) for _ in range(3)]
        sent += [threads.submit(line.twilio, call(next(NUMBERS)), token="wrong" * 4) for _ in range(3)]
        answers = [one.result() for one in sent]
        gate.rollback()
    return answers


def _failures() -> float:
    lines = metrics.exposition().decode().splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith('registry_intake_failures_total{provider="twilio"')
    )
