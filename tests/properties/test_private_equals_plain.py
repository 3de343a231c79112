"""Whatever has happened to a registry, asking privately tells exactly what asking plainly tells."""

from collections.abc import Callable, Generator, Sequence
from datetime import date, time, timedelta
from itertools import product
from typing import Any, Final

import psycopg
import pytest
from house import opened_database, sandbox_settings
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
from registry.db.embedded import EmbeddedUrls
from registry.domain.policy import Attestation, Channel, Role

pytestmark = pytest.mark.long

NUMBERS: Final = ("+12065550101", "+19025550102", "+18005550103")
"""The last is toll-free and never counts."""
NEVER_SEEN: Final = "+12065550104"
Days = tuple[int | None, int | None]

numbers = st.sampled_from(NUMBERS)
indexes = st.integers(0, 5)
days = st.none() | st.integers(-8, 2)
contacts = st.lists(
    st.builds(
        Contact,
        number=numbers,
        decoy=indexes,
        ago=st.integers(0, 6),
        at=st.sampled_from([time(0), time(11), time(23, 59, 59)]),
        channel=st.sampled_from([Channel.SMS, Channel.CHAT, Channel.VOICE]),
        attestation=st.sampled_from([None, Attestation.A, Attestation.C]),
        diverted=st.sampled_from([False] * 5 + [True]),
    ),
    min_size=1,
    max_size=4,
)
standings = st.one_of(
    st.builds(Exclusion, numbers, st.none() | st.sampled_from([1, 299, 300, 301, 86_400])),
    st.builds(Dispute, numbers),
    st.builds(Inclusion, numbers, st.booleans()),
    st.builds(Closure, indexes),
    st.builds(Retraction, indexes),
    st.builds(Change, indexes, st.sampled_from([Role.ADVERTISEMENT, Role.CONTROL]), days, days),
)
passages = st.one_of(
    st.just(Download()),
    st.builds(Wait, st.sampled_from([timedelta(0), timedelta(seconds=1), timedelta(minutes=5), timedelta(days=1)])),
    st.builds(Wait, st.sampled_from([timedelta(days=1), timedelta(days=2), timedelta(days=725), timedelta(days=731)])),
)
chapters = st.one_of(
    contacts,
    contacts.map(lambda later: [NewGeneration(), *later]),
    st.tuples(standings, contacts).map(lambda told: [told[0], *told[1]]),
    st.lists(standings, min_size=1, max_size=3),
    st.lists(passages, min_size=1, max_size=2),
)
histories = st.lists(chapters, min_size=3, max_size=9).map(lambda told: [step for chapter in told for step in chapter])
windows = st.tuples(st.none() | st.integers(-8, 0), st.none() | st.integers(-8, 0))


@pytest.fixture(scope="module")
def new_world(cluster: EmbeddedUrls, template: str) -> Generator[Callable[[], World]]:
    wanted = sandbox_settings()
    with opened_database(cluster, template) as urls, psycopg.connect(urls.superuser_dsn, autocommit=True) as superuser:
        database = Database(urls.app)
        yield lambda: World(database, wanted, superuser)
        database.dispose()


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

    @settings(max_examples=settings().max_examples * 2 // 3)
    @given(history=histories, within=st.lists(windows, max_size=4))
    def holds(history: list[Step], within: list[Days]) -> None:
        world = new_world()
        for step in history:
            step.do(world)
        reached.update(ask_both_ways(world, within))

    holds()
    assert reached == {"contact_observed", "indeterminate", "none"}


def seen(ago: int = 1, decoy: int = 0, **more: Any) -> Contact:
    """A text message of the first number."""
    told: dict[str, Any] = {"channel": Channel.SMS, "attestation": None, "diverted": False, **more}
    return Contact(NUMBERS[0], decoy, ago, time(11), **told)


WEAK: Final[dict[str, Any]] = {"channel": Channel.VOICE}
EXCLUDED: Final = Exclusion(NUMBERS[0], None)
CONTACT: Final = "contact_observed"


@pytest.mark.parametrize(
    ("history", "outcome"),
    [
        pytest.param([seen(3), NewGeneration(), seen(1)], CONTACT, id="seen under both"),
        pytest.param([seen(3, **WEAK), NewGeneration(), seen(1, **WEAK)], CONTACT, id="weakly seen under both"),
        pytest.param([seen(3), NewGeneration()], CONTACT, id="seen under the older"),
        pytest.param([seen(3), NewGeneration(), NewGeneration(), seen(1)], CONTACT, id="seen two generations apart"),
        pytest.param([EXCLUDED, NewGeneration(), seen()], "none", id="excluded, then seen"),
        pytest.param([seen(3), EXCLUDED, NewGeneration(), seen()], "none", id="excluded, then seen again"),
        pytest.param([seen(3), NewGeneration(), seen(), EXCLUDED], "none", id="excluded under both"),
        pytest.param([EXCLUDED, NewGeneration(), seen(), Inclusion(NUMBERS[0])], CONTACT, id="included again"),
        pytest.param([seen(3), NewGeneration(), EXCLUDED, Inclusion(NUMBERS[0])], CONTACT, id="included where it was"),
        pytest.param([Dispute(NUMBERS[0]), NewGeneration(), seen()], "indeterminate", id="disputed, then seen"),
        pytest.param([seen(), NewGeneration(), Dispute(NUMBERS[0])], "indeterminate", id="disputed afterwards"),
        pytest.param([Dispute(NUMBERS[0]), NewGeneration(), seen(), Closure(0)], CONTACT, id="no longer disputed"),
        pytest.param([seen(3), NewGeneration(), seen(), Retraction(1)], CONTACT, id="the later contact retracted"),
        pytest.param([seen(), NewGeneration(), Retraction(0)], "none", id="the only contact retracted"),
        pytest.param([seen(), Download(), EXCLUDED], "none", id="excluded after a set was built"),
        pytest.param([Exclusion(NUMBERS[0], 300), seen(), Download()], "none", id="seen while it was excluded"),
        pytest.param(
            [EXCLUDED, seen(), Inclusion(NUMBERS[0], mistaken=False)], "none", id="seen before it was included"
        ),
        pytest.param(
            [Exclusion(NUMBERS[0], 300), NewGeneration(), seen(), Wait(timedelta(days=1)), NewGeneration(), seen(0)],
            CONTACT,
            id="seen since it was excluded",
        ),
        pytest.param([Exclusion(NUMBERS[0], 301), seen(), Download()], "none", id="excluded a second longer"),
        pytest.param([seen(), Download(), Wait(timedelta(days=731))], "none", id="expired"),
    ],
)
def test_a_history_that_is_easily_got_wrong(new_world: Any, history: list[Step], outcome: str) -> None:
    world = new_world()
    for step in history:
        step.do(world)
    ask_both_ways(world, [(-3, None), (-2, None), (None, -2), (-1, -1)])
    ((told, _, _),) = world.ask_plainly([(NUMBERS[0], None, None)])
    assert told == outcome
