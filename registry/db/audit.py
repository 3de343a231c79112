"""Writing audit events. There is nothing to read here: the application may only insert."""

from typing import Final

from sqlalchemy import text

from registry.db.arrays import bytes_array
from registry.db.database import Writing
from registry.db.driver import DriverStatement
from registry.domain.audit import Event

_RECORD: Final = DriverStatement(text("INSERT INTO audit.event (body) VALUES (:body)"))
_RECORD_PRIVATE: Final = DriverStatement(
    text(
        "WITH event AS (INSERT INTO audit.event (body) VALUES (:body))"
        " INSERT INTO audit.private (event, nonce, address, user_agent) VALUES (:event, :nonce, :address, :user_agent)"
    )
)
_RECORD_SUBJECTS: Final = text(
    "INSERT INTO audit.subject (tag, event) SELECT unnest(CAST(:tags AS bytea[])), CAST(:event AS uuid)"
)


def record(tx: Writing, event: Event) -> None:
    """Appends the event, its private part, and one row for each disclosed tag."""
    if event.private is None:
        _RECORD.rows(tx.connection, {"body": event.body()})
    else:
        _RECORD_PRIVATE.rows(
            tx.connection,
            {
                "body": event.body(),
                "event": event.id,
                "nonce": event.private.nonce,
                "address": event.private.address,
                "user_agent": event.private.user_agent,
            },
        )
    if event.disclosed:
        tx.connection.execute(_RECORD_SUBJECTS, {"tags": bytes_array(sorted(set(event.disclosed))), "event": event.id})
