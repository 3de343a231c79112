"""A number's contacts follow it into the newest generation with its next contact, so that one tag answers for them all.

Everything was recorded under the first key, then a second and a third came.
"""

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from holders import tags as tags_of
from house import House, fictional_numbers, opened_database, opened_house
from members import KEYS, Member, hit
from private_asker import FOUR_KEYS, PrivateAsker, private_asker
from shapes import refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.key_file import KeyFile
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.verify_listings import Verified, VerifyListings

THREE_KEYS: Final = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2, 3)}, KEYS.fingerprint_key)
TWO_KEYS: Final = KeyFile({number: FOUR_KEYS.seeds[number] for number in (1, 2)}, KEYS.fingerprint_key)
NUMBERS: Final = fictional_numbers()
EARLY, BETWEEN, LATE = "2026-11-01T10:00:00Z", "2026-11-04T10:00:00Z", "2026-11-08T10:00:00Z"
EACH: Final = 24
"""Numbers of each kind, for one test each."""


@dataclass(frozen=True)
class Old:
    """A number with contacts of two organisations under the first key; their hits' ids."""

    number: str
    hit: str
    other_hit: str


@dataclass
class Rotated:
    """A registry that has had two more keys since. decoys: one of each organisation's."""

    house: House
    first: Member
    second: Member
    operator: Member
    asker: PrivateAsker
    decoys: tuple[str, str]
    old: Iterator[Old]

    def tags(self, number: str) -> tuple[bytes, ...]:
        """Newest generation first."""
        return tags_of(self.house.registry, number)

    def stored(self, number: str) -> list[tuple[int, str, str]]:
        """Generation of each of the number's contacts, its id, and whose it is; its submission must say the same."""
        tags = dict(zip((3, 2, 1), self.tags(number), strict=True))
        rows = self.house.superuser.execute(
            "SELECT h.generation, h.id::text, h.organisation_id::text, h.tag, s.tag FROM registry.hits h"
            " JOIN registry.submissions s ON (s.organisation_id, s.hit_id) = (h.organisation_id, h.id)"
            " WHERE h.tag = ANY (%s) ORDER BY h.id",
            (list(tags.values()),),
        ).fetchall()
        for generation, _, _, tag, submitted in rows:
            assert tag == submitted == tags[generation]
        return [(generation, id_, owner) for generation, id_, owner, *_ in rows]

    def generations(self, number: str) -> list[int]:
        return [generation for generation, *_ in self.stored(number)]

    def listed(self, number: str) -> list[tuple[int, int, str | None]]:
        """Which of the number's tags has a listing: 3, 2 or 1; the generation that it says, and its grade."""
        return [
            (made, generation, grade)
            for made, tag in zip((3, 2, 1), self.tags(number), strict=True)
            for generation, grade in self.house.superuser.execute(
                "SELECT generation, grade FROM registry.listings WHERE tag = %s", (tag,)
            )
        ]


@pytest.fixture(scope="module")
def rotated(cluster: EmbeddedUrls, template: str) -> Generator[Rotated]:
    with opened_database(cluster, template) as urls:
        with opened_house(urls) as house:
            first, second, operator = (house.member(kind) for kind in ("investigator", "investigator", "operator"))
            decoys = (first.register_decoy(next(NUMBERS)), second.register_decoy(next(NUMBERS)))
            old = [_old(first, second, decoys) for _ in range(EACH)]
        with opened_house(urls, keys=TWO_KEYS):
            pass  # the second key came and went unused
        with opened_house(urls, keys=THREE_KEYS) as house:
            for member in (first, second, operator):
                member.client = house.client
            yield Rotated(house, first, second, operator, private_asker(house), decoys, iter(old))


def _old(first: Member, second: Member, decoys: tuple[str, str]) -> Old:
    number = next(NUMBERS)
    one = first.record(hit(decoys[0], number, EARLY))["results"][0]["id"]
    other = second.record(hit(decoys[1], number, BETWEEN))["results"][0]["id"]
    return Old(number, one, other)


@pytest.fixture
def old(rotated: Rotated) -> Old:
    return next(rotated.old)


def test_a_question_leaves_them_where_they_are_and_counts_them(rotated: Rotated, old: Old) -> None:
    assert rotated.first.look_up(old.number)["evidence"]["contacts"] == 2
    assert rotated.generations(old.number) == [1, 1]
    assert rotated.listed(old.number) == [(1, 1, "corroborated")]


def test_the_next_contact_brings_those_of_every_organisation_along(rotated: Rotated, old: Old) -> None:
    before = rotated.first.look_up(old.number)["evidence"]
    rotated.first.record(hit(rotated.decoys[0], old.number, LATE))
    stored = rotated.stored(old.number)
    assert [generation for generation, *_ in stored] == [3, 3, 3]
    assert (3, old.other_hit, str(rotated.second.id)) in stored
    assert rotated.listed(old.number) == [(3, 3, "corroborated")]
    after = rotated.first.look_up(old.number)["evidence"]
    assert after == {**before, "contacts": 3, "last_contact": "2026-11-08"}


def test_a_duplicate_brings_them_along_too_and_adds_nothing(rotated: Rotated, old: Old) -> None:
    before = rotated.first.look_up(old.number)["evidence"]
    told = rotated.first.record(hit(rotated.decoys[0], old.number, EARLY))
    assert (told["recorded"], told["duplicate"], told["results"][0]["id"]) == (0, 1, old.hit)
    assert rotated.generations(old.number) == [3, 3]
    assert rotated.listed(old.number) == [(3, 3, "corroborated")]
    assert rotated.first.look_up(old.number)["evidence"] == before


def test_an_imported_file_brings_them_along_and_its_rehearsal_does_not(rotated: Rotated, old: Old) -> None:
    another = next(rotated.old)
    rows = [f"{rotated.decoys[0]},{number},sms,{LATE}" for number in (old.number, another.number)]
    file = "\n".join(["decoy_id,number,channel,occurred_at", *rows])
    stored = rotated.house.everything_stored
    for dry_run, generations in (("true", [1, 1]), ("false", [3, 3, 3])):
        answer = rotated.first.post(
            f"/v1/hits/imports?dry_run={dry_run}", content=file, headers={"Content-Type": "text/csv"}
        )
        assert (answer.status_code, answer.json()["recorded"]) == (200, 2)
        assert rotated.generations(old.number) == rotated.generations(another.number) == generations
    assert rotated.tags(old.number)[2].hex() not in stored()


def test_a_refused_contact_brings_nothing_along(rotated: Rotated, old: Old) -> None:
    told = rotated.first.record(
        hit(str(uuid4()), old.number, LATE), hit(rotated.decoys[0], old.number, "2027-11-01T10:00:00Z")
    )
    assert told["refused"] == 2
    assert rotated.generations(old.number) == [1, 1]


def test_contacts_of_several_numbers_are_not_mixed_up(rotated: Rotated) -> None:
    several = [next(rotated.old) for _ in range(3)]
    rotated.second.record(*(hit(rotated.decoys[1], one.number, LATE) for one in several))
    for one in several:
        ids = {id_ for _, id_, _ in rotated.stored(one.number)}
        assert ids > {one.hit, one.other_hit}
        assert len(ids) == 3


def test_their_senders_see_and_retract_them_as_before(rotated: Rotated, old: Old) -> None:
    def mine(member: Member) -> dict[str, dict[str, Any]]:
        return {one["id"]: one for one in member.get("/v1/hits", params={"limit": "200"}).json()["data"]}

    before = mine(rotated.second)
    rotated.first.record(hit(rotated.decoys[0], old.number, LATE))
    assert mine(rotated.second) == before
    assert old.other_hit in before
    refusal_of(rotated.first.post(f"/v1/hits/{old.other_hit}/retraction", {"reason": "other"}), 404, "not_found")
    path = f"/v1/hits/{old.other_hit}/retraction"
    retracted = rotated.second.post(path, {"reason": "spoofed"})
    assert (retracted.status_code, retracted.json()["hit"]["id"]) == (200, old.other_hit)
    refusal_of(rotated.second.post(path, {"reason": "spoofed"}), 409, "already_retracted")
    assert mine(rotated.second)[old.other_hit]["retraction_reason"] == "spoofed"
    evidence = rotated.first.look_up(old.number)["evidence"]
    assert (evidence["organisations"], evidence["contacts"], evidence["last_contact"]) == (1, 2, "2026-11-08")


def test_what_was_retracted_before_goes_along_and_stays_retracted(rotated: Rotated, old: Old) -> None:
    assert rotated.first.post(f"/v1/hits/{old.hit}/retraction", {"reason": "misdial"}).status_code == 200
    rotated.second.record(hit(rotated.decoys[1], old.number, LATE))
    assert rotated.generations(old.number) == [3, 3, 3]
    assert rotated.first.look_up(old.number)["evidence"]["organisations"] == 1
    refusal_of(rotated.first.post(f"/v1/hits/{old.hit}/retraction", {"reason": "misdial"}), 409, "already_retracted")


def test_a_change_of_their_decoy_reaches_them(rotated: Rotated) -> None:
    number, line = next(rotated.old).number, rotated.second.register_decoy(next(NUMBERS))
    rotated.second.record(hit(line, number, LATE))
    assert rotated.first.look_up(number)["evidence"]["decoys"] == 3
    assert rotated.second.patch(f"/v1/decoys/{line}", {"live_until": LATE}).status_code == 200
    assert rotated.first.look_up(number)["evidence"]["decoys"] == 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_exclusion_holds_and_its_end_lists_them_all_if_it_was_a_mistake(
    rotated: Rotated, old: Old, when: str
) -> None:
    """Excluded under three keys, before or after they were carried."""
    steps = [
        lambda: rotated.operator.post("/v1/exclusions", {"number": old.number, "reason": "survivor"}),
        lambda: rotated.first.post("/v1/hits", {"hits": [hit(rotated.decoys[0], old.number, LATE)]}),
    ]
    for step in steps if when == "before" else reversed(steps):
        assert step().status_code in {200, 201}
    assert rotated.generations(old.number) == [3, 3, 3]
    assert rotated.first.look_up(old.number)["outcome"] == "none"
    assert rotated.asker.ask([{"number": old.number}]) == [("none", None, None)]
    ended = rotated.operator.post("/v1/exclusions/removals", {"number": old.number}).json()["id"]
    assert rotated.first.look_up(old.number)["outcome"] == "none"
    assert rotated.operator.post(f"/v1/exclusions/{ended}/removal", {"mistaken": True}).status_code == 200
    assert rotated.first.look_up(old.number)["evidence"]["contacts"] == 3
    assert rotated.listed(old.number) == [(3, 3, "corroborated")]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_dispute_holds_and_its_end_lists_them_all(rotated: Rotated, old: Old, when: str) -> None:
    disputes: list[str] = []

    def dispute() -> None:
        disputes.append(rotated.operator.post("/v1/disputes", {"number": old.number}).json()["id"])

    def carry() -> None:
        rotated.first.record(hit(rotated.decoys[0], old.number, LATE))

    for step in (dispute, carry) if when == "before" else (carry, dispute):
        step()
    assert rotated.first.look_up(old.number)["reason"] == "disputed"
    closed = rotated.operator.post(f"/v1/disputes/{disputes[0]}/closure", {"resolution": "confirmed"})
    assert closed.status_code == 200
    assert rotated.first.look_up(old.number)["evidence"]["contacts"] == 3
    assert rotated.listed(old.number) == [(3, 3, "corroborated")]


def test_whoever_asks_privately_finds_the_number_under_its_newest_tag_alone(rotated: Rotated, old: Old) -> None:
    newest, _, oldest = rotated.tags(old.number)
    asked = [{"number": old.number}]
    plain = rotated.first.look_up(old.number)["evidence"]
    assert rotated.asker.ask(asked) == [("contact_observed", None, plain)]
    rotated.first.record(hit(rotated.decoys[0], old.number, LATE))
    rotated.house.clock.advance(minutes=5)  # the next epoch
    plain = rotated.first.look_up(old.number)["evidence"]
    assert plain["contacts"] == 3
    assert rotated.asker.ask(asked) == [("contact_observed", None, plain)]
    answer = rotated.asker.disclose({"tag": newest}, {"tag": oldest})
    assert [one["outcome"] for one in answer.json()["results"]] == ["contact_observed", "none"]
    assert AuditTrail(rotated.house.superuser).disclosed(answer.json()["audit_id"]) == [newest]


def test_a_listing_that_was_lost_is_made_again_under_the_generation_of_its_contacts(rotated: Rotated, old: Old) -> None:
    """Else private checks would look for it in another generation's set."""
    number, registry = old.number, rotated.house.registry
    rotated.house.superuser.execute("DELETE FROM registry.listings WHERE tag = ANY (%s)", (list(rotated.tags(number)),))
    request = Request(registry.new_id(), "test")
    repaired: Verified = registry.run(VerifyListings(repair=True), COMMAND_LINE, request).result
    assert repaired.wrong == 1
    assert rotated.listed(number) == [(1, 1, "corroborated")]
    rotated.house.clock.advance(minutes=5)
    assert rotated.asker.ask([{"number": number}])[0][0] == "contact_observed"
