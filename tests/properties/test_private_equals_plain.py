"""Whatever has happened to a registry, asking privately tells exactly what asking plainly tells (PRIVATE.md)."""

from collections.abc import Callable, Sequence
from datetime import date, time, timedelta
from itertools import product
from typing import Any, Final

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from private_world import (
    Change,
    Closure,
    Contact,
    Dispute,
    Download,
    Exclusion,
    Inclusion,
    NewGeneration,
    Retraction,
    Step,
    Wait,
    World,
)

from registry.db.database import Database
from registry.domain.policy import Attestation, Channel, Role
from registry.settings import Settings

NUMBERS: Final = ("+12065550101", "+12065550102", "+19025550103", "+18005550104")
"""The last is toll-free and never counts."""
NEVER_SEEN: Final = "+12065550105"
Days = tuple[int | None, int | None]

numbers = st.sampled_from(NUMBERS)
indexes = st.integers(0, 5)
days = st.none() | st.integers(-8, 2)
contacts = st.builds(
    Contact,
    number=st.sampled_from([*NUMBERS[:3] * 3, NUMBERS[3]]),
    decoy=indexes,
    ago=st.integers(0, 6),
    at=st.sampled_from([time(0), time(11), time(23, 59, 59)]),
    channel=st.sampled_from([Channel.SMS, Channel.CHAT, Channel.VOICE, Channel.VOICE]),
    attestation=st.sampled_from([None, Attestation.A, Attestation.C]),
    diverted=st.sampled_from([False] * 5 + [True]),
)
steps = st.one_of(
    contacts,
    contacts,
    contacts,
    st.builds(Retraction, indexes),
    st.builds(Exclusion, numbers, st.none() | st.sampled_from([1, 299, 300, 301, 86_400])),
    st.builds(Inclusion, numbers),
    st.builds(Dispute, numbers),
    st.builds(Closure, indexes),
    st.builds(Change, indexes, st.sampled_from([Role.ADVERTISEMENT, Role.CONTROL]), days, days),
    st.just(NewGeneration()),
    st.just(Download()),
    st.builds(Wait, st.sampled_from([timedelta(seconds=1), timedelta(minutes=5), timedelta(days=1)])),
    st.builds(Wait, st.sampled_from([timedelta(days=725), timedelta(days=731)])),
)
histories = st.tuples(st.lists(contacts, min_size=3, max_size=6), st.lists(steps, min_size=3, max_size=16))
windows = st.tuples(st.none() | st.integers(-8, 0), st.none() | st.integers(-8, 0))


@pytest.fixture
def new_world(
    database: Database, sandbox: Settings, superuser: psycopg.Connection[tuple[Any, ...]]
) -> Callable[[], World]:
    return lambda: World(database, sandbox, superuser)


def ask_both_ways(world: World, within: Sequence[Days]) -> set[str]:
    """In a new epoch, about every number: ever, and in these windows of days before today. Returns the outcomes."""
    world.clock.advance(seconds=300)
    today = world.clock.now.date()
    spans: list[tuple[date | None, date | None]] = [(None, None)]
    for since, until in within:
        if since is None or until is None or since <= until:
            first, last = (None if day is None else today + timedelta(days=day) for day in (since, until))
            spans.append((first, last))
    questions = [(number, *span) for number, span in product((*NUMBERS, NEVER_SEEN), spans)]
    plain, private = world.ask_plainly(questions), world.ask_privately(questions)
    for question, expected, told in zip(questions, plain, private, strict=True):
        assert told == expected, question
    return {outcome for outcome, _, _ in plain}


@pytest.mark.timeout(900)  # a failure is made shorter for up to five minutes before it is told
def test_any_history_gives_the_same_answers_privately_and_plainly(new_world: Any) -> None:
    reached: set[str] = set()

    @settings(max_examples=settings().max_examples * 3 // 4)
    @given(history=histories, within=st.lists(windows, max_size=4))
    def holds(history: tuple[list[Step], list[Step]], within: list[Days]) -> None:
        world = new_world()
        for step in (*history[0], *history[1]):
            step.do(world)
        reached.update(ask_both_ways(world, within))

    holds()
    assert reached == {"contact_observed", "indeterminate", "none"}
