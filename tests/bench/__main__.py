"""`python -m tests.bench [N]`: measures everything whose speed has a target, in one run, and prints the table.

It ends with status 0 whatever was measured: a machine's mood must never fail a build.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Final, NoReturn

from . import checks, exclusions, fill, imports, intake, log, lookups, memory, private, table
from .installation import Installation, installed
from .processes import cpu_seconds, machine_seconds

_PARTS: Final = ("lookups", "checks", "private", "growth", "imports", "exclusions", "intake", "memory", "log")


@dataclass(frozen=True, slots=True)
class Wanted:
    """listings: listed numbers for the growth part. rows: of the file that is checked for memory. events: of
    the log.
    """

    listings: int
    rows: int
    events: int
    parts: frozenset[str]


def main(arguments: Sequence[str]) -> None:
    wanted = _parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)  # else neither the servers nor the folder would be cleared away
    began, machine, own = time.perf_counter(), machine_seconds(), cpu_seconds(os.getpid())
    with installed() as installation:
        results = _measure(installation, wanted)
    seconds = time.perf_counter() - began
    others = machine_seconds() - machine - (cpu_seconds(os.getpid()) - own)
    sys.stdout.write(table.render([*results, _circumstances(seconds, others)]))


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)


def _circumstances(seconds: float, others: float) -> table.Result:
    """How long it took, and what else the machine did meanwhile: wall times mean little where that is much."""
    processors = os.cpu_count() or 1
    busy = max(0.0, others) / seconds / processors
    return table.Result(
        (),
        (
            ("the whole run", f"{seconds:.0f} s"),
            ("other work on the machine", f"{busy:.0%} of its {processors} processors"),
        ),
    )


def _measure(installation: Installation, wanted: Wanted) -> list[table.Result]:
    results: list[table.Result] = []
    with installation.server() as server:
        _say("listing the bench's own numbers")
        decoy = fill.list_numbers(installation, server.port)
        fill.fill(installation, lookups.SMALL)
        if "lookups" in wanted.parts:
            _say("single lookups")
            results.append(lookups.cost(installation, server))
        if "checks" in wanted.parts:
            _say(f"JSON checks of {checks.ITEMS:,} numbers")
            results.append(checks.measure(installation, server))
        if "private" in wanted.parts:
            _say("private evaluations, and lookups beside them")
            results += [private.endpoint(installation, server), private.felt(installation, server)]
            _say(f"private checks of {private.NUMBERS:,} numbers")
            results.append(private.whole(installation, server))
    if "intake" in wanted.parts:
        _say("signed text messages of a provider")
        results.append(intake.measure(installation))
    if "imports" in wanted.parts:
        _say(f"imports of {imports.HITS:,} hits")
        results.append(imports.measure(installation, decoy))
    if "exclusions" in wanted.parts:
        _say(f"{exclusions.EXCLUSIONS:,} exclusions, and lookups beside them")
        results += [exclusions.measure(installation), exclusions.lookups(installation)]
    if "growth" in wanted.parts:
        _say(f"lookups with {wanted.listings:,} listed numbers")
        results.append(lookups.growth(installation, wanted.listings))
    if "memory" in wanted.parts:
        _say(f"a file check of {wanted.rows:,} rows")
        results.append(memory.measure(installation, wanted.rows))
    if "log" in wanted.parts:
        _say(f"an audit log of {wanted.events:,} events")
        results += log.measure(installation, wanted.events)
    return results


def _parse(arguments: Sequence[str]) -> Wanted:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("listings", nargs="?", type=int, default=lookups.SMALL, help="listed numbers to fill in")
    parser.add_argument("--rows", type=int, default=memory.ROWS, help="rows of the file that is checked for memory")
    parser.add_argument("--events", type=int, default=log.EVENTS, help="events of the audit log that is sealed")
    parser.add_argument("--only", action="append", choices=_PARTS, help="measure this part alone; may be repeated")
    given = parser.parse_args(arguments)
    return Wanted(given.listings, given.rows, given.events, frozenset(given.only or _PARTS))


def _say(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {what}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
