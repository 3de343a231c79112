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
    assert remove(watch, number, mistaken=True).json()["ids"] == [theirs]
    assert employer.look_up(number)["outcome"] == "none"  # the operator's was no mistake
    assert operator.post(f"/v1/exclusions/{operators}/removal", {"mistaken": True}).json()["ids"] == [operators]
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
    assert remove(operator, number, organisation=str(watch.id), mistaken=True).json()["ids"] == [first]
    assert employer.look_up(number)["outcome"] == "none"
    answer = remove(operator, number, all=True, mistaken=True)
    assert set(answer.json()["ids"]) == {second, third}
    assert trail.only(answer)["count"] == {"submitted": 1, "charged": 1, "mistaken": 2}
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
        event = trail.only(answer)
        assert (event["operation"], event["count"]["removed"]) == ("end_exclusion", 1)
        assert employer.look_up(number)["outcome"] == "none"
        refusal_of(ending.post(path), 404, "not_found")
        refusal_of(ending.post(path, {"mistaken": False}), 404, "not_found")
        assert not in_list(operator, id_)["mistaken"]
        for stranger in {id(investigator): investigator, id(watch): watch}.values():
            if stranger is not owner:
                refusal_of(stranger.post(path, {"mistaken": True}), 404, "not_found")
        answer = ending.post(path, {"mistaken": True})
        assert answer.json()["ids"] == [id_]
        event = trail.only(answer)
        assert (event["operation"], event["count"]) == ("end_exclusion", {"submitted": 0, "charged": 0, "mistaken": 1})
        assert in_list(operator, id_)["mistaken"]
        assert employer.look_up(number)["outcome"] == "contact_observed"
        refusal_of(ending.post(path, {"mistaken": True}), 404, "not_found")


def test_the_outreach_worker_is_not_listed_for_her_work_when_her_exclusion_ends(
    watch: Member, investigator: Member, employer: Member, decoy: str, number: str, clock: Clock
) -> None:
    """Two texts to two lines of another organisation's ads, as she was asked to send."""
    other = investigator.register_decoy("+12065550189")
    exclude(watch, number, expires_at="2026-11-20T12:00:00Z")
    investigator.record(hit(decoy, number, AT), hit(other, number, "2026-11-15T11:59:59Z"))
    for moment in ("2026-11-19T00:00:00+00:00", "2026-11-20T12:00:00+00:00", "2027-11-20T12:00:00+00:00"):
        clock.now = clock.now.fromisoformat(moment)
        answers = [employer.look_up(number), employer.look_up(number, possessed_since="2026-10-01")]
        assert [(one["outcome"], one["evidence"]) for one in answers] == [("none", None)] * 2
    investigator.record(hit(decoy, number, "2026-11-20T12:00:00Z"))  # the number's next holder, at its very end
    assert employer.look_up(number)["evidence"]["contacts"] == 1


def test_of_several_ends_the_last_one_covers_and_the_earlier_of_its_two_is_its_own(
    watch: Member, second_investigator: Member, investigator: Member, employer: Member, decoy: str, number: str,
    clock: Clock,
) -> None:  # fmt: skip
    """An exclusion that was removed before it expired ended then; one that had expired is not made longer by it."""
    days = [f"2026-11-{day}T12:00:00Z" for day in (16, 18, 20)]
    first = exclude(watch, number, expires_at="2026-11-19T12:00:00Z")
    exclude(second_investigator, number, expires_at="2026-12-19T12:00:00Z")
    clock.now = clock.now.fromisoformat("2026-11-17T12:00:00+00:00")
    remove(second_investigator, number)
    clock.now = clock.now.fromisoformat("2026-11-21T12:00:00+00:00")
    investigator.record(*(hit(decoy, number, day) for day in days))
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    remove(watch, number)
    assert employer.look_up(number)["evidence"]["contacts"] == 1
    assert in_list(watch, first)["expired"]
    assert watch.post(f"/v1/exclusions/{first}/removal", {"mistaken": True}).status_code == 200
    assert employer.look_up(number)["evidence"]["contacts"] == 2


def test_an_exclusion_that_was_mistaken_is_no_mistake_of_another_side(
    watch: Member, operator: Member, investigator: Member, employer: Member, decoy: str, number: str
) -> None:
    """Nobody buries another's evidence for good by adding and removing one: the operator takes it back."""
    investigator.record(hit(decoy, number, AT))
    id_ = exclude(watch, number)
    remove(watch, number)
    assert employer.look_up(number)["outcome"] == "none"
    path = f"/v1/exclusions/{id_}/removal"
    refusal_of(investigator.post(path, {"mistaken": True}), 404, "not_found")
    refusal_of(operator.post(path), 404, "not_found")
    assert operator.post(path, {"mistaken": True}).json()["id"] == id_
    assert employer.look_up(number)["outcome"] == "contact_observed"


@pytest.mark.parametrize("mistaken", ["yes", 1, None])
def test_a_mistake_is_said_plainly_or_not_at_all(watch: Member, number: str, mistaken: object) -> None:
    id_ = exclude(watch, number)
    for path, body in (("/v1/exclusions/removals", {"number": number}), (f"/v1/exclusions/{id_}/removal", {})):
        refusal_of(watch.post(path, {**body, "mistaken": mistaken}), 422, "wrong_type", "/mistaken")
        refusal_of(watch.post(path, {**body, "mistake": True}), 422, "unknown_field", "/mistake")
    assert in_list(watch, id_)["removed_at"] is None


def test_an_end_may_come_without_a_body_and_with_one_it_is_json(watch: Member, number: str) -> None:
    ids = [exclude(watch, number), exclude(watch, "+12065550188")]
    for id_, body in zip(ids, ({}, {"mistaken": True}), strict=True):
        path = f"/v1/exclusions/{id_}/removal"
        text = watch.client.post(path, content=b"x", headers={**watch.headers, "Content-Type": "text/plain"})
        refusal_of(text, 415, "unsupported_media_type")
        null = watch.client.post(path, content=b" null", headers={**watch.headers, "Content-Type": "application/json"})
        refusal_of(null, 422, "wrong_type")
        assert watch.post(path, body).json()["ids"] == [id_]


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
