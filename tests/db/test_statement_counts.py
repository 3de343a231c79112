"""How many statements a request makes: each is a way to the database and back, and none is added unnoticed."""

from collections.abc import Callable, Generator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest
from arrivals import arrived
from blinding import Batch
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from members import KEYS, NOW, Member, hit
from private_asker import PrivateAsker, private_asker
from providers import add_twilio, message, new_line
from statements import Sent, counted

from api.intake_desk import IntakeDesk
from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile

NUMBERS: Final = fictional_numbers()
TWO_KEYS: Final = KeyFile({**KEYS.seeds, 2: bytes(range(64, 96))}, KEYS.fingerprint_key)


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def investigator(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture(scope="module")
def employer(house: House) -> Member:
    return house.member("employer")


@pytest.fixture(scope="module")
def seen(investigator: Member) -> str:
    """A number with one contact."""
    number = next(NUMBERS)
    investigator.record(hit(investigator.register_decoy(next(NUMBERS)), number))
    return number


def statements(ask: Callable[[], Any]) -> list[str]:
    """The first words of each statement of a request whose key this process has proved before."""
    return [one.beginning for one in statements_and_rows(ask)]


def statements_and_rows(ask: Callable[[], Any]) -> list[Sent]:
    ask()
    with counted() as sent:
        ask()
    return sent


ADMIT: Final = 1
HOLD: Final = 1
EVENT: Final = 1
SUBJECTS: Final = 1
CHARGE: Final = 1
SETS: Final = 1
STILL: Final = 1
FIND: Final = 1
SPEND: Final = 1
SLOTS: Final = 64


def test_a_lookup_of_a_number_that_nobody_saw(employer: Member) -> None:
    number = next(NUMBERS)
    found = statements(lambda: employer.look_up(number))
    assert len(found) == ADMIT + 1 + EVENT, found


def test_a_lookup_of_a_listed_number(employer: Member, seen: str) -> None:
    assert employer.look_up(seen)["outcome"] == "contact_observed"
    found = statements(lambda: employer.look_up(seen))
    assert len(found) == ADMIT + 1 + EVENT + SUBJECTS, found


def test_a_lookup_of_an_excluded_number_makes_those_of_an_unknown_one(house: House, employer: Member) -> None:
    """Nor may their number tell the two apart."""
    number = next(NUMBERS)
    answer = house.member("operator").post("/v1/exclusions", {"number": number, "reason": "outreach"})
    assert answer.status_code == 201, answer.text
    unknown = next(NUMBERS)
    assert statements(lambda: employer.look_up(number)) == statements(lambda: employer.look_up(unknown))


def test_a_lookup_of_a_lines_number_makes_those_of_an_unknown_one(investigator: Member, employer: Member) -> None:
    """One that contacted another line, with and without a possession window."""
    number, unknown = next(NUMBERS), next(NUMBERS)
    investigator.record(hit(investigator.register_decoy(next(NUMBERS)), number))
    investigator.register_decoy(number, live_until="2040-01-01T00:00:00Z")
    for window in ({}, {"possessed_since": "2026-01-15"}):
        made = [statements_and_rows(partial(employer.look_up, one, **window)) for one in (unknown, number)]
        assert made[0] == made[1]
        assert len(made[0]) == ADMIT + 1 + EVENT


@pytest.mark.parametrize("keys", [KEYS, TWO_KEYS], ids=["one key", "two keys"])
@pytest.mark.parametrize("ends", [{}, {"expires_at": "2040-01-01T00:00:00Z"}], ids=["never", "later"])
def test_a_lookup_of_an_excluded_number_makes_no_more_when_its_contacts_have_expired_since(
    cluster: EmbeddedUrls, template: str, keys: KeyFile, ends: dict[str, str]
) -> None:
    """An exclusion does not age with what it hides: neither when the first contact expires nor when the last one does,
    nor when the registry gets another policy.
    """
    number, unknown = next(NUMBERS), next(NUMBERS)
    with opened_database(cluster, template) as urls, opened_house(urls, keys=keys) as house:
        investigator, employer = house.member("investigator"), house.member("employer")
        decoy = investigator.register_decoy(next(NUMBERS))
        investigator.record(hit(decoy, number, "2026-01-05T10:00:00Z"), hit(decoy, number, "2026-11-05T10:00:00Z"))
        body = {"number": number, "reason": "outreach", **ends}
        assert house.member("operator").post("/v1/exclusions", body).status_code == 201

        def compare(**window: str) -> None:
            made = [statements_and_rows(partial(employer.look_up, one, **window)) for one in (unknown, number)]
            if keys is KEYS:
                assert made[0] == made[1]
            assert [one.text for one in made[0]] == [one.text for one in made[1]]
            assert len(made[0]) == ADMIT + 1 + EVENT

        for at in (NOW, datetime(2028, 1, 5, 10, tzinfo=UTC), datetime(2029, 1, 1, tzinfo=UTC)):
            house.clock.now = at
            compare()
            compare(possessed_since="2026-01-15")
        house.superuser.execute("UPDATE registry.listings SET policy = 'another'")
        compare()


def test_a_lookup_with_a_possession_window_reads_hits_exclusions_and_disputes_once(employer: Member, seen: str) -> None:
    found = statements(lambda: employer.look_up(seen, possessed_since="2026-01-15"))
    assert len(found) == ADMIT + 4 + EVENT + SUBJECTS, found


@pytest.mark.parametrize("size", [1, 50])
def test_a_check_makes_as_many_however_many_numbers_it_asks(employer: Member, seen: str, size: int) -> None:
    body = {"purpose": "company_number", "items": [{"number": seen}, *({"number": next(NUMBERS)} for _ in range(size))]}
    found = statements(lambda: employer.post("/v1/checks", body))
    assert len(found) == ADMIT + 1 + EVENT + SUBJECTS, found


@pytest.mark.parametrize("size", [1, 50])
def test_a_submission_makes_as_many_however_many_contacts_it_brings(investigator: Member, size: int) -> None:
    """Generations held; decoys found and held, sources claimed, hits added; rows made and locked, hits, exclusions and
    disputes read, rows written; days counted.
    """
    decoy = investigator.register_decoy(next(NUMBERS))
    found = statements(lambda: investigator.record(*(hit(decoy, next(NUMBERS)) for _ in range(size))))
    assert len(found) == ADMIT + HOLD + 4 + 6 + 1 + EVENT, found


@pytest.mark.parametrize("size", [1, 50])
def test_one_of_today_makes_one_more_that_looks_for_a_flood(investigator: Member, size: int) -> None:
    """It reads what the decoys have had today and yesterday. A number is looked at no closer that has few contacts."""
    decoy = investigator.register_decoy(next(NUMBERS))
    at = (NOW - timedelta(hours=1)).isoformat()
    found = statements(lambda: investigator.record(*(hit(decoy, next(NUMBERS), at) for _ in range(size))))
    assert len(found) == ADMIT + HOLD + 4 + 6 + 1 + 1 + EVENT, found


@pytest.mark.parametrize("many", [1, 7])
def test_providers_requests_that_arrive_together_are_taken_in_by_as_many_statements_as_one(
    house: House, many: int
) -> None:
    """One finds their lines, one spends their requests; the transaction holds the generations, limits its waits, holds
    the decoys, records, counts and lists like a submission of hits, and writes an event for each.
    """
    investigator = house.member("investigator")
    add_twilio(investigator)
    lines = [new_line(investigator, next(NUMBERS)) for _ in range(many)]
    desk = IntakeDesk(house.registry)
    found = statements(lambda: desk.take_together([arrived(house, line, message(next(NUMBERS))) for line in lines]))
    assert len(found) == FIND + SPEND + HOLD + 1 + 2 + 2 + 7 + EVENT, found


def test_a_provider_s_request_that_is_not_signed_is_recorded_and_nothing_else(investigator: Member) -> None:
    line = new_line(investigator, next(NUMBERS))
    found = statements(lambda: line.twilio(message(next(NUMBERS)), token="wrong" * 4))
    assert len(found) == FIND + SPEND + EVENT, found


def test_noise_in_place_of_a_key_looks_nothing_up_and_is_charged_to_its_address(house: House) -> None:
    with counted() as sent:
        answer = house.client.get("/v1/account", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert len(sent) == 1, sent
    assert "spend_address" in sent[0].text


@pytest.fixture(scope="module")
def asker(house: House) -> PrivateAsker:
    return private_asker(house)


def tag(house: House, number: str) -> bytes:
    return tags_of(house.registry, number)[0]


@pytest.mark.parametrize("size", [1, 50])
def test_a_blinded_batch_reads_nothing_at_all(asker: PrivateAsker, size: int) -> None:
    batch = Batch.of_numbers(["+12065550100"] * size)
    assert len(found := statements(lambda: asker.send(batch.blinded))) == ADMIT + EVENT, found


def test_a_question_under_a_key_of_its_own_makes_one_more(asker: PrivateAsker) -> None:
    batch, once = Batch.of_numbers(["+12065550100"]), {"Idempotency-Key": '"once"'}
    found = statements(lambda: asker.send(batch.blinded, headers=once))
    assert len(found) == ADMIT + CHARGE + EVENT, found


@pytest.mark.parametrize("size", [1, 50])
def test_a_disclosure_makes_as_many_as_a_check(house: House, asker: PrivateAsker, seen: str, size: int) -> None:
    items = [{"tag": tag(house, seen)}, *({"tag": bytes([n]) * 32} for n in range(size))]
    found = statements(lambda: asker.disclose(*items))
    assert len(found) == ADMIT + 1 + EVENT + SUBJECTS, found


@pytest.mark.parametrize("window", [{}, {"possessed_since": "2026-01-15"}])
def test_a_disclosure_of_an_excluded_tag_makes_those_of_an_unknown_one_and_gets_as_many_rows(
    house: House, asker: PrivateAsker, seen: str, window: dict[str, str]
) -> None:
    """So that not even the time of an answer tells the two apart; also for one that was seen before."""
    seen_and_excluded, excluded = next(NUMBERS), next(NUMBERS)
    investigator, operator = house.member("investigator"), house.member("operator")
    investigator.record(hit(investigator.register_decoy(next(NUMBERS)), seen_and_excluded))
    for number in (seen_and_excluded, excluded):
        assert operator.post("/v1/exclusions", {"number": number, "reason": "outreach"}).status_code == 201
    made = [
        statements_and_rows(partial(asker.disclose, {"tag": one, **window}))
        for one in (bytes(32), tag(house, excluded), tag(house, seen_and_excluded))
    ]
    assert made[0] == made[1] == made[2]
    assert len(made[0]) == ADMIT + 1 + EVENT
    assert made[0] != statements_and_rows(lambda: asker.disclose({"tag": tag(house, seen), **window}))


def test_a_set_that_is_built_is_read_at_one_moment_in_parts(asker: PrivateAsker) -> None:
    found = statements(lambda: asker.set_ids(1))
    assert len(found) == ADMIT + SETS + STILL + 1 + SLOTS + EVENT, found


def test_a_set_that_the_caller_has_is_not_read_at_all(asker: PrivateAsker) -> None:
    headers = {**asker.member.headers, "If-None-Match": "*"}
    found = statements(lambda: asker.member.client.get("/v1/private/set?generation=1", headers=headers))
    assert len(found) == ADMIT + SETS + STILL + 1 + EVENT, found


def test_parameters_of_a_set_that_is_built_ask_for_it_once(asker: PrivateAsker) -> None:
    found = statements(asker.parameters)
    assert len(found) == ADMIT + SETS + EVENT, found
