"""What members of the set are told, by their tags, and what is recorded of it (docs/private-checks.md)."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pytest
from audit_trail import AuditTrail
from blinding import encoded
from holders import tags as tags_of
from house import House
from members import Member, hit
from private_asker import PrivateAsker, left_today, private_asker
from shapes import CHECK_COUNTS, DISCLOSURE, DISCLOSURES, EVIDENCE, ITEM_PROBLEM, refusal_of

UNKNOWN: Final = hashlib.sha256(b"no number's tag").digest()


@dataclass
class Known:
    """Numbers of every kind."""

    house: House
    asker: PrivateAsker
    seen: str
    """On 2026-11-01 and 2026-11-08, by two organisations."""
    boundary: str
    """On 2026-11-05 alone."""
    disputed: str
    excluded: str
    weak: str
    retracted: str
    unknown: str

    def tag(self, number: str) -> bytes:
        return tags_of(self.house.registry, number)[0]

    @property
    def silent(self) -> tuple[str, ...]:
        return self.excluded, self.weak, self.retracted, self.unknown

    @property
    def everybody(self) -> tuple[str, ...]:
        return self.seen, self.boundary, self.disputed, *self.silent


@pytest.fixture(scope="module")
def known(
    house: House,
    asker: PrivateAsker,
    investigator: Member,
    second_investigator: Member,
    operator: Member,
    fresh_number: Callable[[], str],
) -> Known:
    decoy, other = investigator.register_decoy(fresh_number()), second_investigator.register_decoy(fresh_number())
    found = Known(house, asker, *(fresh_number() for _ in range(7)))
    second_investigator.record(hit(other, found.seen, "2026-11-08T10:00:00Z", channel="voice", attestation="B"))
    told = investigator.record(
        hit(decoy, found.seen),
        hit(decoy, found.boundary, "2026-11-05T10:00:00Z"),
        hit(decoy, found.disputed),
        hit(decoy, found.excluded),
        hit(decoy, found.weak, channel="voice", attestation="C"),
        hit(decoy, found.retracted),
    )
    retraction = f"/v1/hits/{told['results'][5]['id']}/retraction"
    assert investigator.post(retraction, {"reason": "misdial"}).status_code == 200
    assert operator.post("/v1/exclusions", {"number": found.excluded, "reason": "survivor"}).status_code == 201
    assert operator.post("/v1/disputes", {"number": found.disputed}).status_code == 201
    return found


WINDOWS: Final[tuple[dict[str, str], ...]] = (
    {},
    {"possessed_since": "2026-11-05"},
    {"possessed_until": "2026-11-05"},
    {"possessed_since": "2026-11-05", "possessed_until": "2026-11-05"},
    {"possessed_since": "2026-10-30", "possessed_until": "2026-11-03"},
    {"possessed_since": "2026-11-02", "possessed_until": "2026-11-07"},
    {"possessed_since": "2026-11-16"},
    {"possessed_since": "2026-11-17"},
    {"possessed_until": "2026-12-24"},
    {"possessed_since": "2026-03-02", "possessed_until": "2026-03-01"},
)


def test_a_tag_is_answered_as_a_check_answers_its_number(known: Known) -> None:
    asked = [(number, window) for number in known.everybody for window in WINDOWS]
    items = [{"number": number, "ref": f"item {i}", **window} for i, (number, window) in enumerate(asked)]
    plain = known.asker.member.post("/v1/checks", {"purpose": "company_number", "items": items}).json()
    private = known.asker.disclose(
        *({"tag": known.tag(number), "ref": f"item {i}", **window} for i, (number, window) in enumerate(asked))
    ).json()
    assert private.keys() == DISCLOSURES
    assert private["counts"].keys() == CHECK_COUNTS
    assert private["counts"] == plain["counts"]
    assert private["guidance"] == plain["guidance"]
    for result in plain["results"]:
        del result["number"], result["notes"]
    assert private["results"] == plain["results"]
    reached = {(result["outcome"], result["reason"]) for result in private["results"]}
    assert reached == {
        *(("contact_observed", None), ("none", None), ("indeterminate", "disputed")),
        *(("indeterminate", "possession_boundary"), (None, None)),
    }


def test_the_answer_has_every_member_whatever_it_says(known: Known) -> None:
    told = known.asker.disclose(
        {"tag": known.tag(known.seen)},
        {"tag": UNKNOWN, "ref": ""},
        {"tag": known.tag(known.disputed), "ref": "r" * 200},
        {"tag": known.tag(known.seen), "ref": None, "possessed_since": "2027-01-01"},
    ).json()
    assert all(result.keys() == DISCLOSURE for result in told["results"])
    assert [result["index"] for result in told["results"]] == [0, 1, 2, 3]
    assert [result["ref"] for result in told["results"]] == [None, "", "r" * 200, None]
    assert told["results"][0]["evidence"].keys() == EVIDENCE
    evidence = told["results"][0]["evidence"]
    assert (evidence["grade"], evidence["contacts"], evidence["organisations"]) == ("corroborated", 2, 2)
    assert told["results"][3]["problem"].keys() == ITEM_PROBLEM
    assert told["counts"] == {"contact_observed": 1, "none": 1, "indeterminate": 1, "refused": 1}


@pytest.mark.parametrize("window", WINDOWS[:6])
def test_nobody_can_tell_why_a_tag_is_answered_none(known: Known, window: dict[str, str]) -> None:
    """One that no number has, an unseen number's, an excluded one's, a weakly seen one's: the same bytes."""
    tags = [UNKNOWN, bytes(32), *(known.tag(number) for number in known.silent)]
    answers = [known.asker.disclose({"tag": tag, "ref": "phone-17", **window}) for tag in tags]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["content-length"] for answer in answers}) == 1
    bodies: list[dict[str, Any]] = [{**answer.json(), "audit_id": None} for answer in answers]
    assert all(body == bodies[0] for body in bodies)
    (told,) = bodies[0]["results"]
    assert told == {**dict.fromkeys(DISCLOSURE), "index": 0, "ref": "phone-17", "outcome": "none"}
    names = [sorted(answer.headers) for answer in answers]
    assert all(one == names[0] for one in names)


@pytest.mark.parametrize(
    ("window", "code", "member"),
    [
        ({"possessed_since": "2026-03-02", "possessed_until": "2026-03-01"}, "window_reversed", "possessed_until"),
        ({"possessed_since": "2026-12-24"}, "date_in_future", "possessed_since"),
        ({"possessed_until": "2026-12-24"}, "date_in_future", "possessed_until"),
    ],
)
def test_a_window_that_cannot_be_is_that_items_problem_alone(
    known: Known, window: dict[str, str], code: str, member: str
) -> None:
    answer = known.asker.disclose({"tag": known.tag(known.seen)}, {"tag": UNKNOWN, **window}, {"tag": UNKNOWN})
    told = answer.json()
    assert [result["outcome"] for result in told["results"]] == ["contact_observed", None, "none"]
    problem = told["results"][1]["problem"]
    assert (problem["code"], problem["pointer"]) == (code, f"/items/1/{member}")


def test_a_thousand_items_are_answered_in_their_order(known: Known) -> None:
    numbers = [known.seen, known.disputed, *known.silent]
    items = [{"tag": known.tag(numbers[i % len(numbers)]), "ref": str(i)} for i in range(1_000)]
    told = known.asker.disclose(*items).json()
    assert [result["ref"] for result in told["results"]] == [str(i) for i in range(1_000)]
    assert [result["index"] for result in told["results"]] == list(range(1_000))
    assert told["counts"] == {"contact_observed": 167, "none": 666, "indeterminate": 167, "refused": 0}


MALFORMED: Final[list[tuple[dict[str, Any], int, str, str]]] = [
    ({"purpose": None}, 422, "missing_field", "/purpose"),
    ({"items": None}, 422, "missing_field", "/items"),
    ({"items": []}, 422, "empty_list", "/items"),
    ({"items": [{"tag": encoded(UNKNOWN)}] * 1_001}, 422, "too_many_items", "/items"),
    ({"items": {"tag": encoded(UNKNOWN)}}, 422, "wrong_type", "/items"),
    ({"items": [encoded(UNKNOWN)]}, 422, "wrong_type", "/items/0"),
    ({"items": [{}]}, 422, "missing_field", "/items/0/tag"),
    ({"items": [{"tag": None}]}, 422, "wrong_type", "/items/0/tag"),
    ({"items": [{"tag": 5}]}, 422, "wrong_type", "/items/0/tag"),
    ({"items": [{"tag": ""}]}, 400, "invalid_encoding", "/items/0/tag"),
    (
        {"items": [{"tag": encoded(UNKNOWN)}, {"tag": encoded(UNKNOWN[1:])}]},
        400,
        "invalid_encoding",
        "/items/1/tag",
    ),
    ({"items": [{"tag": encoded(UNKNOWN + b"0")}]}, 400, "invalid_encoding", "/items/0/tag"),
    ({"items": [{"tag": UNKNOWN.hex()}]}, 400, "invalid_encoding", "/items/0/tag"),
    ({"items": [{"tag": encoded(UNKNOWN)[:-1]}]}, 400, "invalid_encoding", "/items/0/tag"),
    ({"items": [{"tag": encoded(b"\xff" * 32).replace("/", "_")}]}, 400, "invalid_encoding", "/items/0/tag"),
    ({"items": [{"tag": encoded(UNKNOWN) + " "}]}, 400, "invalid_encoding", "/items/0/tag"),
    ({"items": [{"tag": encoded(UNKNOWN), "number": "+12065550188"}]}, 422, "unknown_field", "/items/0/number"),
    ({"items": [{"tag": encoded(UNKNOWN), "ref": "r" * 201}]}, 422, "invalid_value", "/items/0/ref"),
    ({"items": [{"tag": encoded(UNKNOWN), "ref": "\0"}]}, 400, "nul_byte", "/items/0/ref"),
    (
        {"items": [{"tag": encoded(UNKNOWN), "possessed_since": "1.2.2026"}]},
        *(422, "invalid_value", "/items/0/possessed_since"),
    ),
    ({"case_ref": "206-555-0188"}, 422, "number_in_text", "/case_ref"),
    ({"generation": 1}, 422, "unknown_field", "/generation"),
]


@pytest.mark.parametrize(("change", "status", "code", "pointer"), MALFORMED)
def test_a_request_that_is_none_is_refused_by_its_shape_and_not_charged(
    uncharged: PrivateAsker, trail: AuditTrail, change: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    body = {"purpose": "company_number", "items": [{"tag": encoded(UNKNOWN)}], **change}
    kept = {name: value for name, value in body.items() if value is not None}
    answer = uncharged.member.post("/v1/private/disclosures", kept)
    refusal_of(answer, status, code, pointer)
    assert "5550188" not in answer.text
    assert encoded(UNKNOWN)[:16] not in answer.text
    assert left_today(answer) == 5
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("disclose", code)
    assert event["count"] == {"submitted": 0, "charged": 0}


def test_every_item_is_charged_and_the_days_limit_refuses_before_anything_is_read(
    known: Known, thrifty: PrivateAsker, trail: AuditTrail
) -> None:
    item = {"tag": known.tag(known.seen)}
    assert left_today(thrifty.disclose(item, item, {"tag": UNKNOWN, "possessed_since": "2030-01-01"})) == 2
    over = thrifty.disclose(item, item, item)
    assert refusal_of(over, 429, "quota_exceeded")["violated-policies"] == ["org-day"]
    event = trail.only(over)
    assert (event["count"], event["subjects"]) == ({"submitted": 3, "charged": 0}, None)
    assert left_today(thrifty.disclose(item, item)) == 0


def test_a_repeated_request_is_charged_once_and_answered_as_things_stand(
    house: House, investigator: Member, decoy: str, number: str, thrifty: PrivateAsker, trail: AuditTrail
) -> None:
    items = [{"tag": tags_of(house.registry, number)[0]}, {"tag": UNKNOWN}]

    def ask(*asked: dict[str, Any]) -> Any:
        return thrifty.disclose(*asked, headers={"Idempotency-Key": '"members 1"'})

    first = ask(*items)
    investigator.record(hit(decoy, number))
    second = ask(*items)
    assert [left_today(answer) for answer in (first, second)] == [3, 3]
    assert [trail.only(answer)["count"]["charged"] for answer in (first, second)] == [2, 0]
    outcomes = [answer.json()["results"][0]["outcome"] for answer in (first, second)]
    assert outcomes == ["none", "contact_observed"]
    other = ask(items[0])
    refusal_of(other, 422, "idempotency_key_reused")
    assert left_today(other) == 3
    assert trail.only(other)["subjects"] is None


def test_only_what_was_told_is_on_record_by_its_tag_with_who_asked_and_why(known: Known, trail: AuditTrail) -> None:
    asker = known.asker
    told = [known.seen, known.disputed]
    answer = asker.disclose(
        *({"tag": known.tag(number), "ref": "Ms Canary's phone"} for number in known.everybody),
        {"tag": UNKNOWN},
        {"tag": known.tag(known.seen)},
        {"tag": known.tag(known.boundary), "possessed_since": "2026-11-06"},
        {"tag": known.tag(known.boundary), "possessed_since": "2027-01-01"},
        purpose="investigation",
        case_ref="HR-2026-118",
    )
    event = trail.only(answer)
    assert (event["operation"], event["result"]) == ("disclose", "ok")
    assert event["request"]["route"] == "POST /v1/private/disclosures"
    assert event["actor"]["organisation"] == str(asker.member.id)
    assert (event["purpose"], event["case"]) == ("investigation", "HR-2026-118")
    outcomes = {"contact_observed": 3, "none": 6, "indeterminate": 1, "refused": 1}
    assert event["count"] == {"submitted": 11, "charged": 11, **outcomes}
    assert (event["policy"], event["generation"]) == ("2026-12.4", 1)
    assert trail.disclosed(event["id"]) == sorted(known.tag(number) for number in (*told, known.boundary))
    stored = known.house.everything_stored()
    assert UNKNOWN.hex() not in stored
    assert known.tag(known.unknown).hex() not in stored
    assert "Canary" not in stored


def test_nothing_told_leaves_no_tag_on_record(known: Known, trail: AuditTrail) -> None:
    answer = known.asker.disclose(*({"tag": known.tag(number)} for number in known.silent))
    event = trail.only(answer)
    assert event["subjects"] is None
    assert trail.disclosed(event["id"]) == []
    assert event["count"]["none"] == 4


def test_a_numbers_tag_of_another_generation_than_its_contacts_says_nothing(
    rearranged: House, rearranged_asker: PrivateAsker, fresh_number: Callable[[], str]
) -> None:
    investigator, number = rearranged.member("investigator"), fresh_number()
    decoy = investigator.register_decoy(fresh_number())
    newest, older = tags_of(rearranged.registry, number)
    investigator.record(hit(decoy, number))
    told = rearranged_asker.disclose({"tag": newest}, {"tag": older}).json()["results"]
    assert [result["outcome"] for result in told] == ["contact_observed", "none"]


def test_two_organisations_are_told_the_same(known: Known, house: House) -> None:
    other = private_asker(house)
    item = {"tag": known.tag(known.seen)}
    assert other.disclose(item).json()["results"] == known.asker.disclose(item).json()["results"]
