"""`demand-registry generations rekey` that a test stops where it wants to: killed as by `kill -9`, or made to wait.

    python stopped_rekey.py POINT FOLDER ARGUMENT...

POINT: `preparing`, after some tags were committed; `switching`, just before COMMIT; `switched`, just after it. Or, like
`preparing`: `waiting`, which waits there for the file `go` in the folder and goes on; `interrupted`, as by Ctrl-C. In
every case the file `there` is made. Tags are taken a few at a time.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from registry.db.database import Reading

FEW: Final = 4
_LOTS: Final = 3


def stop(point: str, folder: Path) -> None:
    (folder / "there").touch()
    if point == "interrupted":
        os.kill(os.getpid(), signal.SIGINT)
        return
    if point != "waiting":
        os.kill(os.getpid(), signal.SIGKILL)
    while not (folder / "go").exists():
        time.sleep(0.01)


def arrange(point: str, folder: Path) -> None:
    from registry.db import rekeying  # noqa: PLC0415 - its signers import this module, too, and need none of that

    read = rekeying.tags_after
    lots = 0

    def few(tx: "Reading", generation: int, after: bytes, most: int = FEW) -> list[tuple[bytes, bool]]:
        nonlocal lots
        lots += 1
        if point in {"preparing", "waiting", "interrupted"} and lots == _LOTS + 1:
            stop(point, folder)
        return read(tx, generation, after, most)

    def stopped(original: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
        def then(*arguments: Any) -> Any:
            result = original(*arguments) if after else None
            stop(point, folder)
            return result

        return then

    rekeying.tags_after = few
    if point == "switching":
        rekeying.note_switch = stopped(rekeying.note_switch, after=True)
    if point == "switched":
        rekeying.still_seen = stopped(rekeying.still_seen, after=False)


if __name__ == "__main__":
    from registry.cli import main

    arrange(sys.argv[1], Path(sys.argv[2]))
    main(sys.argv[3:], prog_name="demand-registry")
