"""Provider credentials: what each provider's has, its form, and its sealing.

The secret is sealed with AES-256-GCM under a key of its own, derived from the key file's fingerprint key, and bound to
the credential's id and provider: a sealed secret that is moved to another row cannot be unsealed. This module makes no
randomness: whoever seals passes the nonce.
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping
from typing import Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from registry.domain.confidential import Confidential
from registry.domain.errors import Code, FieldProblem, Refused
from registry.domain.intake.signatures import ProviderSecret
from registry.domain.policy import Provider

NONCE_BYTES: Final = 12
MOST_IN_USE: Final = 8
"""Of one organisation and provider: each may have to be tried for every request."""

MEMBERS: Final[Mapping[Provider, tuple[str, ...]]] = {
    Provider.TWILIO: ("account_sid", "auth_token"),
    Provider.TELNYX: ("public_key",),
    Provider.GENERIC: ("secret",),
}
"""What a credential of each provider has, no more and no less."""

_INFO: Final = b"demand-registry|provider-credentials|v1"
_CONTEXT: Final = b"demand-registry|provider-credential|v1|"
_ACCOUNT_SID: Final = re.compile(r"AC[0-9A-Za-z]{32}")
_AUTH_TOKEN: Final = re.compile(r"[!-~]{16,256}")
_PUBLIC_KEY_BYTES: Final = range(32, 33)
_WEBHOOK_PREFIX: Final = "whsec_"
_WEBHOOK_BYTES: Final = range(16, 65)
_VERSION: Final = b"\x01"


def provider_secret(provider: Provider, given: Mapping[str, str]) -> ProviderSecret:
    """given: members by name. Refused, naming the member and never what it holds, where one is missing, wrong or too
    many.
    """
    wanted = MEMBERS[provider]
    for name in wanted:
        if not given.get(name):
            raise _wrong(Code.MISSING_FIELD, name, f"A credential of {provider} has: {', '.join(wanted)}.")
    for name in sorted(set(given) - set(wanted)):
        raise _wrong(Code.INVALID_VALUE, name, f"A credential of {provider} has only: {', '.join(wanted)}.")
    if provider is Provider.TWILIO:
        return _twilio(given["account_sid"], given["auth_token"])
    if provider is Provider.TELNYX:
        return ProviderSecret(_bytes(given["public_key"], "public_key", _PUBLIC_KEY_BYTES))
    if not given["secret"].startswith(_WEBHOOK_PREFIX):
        raise _wrong(Code.INVALID_VALUE, "secret", f"The secret begins with {_WEBHOOK_PREFIX}.")
    encoded = given["secret"].removeprefix(_WEBHOOK_PREFIX)
    return ProviderSecret(_bytes(encoded.ljust(-(-len(encoded) // 4) * 4, "="), "secret", _WEBHOOK_BYTES))


def _twilio(account: str, token: str) -> ProviderSecret:
    if _ACCOUNT_SID.fullmatch(account) is None:
        raise _wrong(Code.INVALID_VALUE, "account_sid", "An account SID is AC and 32 letters or digits.")
    if _AUTH_TOKEN.fullmatch(token) is None:
        raise _wrong(Code.INVALID_VALUE, "auth_token", "An auth token has 16 to 256 printable ASCII characters.")
    return ProviderSecret(token.encode(), account)


def _bytes(encoded: str, name: str, lengths: range) -> bytes:
    try:
        found = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if len(found) not in lengths:
        spoken = f"{lengths[0]} bytes" if len(lengths) == 1 else f"{lengths[0]} to {lengths[-1]} bytes"
        raise _wrong(Code.INVALID_VALUE, name, f"This member is {spoken} in base64.")
    return found


def _wrong(code: Code, name: str, detail: str) -> Refused:
    return Refused(code, detail, (FieldProblem(f"/{name}", code, detail),))


def sealing_context(id_: UUID, provider: Provider) -> bytes:
    """What a sealed secret is bound to."""
    return _CONTEXT + provider.value.encode() + b"|" + id_.bytes


def same_secret(one: ProviderSecret, other: ProviderSecret) -> bool:
    """Whether both bear out the same requests: one secret, for one account."""
    return hmac.compare_digest(one.key, other.key) and one.account == other.account


class CredentialSealer(Confidential):
    """Seals and unseals provider secrets. fingerprint_key: the key file's, 32 bytes; another is derived from it."""

    __slots__ = ("_cipher",)

    def __init__(self, fingerprint_key: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, _INFO).derive(fingerprint_key))

    def seal(self, context: bytes, secret: ProviderSecret, nonce: bytes) -> bytes:
        """A version byte, the nonce of 12 bytes, which must never be used twice, and the ciphertext with its tag."""
        if len(nonce) != NONCE_BYTES:
            raise ValueError("a nonce has 12 bytes")
        content = json.dumps({"account": secret.account, "key": secret.key.hex()}).encode()
        return _VERSION + nonce + self._cipher.encrypt(nonce, content, context)

    def unseal(self, context: bytes, sealed: bytes) -> ProviderSecret | None:
        """None for what was not sealed under this key for this context."""
        if sealed[:1] != _VERSION:
            return None
        try:
            content = self._cipher.decrypt(sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :], context)
        except (InvalidTag, ValueError):
            return None
        found = json.loads(content)
        return ProviderSecret(bytes.fromhex(found["key"]), found["account"])
