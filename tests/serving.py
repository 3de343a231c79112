"""A house's API on a socket of its own, for clients that hang up half way."""

import json
import socket
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn
from house import House
from members import Member


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs in this process."""

    server: uvicorn.Server

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.server.servers[0].sockets[0].getsockname()
        return host, port

    def settle(self) -> None:
        """Waits until no request is at work any more, those of clients that have gone included."""
        while self.server.server_state.tasks:
            time.sleep(0.005)


@contextmanager
def served(house: House) -> Generator[Served]:
    """A house's API behind a port of its own. Requests that run when it stops are waited for."""
    config = uvicorn.Config(house.client.app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Served(server)
    finally:
        server.should_exit = True
        thread.join()


class Caller:
    """A client that can hang up at any byte."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, timeout=30)
        self._answer = self._socket.makefile("rb")

    def begin(self, member: Member, target: str, *, length: int, accept: str = "*/*") -> None:
        """Sends the head of a POST of a CSV file of so many bytes."""
        head = (
            f"POST {target} HTTP/1.1\r\nHost: registry.test\r\nAuthorization: Bearer {member.key}\r\n"
            f"Content-Type: text/csv\r\nContent-Length: {length}\r\nAccept: {accept}\r\n\r\n"
        )
        self._socket.sendall(head.encode())

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def read_head(self) -> dict[str, str]:
        """The answer's headers, by lower-case name."""
        status, *lines = iter(self._answer.readline, b"\r\n")
        assert b" 200 " in status
        pairs = (line.decode().strip().partition(": ") for line in lines)
        return {name.lower(): value for name, _, value in pairs}

    def read_event(self) -> dict[str, Any]:
        """The next line of a chunked NDJSON answer."""
        while not (line := self._answer.readline()).startswith(b"{"):
            assert line, "the answer ended"
        event: dict[str, Any] = json.loads(line)
        return event

    def hang_up(self) -> None:
        self._answer.close()
        self._socket.close()
