"""What `demand-registry import` says when the other side is no registry, says no, or goes away in the middle."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from command_line import CommandLine

KEY = "drk_live_" + "Ab3" * 15 + "x"
PROGRESS = json.dumps({"progress": {"rows": 2_000, "of": 4_000}})
REFUSED = json.dumps({"refused": {"line": 7, "code": "withheld", "field": "number", "detail": "It is withheld."}})
SUMMARY = json.dumps(
    {
        "summary": {
            "rows": 1,
            "recorded": 1,
            "duplicate": 0,
            "refused": 0,
            "ignored": 0,
            "audit_ids": [],
            "dry_run": False,
        }
    }
)
PROBLEM = {"title": "Over the limit", "detail": "No more today.", "code": "quota_exceeded"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "hits.csv"
    path.write_text("number\n+12065550142\n", encoding="utf-8")
    return path


@contextmanager
def answering(respond: Callable[[BaseHTTPRequestHandler], None], address: str = "127.0.0.1") -> Generator[int]:
    """The port of a server that reads a request whole and answers as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            respond(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Silent."""

    with ThreadingHTTPServer((address, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def saying(status: int, kind: str, body: str, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def respond(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body.encode())

    return respond


def closing(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(
    ("respond", "said"),
    [
        (saying(200, "application/x-ndjson", f"{PROGRESS}\n{REFUSED}\n"), "The answer was cut off."),
        (saying(200, "application/x-ndjson", json.dumps({"problem": PROBLEM})), "Over the limit: No more today."),
        (saying(200, "text/html", "<p>Welcome</p>"), "The answer is not a registry's."),
        (saying(200, "application/json", "[]"), "The answer is not a registry's."),
        (saying(502, "text/html", "<p>Bad gateway</p>"), "HTTP 502: the answer is not a registry's."),
        (saying(502, "application/problem+json", "?"), "HTTP 502: the answer is not a registry's."),
        (
            saying(429, "application/problem+json", json.dumps(PROBLEM), Retry_After="7"),
            "No more today. (quota_exceeded) Try again in 7 seconds.",
        ),
        (
            saying(
                422,
                "application/problem+json",
                json.dumps({**PROBLEM, "errors": [{"pointer": "/region", "detail": "No such region."}]}),
            ),
            "/region: No such region.",
        ),
        (closing, "ended early."),
    ],
)
def test_a_fault_is_told_in_a_sentence(
    file: Path, respond: Callable[[BaseHTTPRequestHandler], None], said: str
) -> None:
    with answering(respond) as port:
        url = f"http://127.0.0.1:{port}"
        told = CommandLine({"REGISTRY_URL": url, "REGISTRY_API_KEY": KEY}).refused("import", str(file))
    assert said in told
    assert KEY not in told
    assert "5550142" not in told


def test_what_was_recorded_before_a_fault_is_said_to_be_safe(file: Path, tmp_path: Path) -> None:
    refused = tmp_path / "refused.csv"
    body = f"{REFUSED}\n{json.dumps({'problem': PROBLEM})}\n"
    with answering(saying(200, "application/x-ndjson", body)) as port:
        cli = CommandLine({"REGISTRY_URL": f"http://127.0.0.1:{port}", "REGISTRY_API_KEY": KEY})
        told = cli.refused("import", str(file), "--refused", str(refused))
    assert "import the file again, and nothing counts twice." in told
    assert refused.read_text(encoding="utf-8") == "line,code,detail\n7,withheld,It is withheld.\n"


def test_a_key_on_an_open_road_is_warned_about(file: Path) -> None:
    with answering(saying(200, "application/x-ndjson", SUMMARY), "127.0.0.2") as port:  # not known as this machine
        # Another name of this machine, so that it does not look like it.
        cli = CommandLine({"REGISTRY_URL": f"http://127.0.0.2:{port}", "REGISTRY_API_KEY": KEY})
        result = cli.run("import", str(file))
    assert "Warning: Over http://" in result.stderr


def test_what_is_no_key_is_refused_before_anything_is_sent(file: Path) -> None:
    for wrong in ("hunter2", "drk_live_ä", "drk_live_a b"):
        told = CommandLine({"REGISTRY_API_KEY": wrong}).refused("import", str(file))
        assert "This is not an API key" in told
        assert wrong not in told
