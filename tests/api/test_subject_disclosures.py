"""Who was told about a number, for the person whose number it is: everything under every key that is held, proved."""

import json
from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from audit_trail import AuditTrail
from holders import tags as tags_of
from house import House, opened_database, opened_house
from members import Clock, Member, hit
from private_asker import PrivateAsker, private_asker
from shapes import PAGE, refusal_of

from registry.db.embedded import EmbeddedUrls
from registry.domain.signed_notes import Receipt
from registry.log_key import LogKey
from registry.operations.operation import COMMAND_LINE, Request
from registry.operations.seal import Sealer
from registry.operations.subject_disclosures import SubjectDisclosures
from registry.signatures import holds

PATH = "/v1/subjects/disclosures"
LOG_KEY = LogKey("registry.example.org/log", bytes(range(32)))
ANSWER = PAGE | {"generations", "unsearchable_until", "kept_since"}
DISCLOSURE = frozenset(
    {
        *("event_id", "time", "operation", "organisation", "purpose", "case_ref", "numbers", "told", "policy"),
        *("sealed", "proof"),
    }
)
FILE = {"headers": {"Content-Type": "text/csv"}}


def asked(operator: Member, number: str, **more: Any) -> Any:
    return operator.post(PATH, {"number": number, "purpose": "subject_request", **more})


def told(operator: Member, number: str, **more: Any) -> Any:
    answer = asked(operator, number, **more)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document.keys() == ANSWER
    assert all(one.keys() == DISCLOSURE for one in document["data"])
    return document


def look_up(member: Member, clock: Clock, number: str) -> Any:
    """A moment later than whatever was asked before."""
    clock.advance(seconds=1)
    return member.look_up(number)


def check(member: Member, *numbers: str, **more: Any) -> Any:
    items = [{"number": number} for number in numbers]
    answer = member.post("/v1/checks", {"purpose": "company_number", "items": items, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
def listed(investigator: Member, decoy: str, number: str) -> str:
    """A number with one contact, which nobody has asked about."""
    investigator.record(hit(decoy, number))
    return number


@pytest.fixture
def sealed(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


def seal(house: House) -> None:
    assert Sealer(house.registry.database, LOG_KEY).seal() is not None


def test_every_kind_of_answer_appears_with_who_was_told_what_when_and_why(
    house: House,
    investigator: Member,
    employer: Member,
    asker: PrivateAsker,
    operator: Member,
    clock: Clock,
    listed: str,
    fresh_number: Callable[[], str],
) -> None:
    times: list[str] = []

    def at_once() -> None:
        clock.advance(seconds=1)
        times.append(f"{clock.now:%Y-%m-%dT%H:%M:%SZ}")

    at_once()
    lookup = employer.look_up(listed, case_ref="HR-2026-118")
    at_once()
    several = check(investigator, fresh_number(), listed, fresh_number(), purpose="investigation")
    at_once()
    file = employer.post("/v1/checks/files?purpose=company_number", content=f"number\n{listed}\n", **FILE)
    assert file.status_code == 200
    at_once()
    tag = tags_of(house.registry, listed)[0]
    private = asker.disclose({"tag": tag}, purpose="partner_screening").json()
    found = told(operator, listed)["data"]
    assert [one["time"] for one in found] == times[::-1]
    assert [one["operation"] for one in found] == ["disclose", "check_file", "check", "look_up"]
    assert [one["event_id"] for one in found[::2]] == [private["audit_id"], several["audit_id"]]
    assert [one["told"] for one in found] == [["contact_observed"]] * 4
    assert [one["purpose"] for one in found] == [
        *("partner_screening", "company_number", "investigation", "company_number"),
    ]
    assert [one["numbers"] for one in found] == [1, 1, 3, 1]
    assert {one["policy"] for one in found} == {lookup["evidence"]["policy"]}
    assert found[3]["case_ref"] == "HR-2026-118"
    recipients = [(one["organisation"]["id"], one["organisation"]["kind"]) for one in found]
    assert recipients == [
        *((str(asker.member.id), "employer"), (str(employer.id), "employer")),
        *((str(investigator.id), "investigator"), (str(employer.id), "employer")),
    ]
    assert found[2]["organisation"]["name"].startswith("Test investigator ")


def test_a_question_that_was_answered_none_never_appears(
    investigator: Member, employer: Member, operator: Member, trail: AuditTrail, decoy: str, number: str
) -> None:
    assert employer.look_up(number)["outcome"] == "none"
    assert check(employer, number)["counts"]["none"] == 1
    answer = asked(operator, number)
    assert answer.json()["data"] == []
    event = trail.only(answer)
    assert (event["operation"], event["purpose"], event["result"]) == ("subject_disclosures", "subject_request", "ok")
    assert event["count"] == {"submitted": 1, "charged": 1, "disclosures": 0}
    assert event["subjects"] is None  # nothing was found, so nothing is stored
    investigator.record(hit(decoy, number))
    assert told(operator, number)["data"] == []
    employer.look_up(number)
    assert len(told(operator, number)["data"]) == 1


def test_what_is_found_is_a_disclosure_to_the_operator_and_appears_from_then_on(
    house: House, employer: Member, operator: Member, trail: AuditTrail, clock: Clock, listed: str
) -> None:
    employer.look_up(listed)
    clock.advance(seconds=1)
    first = asked(operator, listed, case_ref="SR-1")
    assert len(first.json()["data"]) == 1
    event = trail.only(first)
    assert event["count"] == {"submitted": 1, "charged": 1, "disclosures": 1}
    assert trail.disclosed(event["id"]) == list(tags_of(house.registry, listed))
    rows = house.superuser.execute("SELECT generation FROM audit.subject WHERE event = %s", (event["id"],)).fetchall()
    assert rows == [(1,)]
    newest, oldest = told(operator, listed)["data"]
    assert (newest["event_id"], newest["told"], newest["case_ref"]) == (event["id"], ["disclosures"], "SR-1")
    assert (newest["organisation"]["kind"], newest["purpose"]) == ("operator", "subject_request")
    assert oldest["operation"] == "look_up"


def test_the_command_lines_own_question_appears_without_an_organisation(
    house: House, employer: Member, operator: Member, clock: Clock, listed: str
) -> None:
    employer.look_up(listed)
    clock.advance(seconds=1)
    request = Request(house.registry.new_id(), "cli test")
    house.registry.run(SubjectDisclosures(listed), COMMAND_LINE, request)
    newest = told(operator, listed)["data"][0]
    assert (newest["operation"], newest["organisation"]) == ("subject_disclosures", None)


def test_where_the_log_leaves_open_which_outcome_was_the_numbers_it_is_not_guessed(
    investigator: Member,
    employer: Member,
    operator: Member,
    decoy: str,
    clock: Clock,
    listed: str,
    fresh_number: Callable[[], str],
) -> None:
    disputed = fresh_number()
    investigator.record(hit(decoy, disputed))
    assert operator.post("/v1/disputes", {"number": disputed}).status_code == 201
    assert check(employer, disputed, fresh_number())["counts"]["indeterminate"] == 1
    clock.advance(seconds=1)
    check(employer, listed, disputed)
    assert [one["told"] for one in told(operator, listed)["data"]] == [["contact_observed", "indeterminate"]]
    assert [one["told"] for one in told(operator, disputed)["data"]] == [
        ["contact_observed", "indeterminate"],
        ["indeterminate"],
    ]


def test_an_exclusion_or_a_dispute_later_erases_no_earlier_disclosure(
    employer: Member, operator: Member, clock: Clock, listed: str
) -> None:
    first = employer.look_up(listed)["audit_id"]
    assert operator.post("/v1/disputes", {"number": listed}).status_code == 201
    second = look_up(employer, clock, listed)
    assert second["reason"] == "disputed"
    assert operator.post("/v1/exclusions", {"number": listed, "reason": "suppression"}).status_code == 201
    assert employer.look_up(listed)["outcome"] == "none"
    found = told(operator, listed)["data"]
    assert [(one["event_id"], one["told"]) for one in found] == [
        (second["audit_id"], ["indeterminate"]),
        (first, ["contact_observed"]),
    ]


def test_each_disclosure_proves_itself_offline_once_it_is_sealed(sealed: House) -> None:
    investigator, employer, operator = (sealed.member(kind) for kind in ("investigator", "employer", "operator"))
    number = "+12065550177"
    investigator.record(hit(investigator.register_decoy("+12065550100"), number))
    employer.look_up(number)
    check(employer, number)
    seal(sealed)
    last = look_up(employer, sealed.clock, number)
    found = told(operator, number)["data"]
    assert [one["sealed"] for one in found] == [False, True, True]
    assert (found[0]["proof"], found[0]["event_id"]) == (None, last["audit_id"])
    for one in found[1:]:
        receipt = Receipt.parse(one["proof"])
        assert receipt.verify(LOG_KEY.verifier, holds).origin == "registry.example.org/log"
        assert receipt.entry is not None
        event = json.loads(receipt.entry)
        assert (event["id"], event["operation"]) == (one["event_id"], one["operation"])
        assert event["actor"]["organisation"] == one["organisation"]["id"] == str(employer.id)
    seal(sealed)
    assert all(one["sealed"] for one in told(operator, number)["data"][1:])


def test_events_that_were_dropped_appear_no_more_and_the_answer_says_since_when_they_are_kept(sealed: House) -> None:
    investigator, employer, operator = (sealed.member(kind) for kind in ("investigator", "employer", "operator"))
    number = "+12065550177"
    investigator.record(hit(investigator.register_decoy("+12065550100"), number))
    employer.look_up(number)
    sealed.clock.advance(days=1)
    since = f"{sealed.clock.now:%Y-%m-%dT%H:%M:%SZ}"
    kept = employer.look_up(number)["audit_id"]
    sealed.clock.advance(seconds=1)
    assert told(operator, number)["kept_since"] is None
    seal(sealed)
    assert told(operator, number)["kept_since"] is None
    older = "e.xid < (SELECT f.xid FROM audit.event f WHERE f.event_id = %s)"
    with sealed.superuser.transaction():
        sealed.superuser.execute("SET LOCAL session_replication_role = replica")
        for table in ("subject", "event"):
            sealed.superuser.execute(f"ALTER TABLE audit.{table} DISABLE TRIGGER {table}_append_only")
        sealed.superuser.execute(
            f"DELETE FROM audit.subject s USING audit.event e WHERE e.event_id = s.event AND {older}",  # noqa: S608 - constants
            (kept,),
        )
        sealed.superuser.execute(f"DELETE FROM audit.event e WHERE {older}", (kept,))  # noqa: S608 - constants
    document = told(operator, number)
    assert document["data"][-1]["event_id"] == kept
    assert document["kept_since"] == since


def test_pages_go_on_where_the_one_before_ended_whatever_was_asked_meanwhile(
    employer: Member, operator: Member, clock: Clock, listed: str
) -> None:
    made: list[str] = []
    for _ in range(5):
        clock.advance(seconds=1)
        made.append(employer.look_up(listed)["audit_id"])
    pages: list[list[str]] = []
    cursor = None
    while True:
        clock.advance(seconds=1)  # each page is a disclosure itself, newer than all that it continues
        page = told(operator, listed, limit=2, cursor=cursor)
        pages.append([one["event_id"] for one in page["data"]])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == [made[4:2:-1], made[2:0:-1], made[:1]]


def test_a_page_after_the_last_one_discloses_nothing(
    house: House, employer: Member, operator: Member, trail: AuditTrail, listed: str, fresh_number: Callable[[], str]
) -> None:
    del house
    for _ in range(2):
        employer.look_up(listed)
    cursor = told(operator, listed, limit=1)["next_cursor"]
    answer = asked(operator, fresh_number(), cursor=cursor)
    assert (answer.json()["data"], trail.only(answer)["subjects"]) == ([], None)


def test_the_same_number_in_another_spelling_is_the_same_number(
    employer: Member, operator: Member, listed: str
) -> None:
    employer.look_up(listed)
    assert len(told(operator, f"({listed[2:5]}) {listed[5:8]}-{listed[8:]}", region="us")["data"]) == 1


def test_a_number_of_a_region_that_is_not_served_can_be_asked_about(operator: Member) -> None:
    """Which regions are served may have changed since."""
    assert told(operator, "+44 7400 123456")["data"] == []


@pytest.mark.parametrize("purpose", ["company_number", "investigation", "partner_screening", "curiosity"])
def test_there_is_one_purpose_alone(operator: Member, trail: AuditTrail, number: str, purpose: str) -> None:
    refused = asked(operator, number, purpose=purpose)
    refusal_of(refused, 422, "invalid_value", "/purpose")
    (event,) = trail.of(refused)
    assert (event["operation"], event["result"]) == ("subject_disclosures", "invalid_value")


@pytest.mark.parametrize("kind", ["investigator", "employer", "partner"])
def test_nobody_but_the_operator_may_ask(house: House, trail: AuditTrail, kind: str, number: str) -> None:
    refused = asked(house.member(kind), number)
    refusal_of(refused, 401, "unauthorized")
    assert [event["result"] for event in trail.of(refused)] == ["unauthorized"]


def test_a_request_that_cannot_be_read_is_refused_at_its_field(operator: Member, number: str) -> None:
    refusal_of(asked(operator, "+1 206 555"), 422, "too_short", "/number")
    refusal_of(asked(operator, "2065550142", region="XX"), 422, "unknown_region", "/region")
    refusal_of(asked(operator, "withheld"), 422, "withheld", "/number")
    refusal_of(asked(operator, number, case_ref="call +12065550142"), 422, "number_in_text", "/case_ref")
    refusal_of(asked(operator, number, limit=101), 422, "invalid_value", "/limit")
    refusal_of(asked(operator, number, limit=0), 422, "invalid_value", "/limit")
    refusal_of(asked(operator, number, since="2026-01-01"), 422, "unknown_field", "/since")
    refusal_of(asked(operator, number, cursor="page-2"), 422, "invalid_cursor")
    refusal_of(operator.post(PATH, {"number": number}), 422, "missing_field", "/purpose")


def test_a_number_is_charged_once_under_an_idempotency_key(
    house: House, employer: Member, trail: AuditTrail, listed: str
) -> None:
    operator = house.member("operator")
    employer.look_up(listed)
    headers = {"Idempotency-Key": f'"{uuid4()}"'}
    body = {"number": listed, "purpose": "subject_request"}
    first, again = (operator.post(PATH, body, headers=headers) for _ in range(2))
    assert [trail.only(one)["count"]["charged"] for one in (first, again)] == [1, 0]
    assert len(again.json()["data"]) == 2  # answered anew, with the first answer in it


def test_every_generation_is_named_with_the_time_of_its_retirement(house: House, rearranged: House) -> None:
    assert told(house.member("operator"), "+12065550177")["generations"] == [
        {"generation": 1, "searched": True, "retired_at": None}
    ]
    document = told(rearranged.member("operator"), "+12065550177")
    assert [(one["generation"], one["searched"]) for one in document["generations"]] == [
        (number, True) for number in (1, 2, 3, 4)
    ]
    retired = [one["retired_at"] is not None for one in document["generations"]]
    assert retired == [True, True, False, False]
    assert document["unsearchable_until"] is None


def test_the_newest_disclosures_come_first(employer: Member, operator: Member, clock: Clock, listed: str) -> None:
    for _ in range(3):
        clock.advance(hours=7)
        employer.look_up(listed)
    times = [one["time"] for one in told(operator, listed)["data"]]
    assert all(newer > older for newer, older in pairwise(times))


def test_two_employers_see_nothing_of_this(house: House, employer: Member, listed: str) -> None:
    other = private_asker(house).member
    employer.look_up(listed)
    assert other.look_up(listed).keys() == employer.look_up(listed).keys()
