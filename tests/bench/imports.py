"""An import of 100,000 contacts as CSV, over the floor of writing as many rows."""

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Final

from . import floors, numbers
from .installation import Installation
from .streams import upload
from .table import Result, Row

HITS: Final = 100_000
_ROUNDS: Final = 3
_HEADER: Final = "source_id,decoy_id,number,region,channel,occurred_at,attestation,diverted\n"
_PART_BYTES: Final = 65_536


def measure(installation: Installation, decoy: str) -> Result:
    """Wall time of the request on a fresh copy of the database, over the floor with the same numbers, by turns."""
    texts = list(numbers.written(HITS))
    file = "".join(_lines(texts, decoy)).encode()
    walls: list[float] = []
    lows: list[float] = []
    cpu: list[float] = []
    postgres: list[float] = []
    for number in range(_ROUNDS):
        lows.append(floors.hits(installation, texts))
        with installation.copy(f"import_{number}") as database, installation.server(database) as server:
            installation.checkpoint()
            before, before_postgres = server.cpu_seconds(), installation.postgres_cpu_seconds()
            began = time.perf_counter()
            parts = (file[start : start + _PART_BYTES] for start in range(0, len(file), _PART_BYTES))
            answer = b"".join(upload(server, "/v1/hits/imports", installation.investigator, parts, len(file)))
            walls.append(time.perf_counter() - began)
            cpu.append(server.cpu_seconds() - before)
            postgres.append(installation.postgres_cpu_seconds() - before_postgres)
            recorded = json.loads(answer)["recorded"]
            if recorded != HITS:
                raise RuntimeError(f"of {HITS} hits {recorded} were recorded")
    ratio = median(wall / low for wall, low in zip(walls, lows, strict=True))
    return Result(
        (Row(f"CSV import of {HITS:,} hits: wall / floor(import)", 1.8, 0.8, ratio),),
        (
            ("import, wall", f"{median(walls):.2f} s, {median(walls) / HITS * 1e6:.0f} us a hit"),
            ("import, CPU", f"API {median(cpu):.2f} s, PostgreSQL {median(postgres):.2f} s"),
            ("floor(import)", f"{median(lows):.2f} s, {median(lows) / HITS * 1e6:.0f} us a hit"),
        ),
    )


def _lines(texts: Sequence[str], decoy: str) -> Iterator[str]:
    """Text messages, one every five minutes for about a year up to yesterday."""
    yield _HEADER
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
    step = timedelta(minutes=5)
    for n, text in enumerate(texts):
        yield f"SM{n:032x},{decoy},{text},{numbers.REGION},sms,{(at - n * step).isoformat()},,false\n"
