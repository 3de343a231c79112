"""Somebody between a client and the real API: looks at answers, changes them, holds them back, hangs up."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

import httpx

_HOP: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass
class Exchange:
    """A request, and what the registry answered. What is left in it is what the client gets."""

    method: str
    path: str
    request: bytes = field(repr=False)
    status: int
    headers: dict[str, str]
    body: bytes = field(repr=False)

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @document.setter
    def document(self, value: Any) -> None:
        self.body = json.dumps(value).encode()


class HangUp(Exception):  # noqa: N818 - what is to be done
    """Raised by who meddles: the client gets no answer."""


Meddle = Callable[[Exchange], None]


@dataclass
class Between:
    """requests: method and path of each, as they came. sent: their bodies. upstream: the real API, which may move."""

    url: str
    upstream: str
    requests: list[str] = field(default_factory=list[str])
    sent: list[bytes] = field(default_factory=list[bytes], repr=False)
    before: Meddle | None = field(default=None, repr=False)
    """Called before a request goes on; its status is 0 and its body empty."""
    after: Meddle | None = field(default=None, repr=False)

    def count(self, path: str) -> int:
        return sum(request.partition(" ")[2].partition("?")[0] == path for request in self.requests)


@contextmanager
def between(upstream: str, after: Meddle | None = None, before: Meddle | None = None) -> Generator[Between]:
    """Listens on a port of its own until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._pass_on(b"")

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers["Content-Length"])))

        def _pass_on(self, content: bytes) -> None:
            state.requests.append(f"{self.command} {self.path}")
            state.sent.append(content)
            try:
                exchange = _exchanged(state, http, self, content)
            except HangUp:
                self.close_connection = True
                return
            self.send_response(exchange.status)
            for name, value in exchange.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(exchange.body)))
            self.end_headers()
            self.wfile.write(exchange.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Silent."""

    with httpx.Client(timeout=30) as http, _Server(("127.0.0.1", 0), Handler) as server:
        state = Between(f"http://127.0.0.1:{server.server_port}", upstream, after=after, before=before)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that are killed leave their connections broken."""


def _exchanged(state: Between, http: httpx.Client, asked: BaseHTTPRequestHandler, content: bytes) -> Exchange:
    exchange = Exchange(asked.command, asked.path, content, 0, {}, b"")
    if state.before is not None:
        state.before(exchange)
    headers = {name: value for name, value in asked.headers.items() if name.lower() not in {*_HOP, "host"}}
    headers["Accept-Encoding"] = "identity"
    answer = http.request(asked.command, state.upstream + asked.path, content=content, headers=headers)
    exchange.status, exchange.body = answer.status_code, answer.content
    exchange.headers = {name: value for name, value in answer.headers.items() if name.lower() not in _HOP}
    if state.after is not None:
        state.after(exchange)
    return exchange


def on(path: str, change: Callable[[Any], Any]) -> Meddle:
    """Changes the JSON answers of one path. change: takes the document, and returns it or another one."""

    def meddle(exchange: Exchange) -> None:
        if exchange.path.partition("?")[0] == path and exchange.status == 200:
            exchange.document = change(exchange.document)

    return meddle


def in_small_batches(size: int) -> Meddle:
    """Lets the registry say that it takes only so many numbers at once."""

    def change(document: Any) -> Any:
        for generation in cast("list[dict[str, Any]]", document["generations"]):
            generation["batch_max"] = size
        return document

    return on("/v1/private/parameters", change)
