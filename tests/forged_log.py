"""A log behind a port that shows whatever a test wants: another tree, an older one, one that another key has signed."""

import base64
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from grown_log import GrownLog

from registry.domain.merkle import TILE_WIDTH
from registry.domain.tile_paths import parse_tile_path

_PROBLEM: Final = "application/problem+json"


class ToldLog(GrownLog):
    """One whose entries are the test's own, as far as it tells them."""

    def tell(self, *entries: bytes) -> "ToldLog":
        for entry in entries:
            self._append(entry)
        return self


@dataclass(frozen=True)
class Shown:
    status: int
    content: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass
class ForgedLog:
    """log, size: what is shown. answers: by path, what is answered instead. forgotten: checkpoints it denies."""

    log: GrownLog
    size: int
    url: str = ""
    answers: dict[str, Shown] = field(default_factory=dict[str, Shown])
    forgotten: set[int] = field(default_factory=set[int])
    asked: list[str] = field(default_factory=list[str])
    headers: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    """By path, of its last request."""

    def answer(self, target: str) -> Shown:
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/log/checkpoint":
            return Shown(200, self.log.note(self.size).encode())
        if path.startswith("/log/tile/"):
            tile, width = parse_tile_path(path.removeprefix("/log/"))
            hashes = self.log.hashes[tile.level][tile.index * TILE_WIDTH :][:width]
            return Shown(200, b"".join(hashes)) if len(hashes) == width else problem(404, "not_found")
        old, new = int(query["from"][0]), int(query["to"][0])
        if {old, new} & self.forgotten:
            return problem(404, "unknown_checkpoint")
        return consistency(old, new, self.log.consistency(old, new))


def consistency(old: int, new: int, hashes: list[bytes]) -> Shown:
    told = [base64.b64encode(hash_).decode() for hash_ in hashes]
    return Shown(200, json.dumps({"from": old, "to": new, "hashes": told}).encode())


def problem(status: int, code: str) -> Shown:
    document = {"code": code, "title": "No", "detail": "It is not so.", "status": status}
    return Shown(status, json.dumps(document).encode(), {"Content-Type": _PROBLEM})


@contextmanager
def forging(log: ForgedLog) -> Generator[ForgedLog]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            shown = log.answer(self.path)
            log.headers[urlsplit(self.path).path] = dict(self.headers.items())
            self.send_response(shown.status)
            for name, value in {**shown.headers, "Content-Length": str(len(shown.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(shown.content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in the base class
            """Nothing is written to the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    log.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield log
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
