"""What the kernel knows of a process and its children: processor time and peak memory. Linux only: it reads /proc.

It must never signal a process or look at its memory's content.
"""

import os
from pathlib import Path
from typing import Final

_TICKS_PER_SECOND: Final = os.sysconf("SC_CLK_TCK")
# Fields of /proc/PID/stat after the name, which may hold anything and is cut off: see proc_pid_stat(5).
_PARENT: Final = 1
_TIMES: Final = slice(11, 15)
_KIBIBYTE: Final = 1_024


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its descendants, those that have ended and were reaped included."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(folder)):
            process = int(folder.name)
            parents[process] = int(fields[_PARENT])
            ticks[process] = sum(map(int, fields[_TIMES]))
    return sum(used for process, used in ticks.items() if _descends(process, pid, parents)) / _TICKS_PER_SECOND


def peak_memory(pid: int) -> int:
    """The most bytes of a process that were ever in memory at once: VmHWM. It cannot be reset."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * _KIBIBYTE
    raise OSError(f"process {pid} has no VmHWM")


def _stat(folder: Path) -> list[str]:
    try:
        content = (folder / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:  # it ended meanwhile
        return []
    return content.rpartition(")")[2].split()


def _descends(process: int, ancestor: int, parents: dict[int, int]) -> bool:
    while process != ancestor:
        if process not in parents:
            return False
        process = parents[process]
    return True
