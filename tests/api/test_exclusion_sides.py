"""Every exclusion has a side, that of the investigator who added it or the operator's, and no side sees another's."""

from collections.abc import Callable
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Clock, Member, hit
from shapes import EXCLUSION, refusal_of

AT = "2026-11-01T10:00:00Z"


def exclude(member: Member, number: str, reason: str = "own_staff", **more: Any) -> str:
    answer = member.post("/v1/exclusions", {"number": number, "reason": reason, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def remove(member: Member, number: str, **more: Any) -> Any:
    return member.post("/v1/exclusions/removals", {"number": number, **more})


def listed(member: Member, **query: Any) -> list[dict[str, Any]]:
    answer = member.get("/v1/exclusions", params={"limit": 500, **query})
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def in_list(member: Member, id_: str) -> dict[str, Any]:
    (found,) = [one for one in listed(member) if one["id"] == id_]
    return found


@pytest.fixture
def watch(house: House) -> Member:
    return house.member("investigator")


def test_an_investigators_exclusion_holds_for_everybodys_contacts_and_everybodys_answers(
    house: House, watch: Member, investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, AT))
    own = watch.register_decoy("+12065550198")
    watch.record(hit(own, number, "2026-11-02T10:00:00Z"))
    assert employer.look_up(number)["evidence"]["grade"] == "corroborated"
    exclude(watch, number)
    assert employer.look_up(number)["outcome"] == "none"
    assert investigator.look_up(number)["outcome"] == "none"
    assert investigator.record(hit(decoy, number, "2026-11-03T10:00:00Z"))["recorded"] == 1
    assert employer.look_up(number)["outcome"] == "none"


@pytest.mark.parametrize("reason", ["outreach", "own_staff", "advertised_number"])
def test_an_investigator_gives_reasons_that_it_can_know(
    watch: Member, trail: AuditTrail, number: str, reason: str
) -> None:
    answer = watch.post("/v1/exclusions", {"number": number, "reason": reason})
    assert answer.status_code == 201
    event = trail.only(answer)
    assert (event["operation"], event["actor"]["organisation"]) == ("add_exclusion", str(watch.id))
    assert event["count"] == {"submitted": 1, "charged": 1, "added": 1}


@pytest.mark.parametrize("reason", ["police", "survivor", "suppression", "other"])
def test_what_only_the_operator_can_know_is_not_an_investigators_reason(
    watch: Member, trail: AuditTrail, number: str, reason: str
) -> None:
    answer = watch.post("/v1/exclusions", {"number": number, "reason": reason})
    refusal_of(answer, 422, "invalid_value", "/reason")
    assert trail.only(answer)["result"] == "invalid_value"
    refusal_of(remove(watch, number), 404, "not_found")


def test_the_same_number_can_be_excluded_by_every_side_and_none_learns_of_another(
    watch: Member, second_investigator: Member, operator: Member, number: str
) -> None:
    answers = [
        member.post("/v1/exclusions", {"number": number, "reason": "outreach"})
        for member in (watch, second_investigator, operator)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 3
    for member in (watch, second_investigator, operator):
        refusal_of(member.post("/v1/exclusions", {"number": number, "reason": "outreach"}), 409, "already_excluded")


def test_a_side_ends_its_own_exclusion_alone_and_the_number_stays_excluded_by_the_other(
    watch: Member, investigator: Member, employer: Member, operator: Member, decoy: str, number: str
) -> None:
    investigator.record(hit(decoy, number, AT))
    theirs, operators = exclude(watch, number), exclude(operator, number, "police")
    refusal_of(remove(investigator, number), 404, "not_found")
    assert remove(operator, number).json()["ids"] == [operators]
    assert employer.look_up(number)["outcome"] == "none"
    refusal_of(remove(operator, number), 404, "not_found")  # the operator's own is gone
    assert remove(watch, number).json()["ids"] == [theirs]
    assert employer.look_up(number)["outcome"] == "contact_observed"


def test_the_operator_ends_what_an_investigator_has_hidden(
    watch: Member,
    second_investigator: Member,
    employer: Member,
    operator: Member,
    investigator: Member,
    decoy: str,
    number: str,
    trail: AuditTrail,
) -> None:
    investigator.record(hit(decoy, number, AT))
    first, second, third = (exclude(member, number) for member in (watch, second_investigator, investigator))
    assert remove(operator, number, organisation=str(watch.id)).json()["ids"] == [first]
    assert employer.look_up(number)["outcome"] == "none"
    answer = remove(operator, number, all=True)
    assert set(answer.json()["ids"]) == {second, third}
    assert trail.only(answer)["count"] == {"submitted": 1, "charged": 1, "removed": 2}
    assert employer.look_up(number)["outcome"] == "contact_observed"
    assert in_list(watch, first)["removed_at"] is not None


def test_an_investigator_may_not_speak_for_others_nor_learn_whether_they_are_there(
    watch: Member, second_investigator: Member, number: str
) -> None:
    exclude(second_investigator, number)
    for more, pointer in (
        ({"organisation": str(second_investigator.id)}, "/organisation"),
        ({"organisation": "0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d"}, "/organisation"),
        ({"all": True}, "/all"),
    ):
        refusal_of(remove(watch, number, **more), 422, "invalid_value", pointer)
    own = exclude(watch, number)
    assert remove(watch, number, organisation=str(watch.id)).json()["ids"] == [own]


def test_one_organisation_and_all_are_not_asked_together(operator: Member, watch: Member, number: str) -> None:
    refusal_of(remove(operator, number, organisation=str(watch.id), all=True), 422, "invalid_value", "/all")


def test_an_exclusion_is_ended_by_its_id_for_which_nobody_needs_the_number(
    watch: Member, investigator: Member, employer: Member, operator: Member, decoy: str, number: str, trail: AuditTrail
) -> None:
    investigator.record(hit(decoy, number, AT))
    for owner, ending in ((watch, watch), (watch, operator), (operator, operator)):
        id_ = exclude(owner, number)
        path = f"/v1/exclusions/{id_}/removal"
        for stranger in {id(investigator): investigator, id(watch): watch}.values():
            if stranger is not owner:
                refusal_of(stranger.post(path), 404, "not_found")
        assert employer.look_up(number)["outcome"] == "none"
        answer = ending.post(path)
        assert answer.json()["ids"] == [id_]
        assert trail.only(answer)["operation"] == "end_exclusion"
        assert employer.look_up(number)["outcome"] == "contact_observed"
        refusal_of(ending.post(path), 404, "not_found")


def test_an_investigator_sees_its_own_and_the_operator_sees_whose_each_is(
    house: House, watch: Member, second_investigator: Member, operator: Member, number: str
) -> None:
    ids = [exclude(member, number) for member in (watch, second_investigator, operator)]
    own = listed(watch)
    assert [one["id"] for one in own] == [ids[0]]
    assert own[0].keys() == EXCLUSION
    name = watch.get("/v1/account").json()["organisation"]
    assert (own[0]["organisation_id"], own[0]["organisation"]) == (str(watch.id), name)
    seen = {one["id"]: one for one in listed(operator)}
    assert [seen[id_]["organisation_id"] for id_ in ids] == [str(watch.id), str(second_investigator.id), None]
    assert (seen[ids[0]]["organisation"], seen[ids[2]]["organisation"]) == (name, None)


def test_the_list_is_narrowed_to_what_is_in_force_or_has_ended_and_to_an_organisation(
    watch: Member,
    second_investigator: Member,
    operator: Member,
    clock: Clock,
    number: str,
    fresh_number: Callable[[], str],
) -> None:
    expiring = exclude(watch, number, expires_at="2026-11-20T12:00:00Z")
    removed, lasting = exclude(watch, number_of_it := fresh_number()), exclude(watch, fresh_number())
    remove(watch, number_of_it)
    own = {"organisation": str(watch.id)}

    def ids(member: Member, **query: str) -> set[str]:
        return {one["id"] for one in listed(member, **query)}

    for member in (watch, operator):
        assert ids(member, **own) == {expiring, removed, lasting}
        assert ids(member, **own, active="true") == {expiring, lasting}
        assert ids(member, **own, active="false") == {removed}
    clock.now = clock.now.fromisoformat("2026-11-20T12:00:00+00:00")
    assert ids(watch, active="true") == {lasting}
    assert ids(watch, active="false") == {expiring, removed}
    assert all(one["expired"] or one["removed_at"] for one in listed(operator, active="false"))
    assert not any(one["expired"] or one["removed_at"] for one in listed(operator, active="true"))
    assert ids(second_investigator, **own) == set()


def test_an_investigators_list_has_pages_of_its_own(watch: Member, second_investigator: Member, clock: Clock) -> None:
    made: list[str] = []
    for last in range(3):
        clock.advance(seconds=1)
        made.append(exclude(watch, f"+1206555018{last}"))
        exclude(second_investigator, f"+1206555018{last}")
    page = watch.get("/v1/exclusions", params={"limit": 2}).json()
    assert [one["id"] for one in page["data"]] == made[:0:-1]
    assert [one["id"] for one in listed(watch, cursor=page["next_cursor"])] == made[:1]
    for last in range(3):
        remove(second_investigator, f"+1206555018{last}")


def test_the_list_says_which_ended_by_themselves(watch: Member, clock: Clock, number: str) -> None:
    ended, removed = exclude(watch, number, expires_at="2026-11-20T12:00:00Z"), exclude(watch, "+12065550187")
    assert not in_list(watch, ended)["expired"]
    remove(watch, "+12065550187")
    clock.now = clock.now.fromisoformat("2026-11-20T12:00:00+00:00")
    assert (in_list(watch, ended)["expired"], in_list(watch, ended)["removed_at"]) == (True, None)
    again = exclude(watch, number)  # which puts the one that has expired away
    assert in_list(watch, ended)["expired"]
    assert in_list(watch, ended)["removed_at"] == "2026-11-20T12:00:00Z"
    assert not in_list(watch, removed)["expired"]
    assert not in_list(watch, again)["expired"]
