"""Repeating a request safely (draft-ietf-httpapi-idempotency-key-header-07).

A write that is repeated under its key gets the same answer: the key is held by a lock of the transaction itself and
stored with what the operation did, so that no crash can leave a key "running", and an answer is stored exactly if its
operation happened. A question that is repeated is answered anew and not charged again: answers are not stored, since
they tell about numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from registry.db import idempotency
from registry.db.database import Writing
from registry.db.idempotency import StoredAnswer
from registry.domain.errors import Code, Refused
from registry.domain.fingerprints import Purpose
from registry.operations.operation import Answered
from registry.tagging import Tagging

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
    """One request's key. request: method, path, query and body, which must be the same when the key is."""

    tagging: Tagging
    key: str = field(repr=False)
    request: tuple[bytes, bytes, bytes, bytes] = field(repr=False)

    def marks(self, owner: UUID) -> "Marks":
        """What may be stored of them. The body's digest is as good as the body, and quicker on its way to the key."""
        method, path, query, body = self.request
        key, request = self.tagging.fingerprints(
            [
                (Purpose.IDEMPOTENCY_KEY, (owner.bytes, self.key.encode())),
                (Purpose.REQUEST, (method, path, query, sha256(body).digest())),
            ]
        )
        return Marks(owner, key, request)


@dataclass(frozen=True, slots=True)
class Marks:
    """Fingerprints of an organisation's key and of the request that came with it, 32 bytes each."""

    owner: UUID
    key: bytes = field(repr=False)
    request: bytes = field(repr=False)

    def before(self, tx: Writing) -> None:
        """Takes the key. Raises Replayed, or Refused: `idempotency_key_in_use`, `idempotency_key_reused`."""
        if not idempotency.take(tx, self.key):
            detail = "A request with this Idempotency-Key is still running."
            raise Refused(Code.IDEMPOTENCY_KEY_IN_USE, detail, retry_after=1.0)
        known = idempotency.find(tx, self.owner, self.key)
        if known is None:
            return
        if known.request != self.request:
            raise reused()
        raise Replayed(known.status, known.body)

    def after(self, render: Callable[[Answered[R]], tuple[int, bytes]]) -> Callable[[Writing, Answered[R]], None]:
        """Stores the answer with what the operation did."""

        def keep(tx: Writing, answered: Answered[R]) -> None:
            status, body = render(answered)
            idempotency.keep(tx, self.owner, self.key, StoredAnswer(self.request, status, body))

        return keep


def reused() -> Refused:
    return Refused(Code.IDEMPOTENCY_KEY_REUSED, "This Idempotency-Key was used for a different request.")
