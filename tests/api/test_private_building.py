"""Many that ask for a set which is being built: a few wait for it, the others are told to come again."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from house import opened_database, opened_house
from interleaved import wait_until
from shapes import refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope

ASKERS = 8
PLACES = 4


def test_those_that_find_no_place_to_wait_are_told_to_come_again_and_hold_nobody_up(
    cluster: EmbeddedUrls, template: str
) -> None:
    with (
        opened_database(cluster, template) as urls,
        opened_house(urls) as house,
        psycopg.connect(urls.superuser_dsn) as gate,
        ThreadPoolExecutor(ASKERS) as threads,
    ):
        employer = house.member("employer", scopes=frozenset({Scope.LOOKUPS, Scope.PRIVATE}))
        gate.execute("LOCK TABLE registry.private_sets IN EXCLUSIVE MODE")
        asked = [threads.submit(employer.get, "/v1/private/parameters") for _ in range(ASKERS)]
        wait_until(lambda: sum(one.done() for one in asked) == ASKERS - PLACES)
        for one in asked:
            if one.done():
                refusal_of(one.result(), 503, "overloaded")
                assert one.result().headers["retry-after"] == "2"
        assert employer.look_up("+12065550177")["outcome"] == "none"
        gate.rollback()
        assert sorted(one.result().status_code for one in asked) == [200] * PLACES + [503] * (ASKERS - PLACES)
