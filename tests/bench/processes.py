"""What the kernel knows of a process and its children: processor time and peak memory. Linux only: it reads /proc.

It must never signal a process or look at its memory's content.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name, which may hold anything and is cut off: see proc_pid_stat(5).
_PARENT: Final = 1
_TIMES_OF_REAPED: Final = slice(13, 15)
_CPU_CLOCK: Final = 2  # how Linux numbers the clocks of other processes: see clock_getcpuclockid(3)
# Of the times in /proc/stat: user, nice, system | idle, waiting for a disk | interrupts, stolen by other machines.
_IDLE: Final = 3
_AFTER_IDLE: Final = slice(5, 8)
_KIBIBYTE: Final = 1_024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants, those that have ended and were reaped included."""
    stats = _all_stats()
    family = [pid, *_descendants(pid, stats)]
    reaped = sum(int(ticks) for process in family for ticks in stats[process][_TIMES_OF_REAPED])
    return sum(map(_own_seconds, family)) + reaped / _TICKS_PER_SECOND


def descendants(pid: int) -> list[int]:
    """The processes that it started and those that they started, as of now."""
    return _descendants(pid, _all_stats())


def machine_seconds() -> float:
    """Processor time that the whole machine has spent on anything but waiting, since it was started."""
    first_line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    ticks = [int(field) for field in first_line.split()[1:]]
    return (sum(ticks[:_IDLE]) + sum(ticks[_AFTER_IDLE])) / _TICKS_PER_SECOND


def peak_memory(pid: int) -> int:
    """The most bytes of a process that were ever in memory at once: VmHWM. It cannot be reset."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * _KIBIBYTE
    raise OSError(f"process {pid} has no VmHWM")


def _own_seconds(pid: int) -> float:
    """The process's own clock, to the nanosecond, where its stat file counts in hundredths of a second."""
    with suppress(OSError):  # it ended meanwhile
        return time.clock_gettime((~pid << 3) | _CPU_CLOCK)
    return 0.0


def _all_stats() -> dict[int, list[str]]:
    """Of every process the fields of its stat file, from its state on."""
    stats: dict[int, list[str]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                content = (folder / "stat").read_text(encoding="ascii", errors="replace")
                stats[int(folder.name)] = content.rpartition(")")[2].split()
    return stats


def _descendants(pid: int, stats: Mapping[int, Sequence[str]]) -> list[int]:
    children = [process for process, fields in stats.items() if int(fields[_PARENT]) == pid]
    return [found for child in children for found in (child, *_descendants(child, stats))]
