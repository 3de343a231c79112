"""A check of 10,000 numbers in one JSON request, over the floor of bulk questions."""

import json
import time
from statistics import median
from typing import Any, Final

from . import floors, numbers
from .installation import Installation
from .load import Connection, post
from .servers import Server
from .table import Result, Row

ITEMS: Final = 10_000
_ROUNDS: Final = 7


def measure(installation: Installation, server: Server) -> Result:
    """Wall time of the request, over the floor with the same numbers, in alternating rounds."""
    texts = list(numbers.written(ITEMS))
    items = [{"ref": f"phone-{n}", "number": text, "region": numbers.REGION} for n, text in enumerate(texts)]
    request = post("/v1/checks", {"purpose": "company_number", "items": items}, installation.employer)
    walls: list[float] = []
    lows: list[float] = []
    cpu: list[float] = []
    _require_answers(json.loads(_ask(server, request)))
    floors.bulk(installation, texts)
    for _ in range(_ROUNDS):
        lows.append(floors.bulk(installation, texts))
        before, began = server.cpu_seconds(), time.perf_counter()
        _ask(server, request)
        walls.append(time.perf_counter() - began)
        cpu.append(server.cpu_seconds() - before)
    ratio = median(wall / low for wall, low in zip(walls, lows, strict=True))
    return Result(
        (Row(f"JSON check of {ITEMS:,} numbers: wall / floor(bulk)", 1.4, 0.7, ratio),),
        (
            ("check, wall", f"{median(walls):.3f} s, {median(walls) / ITEMS * 1e6:.0f} us a number"),
            ("check, CPU of the API", f"{median(cpu):.2f} s"),
            ("floor(bulk)", f"{median(lows):.3f} s, {median(lows) / ITEMS * 1e6:.0f} us a number"),
        ),
    )


def _ask(server: Server, request: bytes) -> bytes:
    """On a connection of its own: the server closes one that is idle for as long as a floor may take."""
    with Connection(server.port) as connection:
        return connection.exchange(request)


def _require_answers(answer: dict[str, Any]) -> None:
    """What is measured is work that was done."""
    expected = len(set(numbers.everyone()[:ITEMS]) & set(numbers.listed()))
    counts = answer["counts"]
    if counts["contact_observed"] != expected or counts["none"] != ITEMS - expected:
        raise RuntimeError(f"the check answered {counts}, and {expected} of its numbers are listed")
