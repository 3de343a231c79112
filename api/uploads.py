"""Receiving a file: spooled to a file without a name, which vanishes with the process, and never held in memory."""

import re
import tempfile
from pathlib import Path
from typing import IO, Final

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from registry.domain.errors import Code, Refused

_TYPES: Final = re.compile(
    r"(text/(csv|plain|tab-separated-values)|application/(octet-stream|csv|x-ndjson|ndjson|vnd\.ms-excel))\s*(;.*)?",
    re.IGNORECASE,
)
_WRITE_BYTES: Final = 1_048_576


async def spool(request: Request, *, most: int, folder: Path | None) -> IO[bytes]:
    """The body as an open, unlinked file. most: bytes.

    Raises Refused: `body_too_large` (before anything is read, where the length is announced), `upload_incomplete`
    where the client goes away, `unsupported_media_type`.
    """
    if _TYPES.fullmatch(request.headers.get("content-type", "").strip()) is None:
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send the file itself as the body, with Content-Type: text/csv.")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise _too_large(most)
    file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - the caller closes it
    try:
        received = 0
        waiting = bytearray()
        async for part in request.stream():
            received += len(part)
            if received > most:
                raise _too_large(most)
            waiting += part
            if len(waiting) >= _WRITE_BYTES:
                await run_in_threadpool(file.write, bytes(waiting))
                waiting.clear()
        await run_in_threadpool(file.write, bytes(waiting))
    except ClientDisconnect:
        file.close()
        raise Refused(Code.UPLOAD_INCOMPLETE, "The connection ended before the whole file had arrived.") from None
    except BaseException:
        file.close()
        raise
    return file


def _too_large(most: int) -> Refused:
    return Refused(Code.BODY_TOO_LARGE, f"The file is larger than {most} bytes. Split it.")
