"""A line excludes its own number under newer generations too: its tag follows the number, like its contacts do."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import pytest
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from members import KEYS, Member, hit
from private_asker import FOUR_KEYS, PrivateAsker, private_asker

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.verify_listings import VerifyListings

TWO_KEYS: Final = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2)}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()
EARLY, LATE = "2026-11-01T10:00:00Z", "2026-11-08T10:00:00Z"


@dataclass
class Rotated:
    """A registry that has had a second key since. Each of `lines` was registered under the first: number -> id."""

    house: House
    owner: Member
    other: Member
    decoy: str
    asker: PrivateAsker
    lines: dict[str, str]
    seen: list[str]
    """Numbers that contacted the decoy under the first key and are no lines yet."""

    def call(self, number: str, when: str = LATE) -> None:
        assert self.other.record(hit(self.decoy, number, when))["refused"] == 0

    def asked(self, number: str) -> tuple[str, str, str]:
        """What a lookup, one with a window, and the next epoch's private check say."""
        self.house.clock.advance(minutes=5)
        window = {"possessed_since": "2026-10-01"}
        (private, _, _), *_ = self.asker.ask([{"number": number}])
        return self.other.look_up(number)["outcome"], self.other.look_up(number, **window)["outcome"], private

    def generation(self, line: str) -> int:
        row = self.house.superuser.execute("SELECT generation FROM registry.decoys WHERE id = %s", (line,)).fetchone()
        assert row is not None
        return int(row[0])

    def wrong(self) -> int:
        registry = self.house.registry
        return registry.run(VerifyListings(), COMMAND_LINE, Request(registry.new_id(), "cli")).result.wrong


@pytest.fixture(scope="module")
def rotated(cluster: EmbeddedUrls, template: str) -> Generator[Rotated]:
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            owner, other = house.member("investigator"), house.member("investigator")
            decoy = other.register_decoy(next(NUMBERS))
            lines = {number: owner.register_decoy(number) for number in (next(NUMBERS) for _ in range(4))}
            seen = [next(NUMBERS) for _ in range(2)]
            for number in (*list(lines)[:2], *seen):
                other.record(hit(decoy, number, EARLY))
        with opened_house(urls, keys=TWO_KEYS) as house:
            for member in (owner, other):
                member.client = house.client
            yield Rotated(house, owner, other, decoy, private_asker(house), lines, seen)


NONE: Final = ("none",) * 3
OBSERVED: Final = ("contact_observed",) * 3


@pytest.mark.parametrize("which", [0, 2], ids=["with contacts from before", "without"])
def test_the_next_contact_from_its_number_takes_the_line_along(rotated: Rotated, which: int) -> None:
    """And its end is known under the newer key as well."""
    number = list(rotated.lines)[which]
    line = rotated.lines[number]
    assert rotated.asked(number) == NONE
    rotated.call(number)
    assert rotated.generation(line) == 2
    assert rotated.asked(number) == NONE
    body = {"live_until": "2026-11-09T00:00:00Z"}
    assert rotated.owner.patch(f"/v1/decoys/{line}", body).status_code == 200
    assert rotated.asked(number) == NONE
    rotated.call(number, "2026-11-10T10:00:00Z")
    assert rotated.asked(number) == OBSERVED
    assert rotated.other.look_up(number)["evidence"]["contacts"] == 1
    assert rotated.wrong() == 0


@pytest.mark.parametrize("which", [1, 3], ids=["with contacts from before", "without"])
def test_its_number_set_again_takes_what_is_stored_along(rotated: Rotated, which: int) -> None:
    number = list(rotated.lines)[which]
    line = rotated.lines[number]
    assert rotated.owner.patch(f"/v1/decoys/{line}", {"number": number}).status_code == 200
    assert rotated.generation(line) == 2
    assert rotated.owner.get("/v1/exclusions").json()["data"] == []
    rotated.call(number)
    assert rotated.asked(number) == NONE
    assert rotated.wrong() == 0


@pytest.mark.parametrize("which", [0, 1])
def test_a_line_that_is_registered_under_the_newer_key_covers_contacts_of_the_older(
    rotated: Rotated, which: int
) -> None:
    """While it lives, and what came before its end."""
    number = rotated.seen[which]
    assert rotated.asked(number) == OBSERVED
    line = rotated.owner.register_decoy(number)
    assert rotated.asked(number) == NONE
    stored = "SELECT DISTINCT generation FROM registry.hits WHERE tag = ANY (%s)"
    tags = list(tags_of(rotated.house.registry, number))
    assert rotated.house.superuser.execute(stored, (tags,)).fetchall() == [(2,)]
    assert rotated.owner.patch(f"/v1/decoys/{line}", {"live_until": "2026-11-02T00:00:00Z"}).status_code == 200
    assert rotated.asked(number) == NONE
    assert rotated.owner.patch(f"/v1/decoys/{line}", {"live_until": EARLY}).status_code == 200
    assert rotated.asked(number) == OBSERVED
    assert rotated.wrong() == 0


def test_a_contact_goes_through_where_its_number_is_two_lines_of_one_organisation(rotated: Rotated) -> None:
    """As two processes can have registered it at the moment of a rotation, one of them with the old keys."""
    number = next(NUMBERS)
    newest, oldest = tags_of(rotated.house.registry, number)
    first, second = rotated.owner.register_decoy(next(NUMBERS)), rotated.owner.register_decoy(number)
    rotated.house.superuser.execute(
        "UPDATE registry.decoys SET tag = %s, generation = 1 WHERE id = %s", (oldest, first)
    )
    rotated.call(number)
    assert [rotated.generation(line) for line in (first, second)] == [1, 2]
    assert rotated.asked(number) == NONE
    assert newest.hex() in rotated.house.everything_stored()
