"""Whether this process can answer: database there, schema right, keys those of the database."""

from dataclasses import dataclass

from registry.db import generations, migrate
from registry.db.migrate import SchemaError
from registry.domain.errors import Refused
from registry.operations.registry import Registry


@dataclass(frozen=True, slots=True)
class Readiness:
    """why: one sentence for the operator's log; empty when ready."""

    database: bool
    migrations: bool
    keys: bool
    why: str

    @property
    def ready(self) -> bool:
        return self.database and self.migrations and self.keys


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
    return Readiness(database=True, migrations=True, keys=same, why=why)
