"""Listings against the rows that they are a projection of."""

from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final

import pytest
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interleaved import caller_of
from recomputed import recomputed_listings, stored_listings

from registry.db.database import Writing
from registry.db.embedded import EmbeddedUrls
from registry.domain.errors import Refused
from registry.domain.exclusions import ExclusionReason
from registry.domain.policy import Attestation, Channel, Role
from registry.operations import refresh_listings, verify_listings
from registry.operations.manage_decoys import ChangeDecoy, RegisterDecoy
from registry.operations.manage_disputes import CloseDispute, OpenDispute, Resolution
from registry.operations.manage_exclusions import AddExclusion, RemoveExclusion
from registry.operations.operation import COMMAND_LINE, Caller, Operation, Request
from registry.operations.record_hits import RecordHits
from registry.operations.retract_hit import RetractHit, RetractionReason
from registry.operations.submitted_hits import Hit
from registry.operations.verify_listings import Verified, VerifyListings

NUMBERS: Final = fictional_numbers()
MOMENTS: Final = st.datetimes(datetime(2024, 10, 1), datetime(2026, 11, 14), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is beside it
HIT: Final = st.tuples(
    st.just("hit"),
    st.integers(0, 2),
    st.integers(0, 3),
    MOMENTS,
    st.sampled_from(Channel),
    st.sampled_from([None, *Attestation]),
    st.booleans(),
)
CHANGE: Final = st.tuples(
    st.just("change"),
    st.integers(0, 3),
    st.fixed_dictionaries(
        {},
        optional={
            "role": st.sampled_from(Role),
            "live_from": st.none() | MOMENTS,
            "acquired_on": st.none() | st.dates(date(2024, 10, 1), date(2026, 11, 1)),
        },
    ).filter(bool),
)
LINE: Final = st.tuples(st.sampled_from(["end a line", "give a line a number"]), st.integers(0, 2), st.none() | MOMENTS)
OTHER: Final = st.tuples(
    st.sampled_from(
        ["retract", "exclude", "exclude for a year", "include", "take back", "dispute", "close", "become a line"]
    ),
    st.integers(0, 2),
)


class Scene:
    """Two organisations with two decoys each, for three numbers of an example's own."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.callers = [caller_of(house.member("investigator").id) for _ in range(2)]
        self.begin()

    def begin(self) -> None:
        self.decoys = [
            (caller, self.run(RegisterDecoy("A line", next(NUMBERS), Role.ADVERTISEMENT), caller).id)
            for caller in self.callers
            for _ in range(2)
        ]
        self.numbers = [next(NUMBERS) for _ in range(3)]
        self.hits: dict[int, list[tuple[Caller, Any]]] = {}
        self.disputes: dict[int, Any] = {}
        self.lines: list[tuple[Caller, Any]] = []

    def run(self, operation: Operation[Any, Any], caller: Caller = COMMAND_LINE) -> Any:
        registry = self.house.registry
        return registry.run(operation, caller, Request(registry.new_id(), "test")).result

    def hit(
        self,
        number: int,
        decoy: int,
        at: datetime,
        channel: Channel,
        attestation: Attestation | None,
        diverted: bool,  # noqa: FBT001 - drawn
    ) -> None:
        caller, decoy_id = self.decoys[decoy]
        item = Hit(self.numbers[number], decoy_id, channel, at, attestation=attestation, diverted=diverted)
        self.hits.setdefault(number, []).append((caller, self.run(RecordHits([item]), caller)[0].id))

    def change(self, decoy: int, values: dict[str, Any]) -> None:
        caller, decoy_id = self.decoys[decoy]
        self.run(ChangeDecoy(decoy_id, values), caller)

    def change_line(self, name: str, index: int, until: datetime | None) -> None:
        """Of those lines that are one of the three numbers, or were."""
        if not self.lines:
            return
        caller, line = self.lines[index % len(self.lines)]
        changes = {"live_until": until} if name == "end a line" else {"number": self.numbers[index]}
        self.run(ChangeDecoy(line, changes), caller)

    def step(self, name: str, number: int) -> None:
        text = self.numbers[number]
        if name == "retract" and self.hits.get(number):
            caller, id_ = self.hits[number].pop()
            self.run(RetractHit(id_, RetractionReason.OTHER), caller)
        elif name == "become a line":
            caller = self.callers[number % 2]
            self.lines.append((caller, self.run(RegisterDecoy("A line", text, Role.TEST), caller).id))
        elif name == "exclude":
            self.run(AddExclusion(text, ExclusionReason.OTHER))
        elif name == "exclude for a year":
            until = self.house.clock.now.replace(year=2027)
            self.run(AddExclusion(text, ExclusionReason.OTHER, expires_at=until))
        elif name in {"include", "take back"}:
            self.run(RemoveExclusion(text, mistaken=name == "take back"))
        elif name == "dispute":
            self.disputes[number] = self.run(OpenDispute(text)).id
        elif name == "close" and number in self.disputes:
            self.run(CloseDispute(self.disputes[number], Resolution.CONFIRMED))

    def verify(self, *, repair: bool = False) -> Verified:
        found: Verified = self.run(VerifyListings(repair))
        return found

    def agree(self) -> None:
        house = self.house
        due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
        assert stored_listings(house.superuser) == due


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture(scope="module")
def scene(house: House) -> Scene:
    return Scene(house)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(HIT, HIT, CHANGE, LINE, OTHER), min_size=1, max_size=12))
def test_after_any_operations_every_listing_says_what_its_rows_say(scene: Scene, steps: list[Any]) -> None:
    scene.begin()
    doing: dict[str, Callable[..., None]] = {"hit": scene.hit, "change": scene.change}
    doing |= {name: partial(scene.change_line, name) for name in ("end a line", "give a line a number")}
    for name, *values in steps:
        with suppress(Refused):  # a step that the state does not allow changes nothing
            doing.get(name, partial(scene.step, name))(*values)
        scene.agree()
    assert (scene.verify().wrong, scene.verify().stale) == (0, 0)


@pytest.fixture
def listed(scene: Scene) -> bytes:
    """The tag of a number with two contacts, after which all listings are right."""
    scene.begin()
    for day in (1, 2):
        scene.hit(0, day, datetime(2026, 11, day, tzinfo=UTC), Channel.SMS, None, False)  # noqa: FBT003 - as drawn
    scene.agree()
    return tags_of(scene.house.registry, scene.numbers[0])[0]


CORRUPTIONS: Final = {
    "a grade": "UPDATE registry.listings SET grade = 'single' WHERE tag = %s",
    "a count": "UPDATE registry.listings SET contacts = contacts + 1 WHERE tag = %s",
    "a date": "UPDATE registry.listings SET first_contact = first_contact - 1 WHERE tag = %s",
    "a channel": "UPDATE registry.listings SET channels = '{voice}' WHERE tag = %s",
    "a flag": "UPDATE registry.listings SET excluded = true WHERE tag = %s",
    "another flag": "UPDATE registry.listings SET disputed = true WHERE tag = %s",
    "its own end": "UPDATE registry.listings SET changes_at = NULL WHERE tag = %s",
    "its row": "DELETE FROM registry.listings WHERE tag = %s",
    "a row of nobody": (
        "INSERT INTO registry.listings SELECT sha256(tag), generation, grade, contacts, decoys, organisations,"
        " first_contact, last_contact, channels, excluded, disputed, policy, changes_at FROM registry.listings"
        " WHERE tag = %s"
    ),
}


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_a_listing_corrupted_by_a_superuser_is_found_and_repaired(scene: Scene, listed: bytes, what: str) -> None:
    scene.house.superuser.execute(CORRUPTIONS[what].encode(), (listed,))
    assert (scene.verify().wrong, scene.verify().stale) == (1, 0)
    assert scene.verify(repair=True).wrong == 1
    scene.agree()
    assert scene.verify().wrong == 0


def test_a_listing_of_another_policy_or_past_its_date_is_stale_and_not_wrong(scene: Scene, listed: bytes) -> None:
    scene.house.superuser.execute(
        "UPDATE registry.listings SET policy = '2020-01', contacts = 17 WHERE tag = %s", (listed,)
    )
    assert (scene.verify().wrong, scene.verify().stale) == (0, 1)
    assert scene.verify(repair=True).stale == 1
    scene.agree()
    before = scene.house.clock.now
    try:
        scene.house.clock.now = before.replace(year=2031)
        found = scene.verify()
        assert found.wrong == 0
        assert found.stale >= 1
        scene.verify(repair=True)
        scene.agree()
    finally:
        scene.house.clock.now = before
        scene.verify(repair=True)
    scene.agree()


def test_a_contact_that_arrives_while_listings_are_verified_is_no_difference(
    scene: Scene, listed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contact is committed after the listings were read and before the hits are."""
    real = refresh_listings.project
    late = [(0, 3, datetime(2026, 11, 3, tzinfo=UTC), Channel.SMS, None, False)]

    def project(*values: Any, **named: Any) -> Any:
        while late:
            scene.hit(*late.pop())
        return real(*values, **named)

    monkeypatch.setattr(verify_listings, "project", project)
    assert scene.verify() == replace(scene.verify(), wrong=0)
    assert late == []
    scene.agree()


def test_refreshing_a_tag_that_nobody_ever_saw_leaves_no_row(scene: Scene) -> None:
    registry = scene.house.registry
    tags = [bytes([last]) * 32 for last in range(5)]

    def refresh(tx: Writing) -> None:
        refresh_listings.refresh_listings(tx, tags, policy=registry.policy, generation=1, now=scene.house.clock.now)

    registry.database.transaction(refresh)
    assert not stored_listings(scene.house.superuser).keys() & set(tags)
