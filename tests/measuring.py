"""What coverage is not to see."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager


@contextmanager
def unmeasured() -> Generator[None]:
    """Nothing that this thread does in the block, or that threads do which it starts there, is measured.

    Before Python 3.12 measuring makes the interpreter twice as slow, whatever it runs.
    """
    here, elsewhere = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        _forget()
        threading.settrace(elsewhere)
        sys.settrace(here)


def _forget() -> None:
    """What functions of the domain remember: one that never has to run again would seem never to have run."""
    for name, module in list(sys.modules.items()):
        if name.startswith("registry.domain."):
            for value in list(vars(module).values()):
                if callable(forget := getattr(value, "cache_clear", None)):
                    forget()
