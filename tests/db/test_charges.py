"""Charges for questions under an Idempotency-Key, as the database makes them: once a day, whatever comes between.

The database's own clock is used, as in life. Time passes by setting back what is stored.
"""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import psycopg
import pytest
from house import House, opened_database, opened_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interleaved import wait_until
from members import Member
from psycopg import sql

from registry.db import admission
from registry.db.admission import Charge
from registry.db.embedded import EmbeddedUrls
from registry.domain.limits import spend_day

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
QUIET: Final = settings(
    max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
DAY_MINUTES: Final = 24 * 60
FINGERPRINTS: Final = tuple(bytes([number]) * 32 for number in range(3))
REQUESTS: Final = (b"q" * 32, b"r" * 32)


@dataclass(frozen=True)
class Question:
    """A question under one of three Idempotency-Keys after so many minutes. usable: whether its API key still is."""

    after: int
    key: int
    request: int
    numbers: int
    usable: bool


QUESTIONS: Final = st.lists(
    st.builds(
        Question,
        after=st.sampled_from([0, 0, 1, 600, DAY_MINUTES - 1, DAY_MINUTES + 1]),
        key=st.integers(0, 2),
        request=st.sampled_from([0, 0, 0, 1]),
        numbers=st.sampled_from([1, 1, 2, 5, 11]),
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


@contextmanager
def limited(house: House, member: Member, numbers_per_day: int) -> Generator[None]:
    """The member's limit, with nothing spent or paid for yet, and a key that may be used."""
    for table in ("key_rates", "organisation_days", "charges"):
        house.superuser.execute(sql.SQL("DELETE FROM registry.{}").format(sql.Identifier(table)))
    limit = "UPDATE registry.organisations SET numbers_per_day = %s WHERE id = %s"
    house.superuser.execute(limit, (numbers_per_day, member.id))
    house.superuser.execute("UPDATE registry.api_keys SET revoked_at = NULL")
    yield


def charge(house: House, member: Member, key: str, question: Question) -> Charge | None:
    return house.registry.database.run_single(
        lambda connection: admission.charge_once(
            connection,
            key,
            "lookups",
            organisation_id=member.id,
            fingerprint=FINGERPRINTS[question.key],
            request=REQUESTS[question.request],
            numbers=question.numbers,
        )
    )


def charged(house: House) -> dict[bytes, bytes]:
    """Fingerprint -> the request that was paid for under it."""
    return dict(house.superuser.execute("SELECT fingerprint, request FROM registry.charges").fetchall())


@QUIET
@given(npd=st.integers(0, 20), questions=QUESTIONS)
def test_a_question_is_charged_once_a_day_whatever_comes_between(
    house: House, member: Member, key: str, npd: int, questions: list[Question]
) -> None:
    """used: the day's numbers. paid: key -> the question that was charged, and how many minutes ago."""
    used, paid = dict[date, int](), dict[int, tuple[int, int]]()
    with limited(house, member, npd):
        for question in questions:
            older = "UPDATE registry.charges SET charged_at = charged_at - %s * interval '1 minute'"
            house.superuser.execute(older, (question.after,))
            house.superuser.execute(
                "UPDATE registry.api_keys SET revoked_at = CASE WHEN %s THEN NULL ELSE now() END WHERE id = %s",
                (question.usable, key),
            )
            found = charge(house, member, key, question)
            assert found is not None
            paid = {one: (asked, age + question.after) for one, (asked, age) in paid.items()}
            paid = {one: (asked, age) for one, (asked, age) in paid.items() if age < DAY_MINUTES}
            now = EPOCH + timedelta(microseconds=found.admission.at_us)
            today = used.get(now.date(), 0)
            assert (found.admission.usable, found.admission.key_allowed) == (question.usable, True)
            if question.key in paid:
                assert (found.paid, found.reused) == (True, paid[question.key][0] != question.request)
                assert (found.admission.day_allowed, found.admission.used) == (True, today)
                continue
            day = spend_day(npd, today, now, question.numbers)
            assert (found.paid, found.reused, found.admission.day_allowed) == (False, False, day.allowed)
            if question.usable and day.allowed:
                used[now.date()] = day.used
                paid[question.key] = (question.request, 0)
            assert found.admission.used == used.get(now.date(), 0)
            # What is older than a day is cleared away in passing, and what was refused was never there.
            kept = {FINGERPRINTS[one]: REQUESTS[asked] for one, (asked, _) in paid.items()}
            assert charged(house) == kept


def test_a_charge_for_an_unknown_key_leaves_nothing(house: House, member: Member) -> None:
    with limited(house, member, 100):
        assert charge(house, member, "zzzzzzzz", Question(0, 0, 0, 1, usable=True)) is None
        assert charged(house) == {}
        assert house.superuser.execute("SELECT count(*) FROM registry.organisation_days").fetchone() == (0,)


def test_charges_that_are_older_than_a_day_are_cleared_away_a_few_at_a_time(
    house: House, member: Member, key: str
) -> None:
    """Whoever they were charged to; a row that somebody else holds is left for later."""
    with limited(house, member, 100):
        house.superuser.execute(
            "INSERT INTO registry.charges SELECT gen_random_uuid(), sha256(n::text::bytea), sha256('r'),"
            " now() - interval '25 hours' - n * interval '1 minute' FROM generate_series(1, 6) AS n"
        )
        left: list[int] = []
        with psycopg.connect(house.urls.superuser_dsn) as holder:
            holder.execute("SELECT FROM registry.charges WHERE fingerprint = sha256('6') FOR UPDATE")
            for turn in range(3):
                charge(house, member, key, Question(0, turn % 3, 0, 1, usable=True))
                left.append(len(charged(house)))
            holder.rollback()
        charge(house, member, key, Question(0, 0, 0, 1, usable=True))
        assert [*left, len(charged(house))] == [3, 3, 4, 3]


@pytest.mark.parametrize(("limit", "told"), [(5, [(False, True), (True, True)]), (1, [(False, False), (False, False)])])
def test_a_question_that_is_repeated_while_it_is_charged_waits_for_the_end_of_that(
    house: House,
    member: Member,
    key: str,
    limit: int,
    told: list[tuple[bool, bool]],
) -> None:
    """What the first was refused the second may not take for paid. told: paid, and allowed by the day's limit."""
    question = Question(0, 0, 0, 2, usable=True)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with limited(house, member, limit), ThreadPoolExecutor(2) as pool:
        with psycopg.connect(house.urls.superuser_dsn) as holder:
            holder.execute("LOCK TABLE registry.organisation_days IN ACCESS EXCLUSIVE MODE")
            running = [pool.submit(charge, house, member, key, question) for _ in range(2)]
            wait_until(lambda: house.superuser.execute(waiting).fetchone() == (2,))
            holder.rollback()
        found = [one.result() for one in running]
    assert sorted((one.paid, one.admission.day_allowed) for one in found if one is not None) == told
    assert len(charged(house)) == (1 if limit == 5 else 0)
