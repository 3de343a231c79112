"""Who is asking: from an Authorization header to a key whose secret has been proved.

Argon2id is paid once per key and process. After that a keyed hash of the secret, under a key that dies with the
process, recognises it. Failures are charged to the caller's address; an address that has failed too often is answered
429 before anything is computed for it, unless its key is one that this process has already seen proved.
"""

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from typing import Final

from argon2.exceptions import InvalidHashError, VerificationError

from registry.db import admission
from registry.domain.credentials import ApiKey, Mode, parse
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.domain.limits import network_of
from registry.operations.manage_keys import HASHER
from registry.operations.registry import Registry

_REMEMBERED: Final = 10_000
_AT_ONCE: Final = 2
"""Argon2id computations at a time: each takes 19 MiB and a core."""


class Unproved(Exception):  # noqa: N818 - an answer, not an error
    """The caller has not proved to hold a usable key. key_id: the one that was claimed and exists, if any."""

    def __init__(self, key_id: str | None, refusal: Refused) -> None:
        super().__init__()
        self.key_id = key_id
        self.refusal = refusal


class Authenticator:
    """One per process. Thread-safe."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._process_key = secrets.token_bytes(32)
        self._proved: OrderedDict[str, bytes] = OrderedDict()
        self._blocked: OrderedDict[bytes, float] = OrderedDict()
        self._lock = threading.Lock()
        self._computing = threading.BoundedSemaphore(_AT_ONCE)
        # Verified where a key id is unknown, so that an unknown id takes as long as a wrong secret.
        self._nobody = HASHER.hash(secrets.token_hex(16))

    def prove(self, header: str | None, address: str | None) -> str:
        """The id of the key whose secret the header holds. Raises Unproved; a database failure raises Refused."""
        key = self._read(header)
        if key is not None and self._is_remembered(key):
            return key.id
        self._refuse_blocked(address)
        if key is None:
            raise self.failed(address, None)
        stored = self._registry.database.run_single(lambda c: admission.secret_hash(c, key.id))
        with self._computing:
            proved = _verify(stored or self._nobody, key.secret) and stored is not None
        if not proved:
            raise self.failed(address, None if stored is None else key.id)
        self._remember(key)
        return key.id

    def failed(self, address: str | None, key_id: str | None) -> Unproved:
        """Charges a failure to the address, and says how to answer it: 401, or 429 where there were too many."""
        settings = self._registry.settings
        (fingerprint,) = self._registry.tagging.fingerprints([(Purpose.ADDRESS, (network_of(address),))])
        wait = self._registry.database.run_single(
            lambda c: admission.spend_address(c, fingerprint, settings.failures_per_minute)
        )
        if wait <= 0:
            return Unproved(key_id, Refused(Code.UNAUTHORIZED, "The request is not authorised."))
        with self._lock:
            self._blocked[network_of(address)] = time.monotonic() + wait
            while len(self._blocked) > _REMEMBERED:
                self._blocked.popitem(last=False)
        return Unproved(key_id, _too_many_failures(wait))

    def _read(self, header: str | None) -> ApiKey | None:
        scheme, _, text = (header or "").partition(" ")
        return parse(text.strip(), Mode(self._registry.settings.mode)) if scheme.lower() == "bearer" else None

    def _refuse_blocked(self, address: str | None) -> None:
        with self._lock:
            until = self._blocked.get(network_of(address))
            wait = 0.0 if until is None else until - time.monotonic()
            if until is not None and wait <= 0:
                del self._blocked[network_of(address)]
        if wait > 0:
            raise Unproved(None, _too_many_failures(wait))

    def _digest(self, key: ApiKey) -> bytes:
        return hashlib.blake2b(key.secret.encode(), key=self._process_key, digest_size=32).digest()

    def _is_remembered(self, key: ApiKey) -> bool:
        known = self._proved.get(key.id)
        return known is not None and hmac.compare_digest(known, self._digest(key))

    def _remember(self, key: ApiKey) -> None:
        digest = self._digest(key)
        with self._lock:
            self._proved[key.id] = digest
            while len(self._proved) > _REMEMBERED:
                self._proved.popitem(last=False)


def _verify(stored: str, secret: str) -> bool:
    try:
        return HASHER.verify(stored, secret)
    except (VerificationError, InvalidHashError):
        return False


def _too_many_failures(wait: float) -> Refused:
    return Refused(
        Code.QUOTA_EXCEEDED,
        "Too many requests from this address failed to authenticate.",
        retry_after=wait,
        violated=("address",),
    )
