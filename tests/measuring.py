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
        threading.settrace(elsewhere)
        sys.settrace(here)
