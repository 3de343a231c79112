"""The number of a registered line is never listed, whosever line it is; what it does after the line's end counts."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from house import House
from listing_scene import Scene
from members import Clock, Member, hit
from shapes import refusal_of

WINDOWS: Final[list[dict[str, Any]]] = [
    {},
    {"possessed_since": "2026-10-01"},
    {"possessed_since": "2026-11-01", "possessed_until": "2026-11-05"},
]
TICKING: Final = {"x-request-id", "ratelimit"}


def asked(employer: Member, number: str) -> list[tuple[int, bytes, dict[str, str]]]:
    """Status, body and headers of lookups and checks, but for ids and what ticks by itself."""
    told: list[tuple[int, bytes, dict[str, str]]] = []
    for window in WINDOWS:
        for path, body in (
            ("/v1/lookups", {"number": number, **window}),
            ("/v1/checks", {"items": [{"number": number, **window}]}),
        ):
            answer = employer.post(path, {"purpose": "company_number", **body})
            content = answer.content.replace(answer.json()["audit_id"].encode(), b"i" * 36)
            told.append((answer.status_code, content, {k: v for k, v in answer.headers.items() if k not in TICKING}))
    return told


def contacts(employer: Member, number: str, **window: str) -> int:
    """How many contacts an answer tells of; 0 for `none`."""
    told = employer.look_up(number, **window)
    return int(told["evidence"]["contacts"]) if told["outcome"] == "contact_observed" else 0


def at(day: int) -> str:
    return f"2026-11-{day:02}T10:00:00Z"


def change(owner: Member, line: str, **values: Any) -> None:
    answer = owner.patch(f"/v1/decoys/{line}", values)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("role", ["advertisement", "control", "deterrence", "test"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_it_is_answered_byte_for_byte_like_a_number_that_nobody_saw(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str, role: str, when: str
) -> None:
    """A line of another organisation, registered before its number called or afterwards."""
    unseen = asked(employer, number)
    steps: list[Callable[[], object]] = [
        lambda: second_investigator.register_decoy(number, role=role),
        lambda: investigator.record(hit(decoy, number, at(1)), hit(decoy, number, at(3))),
    ]
    for step in steps if when == "before" else reversed(steps):
        step()
    assert asked(employer, number) == unseen


def test_a_line_that_calls_itself_is_recorded_and_lists_nobody(
    investigator: Member, employer: Member, number: str
) -> None:
    line = investigator.register_decoy(number)
    (told,) = investigator.record(hit(line, number))["results"]
    assert told["status"] == "recorded"
    assert contacts(employer, number) == 0
    assert told["id"] in {one["id"] for one in investigator.get("/v1/hits", params={"limit": 500}).json()["data"]}


def test_nobody_learns_from_exclusions_that_it_is_a_lines(
    investigator: Member, second_investigator: Member, operator: Member, employer: Member, number: str
) -> None:
    before = second_investigator.get("/v1/exclusions").json()["data"]
    second_investigator.register_decoy(number)
    body = {"number": number, "reason": "outreach"}
    for side in (investigator, operator):
        refusal_of(side.post("/v1/exclusions/removals", {"number": number}), 404, "not_found")
        assert side.post("/v1/exclusions", body).status_code == 201
        assert side.post("/v1/exclusions/removals", {"number": number, "mistaken": True}).status_code == 200
    refusal_of(operator.post("/v1/exclusions/removals", {"number": number, "all": True}), 404, "not_found")
    assert second_investigator.get("/v1/exclusions").json()["data"] == before
    assert contacts(employer, number) == 0


def test_it_beats_a_dispute(investigator: Member, operator: Member, employer: Member, decoy: str, number: str) -> None:
    investigator.record(hit(decoy, number))
    assert operator.post("/v1/disputes", {"number": number}).status_code == 201
    assert employer.look_up(number)["outcome"] == "indeterminate"
    investigator.register_decoy(number)
    assert employer.look_up(number)["outcome"] == "none"


def test_what_happens_after_the_lines_end_counts_and_nothing_before(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str, clock: Clock
) -> None:
    second_investigator.register_decoy(number, live_until="2026-11-20T12:00:00Z")
    investigator.record(hit(decoy, number, at(1)))
    for moment, counted in (("20T11:59:59", 0), ("20T12:00:00", 1), ("21T10:00:00", 2)):
        clock.now = clock.now.fromisoformat(f"2026-11-{moment}+00:00")
        investigator.record(hit(decoy, number, clock.now.isoformat()))
        assert contacts(employer, number) == contacts(employer, number, possessed_since="2026-01-01") == counted
    investigator.record(hit(decoy, number, at(3)))  # of an old log
    assert contacts(employer, number) == 2


def test_its_end_may_be_moved_and_taken_back(investigator: Member, employer: Member, decoy: str, number: str) -> None:
    line = investigator.register_decoy(number)
    investigator.record(*(hit(decoy, number, at(day)) for day in (1, 3, 5)))
    for until, counted in (("2026-11-03T00:00:00Z", 2), (at(3), 2), ("2026-11-04T00:00:00Z", 1), (None, 0)):
        change(investigator, line, live_until=until)
        assert contacts(employer, number) == counted
    change(investigator, line, live_until="2026-10-01T00:00:00Z", label="A line that has ended")
    assert contacts(employer, number) == 3


def test_of_several_lines_with_the_number_the_last_ends_it(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    """The carrier gave it to another organisation."""
    investigator.register_decoy(number, live_until=at(3))
    second = second_investigator.register_decoy(number, role="control")
    investigator.record(*(hit(decoy, number, at(day)) for day in (1, 4, 7)))
    assert contacts(employer, number) == 0
    change(second_investigator, second, live_until=at(6))
    assert contacts(employer, number) == 1


def test_an_exclusion_and_a_line_each_keep_it_out_until_they_end(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, number: str, clock: Clock
) -> None:
    line = second_investigator.register_decoy(number, live_until="2026-11-20T00:00:00Z")
    body = {"number": number, "reason": "outreach", "expires_at": "2026-11-22T00:00:00Z"}
    assert investigator.post("/v1/exclusions", body).status_code == 201
    for day, counted in ((19, 0), (21, 0), (23, 1)):
        clock.now = clock.now.replace(day=day)
        investigator.record(hit(decoy, number, at(day)))
        assert contacts(employer, number) == counted
    change(second_investigator, line, live_until=None)
    assert contacts(employer, number) == 0


def test_a_new_number_is_covered_at_once_and_the_old_one_as_far_as_it_was_the_lines(
    investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str], clock: Clock
) -> None:
    old, new = fresh_number(), fresh_number()
    line = investigator.register_decoy(old)
    investigator.record(*(hit(decoy, number, at(day)) for number in (old, new) for day in (1, 3)))
    assert (contacts(employer, old), contacts(employer, new)) == (0, 2)
    change(investigator, line, number=new)
    assert (contacts(employer, old), contacts(employer, new)) == (0, 0)
    clock.advance(hours=1)
    investigator.record(*(hit(decoy, number, clock.now.isoformat()) for number in (old, new)))
    assert (contacts(employer, old), contacts(employer, new)) == (1, 0)


def test_whoever_changes_a_number_can_say_that_the_old_one_was_a_mistake(
    house: House, operator: Member, employer: Member, fresh_number: Callable[[], str]
) -> None:
    """A stranger's number that was registered by a slip: its owner sees an ended exclusion of its own."""
    owner = house.member("investigator")
    stranger = fresh_number()
    decoy, line = owner.register_decoy(fresh_number()), owner.register_decoy(stranger)
    owner.record(hit(decoy, stranger, at(1)))
    change(owner, line, number=fresh_number())
    (left,) = owner.get("/v1/exclusions").json()["data"]
    assert (left["reason"], left["expired"], left["removed_at"]) == ("own_staff", False, "2026-11-15T12:00:00Z")
    assert contacts(employer, stranger) == 0
    for side, status in ((house.member("investigator"), 404), (owner, 200)):
        answer = side.post(f"/v1/exclusions/{left['id']}/removal", {"mistaken": True})
        assert answer.status_code == status
    assert contacts(employer, stranger) == 1


def test_the_old_number_of_a_line_that_had_ended_is_covered_until_that_end(
    investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    old = fresh_number()
    line = investigator.register_decoy(old, live_until=at(2))
    investigator.record(*(hit(decoy, old, at(day)) for day in (1, 3, 5)))
    assert contacts(employer, old) == 2
    change(investigator, line, number=fresh_number(), live_until=None)
    assert contacts(employer, old) == 2


def test_the_same_number_set_again_changes_nothing(
    house: House, employer: Member, fresh_number: Callable[[], str]
) -> None:
    owner, number = house.member("investigator"), fresh_number()
    decoy, line = owner.register_decoy(fresh_number()), owner.register_decoy(number)
    owner.record(hit(decoy, number))
    change(owner, line, number=number)
    assert owner.get("/v1/exclusions").json()["data"] == []
    assert contacts(employer, number) == 0


def test_a_change_that_is_refused_leaves_everything_as_it_was(
    investigator: Member, second_investigator: Member, employer: Member, decoy: str, fresh_number: Callable[[], str]
) -> None:
    number = fresh_number()
    line = investigator.register_decoy(number)
    investigator.record(hit(decoy, number))
    path = f"/v1/decoys/{line}"
    refusal_of(second_investigator.patch(path, {"live_until": "2026-10-01T00:00:00Z"}), 404, "not_found")
    refusal_of(second_investigator.patch(path, {"number": fresh_number()}), 404, "not_found")
    answer = investigator.patch(f"/v1/decoys/{decoy}", {"role": "test", "number": fresh_number()})
    refusal_of(answer, 409, "role_in_use")
    assert contacts(employer, number) == 0


def test_private_sets_hold_it_as_little(scene: Scene) -> None:
    number = scene.seen("other")
    assert scene.ids({number}) <= scene.built_now()
    line = scene.investigator.register_decoy(number)
    assert not scene.ids({number}) & scene.built_now()
    assert scene.asker.ask([{"number": number}]) == [("none", None, None)]
    change(scene.investigator, line, live_until="2026-10-31T00:00:00Z")
    assert scene.ids({number}) <= scene.built_now()
