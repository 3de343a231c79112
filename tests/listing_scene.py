"""A registry in which numbers come and go, beside what private checks are told of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blinding import set_id
from holders import tags as tags_of
from house import House, fictional_numbers
from members import Member, hit
from private_asker import PrivateAsker, private_asker


@dataclass
class Scene:
    """A registry whose clock moves, and in which `numbers` are all that were ever seen, excluded or disputed."""

    house: House
    investigator: Member
    other: Member
    operator: Member
    asker: PrivateAsker
    decoys: dict[str, str]
    fresh: Iterator[str]
    numbers: list[str] = field(default_factory=list[str])

    @classmethod
    def of(cls, house: House) -> "Scene":
        one, two, operator = (house.member(kind) for kind in ("investigator", "investigator", "operator"))
        fresh = fictional_numbers()
        decoys = {
            "one": one.register_decoy(next(fresh)),
            "two": one.register_decoy(next(fresh)),
            "other": two.register_decoy(next(fresh)),
            "control": one.register_decoy(next(fresh), role="control"),
            "ended": one.register_decoy(next(fresh), live_until="2026-10-01T00:00:00Z"),
            "new line": one.register_decoy(next(fresh), acquired_on="2026-10-30"),
        }
        return cls(house, one, two, operator, private_asker(house), decoys, fresh)

    def number(self) -> str:
        self.numbers.append(next(self.fresh))
        return self.numbers[-1]

    def seen(self, decoy: str = "one", at: str = "2026-11-01T10:00:00Z", **more: Any) -> str:
        """A new number that has contacted this decoy."""
        number = self.number()
        teller = self.other if decoy == "other" else self.investigator
        told = teller.record(hit(self.decoys[decoy], number, at, **more))
        assert told["recorded"] == 1
        return number

    def again(self, number: str, decoy: str, at: str, **more: Any) -> None:
        """One more contact of a number."""
        teller = self.other if decoy == "other" else self.investigator
        assert teller.record(hit(self.decoys[decoy], number, at, **more))["recorded"] == 1

    def exclude(self, number: str, **more: Any) -> None:
        answer = self.operator.post("/v1/exclusions", {"number": number, "reason": "outreach", **more})
        assert answer.status_code == 201, answer.text

    def include(self, number: str, *, mistaken: bool = True) -> None:
        body = {"number": number, "mistaken": mistaken}
        assert self.operator.post("/v1/exclusions/removals", body).status_code == 200

    def dispute(self, number: str) -> str:
        answer = self.operator.post("/v1/disputes", {"number": number})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def next_epoch(self) -> None:
        self.house.clock.advance(seconds=300)

    def get(self, **more: Any) -> Any:
        """The answer with the whole set. more: headers."""
        headers = {**self.asker.member.headers, **{name.replace("_", "-"): value for name, value in more.items()}}
        return self.house.client.get("/v1/private/set", params={"generation": 1}, headers=headers)

    def served(self) -> set[bytes]:
        return set(self.asker.set_ids(1))

    def listed(self, asker: PrivateAsker | None = None) -> set[str]:
        """The numbers that a check does not answer `none` to at this moment."""
        items = [{"number": number} for number in self.numbers]
        answer = (asker or self.asker).member.post("/v1/checks", {"purpose": "company_number", "items": items})
        assert answer.status_code == 200, answer.text
        return {result["number"] for result in answer.json()["results"] if result["outcome"] != "none"}

    def ids(self, numbers: set[str]) -> set[bytes]:
        return {set_id(1, tags_of(self.house.registry, number)[0]) for number in numbers}

    def built_now(self) -> set[bytes]:
        """The set of a new epoch."""
        self.next_epoch()
        return self.served()

    def waiting(self) -> int:
        """How many sessions of the application wait for a lock."""
        statement = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name = 'demand-registry'"
        )
        row = self.house.superuser.execute(statement).fetchone()
        return 0 if row is None else int(row[0])

    def asker_at(self, house: House) -> PrivateAsker:
        """The same asker with the same key, at another process of this registry."""
        return PrivateAsker(Member(self.asker.member.id, self.asker.member.key, house.client))

    def fill(self, entries: int) -> set[bytes]:
        """Lists so many tags that belong to no number, straight in the database. Returns their set ids."""
        listed = (
            "INSERT INTO registry.listings (tag, generation, grade, contacts, decoys, organisations, first_contact,"
            " last_contact, channels, excluded, disputed, policy) SELECT sha256(int8send(n)), 1, 'single', 1, 1, 1,"
            " '2026-11-01', '2026-11-01', '{sms}', false, false, %s FROM generate_series(1, %s::bigint) AS n"
        )
        self.house.superuser.execute(listed, (self.house.registry.policy.name, entries))
        tags = (hashlib.sha256(number.to_bytes(8, "big")).digest() for number in range(1, entries + 1))
        return {set_id(1, tag) for tag in tags}
