"""Single lookups: what one costs the API's process, and whether it takes longer in a large registry."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from . import numbers
from .fill import fill, size
from .installation import Installation
from .load import compare, drive, post
from .servers import Server, hello_server
from .table import Result, Row

SMALL: Final = 10_000
_CONNECTIONS: Final = 4
_ROUNDS: Final = 20
_REQUESTS: Final = 400
_WARM: Final = 500
_COMPARED: Final = 4_000
_MICROSECONDS: Final = 1_000_000
_MILLISECONDS: Final = 1_000


@dataclass
class _Costs:
    """Microseconds of processor time per request, one entry a round."""

    lookup: list[float] = field(default_factory=list[float])
    postgres: list[float] = field(default_factory=list[float])
    hello: list[float] = field(default_factory=list[float])
    hello_in_event_loop: list[float] = field(default_factory=list[float])
    wall: list[float] = field(default_factory=list[float])


def cost(installation: Installation, server: Server) -> Result:
    """Processor time of the API's process for a lookup, over that of `hello`, in alternating rounds."""
    costs = _Costs()
    with hello_server(installation.log) as hello:
        questions = _questions(installation.employer, _WARM + _ROUNDS * _REQUESTS)
        drive(server.port, questions[:_WARM], _CONNECTIONS)
        for path in ("/hello", "/hello-in-event-loop"):
            drive(hello.port, _hellos(path, _WARM), _CONNECTIONS)
        for first in range(_WARM, len(questions), _REQUESTS):
            postgres = installation.postgres_cpu_seconds()
            spent, wall = _spent(server, questions[first : first + _REQUESTS])
            costs.lookup.append(spent)
            costs.wall.append(wall)
            costs.postgres.append((installation.postgres_cpu_seconds() - postgres) / _REQUESTS * _MICROSECONDS)
            costs.hello.append(_spent(hello, _hellos("/hello", _REQUESTS))[0])
            costs.hello_in_event_loop.append(_spent(hello, _hellos("/hello-in-event-loop", _REQUESTS))[0])
    ratio, to_event_loop = (
        median(lookup / floor for lookup, floor in zip(costs.lookup, floors, strict=True))
        for floors in (costs.hello, costs.hello_in_event_loop)
    )
    return Result(
        (Row("single lookup: CPU per request of the API / hello", 6, 3, ratio),),
        (
            ("lookup, CPU per request: API", f"{median(costs.lookup):.0f} us"),
            ("lookup, CPU per request: PostgreSQL", f"{median(costs.postgres):.0f} us"),
            (f"lookup, p50 on {_CONNECTIONS} connections", f"{median(costs.wall):.2f} ms"),
            ("hello, a route in a thread as all of ours", f"{median(costs.hello):.0f} us"),
            (
                "hello in the event loop instead",
                f"{median(costs.hello_in_event_loop):.0f} us; lookup / it {to_event_loop:.2f}",
            ),
        ),
    )


def growth(installation: Installation, listings: int) -> Result:
    """The median time of a lookup with so many listed numbers over that with 10,000, the two asked by turns."""
    what = f"lookup p50 with {listings:,} listed numbers / with {SMALL:,}"
    if listings <= SMALL:
        return Result((Row(what, 1.3, 1.0, None),), ())
    with ExitStack() as held:
        large = held.enter_context(installation.copy("large"))
        seconds = fill(installation, listings, large)
        servers = [held.enter_context(installation.server()), held.enter_context(installation.server(large))]
        questions = _questions(installation.employer, _WARM + _COMPARED)
        for server in servers:
            drive(server.port, questions[:_WARM], 1)
        taken = compare([server.port for server in servers], questions[_WARM:])
        small_p50, large_p50 = (median(seconds) * _MILLISECONDS for seconds in taken)
        disk = size(installation, large)
    return Result(
        (Row(what, 1.3, 1.0, large_p50 / small_p50),),
        (
            (f"lookup p50 with {SMALL:,}, one connection", f"{small_p50:.2f} ms"),
            (f"lookup p50 with {listings:,}, one connection", f"{large_p50:.2f} ms"),
            (f"filling {listings:,}", f"{seconds:.0f} s, {disk / 1_000_000:,.0f} MB"),
        ),
    )


def _spent(server: Server, requests: Sequence[bytes]) -> tuple[float, float]:
    """Microseconds of processor time per request, and the median of their milliseconds of wall time."""
    before = server.cpu_seconds()
    taken = drive(server.port, requests, _CONNECTIONS)
    return (server.cpu_seconds() - before) / len(requests) * _MICROSECONDS, median(taken) * _MILLISECONDS


def _questions(key: str, count: int) -> list[bytes]:
    return [post("/v1/lookups", _question(number), key) for number in numbers.written(count)]


def _hellos(path: str, count: int) -> list[bytes]:
    return [post(path, _question(number)) for number in numbers.written(count)]


def _question(number: str) -> dict[str, object]:
    return {"number": number, "region": numbers.REGION, "purpose": "company_number"}
