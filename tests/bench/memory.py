"""The peak memory of a fresh API process that checks a file of a million rows."""

import time
from collections.abc import Iterator
from typing import Final

from . import numbers
from .installation import Installation
from .streams import upload
from .table import Result, Row

ROWS: Final = 1_000_000
_HEADER: Final = b"ref,phone,region,name,department\n"
_PART_ROWS: Final = 2_000
_MEGABYTE: Final = 1_000_000


def measure(installation: Installation, rows: int) -> Result:
    """The file is made as it is sent, and its answer counted as it comes, so that neither is held anywhere."""
    length = sum(map(len, _parts(rows)))
    with installation.server() as server:
        idle = server.peak_memory()
        began = time.perf_counter()
        path = "/v1/checks/files?purpose=company_number&number_column=phone&region_column=region"
        lines = observed = 0
        for part in upload(server, path, installation.employer, _parts(rows), length):
            lines += part.count(b"\n")
            observed += part.count(b"contact_obs")  # within a part: one that is cut by its border is not missed much
        wall = time.perf_counter() - began
        peak, others, cpu = server.peak_memory(), server.peak_memory_of_others(), server.cpu_seconds()
    if lines != rows + 1 or not observed:
        raise RuntimeError(f"{rows} rows were asked and {lines - 1} answered, {observed} of them contact_observed")
    return Result(
        (Row(f"peak memory of the API, CSV check of {rows:,} rows", 300, 150, peak / _MEGABYTE, "MB"),),
        (
            ("file check, wall", f"{wall:.0f} s, {wall / rows * 1e6:.0f} us a row, {length / _MEGABYTE:.0f} MB sent"),
            ("file check, CPU of the API", f"{cpu:.0f} s"),
            ("memory of the API before it", f"{idle / _MEGABYTE:.0f} MB"),
            ("peak memory of its other processes", f"{others / _MEGABYTE:.0f} MB together"),
        ),
    )


def _parts(rows: int) -> Iterator[bytes]:
    """A company's list of its phones, some thousand rows at a time."""
    yield _HEADER
    lines: list[str] = []
    for n, text in enumerate(numbers.written(rows)):
        lines.append(f"phone-{n},{text},{numbers.REGION},Handset {n},Field service\n")
        if len(lines) == _PART_ROWS:
            yield "".join(lines).encode()
            lines.clear()
    yield "".join(lines).encode()
