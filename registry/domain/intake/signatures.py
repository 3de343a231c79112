"""What a request claims to be signed with, and whether a secret bears that out.

`claim_of` needs no secret and turns a request into the bytes that must have been signed; `holds` needs nothing else
than these and the secret, so that it is all a signer process has to do. Comparisons take the same time whatever is
compared. Sources: Twilio, "Webhooks security"; Telnyx, "Receiving webhooks"; the Standard Webhooks specification.
"""

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from registry.domain.confidential import Confidential
from registry.domain.intake.bodies import json_object, single, text
from registry.domain.intake.received import Delivery
from registry.domain.policy import Provider

TOLERANCE_SECONDS: Final = 300
"""How far a signed time may lie from the arrival, either way."""

TWILIO_SIGNATURE: Final = "x-twilio-signature"
TWILIO_SETTINGS: Final = "x-twilio-webhooks-signature-settings"
TELNYX_SIGNATURE: Final = "telnyx-signature-ed25519"
TELNYX_TIMESTAMP: Final = "telnyx-timestamp"
WEBHOOK_ID: Final = "webhook-id"
WEBHOOK_TIMESTAMP: Final = "webhook-timestamp"
WEBHOOK_SIGNATURE: Final = "webhook-signature"
HEADERS: Final = (
    *(TWILIO_SIGNATURE, TWILIO_SETTINGS, TELNYX_SIGNATURE, TELNYX_TIMESTAMP),
    *(WEBHOOK_ID, WEBHOOK_TIMESTAMP, WEBHOOK_SIGNATURE),
)
"""All that a `Delivery` needs to know of a request's headers."""

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_BODY_DIGEST: Final = "bodySHA256"
_MOST_SIGNATURES: Final = 16
_MOST_DIGITS: Final = 11


class Scheme(StrEnum):
    HMAC_SHA1 = "sha1"
    HMAC_SHA256 = "sha256"
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True)
class Claim:
    """Any of the signatures over any of the messages is enough. account: that the secret must belong to, if any."""

    scheme: Scheme
    messages: tuple[bytes, ...] = field(repr=False)
    signatures: tuple[bytes, ...] = field(repr=False)
    account: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ProviderSecret(Confidential):
    """key: of the HMAC; for Ed25519 the 32 bytes of the public key. account: whose it is, where a provider says so."""

    key: bytes = field(repr=False)
    account: str | None = None


def claim_of(delivery: Delivery) -> Claim | None:
    """None where nothing could bear the request out: no signature, one of another form, a time that is long past.

    Raises Refused where the body cannot be read at all.
    """
    if delivery.provider is Provider.TWILIO:
        return _twilio(delivery)
    return _telnyx(delivery) if delivery.provider is Provider.TELNYX else _standard(delivery)


def holds(claim: Claim, secret: ProviderSecret) -> bool:
    """Whether the request was signed with this secret, for its account."""
    if claim.account != secret.account:
        return False
    if claim.scheme is Scheme.ED25519:
        return any(_verified(secret.key, m, s) for m in claim.messages for s in claim.signatures)
    expected = [hmac.digest(secret.key, message, claim.scheme.value) for message in claim.messages]
    agreed = [hmac.compare_digest(own, theirs) for own in expected for theirs in claim.signatures]
    return any(agreed)  # after every comparison was made


def _twilio(delivery: Delivery) -> Claim | None:
    signature = _decoded(delivery.headers.get(TWILIO_SIGNATURE, ""))
    scheme = _twilio_scheme(delivery.headers.get(TWILIO_SETTINGS, ""))
    if signature is None or scheme is None:
        return None
    if delivery.form:
        pairs = delivery.pairs()
        account = single(pairs, "AccountSid").get("AccountSid", "")
        by_name: dict[str, set[str]] = {}
        for name, value in pairs:
            by_name.setdefault(name, set()).add(value)
        parameters = "".join(name + value for name in sorted(by_name) for value in sorted(by_name[name]))
    else:
        if not _bears_digest(delivery):
            return None
        account, parameters = text(json_object(delivery.body), "AccountSid"), ""
    messages = tuple(f"{url}{parameters}".encode() for url in _with_and_without_port(delivery.url))
    return Claim(scheme, messages, (signature,), account)


def _twilio_scheme(settings: str) -> Scheme | None:
    """By a shared key Twilio signs with SHA-256 and says so: `key=...,algorithm=HMAC_SHA256`."""
    for part in settings.split(","):
        name, _, value = part.partition("=")
        if name.strip() == "algorithm" and value.strip():
            return {"HMAC_SHA1": Scheme.HMAC_SHA1, "HMAC_SHA256": Scheme.HMAC_SHA256}.get(value.strip().upper())
    return Scheme.HMAC_SHA1


def _bears_digest(delivery: Delivery) -> bool:
    """Of a body that is no form Twilio signs only the digest, in the query."""
    given = [value for name, value in parse_qsl(urlsplit(delivery.url).query) if name == _BODY_DIGEST]
    own = sha256(delivery.body).hexdigest()
    if not urlsplit(delivery.url).query.endswith(f"{_BODY_DIGEST}={own}"):
        return False  # Twilio puts it last; elsewhere it may be part of a form that was signed for this address
    return len(given) == 1 and hmac.compare_digest(given[0].encode(), own.encode())


def _with_and_without_port(url: str) -> tuple[str, str]:
    """Twilio does not always sign the URL as it was configured: with a port, or without."""
    parts = urlsplit(url)
    host, _, _ = parts.netloc.rpartition(":") if parts.port is not None else (parts.netloc, "", "")
    port = parts.port or _DEFAULT_PORTS[parts.scheme]
    return _at(parts, host), _at(parts, f"{host}:{port}")


def _at(parts: SplitResult, netloc: str) -> str:
    return urlunsplit(parts._replace(netloc=netloc))


def _telnyx(delivery: Delivery) -> Claim | None:
    signature = _decoded(delivery.headers.get(TELNYX_SIGNATURE, ""))
    timestamp = delivery.headers.get(TELNYX_TIMESTAMP, "")
    if signature is None or not _is_recent(timestamp, delivery):
        return None
    return Claim(Scheme.ED25519, (timestamp.encode() + b"|" + delivery.body,), (signature,))


def _standard(delivery: Delivery) -> Claim | None:
    id_ = delivery.headers.get(WEBHOOK_ID, "")
    timestamp = delivery.headers.get(WEBHOOK_TIMESTAMP, "")
    versioned = [entry.partition(",") for entry in delivery.headers.get(WEBHOOK_SIGNATURE, "").split(" ")]
    decoded = [_decoded(encoded) for version, _, encoded in versioned[:_MOST_SIGNATURES] if version == "v1"]
    signatures = tuple(signature for signature in decoded if signature is not None)
    if not id_ or not signatures or not _is_recent(timestamp, delivery):
        return None
    return Claim(Scheme.HMAC_SHA256, (b".".join((id_.encode(), timestamp.encode(), delivery.body)),), signatures)


def _is_recent(timestamp: str, delivery: Delivery) -> bool:
    """timestamp: seconds since 1970, in digits."""
    if not (timestamp.isascii() and timestamp.isdigit()) or len(timestamp) > _MOST_DIGITS:
        return False
    return abs(delivery.at.timestamp() - int(timestamp)) <= TOLERANCE_SECONDS


def _decoded(signature: str) -> bytes | None:
    try:
        return base64.b64decode(signature, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _verified(public_key: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
