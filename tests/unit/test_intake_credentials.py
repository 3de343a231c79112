"""Provider credentials: what each has, and that only what was sealed here for this row is unsealed."""

import base64
import pickle
from uuid import UUID

import pytest

from registry.domain.errors import Code, Refused
from registry.domain.intake.credentials import CredentialSealer, provider_secret, same_secret, sealing_context
from registry.domain.intake.signatures import ProviderSecret
from registry.domain.policy import Provider

ACCOUNT = "AC" + "0" * 32
TOKEN = "an-auth-token-of-the-tests"
ID = UUID("0198c5a2-7f3e-7b1c-9a4d-3e5f6a7b8c9d")
CONTEXT = sealing_context(ID, Provider.TWILIO)
SECRET = ProviderSecret(TOKEN.encode(), ACCOUNT)
SEALER = CredentialSealer(bytes(range(32)))


def test_what_each_provider_has_becomes_a_secret() -> None:
    twilio = provider_secret(Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": TOKEN})
    assert (twilio.key, twilio.account) == (TOKEN.encode(), ACCOUNT)
    key = bytes(range(32))
    assert provider_secret(Provider.TELNYX, {"public_key": base64.b64encode(key).decode()}).key == key
    for length in (16, 23, 24, 64):
        encoded = base64.b64encode(bytes(length)).decode()
        for text in (encoded, encoded.rstrip("=")):
            assert provider_secret(Provider.GENERIC, {"secret": f"whsec_{text}"}).key == bytes(length)


@pytest.mark.parametrize(
    ("provider", "given", "name", "code"),
    [
        (Provider.TWILIO, {}, "account_sid", Code.MISSING_FIELD),
        (Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": ""}, "auth_token", Code.MISSING_FIELD),
        (Provider.TWILIO, {"account_sid": ACCOUNT[:-1], "auth_token": TOKEN}, "account_sid", Code.INVALID_VALUE),
        (Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": "a b" * 10}, "auth_token", Code.INVALID_VALUE),
        (Provider.TWILIO, {"account_sid": ACCOUNT, "auth_token": TOKEN, "secret": "x"}, "secret", Code.INVALID_VALUE),
        (Provider.TELNYX, {"public_key": base64.b64encode(bytes(33)).decode()}, "public_key", Code.INVALID_VALUE),
        (Provider.TELNYX, {"public_key": "é"}, "public_key", Code.INVALID_VALUE),
        (Provider.GENERIC, {"secret": base64.b64encode(bytes(24)).decode()}, "secret", Code.INVALID_VALUE),
        (Provider.GENERIC, {"secret": "whsec_" + base64.b64encode(bytes(15)).decode()}, "secret", Code.INVALID_VALUE),
    ],
)
def test_what_a_provider_does_not_have_is_refused_by_name(
    provider: Provider, given: dict[str, str], name: str, code: Code
) -> None:
    with pytest.raises(Refused) as caught:
        provider_secret(provider, given)
    (error,) = caught.value.errors
    assert (error.pointer, error.code) == (f"/{name}", code)
    assert [value for value in given.values() if len(value) > 3 and value in str(caught.value)] == []


def test_the_same_is_one_secret_for_one_account() -> None:
    assert same_secret(SECRET, ProviderSecret(TOKEN.encode(), ACCOUNT))
    assert not same_secret(SECRET, ProviderSecret(TOKEN.encode(), "AC" + "1" * 32))
    assert not same_secret(SECRET, ProviderSecret(TOKEN.encode()[:-1], ACCOUNT))
    padded = provider_secret(Provider.GENERIC, {"secret": "whsec_" + "A" * 22 + "=="})
    assert same_secret(padded, provider_secret(Provider.GENERIC, {"secret": "whsec_" + "A" * 22}))


def test_what_is_sealed_is_unsealed_for_its_row_alone() -> None:
    sealed = SEALER.seal(CONTEXT, SECRET, bytes(12))
    assert TOKEN.encode() not in sealed
    assert SEALER.unseal(CONTEXT, sealed) == SECRET
    assert SEALER.unseal(sealing_context(ID, Provider.GENERIC), sealed) is None
    assert SEALER.unseal(sealing_context(UUID(int=1), Provider.TWILIO), sealed) is None
    assert CredentialSealer(bytes(32)).unseal(CONTEXT, sealed) is None


@pytest.mark.parametrize("cut", [0, 1, 12, 13, 20, -1])
def test_what_is_cut_off_or_changed_is_not_unsealed(cut: int) -> None:
    sealed = SEALER.seal(CONTEXT, SECRET, bytes(12))
    assert SEALER.unseal(CONTEXT, sealed[:cut]) is None
    assert SEALER.unseal(CONTEXT, b"\x02" + sealed[1:]) is None
    assert SEALER.unseal(CONTEXT, sealed[:-1] + bytes([sealed[-1] ^ 1])) is None


def test_a_secret_without_an_account_has_none_afterwards() -> None:
    secret = ProviderSecret(bytes(range(256)))
    assert SEALER.unseal(CONTEXT, SEALER.seal(CONTEXT, secret, bytes(range(12)))) == secret


def test_a_nonce_has_twelve_bytes() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        SEALER.seal(CONTEXT, SECRET, bytes(11))


def test_a_sealer_and_a_secret_can_neither_be_shown_nor_pickled() -> None:
    assert TOKEN not in f"{SEALER!r} {SECRET!r}"
    for one in (SEALER, SECRET):
        with pytest.raises(TypeError):
            pickle.dumps(one)
