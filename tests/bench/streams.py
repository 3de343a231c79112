"""Files sent and answers read piece by piece, so that neither is ever whole in this process."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from http.client import HTTPConnection
from typing import Final

from .servers import Server

_READ_BYTES: Final = 262_144
_TIMEOUT_SECONDS: Final = 3_600.0
_GOOD: Final = 200


def upload(server: Server, path: str, key: str, parts: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Posts a CSV of so many bytes and yields the answer as it comes. RuntimeError unless it is 200."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/csv", "Content-Length": str(length)}
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=_TIMEOUT_SECONDS)) as connection:
        connection.request("POST", path, parts, headers)
        response = connection.getresponse()
        if response.status != _GOOD:
            raise RuntimeError(f"the server answered {response.status}: {response.read(1_000)!r}")
        while part := response.read(_READ_BYTES):
            yield part
