"""Contacts of a held number that make its flood begin earlier wait for nobody in a circle."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Final

import pytest
from flooding import NUMBERS, at, burst, flood_settings, submit
from house import House, opened_database, opened_house
from members import KEYS, Member, hit
from private_asker import FOUR_KEYS
from recomputed import recomputed_listings, stored_listings

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile

TWO_KEYS: Final = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2)}, KEYS.fingerprint_key)
DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
SENDERS: Final = 5
EACH: Final = 5


def deadlocks(house: House) -> int:
    """A backend tells of its own when it next has time to, a second later at most."""
    time.sleep(1.2)
    found = house.superuser.execute(DEADLOCKS).fetchone()
    assert found is not None
    return int(found[0])


def assert_listings_hold(house: House) -> None:
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


@pytest.mark.parametrize("keys", [KEYS, TWO_KEYS], ids=["one generation", "two"])
def test_older_contacts_of_a_held_number_from_several(cluster: EmbeddedUrls, template: str, keys: KeyFile) -> None:
    number = next(NUMBERS)
    with opened_database(cluster, template) as urls, opened_house(urls, flood_settings(), keys=keys) as house:
        watches = [house.member("investigator") for _ in range(SENDERS)]
        decoys = [watch.register_decoy(next(NUMBERS)) for watch in watches]
        submit(watches[0], burst(decoys[0], number, 4))

        def tell(which: int) -> None:
            for minute in range(1, EACH * SENDERS, SENDERS):
                submit(watches[which], [hit(decoys[which], number, at(-minute - which))])

        with ThreadPoolExecutor(SENDERS) as threads:
            list(threads.map(tell, range(SENDERS)))
        assert deadlocks(house) == 0
        assert_listings_hold(house)
        house.clock.advance(days=8)
        assert house.member("employer").look_up(number)["outcome"] == "none"


def test_the_operator_lets_go_of_numbers_while_older_contacts_of_them_come(
    cluster: EmbeddedUrls, template: str
) -> None:
    with opened_database(cluster, template) as urls, opened_house(urls, flood_settings()) as house:
        watch, operator = house.member("investigator"), house.member("operator")
        numbers = [next(NUMBERS) for _ in range(30)]
        for number in numbers:
            submit(watch, burst(watch.register_decoy(next(NUMBERS)), number, 4))
        decoys = [watch.register_decoy(next(NUMBERS)) for _ in numbers]
        together = Barrier(2)

        def tell(to: Member) -> None:
            for number, decoy in zip(numbers, decoys, strict=True):
                together.wait()
                submit(to, [hit(decoy, number, at(-5))])

        def let_go(by: Member) -> None:
            for late, number in enumerate(numbers):
                together.wait()
                time.sleep(late * 0.0005)
                assert by.post("/v1/exclusions/removals", {"number": number}).status_code == 200

        with ThreadPoolExecutor(2) as threads:
            for one in [threads.submit(tell, watch), threads.submit(let_go, operator)]:
                one.result()
        assert deadlocks(house) == 0
        assert_listings_hold(house)
