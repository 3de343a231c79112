"""The limits as the database spends them, held against the domain's arithmetic to the microsecond.

The database's own clock is used, as in life. Time passes by setting back what is stored: an arrival time that lies so
much earlier is the same as a present that lies so much later.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
import pytest
from house import House, opened_database, opened_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from members import Member
from psycopg import sql
from sqlalchemy import Connection

from registry.db import admission
from registry.db.admission import Admission
from registry.db.embedded import EmbeddedUrls
from registry.domain.limits import Gcra, Rate, spend_day

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
ADDRESS: Final = b"somewhere"
QUIET: Final = settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)


def moment(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND


def microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


@dataclass(frozen=True)
class Ask:
    """One request after so many microseconds. usable: whether its key may still be used."""

    after: int
    requests: int
    numbers: int
    usable: bool


ASKS: Final = st.lists(
    st.builds(
        Ask,
        after=st.just(0) | st.integers(0, 120_000_000),
        requests=st.sampled_from([1, 1, 1, 1, 2, 3, 0]),
        numbers=st.sampled_from([0, 0, 1, 1, 2, 5, 11]),
        usable=st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=15,
)


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def member(house: House) -> Member:
    return house.member("employer")


@pytest.fixture(scope="module")
def key(member: Member) -> str:
    """The public part of the member's key."""
    return member.key.removeprefix("drk_test_")[:8]


@pytest.fixture
def superuser(house: House) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    yield house.superuser
    for table in ("key_rates", "address_rates", "organisation_days"):
        house.superuser.execute(sql.SQL("DELETE FROM registry.{}").format(sql.Identifier(table)))


def admit(house: House, key: str, ask: Ask) -> Admission:
    def spend(connection: Connection) -> Admission | None:
        return admission.admit(connection, key, "lookups", requests=ask.requests, numbers=ask.numbers)

    found = house.registry.database.run_single(spend)
    assert found is not None
    return found


@contextmanager
def limited(house: House, member: Member, requests_per_minute: int, numbers_per_day: int) -> Generator[None]:
    """The member's limits, with nothing spent yet."""
    for table in ("key_rates", "organisation_days"):
        house.superuser.execute(sql.SQL("DELETE FROM registry.{}").format(sql.Identifier(table)))
    house.superuser.execute(
        "UPDATE registry.organisations SET requests_per_minute = %s, numbers_per_day = %s WHERE id = %s",
        (requests_per_minute, numbers_per_day, member.id),
    )
    yield


@QUIET
@given(rpm=st.sampled_from([1, 2, 3, 7, 60, 600, 999_983]), npd=st.integers(0, 12), asks=ASKS)
def test_admission_is_the_domains_arithmetic(
    house: House, member: Member, key: str, rpm: int, npd: int, asks: list[Ask]
) -> None:
    rate, tat, used, known = Rate(rpm, 60), 0, dict[date, int](), False
    with limited(house, member, rpm, npd):
        for ask in asks:
            tat -= ask.after if known else 0
            house.superuser.execute("UPDATE registry.key_rates SET tat = tat - %s", (ask.after,))
            house.superuser.execute(
                "UPDATE registry.api_keys SET revoked_at = CASE WHEN %s THEN NULL ELSE now() END WHERE id = %s",
                (ask.usable, key),
            )
            found = admit(house, key, ask)
            known = True
            now, today = moment(found.at_us), used.get(moment(found.at_us).date(), 0)
            if ask.requests:
                spent = Gcra.spend(rate, moment(tat), now, ask.requests)
                key_allowed, after = spent.allowed, tat if spent.tat is None else microseconds(spent.tat)
            else:  # more numbers for a request that was admitted
                key_allowed, after = True, max(tat, found.at_us)
            day = spend_day(npd, today, now, ask.numbers)
            assert found.usable is ask.usable
            assert (found.key_allowed, found.day_allowed) == (key_allowed, day.allowed)
            # All or nothing; but a key that may not be used spends its requests all the same, and no number.
            if key_allowed and (day.allowed or not ask.usable):
                tat = after
            if key_allowed and day.allowed and ask.usable:
                today = used[now.date()] = day.used
            assert (found.tat_us, found.used) == (tat, today)


@QUIET
@given(
    per_minute=st.sampled_from([1, 2, 3, 7, 20]),
    gaps=st.lists(st.just(0) | st.integers(0, 90_000_000), min_size=1, max_size=30),
)
def test_failed_authentications_are_counted_by_the_same_arithmetic(
    house: House, superuser: psycopg.Connection[tuple[Any, ...]], per_minute: int, gaps: list[int]
) -> None:
    """The moment is not told: where the answer does not give it away, it lies between two looks at the clock."""
    rate = Rate(per_minute, 60)
    stored = 0
    superuser.execute("DELETE FROM registry.address_rates")
    for gap in gaps:
        stored -= gap
        superuser.execute("UPDATE registry.address_rates SET tat = tat - %s", (gap,))
        before = clock_of(superuser)
        waited = round(house.registry.database.run_single(fail(per_minute)) * 1_000_000)
        after = clock_of(superuser)
        row = superuser.execute("SELECT tat FROM registry.address_rates WHERE address = %s", (ADDRESS,)).fetchone()
        assert row is not None
        if waited:
            at = stored + rate.emission_us - rate.burst_us - waited
        else:
            at = max(before, min(after, row[0] - rate.emission_us))
        assert before <= at <= after
        spent = Gcra.spend(rate, moment(stored), moment(at))
        assert spent.allowed is (waited == 0)
        assert spent.retry_after is not None
        assert round(spent.retry_after * 1_000_000) == waited
        stored = stored if spent.tat is None else microseconds(spent.tat)
        assert row[0] == stored


def fail(per_minute: int) -> Callable[[Connection], float]:
    return lambda connection: admission.spend_address(connection, ADDRESS, per_minute)


def clock_of(superuser: psycopg.Connection[tuple[Any, ...]]) -> int:
    row = superuser.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").fetchone()
    assert row is not None
    return int(row[0])


def test_addresses_that_have_earned_everything_back_need_no_row(
    house: House, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    superuser.execute(
        "INSERT INTO registry.address_rates SELECT sha256(n::text::bytea), n FROM generate_series(1, 9) AS n"
    )
    left: list[tuple[Any, ...]] = []
    for _ in range(3):
        assert house.registry.database.run_single(fail(20)) == 0
        others = "SELECT count(*) FROM registry.address_rates WHERE address <> %s"
        left += superuser.execute(others, (ADDRESS,)).fetchall()
    assert left == [(5,), (1,), (0,)]


def test_an_unknown_key_is_nobody_and_leaves_no_trace(
    house: House, superuser: psycopg.Connection[tuple[Any, ...]]
) -> None:
    found = house.registry.database.run_single(
        lambda connection: admission.admit(connection, "zzzzzzzz", None, requests=1, numbers=1)
    )
    assert found is None
    assert superuser.execute("SELECT count(*) FROM registry.key_rates").fetchone() == (0,)


def test_two_keys_of_an_organisation_share_its_day_and_not_its_minute(house: House, member: Member, key: str) -> None:
    other = house.member("employer")
    other_key = other.key.removeprefix("drk_test_")[:8]
    house.superuser.execute("UPDATE registry.api_keys SET organisation_id = %s WHERE id = %s", (member.id, other_key))
    house.superuser.execute("UPDATE registry.api_keys SET revoked_at = NULL")
    with limited(house, member, 2, 5):
        one = [admit(house, key, Ask(0, 1, 2, usable=True)) for _ in range(2)]
        two = [admit(house, other_key, Ask(0, 1, 2, usable=True)) for _ in range(2)]
    assert [(a.key_allowed, a.day_allowed, a.used) for a in one] == [(True, True, 2), (True, True, 4)]
    assert [(a.key_allowed, a.day_allowed, a.used) for a in two] == [(True, False, 4), (True, False, 4)]


def test_what_is_spent_stays_spent_though_the_operation_is_undone(house: House) -> None:
    """A rollback must not refund a probe: neither its request nor its numbers."""
    member = house.member("investigator", requests_per_minute=3, numbers_per_day=20)
    body = {
        "hits": [{"decoy_id": str(member.id), "number": "x", "channel": "sms", "occurred_at": "2026-11-01T10:00:00Z"}]
    }
    headers = {"Idempotency-Key": '"one"'}
    assert member.post("/v1/hits", body, headers=headers).status_code == 200
    spent: list[int] = []
    for numbers in (2, 3):
        refused = member.post("/v1/hits", {"hits": body["hits"] * numbers}, headers=headers)
        assert refused.json()["code"] == "idempotency_key_reused"  # decided inside the transaction, which it undid
        row = house.superuser.execute(
            "SELECT used FROM registry.organisation_days WHERE organisation_id = %s", (member.id,)
        ).fetchone()
        assert row is not None
        spent.append(row[0])
    assert spent == [3, 6]
    assert '"org-day";r=14;' in refused.headers["RateLimit"]
    assert '"key";r=0;' in refused.headers["RateLimit"]
