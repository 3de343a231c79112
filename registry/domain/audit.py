"""The audit event and its exact bytes.

The bytes are RFC 8785 canonical JSON and are what the log's leaves hash, so neither a field's name nor its form can
change without a new `v`. An event never holds a number, the tag of a number that was not disclosed, a secret, a body
or free text; this module takes none of them.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import rfc8785

from registry.domain.operation_names import OperationName

VERSION: Final = 1
NONCE_BYTES: Final = 16
OK: Final = "ok"
HOLD_FLOOD: Final = OperationName.HOLD_FLOOD.value
"""The operation of the one event that the registry makes by itself, beside that of the request which made it do so."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acted. All three are None for a request that no key could be found for, and for the command line."""

    organisation: UUID | None = None
    key: str | None = None
    on_behalf_of: UUID | None = None


@dataclass(frozen=True, slots=True)
class Requested:
    """The request an event belongs to. route: the template (`POST /v1/lookups`), or `cli` and a command's name."""

    id: UUID
    route: str


@dataclass(frozen=True, slots=True)
class PrivatePart:
    """What identifies the person behind the actor. Kept apart, for a shorter time, and only bound by its hash."""

    nonce: bytes
    address: str | None
    user_agent: str | None

    def digest(self) -> bytes:
        """SHA-256 over the nonce and the canonical JSON of the rest, so that a copy can be held against the event."""
        content = rfc8785.dumps({"ip": self.address, "user_agent": self.user_agent})
        return hashlib.sha256(self.nonce + content).digest()


@dataclass(frozen=True, slots=True)
class Event:
    """One operation as the log keeps it. result: `ok` or a problem code. count: non-negative, by name.

    disclosed: tags that were told about. index: of an operation that rewrote the index of all disclosures, the
    `index_digest` of what it left; it stands in the place of the disclosed tags' digest.
    """

    id: UUID
    time: datetime
    operation: str
    result: str
    actor: Actor
    request: Requested
    nonce: bytes
    purpose: str | None = None
    case: str | None = None
    count: Mapping[str, int] = field(default_factory=dict[str, int])
    policy: str | None = None
    generation: int | None = None
    disclosed: Sequence[bytes] = ()
    private: PrivatePart | None = None
    index: bytes | None = None

    def body(self) -> bytes:
        """The canonical bytes. Ids are strings, times RFC 3339 in UTC with microseconds, hashes and nonces hex."""
        if len(self.nonce) != NONCE_BYTES:
            raise ValueError("an event's nonce has 16 bytes")
        return rfc8785.dumps(
            {
                "v": VERSION,
                "id": str(self.id),
                "time": self.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
                "operation": self.operation,
                "result": self.result,
                "actor": {
                    "organisation": _text(self.actor.organisation),
                    "key": self.actor.key,
                    "on_behalf_of": _text(self.actor.on_behalf_of),
                },
                "purpose": self.purpose,
                "case": self.case,
                "request": {"id": str(self.request.id), "route": self.request.route},
                "count": dict(self.count),
                "policy": self.policy,
                "generation": self.generation,
                "subjects": subjects_digest(self.disclosed) if self.index is None else self.index.hex(),
                "private": None if self.private is None else self.private.digest().hex(),
                "nonce": self.nonce.hex(),
            }
        )


def subjects_digest(tags: Sequence[bytes]) -> str | None:
    """Hex SHA-256 over the distinct disclosed tags in byte order; None where nothing was disclosed.

    It binds the rows of `audit.subject` to the event: a row added or taken away later no longer fits.
    """
    if not tags:
        return None
    digest = hashlib.sha256()
    for tag in sorted(set(tags)):
        digest.update(tag)
    return digest.hexdigest()


class IndexDigest:
    """SHA-256 over all rows of `audit.subject`, each 16 bytes of its event's id and 32 of its tag. Memory stays flat.

    Rows are given in the byte order of event and tag, at once or in parts; of an empty index it is the digest of
    nothing.
    """

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def take(self, rows: Iterable[tuple[UUID, bytes]]) -> int:
        """The next rows; returns how many."""
        count = 0
        for event, tag in rows:
            self._hash.update(event.bytes + tag)
            count += 1
        return count

    def digest(self) -> bytes:
        return self._hash.digest()


def index_digest(rows: Iterable[tuple[UUID, bytes]]) -> bytes:
    """`IndexDigest` of all rows."""
    digest = IndexDigest()
    digest.take(rows)
    return digest.digest()


def _text(identifier: UUID | None) -> str | None:
    return None if identifier is None else str(identifier)
