"""`demand-registry check --private` while a registry's keys come and go."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from checking import Desk
from client_scene import Scene, scene_again, scene_in
from databases import DatabaseUrls
from house import opened_database, opened_house
from meddling import Between, between
from private_asker import FOUR_KEYS

from registry.db.embedded import EmbeddedUrls

RETIRE = "UPDATE registry.generations SET retired_at = CASE WHEN number = ANY(%s) THEN now() END"
PARENT = "UPDATE registry.generations SET parent = 1 WHERE number = 2"


@pytest.fixture
def urls(cluster: EmbeddedUrls, template: str) -> Generator[DatabaseUrls]:
    with opened_database(cluster, template) as opened:
        yield opened


@contextmanager
def opened(
    urls: DatabaseUrls, retired: list[int], before: Scene | None = None, *, chained: bool = False
) -> Generator[Scene]:
    """The registry with these generations retired. before: it was open already. chained: 2 is made from 1."""
    with opened_house(urls, keys=FOUR_KEYS) as house:
        house.superuser.execute(RETIRE, [retired])
        if chained:
            house.superuser.execute(PARENT)
    with (
        opened_house(urls, keys=FOUR_KEYS) as house,
        scene_in(house) if before is None else scene_again(house, before) as scene,
    ):
        yield scene


def summary(desk: Desk, file: Path, watched: Between, scene: Scene) -> dict[str, int]:
    """What a check is charged there. Its answers are those of a plain one."""
    watched.upstream = scene.url
    desk.member = scene.asker()
    charged: dict[str, int] = desk.summary(file, "--private")["charged_for"]
    desk.summary(file, out="plain.csv")
    assert desk.answers() == desk.answers("plain.csv")
    return charged


def test_tags_under_a_key_that_is_still_in_use_are_not_paid_for_again(urls: DatabaseUrls, tmp_path: Path) -> None:
    with between("nowhere") as watched:
        with opened(urls, [2, 3, 4]) as scene:
            desk = Desk(tmp_path, watched.url, scene.asker())
            file = desk.numbers([*scene.seen[:2], *scene.fresh(3)])
            assert summary(desk, file, watched, scene) == {"evaluations": 5, "disclosures": 2, "questions": 0}
        with opened(urls, [2, 4], scene) as scene:  # a second one was added
            assert summary(desk, file, watched, scene)["evaluations"] == 5
        with opened(urls, [1, 2, 4], scene) as scene:  # and the first one is gone
            assert summary(desk, file, watched, scene)["evaluations"] == 0


def test_a_chain_is_followed_from_what_is_known(urls: DatabaseUrls, tmp_path: Path) -> None:
    with between("nowhere") as watched:
        with opened(urls, [2, 3, 4]) as scene:
            desk = Desk(tmp_path, watched.url, scene.asker())
            numbers = scene.fresh(4)
            summary(desk, desk.numbers(numbers), watched, scene)
        with opened(urls, [1, 3, 4], scene, chained=True) as scene:
            new = scene.fresh(2)
            charged = summary(desk, desk.numbers([*numbers, *new]), watched, scene)
            assert charged["evaluations"] == 4 + 2 * 2
            assert summary(desk, desk.numbers([*numbers, *new]), watched, scene)["evaluations"] == 0
