"""One secret registered and retired at once: the second waits for the first, and finds what it did."""

from collections.abc import Generator
from uuid import UUID

import pytest
from house import House, opened_database, opened_house
from interleaved import Interleaving, caller_of
from providers import ACCOUNT, AUTH_TOKEN

from registry.db import provider_credentials
from registry.db.embedded import EmbeddedUrls
from registry.db.provider_credentials import StoredCredential
from registry.domain.errors import Code, Refused
from registry.domain.policy import Provider
from registry.operations.manage_credentials import AddProviderCredential, Retired, RetireProviderCredential
from registry.operations.operation import Caller


@pytest.fixture(scope="module")
def house(cluster: EmbeddedUrls, template: str) -> Generator[House]:
    with opened_database(cluster, template) as urls, opened_house(urls) as opened:
        yield opened


@pytest.fixture
def pair(house: House) -> Interleaving:
    return Interleaving(house.registry, house.superuser)


@pytest.fixture
def caller(house: House) -> Caller:
    return caller_of(house.member("investigator").id)


def adding(token: str = AUTH_TOKEN, *, again: bool = False) -> AddProviderCredential:
    return AddProviderCredential(
        Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": token}, label="One of two", again=again
    )


def in_use(house: House, caller: Caller) -> list[UUID]:
    found = house.registry.database.transaction(lambda tx: provider_credentials.all_of(tx, caller.organisation()))
    return [one.id for one in found if one.retired_at is None]


def test_of_two_registrations_of_one_secret_the_second_is_refused(
    house: House, pair: Interleaving, caller: Caller
) -> None:
    refused = pair.both((adding(), caller), (adding(), caller))
    assert isinstance(refused, Refused)
    assert refused.code is Code.CREDENTIAL_IN_USE
    (id_,) = in_use(house, caller)
    assert str(id_) in refused.detail


def test_two_secrets_and_two_organisations_are_registered_at_once(
    house: House, pair: Interleaving, caller: Caller
) -> None:
    other = caller_of(house.member("investigator").id)
    assert isinstance(pair.both((adding(), caller), (adding(), other)), StoredCredential)
    assert isinstance(pair.both((adding("a" * 32), caller), (adding("b" * 32), caller)), StoredCredential)
    assert len(in_use(house, caller)) == 3


def test_no_more_than_eight_are_in_use_whoever_comes_at_once(house: House, pair: Interleaving, caller: Caller) -> None:
    for number in range(7):
        pair.run(adding(f"an-auth-token-of-many-{number}"), caller)
    refused = pair.both((adding("a" * 32), caller), (adding("b" * 32), caller))
    assert isinstance(refused, Refused)
    assert refused.code is Code.INVALID_REQUEST
    assert len(in_use(house, caller)) == 8


def test_what_is_retired_at_once_is_not_brought_back_by_a_registration_beside_it(
    house: House, pair: Interleaving, caller: Caller
) -> None:
    """The twin that is registered while its like, in its grace, is retired at once is found by the retirement."""
    old = pair.run(adding(), caller).id
    pair.run(RetireProviderCredential(old), caller)
    retired = pair.both((adding(again=True), caller), (RetireProviderCredential(old, at_once=True), caller))
    assert isinstance(retired, Retired)
    assert len(retired.also) == 1
    assert in_use(house, caller) == []


def test_a_registration_that_meets_the_retirement_of_its_like_is_refused(
    house: House, pair: Interleaving, caller: Caller
) -> None:
    old = pair.run(adding(), caller).id
    refused = pair.both((RetireProviderCredential(old, at_once=True), caller), (adding(), caller))
    assert isinstance(refused, Refused)
    assert refused.code is Code.CREDENTIAL_RETIRED
    assert in_use(house, caller) == []
