"""A registry behind a port, in this process, with numbers that were seen, and organisations that ask about them."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from house import House, fictional_numbers
from members import Member, hit
from private_asker import ASKING
from serving import served

from registry.client import RegistryClient

SEEN_ON = "2026-11-01"
SEEN_AGAIN_ON = "2026-11-05"


@dataclass
class Scene:
    """seen: observed, the first of them twice. disputed: the one of them with a dispute. url: where it answers."""

    house: House
    url: str
    numbers: Iterator[str] = field(repr=False)
    seen: list[str]
    disputed: str

    def asker(self, **limits: int) -> Member:
        """A new employer that may ask plainly and privately."""
        return self.house.member("employer", scopes=ASKING, **limits)

    def client(self, member: Member, **more: object) -> RegistryClient:
        url = str(more.pop("url", self.url))
        return RegistryClient(url, member.key, **more)  # type: ignore[arg-type]  # they are its own keyword arguments

    def fresh(self, count: int) -> list[str]:
        """Numbers that nobody has seen."""
        return list(islice(self.numbers, count))


def left(member: Member) -> int:
    """How many numbers its organisation may still ask about today."""
    limits = {limit["name"]: limit["remaining"] for limit in member.get("/v1/account").json()["limits"]}
    return int(limits["org-day"])


@contextmanager
def scene_in(house: House, *, seen: int = 8) -> Generator[Scene]:
    """seen: how many numbers."""
    numbers = fictional_numbers()
    teller, operator = house.member("investigator"), house.member("operator")
    decoy, callers = teller.register_decoy(next(numbers)), list(islice(numbers, seen))
    teller.record(*(hit(decoy, number, f"{SEEN_ON}T10:00:00Z") for number in callers))
    teller.record(hit(decoy, callers[0], f"{SEEN_AGAIN_ON}T10:00:00Z"))
    assert operator.post("/v1/disputes", {"number": callers[-1]}).status_code == 201
    with served(house) as server:
        host, port = server.address
        yield Scene(house, f"http://{host}:{port}", numbers, callers, callers[-1])


@contextmanager
def scene_again(house: House, before: Scene) -> Generator[Scene]:
    """The same registry, opened another time, where all that was told before is still known."""
    with served(house) as server:
        host, port = server.address
        yield Scene(house, f"http://{host}:{port}", before.numbers, before.seen, before.disputed)
