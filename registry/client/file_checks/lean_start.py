"""Starting faster: for processes that are nothing but a check.

httpx brings a command line of its own, which takes a syntax highlighter and more along with it, half of what importing
it costs. It does without where they are missing.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:
    from types import ModuleType

_COMMAND_LINE: Final = "httpx._main"


def import_httpx_alone() -> None:
    """Imports httpx without its command line, unless it is there already."""
    if "httpx" not in sys.modules:
        sys.modules[_COMMAND_LINE] = cast("ModuleType", None)  # how Python is told that there is no such module
        import_module("httpx")
        del sys.modules[_COMMAND_LINE]
