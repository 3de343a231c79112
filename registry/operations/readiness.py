"""Whether this process can answer: database there, schema right, keys those of the database. And whether what it
answers is sealed, which is a warning: it answers all the same.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from registry.db import generations, migrate, sealed_log
from registry.db.database import Database, Writing
from registry.db.migrate import SchemaError
from registry.db.sealing_lag import SealingLag, sealing_lag
from registry.domain.errors import Refused
from registry.operations.registry import Registry

LONGEST_UNSEALED_SECONDS: Final = 60.0
"""An event that waits longer has no sealer: one that works seals every second."""


class Warned(StrEnum):
    """What is wrong while the process can answer."""

    EVENTS_UNSEALED = "events_unsealed"


@dataclass(frozen=True, slots=True)
class Readiness:
    """why: one sentence for the operator's log; empty when ready. oldest_unsealed: in seconds, None if nothing waits
    or it cannot be told.
    """

    database: bool
    migrations: bool
    keys: bool
    why: str
    oldest_unsealed: float | None = None

    @property
    def ready(self) -> bool:
        return self.database and self.migrations and self.keys

    @property
    def warnings(self) -> tuple[Warned, ...]:
        late = self.oldest_unsealed is not None and self.oldest_unsealed > LONGEST_UNSEALED_SECONDS
        return (Warned.EVENTS_UNSEALED,) if late else ()


def readiness(registry: Registry) -> Readiness:
    """Asks the database; not audited, since it discloses and changes nothing."""
    database = registry.database
    try:
        database.transaction(lambda tx: migrate.require_head(tx.connection))
    except SchemaError as error:
        return Readiness(database=True, migrations=False, keys=False, why=str(error))
    except Refused as refused:
        return Readiness(database=False, migrations=False, keys=False, why=str(refused))
    same = database.transaction(generations.public).active == registry.generations.active
    why = "" if same else "Started with other tag keys than the database now uses. Restart it with the new key file."
    waiting = lag(database).oldest_unsealed
    return Readiness(database=True, migrations=True, keys=same, why=why, oldest_unsealed=waiting)


def lag(database: Database) -> SealingLag:
    """How far the sealer is behind. Raises Refused where the database is away."""

    def read(tx: Writing) -> SealingLag:
        with sealed_log.as_reader(tx):
            return sealing_lag(tx)

    return database.transaction(read)
