"""Private checks of the library: the answers of a plain check, without the registry learning who was asked about."""

from collections.abc import Generator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from caller_stories import Tellers, tell
from client_scene import Scene, left, scene_in
from house import opened_database, opened_house, sandbox_settings
from meddling import between
from members import NOW, Member
from private_asker import FOUR_KEYS

from registry.client import Answer, Question, RegistryClient
from registry.db.embedded import EmbeddedUrls

PURPOSE = "company_number"


@pytest.fixture(scope="module")
def four_generations(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    """1 is retired, 2 as well but carried on by 3, and 4 is the newest. Buckets begin at three entries."""
    settings = sandbox_settings(private_bucket_entries=3)
    with opened_database(cluster, template) as urls:
        with opened_house(urls, settings, keys=FOUR_KEYS) as house:
            house.superuser.execute("UPDATE registry.generations SET retired_at = now() WHERE number IN (1, 2)")
            house.superuser.execute("UPDATE registry.generations SET parent = 2 WHERE number = 3")
        with opened_house(urls, settings, keys=FOUR_KEYS) as house, scene_in(house) as opened:
            yield opened


def plainly(client: RegistryClient, questions: list[Question]) -> list[Answer]:
    return list(client.check(questions, purpose=PURPOSE).results)


def comparable(answers: Any) -> list[Answer]:
    """Problems say in a check what they are about, and to the client's user only what is wrong."""
    return [replace(one, problem=None if one.problem is None else replace(one.problem, detail="")) for one in answers]


def everything(scene: Scene) -> list[Question]:
    """All that a registry could be asked about, well written and badly."""
    day = date(2026, 11, 1)
    tomorrow, later = NOW.date() + timedelta(days=1), NOW.date() + timedelta(days=2)
    numbers = [*scene.seen, *scene.fresh(6)]
    written = ["", "withheld", "911", "206 555", "+44 20 7946 0123", "ACME", f"{numbers[0]} ext. 12"]
    return [
        *(Question(number, ref=number[-4:]) for number in numbers),
        *(Question(number[2:], region="US") for number in numbers[:3]),
        *(Question(number[2:]) for number in numbers[:2]),
        *(Question(text, region="US") for text in written),
        Question(numbers[0], region="Nowhere"),
        Question(numbers[0], possessed_since=day),
        Question(numbers[1], possessed_since=day),
        Question(numbers[1], possessed_since=day, possessed_until=day - timedelta(days=1)),
        Question(numbers[2], possessed_until=tomorrow),
        Question(numbers[2], possessed_until=later),
        Question(numbers[3], possessed_since=later, possessed_until=later),
    ]


def test_private_and_plain_answers_are_the_same(scene: Scene, registry_client: RegistryClient) -> None:
    questions = everything(scene)
    private = registry_client.check_private(questions, purpose=PURPOSE)
    plain = registry_client.check(questions, purpose=PURPOSE)
    assert comparable(private.results) == comparable(plain.results)
    assert private.counts == plain.counts
    assert private.guidance == plain.guidance


def test_every_story_is_told_alike(cluster: EmbeddedUrls, template: str) -> None:
    with opened_database(cluster, template) as urls, opened_house(urls) as house, scene_in(house) as scene:
        house.clock.now = datetime.now(UTC)  # the stories lie some days back from the real time
        first, second = house.member("investigator"), house.member("investigator")
        stories = tell(Tellers.of(first, second, house.member("operator"), scene.numbers), scene.numbers, unknown=20)
        questions = [Question(number) for number in stories.everybody]
        for number, window in stories.windows.items():
            since, until = (window.get(name) for name in ("possessed_since", "possessed_until"))
            days = [None if day is None else date.fromisoformat(day) for day in (since, until)]
            questions.append(Question(number, possessed_since=days[0], possessed_until=days[1]))
        with scene.client(scene.asker()) as client:
            assert comparable(client.check_private(questions, purpose=PURPOSE).results) == comparable(
                plainly(client, questions)
            )


@pytest.mark.parametrize("buckets", [False, True])
def test_chained_generations_and_several_at_once_are_followed(four_generations: Scene, buckets: bool) -> None:  # noqa: FBT001
    questions = everything(four_generations)
    with four_generations.client(four_generations.asker()) as client:
        assert [one.number for one in client.parameters().generations] == [4, 3]
        assert [[step.generation for step in one.path] for one in client.parameters().generations] == [[4], [2, 3]]
        private = client.check_private(questions, purpose=PURPOSE, buckets=buckets)
        assert comparable(private.results) == comparable(plainly(client, questions))


@pytest.fixture(scope="module")
def crowd(cluster: EmbeddedUrls, template: str) -> Generator[Scene]:
    """Some hundred numbers were seen, and buckets begin at fifty."""
    with (
        opened_database(cluster, template) as urls,
        opened_house(urls, sandbox_settings(private_bucket_entries=50)) as house,
        scene_in(house, seen=120) as opened,
    ):
        yield opened


def test_buckets_are_fetched_where_they_are_less(crowd: Scene) -> None:
    questions = [Question(number) for number in [*crowd.seen[:2], *crowd.fresh(1)]]
    with between(crowd.url) as watched, crowd.client(crowd.asker(), url=watched.url) as client:
        private = client.check_private(questions, purpose=PURPOSE, buckets=True)
        assert comparable(private.results) == comparable(plainly(client, questions))
        facts = client.parameters().generations[0].set
    assert 3 * facts.bucket_entries * 8 < facts.size
    assert watched.count("/v1/private/set") == 0
    fetched = [request for request in watched.requests if request.startswith("GET /v1/private/set/")]
    assert 1 <= len(fetched) <= 3


def test_the_whole_set_is_fetched_where_that_is_less(crowd: Scene) -> None:
    numbers = [*crowd.seen[:20], *crowd.fresh(20)]
    with between(crowd.url) as watched, crowd.client(crowd.asker(), url=watched.url) as client:
        told = client.check_private(numbers, purpose=PURPOSE, buckets=True)
    assert told.counts["none"] == 20
    assert watched.count("/v1/private/set") == 1
    assert not [request for request in watched.requests if "/set/" in request]


def test_a_bucket_that_is_known_is_not_sent_again(crowd: Scene) -> None:
    with crowd.client(crowd.asker()) as client:
        facts = client.parameters().generations[0].set
        found = client.bucket(1, 3, facts)
        assert found is not None
        assert len(found) == facts.bucket_entries
        assert client.bucket(1, 3, facts, etag=found.etag) is None


def test_every_number_costs_once_and_every_listed_one_twice(scene: Scene, asker: Member) -> None:
    numbers = [*scene.seen[:2], *scene.fresh(3)]
    before = left(asker)
    with scene.client(asker) as client:
        told = client.check_private([*numbers, *numbers, "withheld", "+44 20 7946 0123"], purpose=PURPOSE)
    assert told.charged == before - left(asker) == 5 + 2
    assert len(told.audit_ids) == 2
    assert len(told.results) == 12


def test_a_chain_costs_one_for_every_step(four_generations: Scene) -> None:
    member = four_generations.asker()
    before = left(member)
    with four_generations.client(member) as client:
        told = client.check_private(four_generations.fresh(3), purpose=PURPOSE)
    assert told.charged == before - left(member) == 3 + 3


def test_nothing_that_can_be_asked_about_costs_nothing(scene: Scene, asker: Member) -> None:
    before = left(asker)
    with between(scene.url) as watched, scene.client(asker, url=watched.url) as client:
        told = client.check_private(["withheld", "+44 20 7946 0123"], purpose=PURPOSE)
    assert [one.outcome for one in told.results] == [None, "indeterminate"]
    assert left(asker) == before
    assert watched.requests == ["GET /v1/private/parameters"]


def test_neither_numbers_nor_tags_of_unlisted_ones_go_over_the_wire(scene: Scene, asker: Member) -> None:
    listed, unlisted = scene.seen[:2], scene.fresh(5)
    with between(scene.url) as watched, scene.client(asker, url=watched.url) as client:
        client.check_private([*listed, *unlisted], purpose=PURPOSE)
    wire = b"\n".join([*watched.sent, *(request.encode() for request in watched.requests)])
    for number in [*listed, *unlisted]:
        assert number[1:].encode() not in wire
        assert number[-7:].encode() not in wire
    disclosures = [body for body in watched.sent if b'"items"' in body]
    assert [body.count(b'"tag"') for body in disclosures] == [2]


def test_more_numbers_than_a_batch_holds_go_in_several(scene: Scene, asker: Member) -> None:
    numbers = [*scene.seen, *scene.fresh(1_010)]
    with between(scene.url) as watched, scene.client(asker, url=watched.url) as client:
        told = client.check_private(numbers, purpose=PURPOSE)
    assert [one.outcome for one in told.results[: len(scene.seen)]] == [*["contact_observed"] * 7, "indeterminate"]
    assert told.counts["none"] == 1_010
    assert watched.count("/v1/private/evaluations") == 2


def test_the_order_of_the_questions_is_not_the_order_in_which_they_are_sent(
    scene: Scene, registry_client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from registry.client import _evaluation  # noqa: PLC0415 - looked into

    numbers, asked = scene.fresh(40), list[str]()
    original = _evaluation.NumberBatch.complete

    def watched(batch: _evaluation.NumberBatch, *more: Any) -> int:
        asked.extend(batch.numbers)
        return original(batch, *more)

    monkeypatch.setattr(_evaluation.NumberBatch, "complete", watched)
    registry_client.check_private(numbers, purpose=PURPOSE)
    assert sorted(asked) == sorted(numbers)
    assert asked not in (numbers, sorted(numbers))


def test_a_house_that_shares_nothing_with_another_is_asked_by_itself(scene: Scene, four_generations: Scene) -> None:
    """The same number, asked of two registries, has two tags: none of them says anything about the other."""
    with scene.client(scene.asker()) as one, four_generations.client(four_generations.asker()) as other:
        assert set(one.parameters().public_keys()) == {1}
        assert set(other.parameters().public_keys()) == {2, 3, 4}
