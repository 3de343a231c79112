"""What an operation is, and the one way to run it: prepared without the database, performed in one transaction, and
recorded in that same transaction.

Operations never commit, open connections, sleep or call the network. Cryptography happens in `prepare`, before BEGIN;
all that is asked of the keys later is whether sealed secrets are the same (docs/adr/0019).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar
from uuid import UUID

from registry.db.database import Writing
from registry.domain.audit import Actor
from registry.domain.credentials import OrganisationKind, Purpose, Scope
from registry.domain.flood import Alarm

if TYPE_CHECKING:
    from registry.operations.registry import Registry

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs an operation. The command line, which has the database itself, has neither organisation nor key."""

    organisation_id: UUID | None = None
    kind: OrganisationKind | None = None
    name: str | None = None
    key_id: str | None = None
    scopes: frozenset[Scope] = frozenset()

    @property
    def actor(self) -> Actor:
        return Actor(organisation=self.organisation_id, key=self.key_id)

    def organisation(self) -> UUID:
        """The organisation of a caller that came by API. ValueError for the command line, which acts for none."""
        if self.organisation_id is None:
            raise ValueError("this operation is done by an organisation")
        return self.organisation_id


@dataclass(frozen=True, slots=True)
class Request:
    """The request that an operation belongs to; several operations may share one."""

    id: UUID
    route: str
    address: str | None = None
    user_agent: str | None = None


COMMAND_LINE = Caller()
NOBODY = Caller()
"""A caller that has not been admitted yet."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """What an operation did. count: for the audit event, by outcome or status. disclosed: tags that were told about.

    made_under: disclosed tag -> its generation, where the operation knows it; else it is that of the tag's contacts.
    index: digest of the whole index of disclosures, where the operation rewrote it.
    alarms: what it held back, to be told to whoever watches the registry.
    """

    result: R
    count: Mapping[str, int] = field(default_factory=dict[str, int])
    disclosed: Sequence[bytes] = ()
    made_under: Mapping[bytes, int] = field(default_factory=dict[bytes, int], repr=False)
    policy: str | None = None
    generation: int | None = None
    index: bytes | None = None
    alarms: Sequence[Alarm] = ()


@dataclass(frozen=True, slots=True)
class Answered(Generic[R]):
    """A result, its receipt in the audit log, and the moment of the answer."""

    result: R
    audit_id: UUID
    at: datetime
    alarms: Sequence[Alarm] = ()


class Operation(ABC, Generic[P, R]):
    """One use case with its input. Subclasses are frozen dataclasses in a file of their own."""

    name: ClassVar[str]
    """As the audit log keeps it, one of `OperationName`; never changes."""

    @property
    def purpose(self) -> Purpose | None:
        """Why the caller asks, where the operation asks about numbers."""
        return None

    @property
    def case_ref(self) -> str | None:
        return None

    @property
    def submitted(self) -> int:
        """How many numbers came with it: what is charged to the organisation's day."""
        return 0

    @abstractmethod
    def prepare(self, registry: "Registry") -> P:
        """Everything that does not belong into the transaction: normalisation, tags, dates. Raises Refused."""

    @abstractmethod
    def perform(self, tx: Writing, registry: "Registry", caller: Caller, prepared: P) -> Done[R]:
        """What happens in the transaction. May be run several times; raises Refused, which undoes it."""


class ReadOperation(Operation[P, R]):
    """Changes nothing but the audit log."""


class WriteOperation(Operation[P, R]):
    """Changes something; may be repeated under an Idempotency-Key."""

    holds_generations: ClassVar[bool] = True
    """Whether no generation may be added or replaced from its first statement to its COMMIT, because it writes tags."""


@dataclass(frozen=True, slots=True)
class Submitted(Generic[R]):
    """A write operation and whoever asked for it: one of several that are run together."""

    operation: WriteOperation[Any, R]
    caller: Caller
    request: Request
