"""Providers' requests at once, in transactions beside each other: none is lost."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import psycopg
import pytest
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from members import Member
from providers import Line, add_twilio, message, new_line
from recomputed import recomputed_listings, stored_listings
from waiting import until_waiting

from registry.db.embedded import EmbeddedUrls

NUMBERS: Final = fictional_numbers()


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def investigator(house: House) -> Member:
    member = house.member("investigator")
    add_twilio(member)
    return member


@pytest.fixture
def lines(investigator: Member) -> list[Line]:
    return [new_line(investigator, next(NUMBERS)) for _ in range(2)]


@pytest.mark.parametrize("before", [0, 1], ids=["seen never before", "listed before"])
def test_contacts_of_one_number_on_two_lines_at_once_are_both_counted(
    house: House, lines: list[Line], before: int
) -> None:
    """The first has read what stands behind the number, and is held up before it writes the listing; the second may
    read nothing until then.
    """
    number = next(NUMBERS)
    for _ in range(before):
        assert lines[0].twilio(message(number)).status_code == 200
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE registry.decoy_days IN SHARE MODE")
        both = [threads.submit(line.twilio, message(number)) for line in lines]
        until_waiting(house, 2)
        gate.rollback()
        assert [one.result().status_code for one in both] == [200, 200]
    stored = stored_listings(house.superuser)
    assert stored == recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    listing = stored[tags_of(house.registry, number)[0]]
    assert (listing.contacts, listing.decoys) == (before + 2, 2)


def test_a_contact_of_a_number_that_is_excluded_meanwhile_is_not_listed(house: House, lines: list[Line]) -> None:
    number, operator = next(NUMBERS), house.member("operator")
    assert lines[0].twilio(message(number)).status_code == 200
    with psycopg.connect(house.urls.superuser_dsn) as gate, ThreadPoolExecutor(2) as threads:
        gate.execute("LOCK TABLE audit.event IN SHARE MODE")
        excluding = threads.submit(operator.post, "/v1/exclusions", {"number": number, "reason": "outreach"})
        until_waiting(house, 1)
        calling = threads.submit(lines[1].twilio, message(number))
        until_waiting(house, 2)
        gate.rollback()
        assert (excluding.result().status_code, calling.result().status_code) == (201, 200)
    stored = stored_listings(house.superuser)
    assert stored == recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored[tags_of(house.registry, number)[0]].excluded
