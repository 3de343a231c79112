"""A registry that has lived through some months, with its log sealed: what exports and retention are tried on."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from databases import DatabaseUrls
from house import House, fictional_numbers, opened_house
from members import Member, hit
from sealed import seal_all

from registry.db.database import Database, DatabaseOptions
from registry.domain.audit import index_digest
from registry.domain.signed_notes import Checkpoint
from registry.operations.operation import COMMAND_LINE, Answered, Operation, Request
from registry.operations.registry import Registry

FIRST: Final = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=300)
"""So long ago that the command line, which has the real clock, may drop the first months."""
MONTHS: Final = 4


@dataclass(frozen=True)
class Row:
    """An event as it is stored. index: None while it is not sealed."""

    index: int | None
    body: bytes

    @property
    def said(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return str(self.said["id"])


@dataclass
class Lived:
    """owner: the registry as the schema's owner. asker: an employer that was told about `listed` in every month."""

    house: House
    owner: Registry
    asker: Member
    operator: Member
    listed: str
    heads: list[Checkpoint] = field(default_factory=list[Checkpoint])
    """After each month."""

    @property
    def application(self) -> Registry:
        return self.house.registry

    def run(self, operation: Operation[Any, Any]) -> Answered[Any]:
        """As the owner, from the command line."""
        return self.owner.run(operation, COMMAND_LINE, Request(self.owner.new_id(), "cli test"))

    def seal(self) -> Checkpoint:
        return seal_all(self.application.database)

    def live(self) -> None:
        """A month: somebody is told about a number, asks about another, and is refused. Nothing is sealed."""
        self.house.clock.advance(days=31)
        assert self.asker.look_up(self.listed)["outcome"] == "contact_observed"
        assert self.asker.look_up("+12065550199")["outcome"] == "none"
        assert self.asker.post("/v1/lookups", {"number": "12", "purpose": "company_number"}).status_code == 422

    def date_rows(self) -> None:
        """Says of every event that it was written when its body says, as in life: the database's clock is another."""
        self.as_superuser("event", "UPDATE audit.event SET at = CAST(audit.field(body, 'time') AS timestamptz)")
        self.house.superuser.execute(
            "UPDATE audit.private p SET at = e.at FROM audit.event e WHERE e.event_id = p.event"
        )

    def as_superuser(self, table: str, statement: str) -> None:
        """While the table's triggers sleep."""
        run = self.house.superuser.execute
        run(f"ALTER TABLE audit.{table} DISABLE TRIGGER {table}_append_only".encode())
        run(statement.encode())
        run(f"ALTER TABLE audit.{table} ENABLE ALWAYS TRIGGER {table}_append_only".encode())

    def rows(self) -> list[Row]:
        """All events in the order in which they are, or will be, sealed."""
        found = self.house.superuser.execute(
            "SELECT l.idx, e.body FROM audit.event e LEFT JOIN audit.leaf l ON l.xid = e.xid AND l.id = e.id"
            " ORDER BY e.xid, e.id"
        )
        return [Row(index, bytes(body)) for index, body in found]

    def last(self, operation: str) -> dict[str, Any]:
        return [row.said for row in self.rows() if row.said["operation"] == operation][-1]

    def first_index_from(self, moment: datetime) -> int:
        """Worked out apart: of the first event that says that it was written at this moment or later."""
        return next(
            row.index
            for row in self.rows()
            if row.index is not None and datetime.fromisoformat(row.said["time"]) >= moment
        )

    def disclosures(self) -> list[tuple[Any, bytes]]:
        """Event and tag of all, in byte order."""
        rows = self.house.superuser.execute("SELECT event, tag FROM audit.subject")
        return sorted(((event, bytes(tag)) for event, tag in rows), key=lambda row: (row[0].bytes, row[1]))

    def index_digest(self) -> str:
        return index_digest(self.disclosures()).hex()

    def private_events(self) -> set[str]:
        return {str(row[0]) for row in self.house.superuser.execute("SELECT event FROM audit.private")}


def month(number: int) -> datetime:
    """The day before that month's events; 1 is the first month in which somebody asks."""
    return FIRST + timedelta(days=31 * number - 1)


@contextmanager
def opened_months(urls: DatabaseUrls, months: int = MONTHS, *, lock_seconds: float = 5.0) -> Generator[Lived]:
    """Sealed after each month."""
    owner = Database(urls.owner, DatabaseOptions(pool_size=2, lock=lock_seconds))
    try:
        with opened_house(urls) as house:
            house.clock.now = FIRST
            numbers = fictional_numbers()
            line, listed = next(numbers), next(numbers)
            investigator, asker, operator = (house.member(kind) for kind in ("investigator", "employer", "operator"))
            investigator.record(hit(investigator.register_decoy(line), listed, (FIRST - timedelta(days=5)).isoformat()))
            registry = Registry.of(house.registry.settings, owner, house.registry.tagging, house.clock)
            lived = Lived(house, registry, asker, operator, listed)
            for _ in range(months):
                lived.live()
                lived.heads.append(lived.seal())
            lived.date_rows()
            house.clock.advance(days=31)
            yield lived
            house.registry.database.dispose()
    finally:
        owner.dispose()
