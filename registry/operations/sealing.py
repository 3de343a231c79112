"""The sealer at work beside everything else: a thread that seals once a second for as long as the process serves.

Any number of processes and machines may run one; for each moment the database lets one of them lead.
"""

import logging
from threading import Event, Thread
from typing import Final

from registry.db.database import Database, DatabaseFault
from registry.domain.errors import Refused
from registry.log_key import LogKey
from registry.operations.seal import LogBroken, Sealer
from registry.operations.signed_head import SignedHead

INTERVAL_SECONDS: Final = 1.0
_AFTER_FAULT_SECONDS: Final = 10.0
_log = logging.getLogger("registry.sealing")


class Sealing:
    """Started at construction; `close` waits for the transaction in hand."""

    def __init__(self, database: Database, key: LogKey, head: SignedHead | None = None) -> None:
        self._sealer = Sealer(database, key, head)
        self._ended = Event()
        self._thread = Thread(target=self._work, name="sealer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            pause = self._seal()

    def _seal(self) -> float:
        """How long to wait for the next time, in seconds. Whatever happens, sealing is tried again."""
        try:
            sealed = self._sealer.seal()
        except LogBroken as broken:
            _log.critical("the audit log is not the one that was signed; nothing is sealed", extra={"why": str(broken)})
            return _AFTER_FAULT_SECONDS
        except Refused as refused:
            _log.warning("events could not be sealed", extra={"why": str(refused)})
        except DatabaseFault as fault:
            _log.error("events could not be sealed", extra={"why": str(fault)})
            return _AFTER_FAULT_SECONDS
        except Exception:  # noqa: BLE001 - whatever it is, events must go on being sealed
            _log.exception("events could not be sealed")
            return _AFTER_FAULT_SECONDS
        else:
            if sealed is not None and sealed.more:
                return 0.0
        return INTERVAL_SECONDS
