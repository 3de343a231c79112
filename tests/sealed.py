"""A registry's log in tests: its key, and sealing it to the end."""

from typing import Final

from interleaved import wait_until

from registry.db import sealed_log
from registry.db.database import Database, Writing
from registry.db.sealing_lag import sealing_lag
from registry.domain.signed_notes import Checkpoint
from registry.log_key import LogKey
from registry.operations.seal import Sealer

LOG_KEY: Final = LogKey("registry.example.org/log", bytes(range(32)))
OTHER_KEY: Final = LogKey("registry.example.org/log", bytes(range(1, 33)))


def seal_all(database: Database, key: LogKey = LOG_KEY, sealer: Sealer | None = None) -> Checkpoint:
    """Seals every event there is, and returns the newest checkpoint.

    It may take several turns: PostgreSQL's own background work has transactions, too, and the sealer waits for all that
    are older than an event.
    """
    sealer = sealer or Sealer(database, key)

    def sealed() -> bool:
        sealer.seal()
        return not waiting(database)

    wait_until(sealed)
    head = database.transaction(sealed_log.last_checkpoint)
    assert head is not None
    return Checkpoint(key.origin, head.size, head.root)


def waiting(database: Database) -> bool:
    """Whether there are events that no checkpoint holds."""

    def ask(tx: Writing) -> bool:
        with sealed_log.as_reader(tx):
            return sealing_lag(tx).oldest_unsealed is not None

    return database.transaction(ask)
