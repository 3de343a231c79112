"""How many statements a request makes: each is a way to the database and back, and none is added unnoticed."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest
from house import House, fictional_numbers, opened_database, opened_house
from members import Member, hit

from registry.db.embedded import EmbeddedUrls

NUMBERS: Final = fictional_numbers()


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


@contextmanager
def counted() -> Generator[list[str]]:
    """The statements that any pool sends, in their order; BEGIN and COMMIT are not among them."""
    sent: list[str] = []

    original: Any = psycopg.Cursor.execute

    def note(cursor: Any, statement: str | bytes, *arguments: Any, **named: Any) -> Any:
        text = statement.decode() if isinstance(statement, bytes) else statement
        sent.append(" ".join(text.split()))
        return original(cursor, statement, *arguments, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psycopg.Cursor, "execute", note)
        yield sent


def statements(ask: Callable[[], Any]) -> list[str]:
    """The first words of each statement of a request whose key this process has proved before."""
    ask()
    with counted() as sent:
        ask()
    return [statement.partition(" FROM")[0].partition(" (")[0][:60] for statement in sent]


ADMIT: Final = 1
HOLD: Final = 1
EVENT: Final = 1
SUBJECTS: Final = 1


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
    disputes read, rows written.
    """
    decoy = investigator.register_decoy(next(NUMBERS))
    found = statements(lambda: investigator.record(*(hit(decoy, next(NUMBERS)) for _ in range(size))))
    assert len(found) == ADMIT + HOLD + 4 + 6 + EVENT, found


def test_noise_in_place_of_a_key_looks_nothing_up_and_is_charged_to_its_address(house: House) -> None:
    with counted() as sent:
        answer = house.client.get("/v1/account", headers={"Authorization": "Bearer nonsense"})
    assert answer.status_code == 401
    assert len(sent) == 1, sent
    assert "spend_address" in sent[0]
