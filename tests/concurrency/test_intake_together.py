"""Providers' requests that arrive together: one transaction, and yet each is taken in, recorded, refused and told about
as if it had come alone.
"""

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Final

import psycopg
import pytest
from arrivals import arrived
from audit_trail import AuditTrail
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house, sandbox_settings
from providers import Line, add_twilio, message, new_line
from psycopg import sql
from recomputed import recomputed_listings, stored_listings
from waiting import until_waiting

from api.intake_desk import IntakeDesk
from api.intake_round import Arrived, Outcome, Rest
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Code, Refused
from registry.operations.take_in import Taken

NUMBERS: Final = fictional_numbers()
MOST_OF_A_NUMBER: Final = 4
MOST_OF_A_DECOY: Final = 5


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    settings = sandbox_settings(flood_number_contacts=MOST_OF_A_NUMBER, flood_decoy_contacts=MOST_OF_A_DECOY)
    with opened_database(cluster, template) as urls, opened_house(urls, settings) as opened:
        yield opened


@pytest.fixture
def desk(house: House) -> Generator[IntakeDesk]:
    desk = IntakeDesk(house.registry)
    yield desk
    desk.close()


@pytest.fixture
def lines(house: House) -> list[Line]:
    """Of two organisations, by turns."""
    members = [house.member("investigator") for _ in range(2)]
    for member in members:
        add_twilio(member)
    return [new_line(members[at % 2], next(NUMBERS)) for at in range(4)]


@pytest.fixture
def trail(house: House) -> AuditTrail:
    return AuditTrail(house.superuser)


def settled(outcome: Outcome) -> Taken | Code | None:
    """What the request is answered with: what is left to do for it is done."""
    if isinstance(outcome, Taken):
        return outcome
    try:
        return outcome.do()
    except Refused as refused:
        return refused.code


def together(desk: IntakeDesk, *pieces: Arrived) -> list[Taken | Code | None]:
    return [settled(outcome) for outcome in desk.take_together(pieces)]


def own_events(trail: AuditTrail, piece: Arrived) -> list[dict[str, Any]]:
    """Without those of the registry's own acts."""
    return [e for e in trail.of_request(str(piece.arrival.request.id)) if e["operation"] == "intake"]


def assert_listings_hold(house: House) -> None:
    assert stored_listings(house.superuser) == recomputed_listings(
        house.superuser, house.registry.policy, house.clock.now
    )


def test_each_is_recorded_for_its_own_organisation_with_an_event_of_its_own(
    house: House, desk: IntakeDesk, lines: list[Line], trail: AuditTrail
) -> None:
    caller = next(NUMBERS)
    pieces = [arrived(house, line, message(caller)) for line in lines]
    transactions = _transactions(house)
    outcomes = desk.take_together(pieces)
    assert outcomes == [Taken.RECORDED] * len(lines), "nothing is left to be done by itself"
    assert _transactions(house) - transactions == 1
    for piece, line in zip(pieces, lines, strict=True):
        (event,) = own_events(trail, piece)
        assert event["actor"]["organisation"] == str(line.member.id)
        assert event["count"] == {"submitted": 1, "charged": 0, "recorded": 1}
        assert trail.private(event["id"])[1:] == ("192.0.2.7", "a provider")
        assert len(line.hits()) == 1
    listing = stored_listings(house.superuser)[tags_of(house.registry, caller)[0]]
    assert (listing.grade, listing.contacts, listing.decoys, listing.organisations) == ("corroborated", 4, 4, 2)
    assert_listings_hold(house)


def _transactions(house: House) -> int:
    """How many different transactions wrote events."""
    row = house.superuser.execute("SELECT count(DISTINCT xid) FROM audit.event").fetchone()
    assert row is not None
    return int(row[0])


def test_an_event_that_is_told_twice_in_one_batch_is_one_contact(
    house: House, desk: IntakeDesk, lines: list[Line]
) -> None:
    told = message(next(NUMBERS))
    of_another = new_line(lines[1].member, next(NUMBERS))
    pieces = [arrived(house, line, told) for line in (lines[0], lines[0], of_another)]
    assert together(desk, *pieces) == [Taken.RECORDED, Taken.DUPLICATE, Taken.RECORDED], (
        "Sids are an organisation's own"
    )
    assert together(desk, *pieces) == [Taken.DUPLICATE] * 3
    assert len(lines[0].hits()) == 1
    assert_listings_hold(house)


def test_whatever_is_wrong_with_some_the_others_are_taken_in(
    house: House, desk: IntakeDesk, lines: list[Line], trail: AuditTrail
) -> None:
    line = lines[0]
    nobodys = Line(line.member, line.decoy, {"twilio": f"https://registry.example.org/v1/intake/twilio/{'A' * 43}"})
    pieces = {
        "good": arrived(house, line, message(next(NUMBERS))),
        "unsigned": arrived(house, line, message(next(NUMBERS)), token="wrong" * 4),
        "nobody's": arrived(house, nobodys, message(next(NUMBERS))),
        "no Sid": arrived(house, line, message(next(NUMBERS), MessageSid="none")),
        "sender's name": arrived(house, line, message("EXAMPLE")),
        "withheld": arrived(house, line, message("anonymous")),
        "sent by us": arrived(house, line, message(next(NUMBERS), SmsStatus="sent")),
        "of another line": arrived(house, line, message(next(NUMBERS), To=next(NUMBERS))),
        "good, too": arrived(house, lines[1], message(next(NUMBERS))),
    }
    assert dict(zip(pieces, together(desk, *pieces.values()), strict=True)) == {
        "good": Taken.RECORDED,
        "unsigned": Code.SIGNATURE_REFUSED,
        "nobody's": Code.SIGNATURE_REFUSED,
        "no Sid": Code.INVALID_REQUEST,
        "sender's name": None,
        "withheld": Taken.WITHHELD,
        "sent by us": Taken.IGNORED,
        "of another line": Taken.OTHER_LINE,
        "good, too": Taken.RECORDED,
    }
    results = {name: [event["result"] for event in own_events(trail, piece)] for name, piece in pieces.items()}
    assert results == {
        **{name: ["ok"] for name in pieces},
        "unsigned": ["signature_refused"],
        "nobody's": ["signature_refused"],
        "no Sid": ["invalid_value"],
        "sender's name": ["sender_name"],
    }
    assert len(line.hits()) == 1


def test_a_body_that_cannot_be_read_is_nobody_elses_problem(house: House, desk: IntakeDesk, lines: list[Line]) -> None:
    good, other = (arrived(house, lines[0], message(next(NUMBERS))) for _ in range(2))
    unread = replace(other, delivery=replace(other.delivery, body=b"From=%FF"))
    assert together(desk, unread, good) == [Code.INVALID_UTF8, Taken.RECORDED]


def test_a_number_that_floods_within_one_batch_is_held(
    house: House, desk: IntakeDesk, lines: list[Line], trail: AuditTrail
) -> None:
    caller = next(NUMBERS)
    pieces = [arrived(house, lines[at % 4], message(caller)) for at in range(MOST_OF_A_NUMBER + 1)]
    assert together(desk, *pieces) == [Taken.RECORDED] * len(pieces)
    assert stored_listings(house.superuser)[tags_of(house.registry, caller)[0]].excluded
    held = [event for piece in pieces for event in trail.of_request(str(piece.arrival.request.id))]
    assert [event["count"] for event in held if event["operation"] == "hold_flood"] == [
        {"submitted": 0, "charged": 0, "held_numbers": 1}
    ]
    assert_listings_hold(house)


def test_a_hold_is_recorded_under_the_request_of_the_number_that_was_held(
    house: House, desk: IntakeDesk, lines: list[Line], trail: AuditTrail
) -> None:
    """Of another organisation's contact in the same batch it must say nothing, though that was recorded last."""
    flooding, innocent = next(NUMBERS), next(NUMBERS)
    pieces = [arrived(house, lines[0], message(flooding)) for _ in range(MOST_OF_A_NUMBER + 1)]
    pieces.append(arrived(house, lines[1], message(innocent)))
    assert together(desk, *pieces) == [Taken.RECORDED] * len(pieces)
    held = [
        at
        for at, piece in enumerate(pieces)
        for event in trail.of_request(str(piece.arrival.request.id))
        if event["operation"] == "hold_flood"
    ]
    assert held == [MOST_OF_A_NUMBER]


def test_nobody_waits_for_a_number_whose_listing_somebody_holds(
    house: House, desk: IntakeDesk, lines: list[Line]
) -> None:
    busy, free = next(NUMBERS), next(NUMBERS)
    assert together(desk, arrived(house, lines[0], message(busy))) == [Taken.RECORDED]
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("SELECT FROM registry.listings WHERE tag = %s FOR UPDATE", (tags_of(house.registry, busy)[0],))
        pieces = [arrived(house, line, message(number)) for line, number in zip(lines, (busy, free), strict=False)]
        left = desk.take_together(pieces)
        waiting, done = (threads.submit(settled, outcome) for outcome in left)
        assert done.result(10) is Taken.RECORDED
        until_waiting(house, 1)
        gate.rollback()
        assert waiting.result() is Taken.RECORDED
    assert_listings_hold(house)


def test_a_decoy_that_floods_within_one_batch_is_quarantined(house: House, desk: IntakeDesk, lines: list[Line]) -> None:
    flooded, other = lines[:2]
    pieces = [arrived(house, flooded, message(next(NUMBERS))) for _ in range(MOST_OF_A_DECOY + 1)]
    pieces.append(arrived(house, other, message(next(NUMBERS))))
    assert together(desk, *pieces) == [Taken.RECORDED] * len(pieces)
    quarantined = "SELECT id::text FROM registry.decoys WHERE quarantined_at IS NOT NULL AND id = ANY (%s::uuid[])"
    rows = house.superuser.execute(quarantined, ([flooded.decoy, other.decoy],)).fetchall()
    assert rows == [(flooded.decoy,)]
    assert_listings_hold(house)


def test_nobody_waits_for_a_decoy_of_somebody_elses_that_is_being_changed(
    house: House, desk: IntakeDesk, lines: list[Line]
) -> None:
    changing, other = lines[:2]
    pieces = [arrived(house, line, message(next(NUMBERS))) for line in (changing, other)]
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(1) as threads:
        gate.execute("SELECT FROM registry.decoys WHERE id = %s FOR UPDATE", (changing.decoy,))
        outcomes = desk.take_together(pieces)
        assert outcomes[1] is Taken.RECORDED
        left = outcomes[0]
        assert isinstance(left, Rest)
        waiting = threads.submit(settled, left)
        until_waiting(house, 1)
        gate.rollback()
        assert waiting.result() is Taken.RECORDED
    assert [len(line.hits()) for line in (changing, other)] == [1, 1]


def test_where_the_transaction_fails_each_is_taken_in_by_itself(
    house: House, desk: IntakeDesk, lines: list[Line]
) -> None:
    """Whatever it fails by: here it is one organisation whose contacts the database refuses."""
    refused, other = lines[:2]
    house.superuser.execute(
        "CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not this one'; END $$"
    )
    house.superuser.execute(
        sql.SQL(
            "CREATE TRIGGER refuse BEFORE INSERT ON registry.submissions FOR EACH ROW"
            " WHEN (NEW.decoy_id = {}) EXECUTE FUNCTION pg_temp.refuse()"
        ).format(sql.Literal(refused.decoy))
    )
    try:
        outcomes = desk.take_together([arrived(house, line, message(next(NUMBERS))) for line in (refused, other)])
    finally:
        house.superuser.execute("DROP TRIGGER refuse ON registry.submissions")
    assert all(isinstance(outcome, Rest) for outcome in outcomes), "nothing was done together"
    assert [len(line.hits()) for line in (refused, other)] == [0, 0]
    assert [settled(outcome) for outcome in outcomes] == [Taken.RECORDED] * 2
    assert [len(line.hits()) for line in (refused, other)] == [1, 1]


def test_keys_that_are_out_of_date_are_told_to_each(cluster: EmbeddedUrls, template: str) -> None:
    """Nothing is recorded under a generation that was replaced, alone or together."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        member = house.member("investigator")
        add_twilio(member)
        line = new_line(member, next(NUMBERS))
        house.superuser.execute("INSERT INTO registry.generations (number, public_key) VALUES (9, sha256('x'))")
        desk = IntakeDesk(house.registry)
        pieces = [arrived(house, line, message(next(NUMBERS))) for _ in range(3)]
        assert together(desk, *pieces) == [Code.KEYS_OUT_OF_DATE] * 3
        assert house.superuser.execute("SELECT count(*) FROM registry.submissions").fetchone() == (0,)


def test_many_at_once_over_http_are_each_recorded_once(house: House, desk: IntakeDesk, lines: list[Line]) -> None:
    own = [new_line(line.member, next(NUMBERS)) for line in lines for _ in range(2)]
    told = [(line, message(next(NUMBERS))) for line in own for _ in range(3)] * 2

    def tell(one: tuple[Line, Mapping[str, str]]) -> int:
        line, parameters = one
        return int(line.twilio(parameters).status_code)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(tell, told))
    assert answers == [200] * len(told)
    assert [len(line.hits()) for line in own] == [3] * len(own)
    assert_listings_hold(house)
