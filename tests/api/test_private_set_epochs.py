"""When a private set is built, by whom, and what of (docs/private-checks.md)."""

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from blinding import split
from house import opened_database, opened_house, sandbox_settings
from interleaved import wait_until
from listing_scene import Scene
from statements import Sent, counted

from registry.db.database import DatabaseOptions
from registry.db.embedded import EmbeddedUrls

BUILD = "WITH ids AS MATERIALIZED"


@pytest.fixture
def own_scene(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    """For a test after which years have passed."""
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        yield Scene.of(house)


@pytest.mark.parametrize("after", [True, False], ids=["with a contact at its end", "with none"])
def test_an_exclusion_that_expires_lists_its_number_with_the_next_epoch_for_what_came_after_it(
    scene: Scene, *, after: bool
) -> None:
    number, other = scene.seen(), scene.seen()
    ends = scene.house.clock.now + timedelta(seconds=450)
    scene.exclude(number, expires_at=ends.isoformat())
    for excluded in (True, True, False):
        if after and not excluded:
            scene.again(number, "two", ends.isoformat())
        served = scene.served()
        assert served == scene.ids(scene.listed())
        assert scene.ids({other}) <= served
        assert (scene.ids({number}) <= served) is (after and not excluded)
        scene.next_epoch()


def test_a_contact_that_expires_is_gone_with_the_next_epoch(own_scene: Scene) -> None:
    scene = own_scene
    old, older, new = scene.seen(at="2024-11-16T10:00:00Z"), scene.seen(at="2024-11-15T12:02:00Z"), scene.seen()
    assert scene.served() == scene.ids({old, older, new}) == scene.ids(scene.listed())
    scene.next_epoch()
    assert scene.served() == scene.ids({old, new}) == scene.ids(scene.listed())
    scene.house.clock.advance(days=1)
    assert scene.served() == scene.ids({new}) == scene.ids(scene.listed())
    scene.house.clock.advance(days=800)
    assert scene.served() == set() == scene.listed()


def test_a_process_with_another_policy_has_a_set_by_its_own_rules_and_leaves_none_behind(scene: Scene) -> None:
    recent, settled = scene.seen("new line"), scene.seen("new line", "2026-11-06T00:00:00Z")
    before = scene.served()
    assert before == scene.ids(scene.listed())
    assert scene.ids({recent}).isdisjoint(before)
    with opened_house(scene.house.urls, sandbox_settings(burn_in_days=2)) as house:
        house.clock.now = scene.house.clock.now
        other = scene.asker_at(house)
        listed = scene.listed(other)
        assert {recent, settled} <= listed
        assert set(other.set_ids(1)) == scene.ids(listed)
    assert scene.served() == before


def test_a_decoy_that_is_changed_changes_the_set_with_the_next_epoch(scene: Scene) -> None:
    number, other = scene.seen("two"), scene.seen()
    assert scene.ids({number, other}) <= scene.served()
    for live_until, listed in (("2026-11-01T10:00:00Z", False), (None, True)):
        change = {"live_until": live_until}
        assert scene.investigator.patch(f"/v1/decoys/{scene.decoys['two']}", change).status_code == 200
        served = scene.built_now()
        assert served == scene.ids(scene.listed())
        assert scene.ids({other}) <= served
        assert (scene.ids({number}) <= served) is listed


def test_it_is_built_once_an_epoch_whoever_asks(scene: Scene) -> None:
    scene.seen()
    with counted() as sent:
        for _ in range(3):
            scene.get()
            scene.asker.parameters()
        with opened_house(scene.house.urls) as house:
            house.clock.now = scene.house.clock.now
            other = scene.asker_at(house)
            answer = other.member.get("/v1/private/set?generation=1")
            assert answer.headers["etag"] == scene.get().headers["etag"]
            assert answer.content == scene.get().content
            assert other.parameters()["generations"] == scene.asker.parameters()["generations"]
    assert builds(sent) == 1
    with counted() as sent:
        scene.next_epoch()
        scene.get()
    assert builds(sent) == 1


def builds(sent: list[Sent]) -> int:
    return sum(statement.text.startswith(BUILD) for statement in sent)


def test_only_what_has_changed_is_written(scene: Scene) -> None:
    first = scene.built_now()
    rows = "SELECT slot, xmin::text FROM registry.private_set_slots ORDER BY slot"
    before = dict(scene.house.superuser.execute(rows).fetchall())
    (new,) = scene.ids({scene.seen()})
    assert scene.built_now() == first | {new}
    after = dict(scene.house.superuser.execute(rows).fetchall())
    assert {slot for slot in after if after[slot] != before.get(slot)} == {int.from_bytes(new[:2], "big") >> 4}


def test_whoever_writes_is_not_kept_waiting_by_whoever_builds(scene: Scene) -> None:
    """The build is held just before its end, with all listings read and all slots written."""
    before, excluded = scene.seen(), scene.seen()
    expected = scene.ids(scene.listed())
    with ThreadPoolExecutor(1) as thread, psycopg.connect(scene.house.urls.superuser_dsn) as gate:
        gate.execute("LOCK TABLE registry.private_sets IN EXCLUSIVE MODE")
        building = thread.submit(scene.get)
        wait_until(lambda: scene.waiting() == 1)
        after = scene.seen()
        scene.again(before, "other", "2026-11-03T10:00:00Z")
        scene.exclude(excluded)
        scene.dispute(before)
        assert scene.listed() >= {before, after}
        assert not building.done()
        gate.rollback()
        assert set(split(building.result().content)) == expected
    assert scene.built_now() == expected - scene.ids({excluded}) | scene.ids({after})


def test_two_processes_that_want_to_build_at_once_build_once(scene: Scene) -> None:
    scene.seen()
    with (
        opened_house(scene.house.urls) as house,
        ThreadPoolExecutor(2) as threads,
        psycopg.connect(scene.house.urls.superuser_dsn) as gate,
        counted() as sent,
    ):
        house.clock.now = scene.house.clock.now
        other = scene.asker_at(house).member
        gate.execute("LOCK TABLE registry.private_sets IN EXCLUSIVE MODE")
        first = threads.submit(scene.get)
        wait_until(lambda: scene.waiting() == 1)
        second = threads.submit(other.get, "/v1/private/set?generation=1")
        wait_until(lambda: scene.waiting() == 2)
        gate.rollback()
        answers = [first.result(), second.result()]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content != b""
    assert answers[0].headers["etag"] == answers[1].headers["etag"]
    assert builds(sent) == 1


def test_whoever_waits_for_a_build_waits_longer_than_for_any_other_statement(scene: Scene) -> None:
    scene.seen()
    with (
        opened_house(scene.house.urls, options=DatabaseOptions(statement=0.5, lock=0.3)) as house,
        ThreadPoolExecutor(1) as thread,
        psycopg.connect(scene.house.urls.superuser_dsn) as gate,
    ):
        house.clock.now = scene.house.clock.now
        gate.execute("SELECT pg_advisory_xact_lock(31647034720904293)")
        building = thread.submit(scene.asker_at(house).set_ids, 1)
        wait_until(lambda: scene.waiting() == 1)
        gate.execute("SELECT pg_sleep(0.8)")
        assert not building.done()
        gate.rollback()
        assert set(building.result()) == scene.ids(scene.listed())


def test_a_download_is_of_one_set_though_the_next_one_is_written_meanwhile(scene: Scene) -> None:
    """It is held between what it reads of the set's tag and of its ids."""
    scene.seen()
    before = scene.get()
    with ThreadPoolExecutor(1) as thread, psycopg.connect(scene.house.urls.superuser_dsn) as gate:
        gate.execute("LOCK TABLE registry.private_set_slots IN ACCESS EXCLUSIVE MODE")
        downloading = thread.submit(scene.get)
        wait_until(lambda: scene.waiting() == 1)
        gate.execute("UPDATE registry.private_set_slots SET ids = ids || ids")
        gate.commit()
        answer = downloading.result()
    assert (answer.headers["etag"], answer.content) == (before.headers["etag"], before.content)
    assert scene.get().content != before.content, "they were written"
    assert scene.built_now() == set(split(before.content)), "and are put right"
