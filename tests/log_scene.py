"""A registry whose log can be sealed step by step, and read as outsiders read it: over HTTP, with the public key."""

import base64
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from house import House, opened_database, opened_house
from members import Member
from sealed import seal_all

from registry.db.embedded import EmbeddedUrls
from registry.domain.credentials import Scope
from registry.domain.signed_notes import Checkpoint, opened
from registry.log_key import LogKey
from registry.signatures import holds

KEY: Final = LogKey("registry.example.org/log", bytes(range(32)))
READING: Final = frozenset({Scope.LOOKUPS, Scope.AUDIT})
# What an event is at the least, for logs that have to be long.
_FILL: Final = (
    'INSERT INTO audit.event (body) SELECT convert_to(format(\'{"actor":{"organisation":null},"id":"%s",'
    '"operation":"filled"}\', gen_random_uuid()), \'UTF8\') FROM generate_series(1, %s)'
)


@dataclass
class LogScene:
    house: House
    operator: Member
    employer: Member
    other: Member

    def seal(self) -> Checkpoint:
        """Everything that is recorded by now; the checkpoint as it is served."""
        seal_all(self.house.registry.database, KEY)
        return self.checkpoint()

    def checkpoint(self) -> Checkpoint:
        answer = self.house.client.get("/log/checkpoint")
        assert answer.status_code == 200, answer.text
        return Checkpoint.parse(opened(answer.text, KEY.verifier, holds), KEY.origin)

    def grow_to(self, size: int) -> Checkpoint:
        """Seals a log of this size: what there is, and as many short events as are missing."""
        missing = size - self.seal().size
        self.house.superuser.execute(_FILL.replace("%s)", f"{missing})").encode())
        sealed = self.seal()
        assert sealed.size == size
        return sealed

    def consistency(self, old: Checkpoint, new: Checkpoint) -> list[bytes]:
        answer = self.house.client.get("/v1/audit/consistency", params={"from": old.size, "to": new.size})
        assert answer.status_code == 200, answer.text
        assert answer.json().keys() == {"from", "to", "hashes"}
        return [base64.b64decode(hash_) for hash_ in answer.json()["hashes"]]

    def events(self, member: Member, **query: Any) -> Any:
        answer = member.get("/v1/audit/events", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ask(self, member: Member | None = None, number: str = "+12065550177", **more: Any) -> str:
        """A lookup one second after what was asked before; its event's id."""
        self.house.clock.now += timedelta(seconds=1)
        return str((member or self.employer).look_up(number, **more)["audit_id"])

    def row(self, statement: str, *parameters: Any) -> tuple[Any, ...]:
        found = self.house.superuser.execute(statement.encode(), parameters).fetchone()
        assert found is not None
        return found


@contextmanager
def opened_log_scene(cluster: EmbeddedUrls, template: str) -> Generator[LogScene]:
    with opened_database(cluster, template) as urls, opened_house(urls) as house:
        yield LogScene(house, house.member("operator"), *(house.member("employer", scopes=READING) for _ in range(2)))
