"""A file of exclusions: what its import costs, and whether lookups take longer for it, or tell an excluded number from
one that nobody ever saw.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from statistics import median
from typing import Final

from . import floors, numbers
from .installation import Installation
from .load import compare, drive, post
from .servers import Server
from .streams import upload
from .table import Result, Row

EXCLUSIONS: Final = 100_000
_ROUNDS: Final = 3
_WARM: Final = 500
_COMPARED: Final = 4_000
_PART_BYTES: Final = 65_536
_PATH: Final = "/v1/exclusions/imports?reason=outreach&region=US"
_MILLISECONDS: Final = 1_000
_LINES: Final = range(200, 600)


def measure(installation: Installation) -> Result:
    """The import's wall time over the floor with the same numbers, by turns, each on a fresh copy of the database."""
    texts = list(_unassigned(EXCLUSIONS))
    walls: list[float] = []
    lows: list[float] = []
    for number in range(_ROUNDS):
        lows.append(floors.hits(installation, texts))
        with installation.copy(f"exclusions_{number}") as database, installation.server(database) as server:
            installation.checkpoint()
            walls.append(_import(installation, server, texts))
    ratio = median(wall / low for wall, low in zip(walls, lows, strict=True))
    return Result(
        (Row(f"import of {EXCLUSIONS:,} exclusions: wall / floor(import)", 1.8, 0.8, ratio),),
        (
            ("exclusions, wall", f"{median(walls):.2f} s, {median(walls) / EXCLUSIONS * 1e6:.0f} us a number"),
            ("floor(import) of the same numbers", f"{median(lows):.2f} s"),
        ),
    )


def lookups(installation: Installation) -> Result:
    """The median time of a lookup with so many exclusions over that without, and of lookups of excluded numbers over
    those of unlisted ones, each asked by turns.
    """
    texts = list(_unassigned(EXCLUSIONS))
    with ExitStack() as held:
        beside = held.enter_context(installation.copy("excluded"))
        servers = [held.enter_context(installation.server()), held.enter_context(installation.server(beside))]
        _import(installation, servers[1], texts)
        with installation.connect_as_superuser(beside) as connection:
            connection.execute("VACUUM (ANALYZE) registry.listings, registry.exclusions")
        installation.checkpoint()
        questions = _questions(installation.employer, list(numbers.written(_WARM + _COMPARED)))
        for server in servers:
            drive(server.port, questions[:_WARM], 1)
        taken = compare([server.port for server in servers], questions[_WARM:])
        without, among = (median(seconds) * _MILLISECONDS for seconds in taken)
        unlisted, excluded = _told_apart(installation, servers[1], texts)
    told = max(excluded / unlisted, unlisted / excluded)
    return Result(
        (
            Row(f"lookup p50 with {EXCLUSIONS:,} exclusions / without", 1.05, 1.0, among / without),
            Row("lookup p50, excluded and unlisted numbers: the slower / the other", 1.05, 1.02, told),
        ),
        (
            (f"lookup p50 among {EXCLUSIONS:,} exclusions, and without", f"{among:.3f} ms, {without:.3f} ms"),
            ("lookup p50 of excluded numbers, and of unlisted ones", f"{excluded:.3f} ms, {unlisted:.3f} ms"),
        ),
    )


def _told_apart(installation: Installation, server: Server, texts: Sequence[str]) -> tuple[float, float]:
    """p50 in milliseconds of lookups of unlisted and of excluded numbers, asked by turns of one server."""
    strangers = list(_unassigned(EXCLUSIONS + _COMPARED))[EXCLUSIONS:]
    excluded = texts[:: len(texts) // _COMPARED][:_COMPARED]
    pairs = [number for pair in zip(strangers, excluded, strict=True) for number in pair]
    (taken,) = compare([server.port], _questions(installation.employer, pairs))
    return median(taken[0::2]) * _MILLISECONDS, median(taken[1::2]) * _MILLISECONDS


def _import(installation: Installation, server: Server, texts: Sequence[str]) -> float:
    """Seconds."""
    file = "".join(f"{line}\n" for line in ("number", *texts)).encode()
    parts = (file[start : start + _PART_BYTES] for start in range(0, len(file), _PART_BYTES))
    began = time.perf_counter()
    answer = b"".join(upload(server, _PATH, installation.investigator, parts, len(file)))
    taken = time.perf_counter() - began
    added = json.loads(answer)["added"]
    if added != len(texts):
        raise RuntimeError(f"of {len(texts)} numbers {added} were excluded")
    return taken


def _questions(key: str, texts: Sequence[str]) -> list[bytes]:
    return [
        post("/v1/lookups", {"number": text, "region": numbers.REGION, "purpose": "company_number"}, key)
        for text in texts
    ]


def _unassigned(count: int) -> Iterator[str]:
    """Different numbers of the exchange 555 beside its fictional ones, which are too few. The exchange is kept for
    information services: nobody's telephone has such a number.
    """
    codes = sorted({number[2:5] for number in numbers.everyone()})
    found = (f"+1{code}555{line:04}" for line in _LINES for code in codes)
    return islice(found, count)
