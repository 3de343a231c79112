"""What providers sign with, and the addresses of lines: registered, replaced, retired, and never shown again."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest
from audit_trail import AuditTrail
from house import House
from members import Member
from providers import ACCOUNT, AUTH_TOKEN, Line, add_twilio, message, new_line

TWILIO = {"provider": "twilio", "account_sid": ACCOUNT, "auth_token": AUTH_TOKEN}
OTHER_TOKEN = "another-auth-token-of-the-tests"


@pytest.fixture
def member(house: House) -> Member:
    return house.member("investigator")


@pytest.fixture
def line(member: Member, fresh_number: Callable[[], str]) -> Line:
    return new_line(member, fresh_number())


def _taken(line: Line, number: str, token: str = AUTH_TOKEN, **more: str) -> bool:
    answer = line.twilio(message(number, **more), token=token)
    assert answer.status_code in {200, 403}, answer.text
    return bool(answer.status_code == 200)


def _retire(member: Member, credential: str, **how: bool) -> Any:
    answer = member.post(f"/v1/provider-credentials/{credential}/retirement", how)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_credential_is_sealed_listed_without_its_secret_and_nowhere_else(
    member: Member, house: House, trail: AuditTrail
) -> None:
    answer = member.post("/v1/provider-credentials", TWILIO, headers={"Idempotency-Key": '"credential-1"'})
    again = member.post("/v1/provider-credentials", TWILIO, headers={"Idempotency-Key": '"credential-1"'})
    assert (answer.status_code, again.status_code, again.content) == (201, 201, answer.content)
    added = answer.json()
    assert added.keys() == {"id", "provider", "label", "created_at", "retired_at", "verifies_until", "audit_id"}
    listed = member.get("/v1/provider-credentials").json()
    assert listed["data"] == [{name: added[name] for name in added if name != "audit_id"}]
    assert trail.only(answer)["operation"] == "add_provider_credential"
    everything = house.everything_stored()
    for secret in (AUTH_TOKEN, ACCOUNT):
        assert secret not in everything + answer.text + str(listed)
        assert secret.encode().hex() not in everything


def test_several_are_told_apart_by_their_labels(member: Member) -> None:
    given = {" Main account ": "Main account", None: None, "Zweites Konto \u00fc": "Zweites Konto \u00fc"}
    kept: dict[str, str | None] = {}
    for label, stored in given.items():
        body = {**TWILIO, "auth_token": secrets.token_hex(16)} | ({} if label is None else {"label": label})
        kept[member.post("/v1/provider-credentials", body).json()["id"]] = stored
    listed = member.get("/v1/provider-credentials").json()["data"]
    assert {one["id"]: one["label"] for one in listed} == kept
    assert [_retire(member, one)["label"] for one in kept] == list(kept.values())


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"label": f"token {AUTH_TOKEN}"}, "/label", "invalid_value"),
        ({"label": "line +1 206 555 0177"}, "/label", "number_in_text"),
        ({"label": " "}, "/label", "invalid_value"),
        ({"label": "x" * 201}, "/label", "invalid_value"),
        ({"auth_token": None}, "/auth_token", "missing_field"),
        ({"auth_token": "short"}, "/auth_token", "invalid_value"),
        ({"account_sid": "AD" + "0" * 32}, "/account_sid", "invalid_value"),
        ({"secret": "whsec_AAAA"}, "/secret", "invalid_value"),
        ({"provider": "telnyx"}, "/public_key", "missing_field"),
        ({"provider": "pigeon"}, "/provider", "invalid_value"),
        ({"extra": 1}, "/extra", "unknown_field"),
    ],
)
def test_a_credential_that_is_none_of_its_provider_is_refused_without_repeating_it(
    member: Member, change: dict[str, Any], pointer: str, code: str
) -> None:
    answer = member.post("/v1/provider-credentials", {**TWILIO, **change})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (422, pointer, code)
    assert AUTH_TOKEN not in answer.text


@pytest.mark.parametrize(
    "credential",
    [
        {"provider": "telnyx", "public_key": "AAAA"},
        {"provider": "telnyx", "public_key": "!" * 44},
        {"provider": "generic", "secret": "AAAAAAAAAAAAAAAAAAAAAAAA"},
        {"provider": "generic", "secret": "whsec_AAAA"},
    ],
)
def test_a_key_of_another_length_or_form_is_refused(member: Member, credential: dict[str, str]) -> None:
    answer = member.post("/v1/provider-credentials", credential)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_value")


def test_a_line_takes_nothing_before_its_organisation_has_a_credential(
    line: Line, fresh_number: Callable[[], str]
) -> None:
    assert not _taken(line, fresh_number())
    add_twilio(line.member)
    assert _taken(line, fresh_number())


def test_a_request_of_another_account_or_organisation_is_refused(
    line: Line, house: House, fresh_number: Callable[[], str]
) -> None:
    add_twilio(line.member)
    stranger = house.member("investigator")
    add_twilio(stranger, OTHER_TOKEN)
    assert not _taken(line, fresh_number(), OTHER_TOKEN)
    assert not _taken(line, fresh_number(), AccountSid="AC" + "f" * 32)


def test_requests_signed_with_a_rotated_credential_are_taken_for_an_hour(
    line: Line, house: House, fresh_number: Callable[[], str]
) -> None:
    old = add_twilio(line.member)
    add_twilio(line.member, OTHER_TOKEN)
    retired = _retire(line.member, old)
    assert retired["retired_at"] < retired["verifies_until"]
    assert _taken(line, fresh_number(), AUTH_TOKEN)
    assert _taken(line, fresh_number(), OTHER_TOKEN)
    house.superuser.execute(
        "UPDATE registry.provider_credentials SET verifies_until = now() - interval '1 second' WHERE id = %s", (old,)
    )
    assert not _taken(line, fresh_number(), AUTH_TOKEN)
    assert _taken(line, fresh_number(), OTHER_TOKEN)


def test_a_leaked_credential_is_retired_at_once_and_stays_so(line: Line, fresh_number: Callable[[], str]) -> None:
    credential = add_twilio(line.member)
    first = _retire(line.member, credential)
    now = _retire(line.member, credential, at_once=True)
    assert now["retired_at"] == first["retired_at"]
    assert now["verifies_until"] < first["verifies_until"]
    assert _retire(line.member, credential)["verifies_until"] == now["verifies_until"]
    assert not _taken(line, fresh_number())


def test_a_credential_of_somebody_else_does_not_exist(member: Member, house: House) -> None:
    credential = add_twilio(house.member("investigator"))
    answer = member.post(f"/v1/provider-credentials/{credential}/retirement", {})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert member.get("/v1/provider-credentials").json()["data"] == []


def test_a_sealed_secret_that_is_moved_to_another_row_bears_nothing_out(
    line: Line, house: House, fresh_number: Callable[[], str]
) -> None:
    moved, other = add_twilio(line.member), add_twilio(line.member, OTHER_TOKEN)
    house.superuser.execute(
        "UPDATE registry.provider_credentials SET sealed = (SELECT sealed FROM registry.provider_credentials"
        " WHERE id = %s) WHERE id = %s",
        (moved, other),
    )
    _retire(line.member, moved, at_once=True)
    assert not _taken(line, fresh_number())


def test_only_so_many_credentials_are_in_use_at_once(member: Member) -> None:
    credentials = [add_twilio(member, f"an-auth-token-of-many-{number}") for number in range(8)]
    answer = member.post("/v1/provider-credentials", TWILIO)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    _retire(member, credentials[0])
    add_twilio(member)


def test_an_employer_has_no_business_with_lines(employer: Member, line: Line) -> None:
    assert employer.post("/v1/provider-credentials", TWILIO).status_code == 401
    assert employer.post(f"/v1/decoys/{line.decoy}/intake-token").status_code == 401


def test_a_new_address_replaces_the_old_one(line: Line, fresh_number: Callable[[], str]) -> None:
    add_twilio(line.member)
    answer = line.member.post(f"/v1/decoys/{line.decoy}/intake-token")
    assert answer.json()["urls"]["twilio"].endswith(answer.json()["token"])
    assert not _taken(line, fresh_number())
    assert _taken(Line(line.member, line.decoy, answer.json()["urls"]), fresh_number())


def test_an_address_is_shown_once_and_stored_as_a_hash(line: Line, house: House) -> None:
    path, key = f"/v1/decoys/{line.decoy}/intake-token", {"Idempotency-Key": '"token-1"'}
    first, again = (line.member.post(path, headers=key).json() for _ in range(2))
    assert len(first["token"]) == 43
    assert (again["token"], again["urls"], again["audit_id"]) == (None, None, first["audit_id"])
    assert first["token"] not in house.everything_stored()


def test_a_line_whose_address_was_taken_away_takes_nothing(line: Line, fresh_number: Callable[[], str]) -> None:
    add_twilio(line.member)
    answer = line.member.post(f"/v1/decoys/{line.decoy}/intake-token/removal")
    assert (answer.status_code, answer.json()["decoy_id"]) == (200, line.decoy)
    assert not _taken(line, fresh_number())


def test_a_line_of_somebody_else_gets_no_address(second_investigator: Member, line: Line) -> None:
    for path in ("", "/removal"):
        answer = second_investigator.post(f"/v1/decoys/{line.decoy}/intake-token{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
