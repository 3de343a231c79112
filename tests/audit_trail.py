"""Reading the audit log as nobody in the application can: as a superuser."""

import hashlib
import json
from typing import Any, Final

import psycopg

MEMBERS: Final = frozenset(
    {
        *("v", "id", "time", "operation", "result", "actor", "purpose", "case", "request", "count", "policy"),
        *("generation", "subjects", "private", "nonce"),
    }
)


class AuditTrail:
    def __init__(self, superuser: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._superuser = superuser

    def of(self, answer: Any) -> list[dict[str, Any]]:
        """The events of the request that got this answer, in their order, each checked to be whole."""
        return self.of_request(answer.headers["x-request-id"])

    def of_request(self, request_id: str) -> list[dict[str, Any]]:
        """Its events, in their order, each checked to be whole."""
        statement = "SELECT body, leaf, event_id::text FROM audit.event WHERE audit.field(body, 'request', 'id') = %s"
        rows = self._superuser.execute(f"{statement} ORDER BY id", (request_id,)).fetchall()
        return [self._checked(bytes(body), bytes(leaf), event_id) for body, leaf, event_id in rows]

    def only(self, answer: Any) -> dict[str, Any]:
        """The one event of a request that must have exactly one; its id must be the answer's receipt."""
        (event,) = self.of(answer)
        assert event["id"] == answer.json()["audit_id"]
        return event

    def disclosed(self, event_id: str) -> list[bytes]:
        """The tags that the event says were told about, in byte order."""
        rows = self._superuser.execute("SELECT tag FROM audit.subject WHERE event = %s ORDER BY tag", (event_id,))
        return [bytes(row[0]) for row in rows]

    def private(self, event_id: str) -> tuple[bytes, str | None, str | None]:
        """nonce, address, user agent."""
        statement = "SELECT nonce, address, user_agent FROM audit.private WHERE event = %s"
        row = self._superuser.execute(statement, (event_id,)).fetchone()
        assert row is not None
        return bytes(row[0]), row[1], row[2]

    def _checked(self, body: bytes, leaf: bytes, event_id: str) -> dict[str, Any]:
        """The event, after holding its bytes, its leaf, its subjects and its private part against each other."""
        event: dict[str, Any] = json.loads(body)
        assert event.keys() == MEMBERS
        assert body == json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert leaf == hashlib.sha256(b"\x00" + body).digest()
        assert event["id"] == event_id
        tags = self.disclosed(event_id)
        assert event["subjects"] == (hashlib.sha256(b"".join(tags)).hexdigest() if tags else None)
        if event["private"] is None:
            return event
        nonce, address, user_agent = self.private(event_id)
        private = json.dumps({"ip": address, "user_agent": user_agent}, separators=(",", ":")).encode()
        assert event["private"] == hashlib.sha256(nonce + private).hexdigest()
        return event
