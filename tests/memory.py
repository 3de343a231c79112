"""Looking into the memory of other processes, as somebody could who got into one of them. On Linux.

Whoever searches for a secret must hold it, so nobody can search his own memory with this.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

_PIECE_BYTES: Final = 1 << 22
_LISTENS: Final = "0A"


def found_in_memory(pid: int, needles: Mapping[str, bytes]) -> set[str]:
    """The names of those needles that stand anywhere in what the process can read. Its memory is not stopped."""
    overlap = max(map(len, needles.values())) - 1
    found: set[str] = set()
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in _readable(pid):
            tail = b""
            for piece in _pieces(memory, start, end):
                searched = tail + piece
                found |= {name for name, needle in needles.items() if needle in searched}
                tail = searched[-overlap:]
    return found


def _readable(pid: int) -> Iterator[tuple[int, int]]:
    """First and last address of every mapping that may be read."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        addresses, rights, *_ = line.split()
        if rights.startswith("r"):
            start, end = (int(address, 16) for address in addresses.split("-"))
            yield start, end


def _pieces(memory: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    """Those that hold something. The kernel's own pages in a process's addresses cannot be read this way."""
    with suppress(OSError, OverflowError):
        memory.seek(start)
        while start < end:
            piece = memory.read(min(_PIECE_BYTES, end - start))
            if not piece:
                return
            start += len(piece)
            if piece.count(0) < len(piece):
                yield piece


def family_of(pid: int) -> set[int]:
    """The process and all that descend from it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def holders_of_port(pids: set[int], port: int) -> set[int]:
    """Those of the processes that have the port open on which somebody listens."""
    inodes = {
        f"socket:[{fields[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port
    }
    return {pid for pid in pids if inodes & _open_files(pid)}


def _open_files(pid: int) -> set[str]:
    found: set[str] = set()
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            found.add(str(descriptor.readlink()))
    return found
