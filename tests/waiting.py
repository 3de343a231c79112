"""Waiting until sessions of the application wait for each other."""

from time import monotonic, sleep
from typing import Final

from house import House

_WAITING: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    " AND pid <> pg_backend_pid()"
)


def until_waiting(house: House, many: int, seconds: float = 20) -> None:
    """Until so many of the application's sessions wait for a lock of another session."""
    deadline = monotonic() + seconds
    while True:
        row = house.superuser.execute(_WAITING).fetchone()
        if row is not None and row[0] >= many:
            return
        assert monotonic() < deadline, "nobody waits"
        sleep(0.005)
