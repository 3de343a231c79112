"""What uvicorn calls in every worker process: settings, logging, and the application on its own connections."""

import gc
import logging
import os
import sys
from typing import TYPE_CHECKING

from fastapi import FastAPI
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from api.app import wire
from registry.operations.assembly import open_log_key, open_registry
from registry.settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    SysExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def build() -> FastAPI:
    """Raises like `open_registry` and `open_log_key`: a process that cannot answer does not start."""
    settings = Settings.from_environment(os.environ)
    configure_logging(settings.log_level)
    signers = (os.cpu_count() or 1) if settings.signers is None else settings.signers
    app = wire(open_registry(settings, signers=signers), open_log_key(settings))
    # What is there now stays for ever: the collector need not look at it again with every large answer.
    gc.collect()
    gc.freeze()
    # A request makes thousands of small objects that die with it. Looking for cycles among them every 700 costs more
    # than it finds.
    gc.set_threshold(20_000, 20, 50)
    return app


def configure_logging(level: str) -> None:
    """One JSON object a line on standard error. No library's exception texts: they can quote values."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _Formatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level"},
            reserved_attrs=[*RESERVED_ATTRS, "color_message"],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("alembic").setLevel(logging.WARNING)  # it would speak with every question for readiness
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # it warns of what is refused, and answered, as a conflict
    logging.getLogger("uvicorn.access").disabled = True
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


class _Formatter(JsonFormatter):
    def formatException(self, ei: "SysExcInfo") -> str:  # noqa: N802 - logging's own name
        """An exception's type and nothing that it says."""
        kind = ei[0]
        return "exception" if kind is None else kind.__name__
