"""One import over HTTP: the file goes out as it lies on disk, and what becomes of its rows comes back line by line.

Speaks only HTTP. It must never put a number or a key into a URL or a message.
"""

import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, cast

import click
import httpx

from registry.client.target import Target

NDJSON: Final = "application/x-ndjson"
_PIECE_BYTES: Final = 262_144
# The server reads the whole file before it answers, and then at least one line for every chunk of rows.
_TIMEOUT: Final = httpx.Timeout(300.0, connect=10.0)
_AGAIN: Final = "What was recorded stays recorded; import the file again, and nothing counts twice."


def events(
    target: Target,
    path: Path,
    *,
    endpoint: str,
    media_type: str,
    query: Mapping[str, Sequence[str]],
    sent: Callable[[int], None],
) -> Iterator[Mapping[str, Any]]:
    """`progress`, `refused` and at last `summary`, one object each. endpoint: the path that takes the
    file. sent: called with the bytes of every piece.

    Raises ClickException with the registry's problem, or where it does not answer or stops answering.
    """
    finished = False
    with path.open("rb") as file, _client(target) as client, _faults(target):
        headers = {
            "Authorization": f"Bearer {target.key}",
            "Accept": NDJSON,
            "Content-Type": media_type,
            "Content-Length": str(path.stat().st_size),
        }
        content = _pieces(file, sent)
        with client.stream("POST", endpoint, params=query, headers=headers, content=content) as response:
            if not response.is_success:
                response.read()
                raise click.ClickException(_problem(response))
            for line in response.iter_lines():
                event = _event(line)
                if "problem" in event:
                    raise click.ClickException(f"{_told(event['problem'])} {_AGAIN}")
                finished = finished or "summary" in event
                yield event
    if not finished:
        raise click.ClickException(f"The answer was cut off. {_AGAIN}")


def _client(target: Target) -> httpx.Client:
    # A registry on this machine is not behind the company's proxy, whatever the environment says.
    return httpx.Client(base_url=target.url, timeout=_TIMEOUT, trust_env=not target.loopback)


def _pieces(file: IO[bytes], sent: Callable[[int], None]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
        sent(len(piece))


@contextmanager
def _faults(target: Target) -> Generator[None]:
    """The exceptions of httpx hold the request; what is told holds the address."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise click.ClickException(
            f"Nothing answers at {target.url}. Is the registry running, and is the address right (--url)?"
        ) from None
    except httpx.TimeoutException:
        raise click.ClickException(f"{target.url} has not answered in time. {_AGAIN}") from None
    except (httpx.TransportError, httpx.InvalidURL):
        raise click.ClickException(f"The connection to {target.url} ended early. {_AGAIN}") from None


def _event(line: str) -> Mapping[str, Any]:
    event = _object(line)
    if event is None:
        raise click.ClickException("The answer is not a registry's. Is the address right (--url)?")
    return event


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _problem(response: httpx.Response) -> str:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    problem = _object(response.text) if kind == "application/problem+json" else None
    if problem is None:
        return f"HTTP {response.status_code}: the answer is not a registry's. Is the address right (--url)?"
    wait = response.headers.get("Retry-After")
    return _told(problem) + (f" Try again in {wait} seconds." if wait else "")


def _told(problem: Mapping[str, Any]) -> str:
    """RFC 9457's members, and what is wrong where, as one sentence."""
    said = f"{problem.get('title', 'Refused')}: {problem.get('detail', '')} ({problem.get('code', 'unknown')})"
    errors: list[Mapping[str, Any]] = problem.get("errors") or []
    return " ".join([said, *(f"{error['pointer']}: {error['detail']}" for error in errors)])
