"""The false-positive baseline: contacts on lines that nobody advertises, against those on advertised ones."""

from collections.abc import Generator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from audit_trail import AuditTrail
from house import House, fictional_numbers, opened_database, opened_house
from members import NOW, Member, hit
from shapes import refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.domain.baseline import wilson
from registry.domain.policy import Attestation, Channel, Provider
from registry.operations.operation import Caller, Request
from registry.operations.record_hits import Recorded, RecordHits
from registry.operations.submitted_hits import Hit

NUMBERS: Final = fictional_numbers()
PERIOD: Final = {"since": "2026-11-01", "until": "2026-11-10"}
TALLY: Final = {"lines", "line_days", "contacts", "days_with_contact", "rate", "proportion"}


@dataclass
class World:
    """advertised: live since 1 November; control: as well. late: an advertised line in Canada, live since the sixth."""

    house: House
    investigator: Member
    advertised: str
    control: str
    late: str

    def line(self, role: str, **more: Any) -> str:
        return self.investigator.register_decoy(next(NUMBERS), role=role, **more)


@pytest.fixture(scope="module")
def shared(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture
def world(shared: House) -> World:
    member = shared.member("investigator")
    first = {"live_from": "2026-11-01T00:00:00Z", "region": "US"}
    made = World(shared, member, "", "", "")
    made.advertised, made.control = made.line("advertisement", **first), made.line("control", **first)
    made.late = made.line("advertisement", live_from="2026-11-06T12:00:00Z", region="CA")
    for day, many in ((1, 3), (2, 1), (10, 1)):
        member.record(*(hit(made.advertised, next(NUMBERS), f"2026-11-{day:02}T10:00:00Z") for _ in range(many)))
    member.record(hit(made.control, next(NUMBERS), "2026-11-03T10:00:00Z"))
    member.record(hit(made.late, next(NUMBERS), "2026-11-07T10:00:00Z"))
    # Beside the period, the windows, the lines.
    member.record(hit(made.advertised, next(NUMBERS), "2026-11-11T00:00:00Z"))
    member.record(hit(made.late, next(NUMBERS), "2026-11-05T10:00:00Z"))
    member.record(hit(made.line("test", region="US"), next(NUMBERS), "2026-11-03T10:00:00Z"))
    return made


@pytest.fixture(scope="module")
def trail(shared: House) -> AuditTrail:
    return AuditTrail(shared.superuser)


def read(member: Member, **query: str) -> Any:
    answer = member.get("/v1/statistics/baseline", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(tally: Any) -> tuple[int, int, int, int]:
    assert tally.keys() == TALLY
    return tally["lines"], tally["line_days"], tally["contacts"], tally["days_with_contact"]


def test_it_tells_line_days_contacts_rates_and_intervals(world: World, trail: AuditTrail) -> None:
    answer = world.investigator.get("/v1/statistics/baseline", params=PERIOD)
    told = answer.json()
    assert told.keys() == {"since", "until", "total", "groups", "audit_id"}
    assert {name: told[name] for name in PERIOD} == PERIOD
    total = told["total"]
    assert total.keys() == {"control", "advertised", "baseline"}
    assert counts(total["control"]) == (1, 10, 1, 1)
    assert counts(total["advertised"]) == (2, 15, 6, 4)
    assert (total["control"]["rate"], total["advertised"]["rate"]) == (0.1, 0.4)
    assert total["baseline"] == pytest.approx(0.25)
    interval = wilson(4, 15)
    assert total["advertised"]["proportion"] == {
        "estimate": interval.estimate,
        "low": interval.low,
        "high": interval.high,
    }
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("read_baseline", "ok")
    assert event["count"] == {"submitted": 0, "charged": 0, "lines": 3}


def test_it_is_told_by_region(world: World) -> None:
    told = read(world.investigator, **PERIOD)
    canada, states = (group for group in told["groups"] if group["provider"] is None)
    assert (canada["region"], states["region"]) == ("CA", "US")
    assert counts(canada["advertised"]) == (1, 5, 1, 1)
    assert counts(canada["control"]) == (0, 0, 0, 0)
    assert (canada["control"]["rate"], canada["control"]["proportion"], canada["baseline"]) == (None, None, None)
    assert counts(states["advertised"]) == (1, 10, 5, 3)
    only = read(world.investigator, **PERIOD, region="us")
    assert [group for group in told["groups"] if group["region"] == "US"] == only["groups"]
    assert only["total"] == {name: states[name] for name in ("control", "advertised", "baseline")}


def test_it_is_told_by_provider_against_all_line_days_of_the_region(world: World) -> None:
    """A line that nobody calls shows by nothing whose it is."""
    owner = Caller(world.investigator.id)
    for decoy, day in ((world.advertised, 2), (world.advertised, 2), (world.advertised, 4), (world.control, 3)):
        at = NOW.replace(day=day)
        call = Hit(next(NUMBERS), UUID(decoy), Channel.VOICE, at, attestation=Attestation.A, provider=Provider.TWILIO)
        world.house.registry.run(RecordHits([call]), owner, Request(world.house.registry.new_id(), "test"))
    told = read(world.investigator, **PERIOD, region="US")
    everything, twilio, submitted = told["groups"]
    assert [group["provider"] for group in told["groups"]] == [None, "twilio", "submitted"]
    assert counts(twilio["advertised"]) == (1, 10, 3, 2)
    assert counts(submitted["advertised"]) == (1, 10, 5, 3)
    # On the second of November there were contacts both ways: one day.
    assert counts(everything["advertised"]) == (1, 10, 8, 4)
    assert counts(everything["control"]) == (1, 10, 2, 1)
    only = read(world.investigator, **PERIOD, region="US", provider="twilio")
    assert only["groups"] == [twilio]


def by_telnyx(world: World, decoy: str, day: int) -> UUID:
    """The id of a contact that Telnyx told of."""
    sms = Hit(next(NUMBERS), UUID(decoy), Channel.SMS, NOW.replace(day=day), provider=Provider.TELNYX)
    request = Request(world.house.registry.new_id(), "test")
    (recorded,) = world.house.registry.run(RecordHits([sms]), Caller(world.investigator.id), request).result
    assert isinstance(recorded, Recorded)
    return recorded.id


def test_without_a_control_line_of_a_provider_there_is_no_baseline(world: World) -> None:
    """Nought would read as: there are no false positives."""
    nobody = read(world.investigator, **PERIOD, provider="telnyx")["total"]
    assert [counts(nobody[side]) for side in ("control", "advertised")] == [(0, 0, 0, 0)] * 2
    by_telnyx(world, world.advertised, 2)
    for total in (
        read(world.investigator, **PERIOD, region="US", provider="telnyx")["total"],
        next(one for one in read(world.investigator, **PERIOD, region="US")["groups"] if one["provider"] == "telnyx"),
    ):
        assert counts(total["advertised"]) == (1, 10, 1, 1)
        assert counts(total["control"]) == (0, 0, 0, 0)
        assert (total["control"]["rate"], total["control"]["proportion"], total["baseline"]) == (None, None, None)


@pytest.mark.parametrize(("day", "retracted"), [(11, False), (3, True)])
def test_a_control_line_that_a_provider_is_known_to_serve_and_nobody_called_is_a_baseline_of_nought(
    world: World, day: int, *, retracted: bool
) -> None:
    """Known by a contact beside the period, or by a test of the line that was retracted."""
    by_telnyx(world, world.advertised, 2)
    known = by_telnyx(world, world.control, day)
    if retracted:
        assert world.investigator.post(f"/v1/hits/{known}/retraction", {"reason": "test_call"}).status_code == 200
    total = read(world.investigator, **PERIOD, region="US", provider="telnyx")["total"]
    assert (counts(total["control"]), total["baseline"]) == ((1, 10, 0, 0), 0.0)
    assert total["control"]["proportion"]["high"] == pytest.approx(wilson(0, 10).high)


def test_a_control_lines_contacts_are_in_no_answer(world: World) -> None:
    number = next(NUMBERS)
    world.investigator.record(hit(world.control, number), hit(world.control, number, "2026-11-02T10:00:00Z"))
    assert world.house.member("employer").look_up(number)["outcome"] == "none"
    assert read(world.investigator, **PERIOD)["total"]["control"]["contacts"] == 3


def test_a_retracted_contact_is_counted_no_more(world: World) -> None:
    recorded = world.investigator.record(hit(world.control, next(NUMBERS)))["results"][0]["id"]
    before = counts(read(world.investigator, **PERIOD)["total"]["control"])
    path = f"/v1/hits/{recorded}/retraction"
    assert world.investigator.post(path, {"reason": "own_call"}).status_code == 200
    assert world.investigator.post(path, {"reason": "own_call"}).status_code == 409
    assert (before, counts(read(world.investigator, **PERIOD)["total"]["control"])) == ((1, 10, 2, 2), (1, 10, 1, 1))


def test_a_duplicate_is_counted_once(world: World) -> None:
    contact = hit(world.control, next(NUMBERS), source_id="SM-once")
    world.investigator.record(contact, contact)
    world.investigator.record(contact)
    assert read(world.investigator, **PERIOD)["total"]["control"]["contacts"] == 2


def test_a_line_in_quarantine_is_left_out(world: World) -> None:
    world.investigator.post(f"/v1/decoys/{world.control}/quarantine")
    told = read(world.investigator, **PERIOD)["total"]
    assert (counts(told["control"]), told["baseline"]) == ((0, 0, 0, 0), None)


def test_an_investigator_sees_its_own_lines_and_the_operator_everybodys(world: World) -> None:
    other = world.house.member("investigator")
    assert counts(read(other, **PERIOD)["total"]["advertised"]) == (0, 0, 0, 0)
    operator = world.house.member("operator")
    before = read(operator, **PERIOD)["total"]["advertised"]
    live = "2026-11-01T00:00:00Z"
    decoy = other.register_decoy(next(NUMBERS), live_from=live, live_until="2026-11-04T00:00:00Z")
    other.record(hit(decoy, next(NUMBERS)))
    after = read(operator, **PERIOD)["total"]["advertised"]
    assert [now - then for now, then in zip(counts(after), counts(before), strict=True)] == [1, 3, 1, 1]


@pytest.mark.parametrize("kind", ["employer", "partner"])
def test_nobody_else_sees_any(shared: House, kind: str) -> None:
    refusal_of(shared.member(kind).get("/v1/statistics/baseline"), 401, "unauthorized")


def test_without_dates_it_is_the_ninety_days_up_to_today(world: World) -> None:
    told = read(world.investigator)
    assert (told["since"], told["until"]) == ("2026-08-18", "2026-11-15")
    assert told == {**read(world.investigator, until="2027-01-01"), "audit_id": told["audit_id"]}
    assert (read(world.investigator, until="2026-11-10")["since"]) == "2026-08-13"


def test_an_open_line_is_known_to_live_since_its_first_contact_at_the_latest(world: World) -> None:
    """It was registered in truth just now, by the database's clock."""
    decoy = world.line("control", region="CA")
    world.investigator.record(hit(decoy, next(NUMBERS), "2026-11-05T10:00:00Z"))
    (canada, *_) = read(world.investigator, **PERIOD)["groups"]
    assert counts(canada["control"]) == (1, 6, 1, 1)


def test_the_burn_in_is_no_part_of_a_lines_life(world: World) -> None:
    decoy = world.line("control", region="CA", acquired_on="2026-10-30")
    world.investigator.record(
        *(hit(decoy, next(NUMBERS), f"2026-11-{day:02}T10:00:00Z") for day in (5, 6)),
    )
    (canada, *_) = read(world.investigator, **PERIOD)["groups"]
    assert counts(canada["control"]) == (1, 5, 1, 1)


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"since": "2026-11-02", "until": "2026-11-01"}, "window_reversed", None),
        ({"since": str((NOW + timedelta(days=1)).date())}, "date_in_future", None),
        ({"since": str((NOW + timedelta(days=1)).date()), "until": "2027-01-01"}, "date_in_future", None),
        ({"since": "yesterday"}, "invalid_value", ""),
        ({"until": "1926-01-01"}, "invalid_value", ""),
        ({"region": "Texas"}, "unknown_region", None),
        ({"provider": "vonage"}, "invalid_value", ""),
    ],
)
def test_what_cannot_be_asked_is_refused(world: World, query: dict[str, str], code: str, pointer: str | None) -> None:
    refusal_of(world.investigator.get("/v1/statistics/baseline", params=query), 422, code, pointer)
