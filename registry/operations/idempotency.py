"""Repeating a write safely (draft-ietf-httpapi-idempotency-key-header-07): the same key gets the same answer.

The key is held by a lock of the transaction itself and stored with what the operation did, so that no crash can leave
a key "running", and an answer is stored exactly if its operation happened.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from registry.db import idempotency
from registry.db.database import Writing
from registry.db.idempotency import StoredAnswer
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Fingerprinter, Purpose
from registry.operations.operation import Answered

R = TypeVar("R")


@dataclass
class Replayed(Exception):  # noqa: N818 - it carries an answer
    """The request was answered before. body: exactly as it was sent, or as it was kept where it held a secret."""

    status: int
    body: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"answered before, with {self.status}"


@dataclass(frozen=True, slots=True)
class Idempotency:
    """One request's key. request: method, path and body, which must be the same when the key is."""

    fingerprint: Fingerprinter
    key: str = field(repr=False)
    request: tuple[bytes, ...] = field(repr=False)

    def _key_of(self, owner: UUID) -> bytes:
        return self.fingerprint(Purpose.IDEMPOTENCY_KEY, owner.bytes, self.key.encode())

    def _request_print(self) -> bytes:
        return self.fingerprint(Purpose.REQUEST, *self.request)

    def before(self, owner: UUID) -> Callable[[Writing], None]:
        """Takes the key. Raises Replayed, or Refused: `idempotency_key_in_use`, `idempotency_key_reused`."""

        def take(tx: Writing) -> None:
            key = self._key_of(owner)
            if not idempotency.take(tx, key):
                detail = "A request with this Idempotency-Key is still running."
                raise Refused(Code.IDEMPOTENCY_KEY_IN_USE, detail, retry_after=1.0)
            known = idempotency.find(tx, owner, key)
            if known is None:
                return
            if known.request != self._request_print():
                raise Refused(Code.IDEMPOTENCY_KEY_REUSED, "This Idempotency-Key was used for a different request.")
            raise Replayed(known.status, known.body)

        return take

    def after(
        self, owner: UUID, render: Callable[[Answered[R]], tuple[int, bytes]]
    ) -> Callable[[Writing, Answered[R]], None]:
        """Stores the answer with what the operation did."""

        def keep(tx: Writing, answered: Answered[R]) -> None:
            status, body = render(answered)
            idempotency.keep(tx, owner, self._key_of(owner), StoredAnswer(self._request_print(), status, body))

        return keep
