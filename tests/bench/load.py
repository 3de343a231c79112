"""The load: requests made beforehand, sent over a few connections that are kept, each answer checked for its status.

It runs outside of the server's process and does as little as it can: what is compared is the server.
"""

import json
import re
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from typing import Final, Self
from urllib.parse import urlencode

_READ_BYTES: Final = 262_144
_TIMEOUT_SECONDS: Final = 120.0
_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_GOOD: Final = (b"HTTP/1.1 200 ", b"HTTP/1.1 201 ")


def post(path: str, body: Mapping[str, object], key: str = "") -> bytes:
    """A whole request with JSON, ready to be sent."""
    content = json.dumps(body, separators=(",", ":")).encode()
    return _request(path, "application/json", content, {"Authorization": f"Bearer {key}"} if key else {})


def form(path: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> bytes:
    """A whole request with a form, ready to be sent."""
    return _request(path, "application/x-www-form-urlencoded", urlencode(fields).encode(), headers)


def _request(path: str, kind: str, content: bytes, headers: Mapping[str, str]) -> bytes:
    more = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}User-Agent: bench\r\nAccept: */*\r\n"
    return f"{head}Content-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


class Connection:
    """One kept connection to a server on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self._socket.close()

    def exchange(self, request: bytes) -> bytes:
        """Sends a request and returns the body of its answer. RuntimeError for a status that is not 200 or 201."""
        self._socket.sendall(request)
        received = bytearray()
        while (end := received.find(_HEAD_END)) < 0:
            received += self._receive()
        length = _LENGTH.search(received, 0, end)
        if length is None or not received.startswith(_GOOD):
            raise RuntimeError(f"the server answered {bytes(received[:1_000])!r}")
        body_end = end + len(_HEAD_END) + int(length[1])
        while len(received) < body_end:
            received += self._receive()
        return bytes(received[end + len(_HEAD_END) :])

    def _receive(self) -> bytes:
        part = self._socket.recv(_READ_BYTES)
        if not part:
            raise RuntimeError("the server closed the connection")
        return part


def drive(port: int, requests: Sequence[bytes], connections: int) -> list[float]:
    """Sends all requests over so many connections at a time; returns the seconds that each took."""
    with ThreadPoolExecutor(connections) as pool:
        shares = [requests[first::connections] for first in range(connections)]
        return [seconds for taken in pool.map(partial(_drive_one, port), shares) for seconds in taken]


def compare(ports: Sequence[int], requests: Sequence[bytes]) -> list[list[float]]:
    """Sends every request to every server in turn, one at a time; returns the seconds that each took, by server.

    So whatever else the machine does meanwhile, it does to all of them.
    """
    taken: list[list[float]] = [[] for _ in ports]
    with ExitStack() as held:
        connections = [held.enter_context(Connection(port)) for port in ports]
        order = list(zip(connections, taken, strict=True))
        for request in requests:
            for connection, seconds in order:
                began = time.perf_counter()
                connection.exchange(request)
                seconds.append(time.perf_counter() - began)
            order.reverse()
    return taken


def _drive_one(port: int, requests: Sequence[bytes]) -> list[float]:
    taken: list[float] = []
    with Connection(port) as connection:
        for request in requests:
            began = time.perf_counter()
            connection.exchange(request)
            taken.append(time.perf_counter() - began)
    return taken
