"""Taking back all contacts of a line in a stretch of time, many at once and in chunks."""

from collections.abc import Callable, Generator, Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member, hit
from recomputed import recomputed_listings, stored_listings
from shapes import RECEIPT, refusal_of

from api.resources import hit_retractions
from registry.db import decoy_days
from registry.domain.errors import Code, Refused
from registry.operations import retract_hits

PATH = "/v1/hits/retractions"
ANSWER = RECEIPT | {"retracted", "remaining", "dry_run", "audit_ids"}
COUNTED = "SELECT day::text, contacts FROM registry.decoy_days WHERE decoy_id = %s AND contacts > 0 ORDER BY day"


def on(day: int) -> str:
    return f"2026-11-{day:02}T10:00:00Z"


@pytest.fixture
def watch(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def line(watch: Member, fresh_number: Callable[[], str]) -> str:
    return watch.register_decoy(fresh_number())


@pytest.fixture
def numbers(watch: Member, line: str, fresh_number: Callable[[], str]) -> list[str]:
    """Five, of which each has contacted the line: on the first day of the month, the second, and so on."""
    found = [fresh_number() for _ in range(5)]
    watch.record(*(hit(line, number, on(day)) for day, number in enumerate(found, 1)))
    return found


@pytest.fixture(autouse=True)
def _listings_are_right(house: House) -> Generator[None]:
    yield
    due = recomputed_listings(house.superuser, house.registry.policy, house.clock.now)
    assert stored_listings(house.superuser) == due


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two contacts each, two chunks in a request."""
    monkeypatch.setattr(retract_hits, "CHUNK_HITS", 2)
    monkeypatch.setattr(hit_retractions, "MOST_CHUNKS", 2)


def take_back(member: Member, line: str, **more: Any) -> Any:
    answer = member.post(PATH, {"decoy_id": line, "reason": "spoofed", **more})
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == ANSWER
    return answer


def counts(answer: Any) -> tuple[int, int, int]:
    """Retracted, remaining, and how many chunks it took."""
    told = answer.json()
    assert told["audit_id"] == told["audit_ids"][-1]
    return told["retracted"], told["remaining"], len(told["audit_ids"])


def standing(member: Member, line: str) -> list[int]:
    """The days of those contacts that are not retracted."""
    found = member.get("/v1/hits", params={"decoy_id": line, "retracted": "false"}).json()["data"]
    return sorted(int(one["occurred_at"][8:10]) for one in found)


def outcomes(employer: Member, numbers: Sequence[str]) -> list[str]:
    return [employer.look_up(number)["outcome"] for number in numbers]


def test_what_occurred_in_the_window_on_the_line_counts_no_more_and_all_else_does(
    house: House, watch: Member, employer: Member, line: str, numbers: list[str], fresh_number: Callable[[], str]
) -> None:
    other = watch.register_decoy(fresh_number())
    watch.record(hit(other, numbers[1], on(2)), hit(other, fresh_number(), on(3)))
    assert counts(take_back(watch, line, since=on(2), until=on(4))) == (2, 0, 1)
    assert (standing(watch, line), standing(watch, other)) == ([1, 4, 5], [2, 3])
    seen, none = "contact_observed", "none"
    assert outcomes(employer, numbers) == [seen, seen, none, seen, seen]
    taken = watch.get("/v1/hits", params={"decoy_id": line, "retracted": "true"}).json()["data"]
    assert {one["retraction_reason"] for one in taken} == {"spoofed"}
    counted = house.superuser.execute(COUNTED, (line,)).fetchall()
    assert counted == [(f"2026-11-0{day}", 1) for day in (1, 4, 5)]


def test_several_contacts_of_a_day_are_counted_no_more(
    house: House, watch: Member, line: str, fresh_number: Callable[[], str]
) -> None:
    number = fresh_number()
    watch.record(*(hit(line, number, f"2026-11-01T10:0{minute}:00Z") for minute in range(4)))
    assert counts(take_back(watch, line, until="2026-11-01T10:03:00Z")) == (3, 0, 1)
    assert house.superuser.execute(COUNTED, (line,)).fetchall() == [("2026-11-01", 1)]


def test_without_a_window_it_is_all_and_again_it_is_nothing(
    watch: Member, employer: Member, line: str, numbers: list[str], trail: AuditTrail
) -> None:
    (first,) = (one["id"] for one in watch.get("/v1/hits", params={"until": on(2)}).json()["data"])
    watch.post(f"/v1/hits/{first}/retraction", {"reason": "misdial"})
    assert counts(take_back(watch, line)) == (4, 0, 1)
    assert outcomes(employer, numbers) == ["none"] * 5
    again = take_back(watch, line, reason="other")
    assert counts(again) == (0, 0, 1)
    assert trail.only(again)["count"] == {"submitted": 0, "charged": 0, "retracted": 0}
    told = watch.get("/v1/hits", params={"decoy_id": line}).json()["data"]
    assert sorted(one["retraction_reason"] for one in told) == ["misdial"] + ["spoofed"] * 4


def test_a_dry_run_says_how_many_it_would_be(watch: Member, line: str, numbers: list[str], trail: AuditTrail) -> None:
    answer = take_back(watch, line, since=on(2), dry_run=True)
    assert (counts(answer), answer.json()["dry_run"]) == ((len(numbers) - 1, 0, 1), True)
    event = trail.only(answer)
    assert (event["operation"], event["count"]["retracted"]) == ("retract_hits_dry_run", 4)
    assert standing(watch, line) == [1, 2, 3, 4, 5]
    assert take_back(watch, line, since=on(2)).json()["dry_run"] is False


@pytest.mark.usefixtures("small_chunks", "numbers")
def test_a_request_takes_so_many_and_says_what_is_left(watch: Member, line: str, trail: AuditTrail) -> None:
    assert counts(take_back(watch, line, dry_run=True)) == (5, 0, 1)
    answer = take_back(watch, line)
    assert counts(answer) == (4, 1, 2)
    events = trail.of(answer)
    assert [one["id"] for one in events] == answer.json()["audit_ids"]
    assert [(one["operation"], one["count"]["retracted"]) for one in events] == [("retract_hits", 2)] * 2
    assert len(standing(watch, line)) == 1
    assert counts(take_back(watch, line)) == (1, 0, 1)


@pytest.mark.usefixtures("small_chunks", "numbers")
def test_what_was_retracted_before_a_chunk_fails_stays_so_and_the_rest_is_done_again(
    watch: Member, line: str, trail: AuditTrail, monkeypatch: pytest.MonkeyPatch
) -> None:
    subtract, calls = decoy_days.subtract_all, list[UUID]()

    def second_fails(tx: Any, decoy: UUID, contacts: Any) -> None:
        calls.append(decoy)
        if len(calls) == 2:
            raise Refused(Code.OVERLOADED, "The same records are being changed by other requests.", retry_after=1.0)
        subtract(tx, decoy, contacts)

    monkeypatch.setattr(decoy_days, "subtract_all", second_fails)
    answer = watch.post(PATH, {"decoy_id": line, "reason": "spoofed"})
    refusal_of(answer, 503, "overloaded")
    assert [one["count"]["retracted"] for one in trail.of(answer)] == [2]
    assert len(standing(watch, line)) == 3
    assert counts(take_back(watch, line)) == (3, 0, 2)


def test_the_operator_takes_back_on_anybodys_line_and_nobody_else_does(
    watch: Member, second_investigator: Member, operator: Member, line: str, numbers: list[str], trail: AuditTrail
) -> None:
    for wanted in (line, str(uuid4())):
        for dry_run in (True, False):
            body = {"decoy_id": wanted, "reason": "spoofed", "dry_run": dry_run}
            refused = second_investigator.post(PATH, body)
            refusal_of(refused, 404, "not_found")
            assert trail.only(refused)["result"] == "not_found"
    refusal_of(operator.post(PATH, {"decoy_id": str(uuid4()), "reason": "spoofed"}), 404, "not_found")
    assert len(standing(watch, line)) == len(numbers)
    answer = take_back(operator, line)
    assert trail.only(answer)["actor"]["organisation"] == str(operator.id)
    assert standing(watch, line) == []


def test_a_flooded_line_is_released_once_what_was_made_up_is_taken_back(
    watch: Member, employer: Member, line: str, numbers: list[str]
) -> None:
    watch.post(f"/v1/decoys/{line}/quarantine")
    take_back(watch, line, since=on(3), until=on(6))
    assert watch.post(f"/v1/decoys/{line}/release").status_code == 200
    assert outcomes(employer, numbers) == ["contact_observed"] * 2 + ["none"] * 3


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"reason": "he is a friend"}, "invalid_value", "/reason"),
        ({"decoy_id": 4}, "wrong_type", "/decoy_id"),
        ({"since": "yesterday"}, "invalid_value", "/since"),
        ({"until": "2026-11-01T10:00:00"}, "invalid_value", "/until"),
        ({"dry_run": "true"}, "wrong_type", "/dry_run"),
        ({"dryrun": True}, "unknown_field", "/dryrun"),
        ({"since": on(2), "until": on(1)}, "window_reversed", None),
    ],
)
def test_what_is_no_such_request_retracts_nothing(
    watch: Member, line: str, numbers: list[str], change: dict[str, Any], code: str, pointer: str | None
) -> None:
    answer = watch.post(PATH, {"decoy_id": line, "reason": "other", **change})
    refusal_of(answer, 422, code, pointer)
    assert len(standing(watch, line)) == len(numbers)


@pytest.mark.parametrize("kind", ["employer", "partner"])
def test_others_take_nothing_back(house: House, line: str, kind: str) -> None:
    refusal_of(house.member(kind).post(PATH, {"decoy_id": line, "reason": "other"}), 401, "unauthorized")
