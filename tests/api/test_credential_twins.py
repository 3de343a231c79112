"""One secret is in use once: what an organisation has already, has retired, or has twice from before that was so."""

import base64
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member
from providers import ACCOUNT, AUTH_TOKEN, Line, add_twilio, message, new_line
from shapes import refusal_of

from registry.db.provider_credentials import MOST_COMPARED
from registry.domain.intake.credentials import provider_secret, sealing_context
from registry.domain.policy import Provider

PATH: Final = "/v1/provider-credentials"
TWILIO: Final = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": AUTH_TOKEN}
KEY: Final = base64.b64encode(bytes(range(32))).decode()
EACH: Final = [TWILIO, {"provider": "telnyx", "public_key": KEY}, {"provider": "generic", "secret": f"whsec_{KEY}"}]
TOKENS: Final = ("a-first-auth-token-of-the-tests", "a-second-auth-token-of-the-tests")


@pytest.fixture
def member(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def line(member: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(member, fresh_number())


def _retire(member: Member, credential: str, **how: bool) -> Any:
    answer = member.post(f"{PATH}/{credential}/retirement", how)
    assert answer.status_code == 200, answer.text
    return answer.json()


def _twin_from_before(house: House, member: Member, token: str = AUTH_TOKEN, seconds: int | None = None) -> str:
    """Another credential with this auth token, in use or, with seconds, retired and taken for so many more."""
    id_ = uuid4()
    secret = provider_secret(Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": token})
    sealed = house.registry.tagging.seal(sealing_context(id_, Provider.TWILIO), secret)
    house.superuser.execute(
        "INSERT INTO registry.provider_credentials (id, organisation_id, provider, sealed, retired_at, verifies_until)"
        " VALUES (%(id)s, %(owner)s, 'twilio', %(sealed)s, CASE WHEN %(seconds)s::int IS NOT NULL THEN now() END,"
        " now() + make_interval(secs => %(seconds)s::int))",
        {"id": id_, "owner": member.id, "sealed": sealed, "seconds": seconds},
    )
    return str(id_)


def _taken(line: Line, number: str, token: str = AUTH_TOKEN) -> bool:
    answer = line.twilio(message(number), token=token)
    assert answer.status_code in {200, 403}, answer.text
    return bool(answer.status_code == 200)


@pytest.mark.parametrize("credential", EACH, ids=[one["provider"] for one in EACH])
def test_what_is_in_use_is_not_registered_twice(member: Member, trail: AuditTrail, credential: dict[str, str]) -> None:
    id_ = member.post(PATH, credential).json()["id"]
    for again in (False, True):
        answer = member.post(PATH, {**credential, "label": "The same", "again": again})
        problem = refusal_of(answer, 409, "credential_in_use")
        assert id_ in problem["detail"]
        assert trail.only(answer)["result"] == "credential_in_use"
        assert AUTH_TOKEN not in answer.text + str(trail.only(answer))
        assert KEY not in answer.text
    assert [one["id"] for one in member.get(PATH).json()["data"]] == [id_]


def test_another_account_token_provider_or_organisation_is_another_credential(member: Member, house: House) -> None:
    add_twilio(member)
    add_twilio(member, TOKENS[0])
    add_twilio(member, account="AC" + "f" * 32)
    add_twilio(house.member("investigator"))
    for one in EACH[1:]:
        assert member.post(PATH, one).status_code == 201


def test_a_spelling_of_the_same_bytes_is_the_same(member: Member) -> None:
    secret = "whsec_" + "A" * 22
    assert member.post(PATH, {"provider": "generic", "secret": f"{secret}=="}).status_code == 201
    refusal_of(member.post(PATH, {"provider": "generic", "secret": secret}), 409, "credential_in_use")


@pytest.mark.parametrize("how", [{}, {"at_once": True}])
def test_what_was_retired_comes_back_only_where_that_is_said(
    line: Line, house: House, fresh_number: Callable[[], str], how: dict[str, bool]
) -> None:
    id_ = add_twilio(line.member)
    _retire(line.member, id_, **how)
    problem = refusal_of(line.member.post(PATH, TWILIO), 409, "credential_retired")
    assert id_ in problem["detail"]
    assert _taken(line, fresh_number()) is not bool(how)
    house.superuser.execute(
        "UPDATE registry.provider_credentials SET verifies_until = now() - interval '1 second' WHERE id = %s", (id_,)
    )
    refusal_of(line.member.post(PATH, {**TWILIO, "again": False}), 409, "credential_retired")
    assert not _taken(line, fresh_number())
    back = line.member.post(PATH, {**TWILIO, "again": True})
    assert back.status_code == 201
    assert _taken(line, fresh_number())
    problem = refusal_of(line.member.post(PATH, {**TWILIO, "again": True}), 409, "credential_in_use")
    assert back.json()["id"] in problem["detail"]


def test_the_repetition_of_a_request_is_no_second_registration(member: Member) -> None:
    headers = {"Idempotency-Key": '"twin-1"'}
    first, second = (member.post(PATH, TWILIO, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code, second.content) == (201, 201, first.content)


def test_with_eight_in_use_it_is_still_told_which_one_is_the_same(member: Member) -> None:
    first, *_ = [add_twilio(member, f"an-auth-token-of-many-{number}") for number in range(8)]
    answer = member.post(PATH, {**TWILIO, "auth_token": "an-auth-token-of-many-0"})
    assert first in refusal_of(answer, 409, "credential_in_use")["detail"]


def test_all_that_leaked_with_it_is_retired_at_once(
    line: Line, house: House, trail: AuditTrail, fresh_number: Callable[[], str]
) -> None:
    leaked = add_twilio(line.member)
    twins = {_twin_from_before(house, line.member), _twin_from_before(house, line.member, seconds=1_800)}
    over = _twin_from_before(house, line.member, seconds=-1)
    other = add_twilio(line.member, TOKENS[0])
    stranger = new_line(house.member("investigator"), fresh_number())
    add_twilio(stranger.member)
    assert _taken(line, fresh_number())
    answer = line.member.post(f"{PATH}/{leaked}/retirement", {"at_once": True})
    assert (answer.json()["id"], set(answer.json()["also_retired"])) == (leaked, twins)
    assert trail.only(answer)["count"]["retired"] == 3
    assert not _taken(line, fresh_number())
    assert _taken(line, fresh_number(), TOKENS[0])
    assert _taken(stranger, fresh_number())
    retired = {one["id"]: one["retired_at"] for one in line.member.get(PATH).json()["data"]}
    assert {id_ for id_ in retired if retired[id_] is not None} == {leaked, *twins, over}
    assert retired[other] is None
    again = _retire(line.member, leaked, at_once=True)
    assert again["also_retired"] == []


def test_one_that_is_over_still_leads_to_its_twins(line: Line, house: House, fresh_number: Callable[[], str]) -> None:
    over, twin = _twin_from_before(house, line.member, seconds=-1), _twin_from_before(house, line.member)
    assert _taken(line, fresh_number())
    assert _retire(line.member, over, at_once=True)["also_retired"] == [twin]
    assert not _taken(line, fresh_number())


def test_with_its_grace_one_is_retired_and_no_other(
    line: Line, house: House, trail: AuditTrail, fresh_number: Callable[[], str]
) -> None:
    id_ = add_twilio(line.member)
    twin = _twin_from_before(house, line.member)
    answer = line.member.post(f"{PATH}/{id_}/retirement")
    assert (answer.status_code, answer.json()["also_retired"]) == (200, [])
    assert answer.json()["verifies_until"] > answer.json()["retired_at"]
    assert trail.only(answer)["count"]["retired"] == 1
    assert {one["id"]: one["retired_at"] is None for one in line.member.get(PATH).json()["data"]}[twin]
    assert _taken(line, fresh_number())


@pytest.mark.parametrize("content", [b"", b"{}", b'{"at_once": false}'])
def test_a_retirement_needs_no_body(member: Member, content: bytes) -> None:
    id_ = add_twilio(member)
    headers = {"Content-Type": "application/json"} if content else {}
    answer = member.post(f"{PATH}/{id_}/retirement", content=content, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.json()["verifies_until"][:13] != answer.json()["retired_at"][:13], "an hour later"


def test_what_cannot_be_unsealed_is_the_same_as_nothing(member: Member, house: House) -> None:
    lost = add_twilio(member)
    house.superuser.execute(
        "UPDATE registry.provider_credentials SET sealed = sealed || '\\x00'::bytea WHERE id = %s", (lost,)
    )
    anew = add_twilio(member)
    assert _retire(member, lost, at_once=True)["also_retired"] == []
    assert _retire(member, anew, at_once=True)["also_retired"] == []


def test_those_in_use_are_found_however_many_were_retired(member: Member, house: House) -> None:
    id_ = UUID(add_twilio(member))
    house.superuser.execute(
        "INSERT INTO registry.provider_credentials (id, organisation_id, provider, sealed, retired_at, verifies_until)"
        " SELECT gen_random_uuid(), organisation_id, provider, sealed, now(), now() + interval '1 hour'"
        " FROM registry.provider_credentials, generate_series(1, %s) WHERE id = %s",
        (MOST_COMPARED + 100, id_),
    )
    assert str(id_) in refusal_of(member.post(PATH, TWILIO), 409, "credential_in_use")["detail"]
