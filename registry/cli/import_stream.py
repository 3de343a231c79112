"""One import over HTTP: the file goes out as it lies on disk, and what becomes of its rows comes back line by line.

Speaks only HTTP. It must never put a number or a key into a URL or a message.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Final

import click

from registry.cli.http_answers import faults, http_client, object_of, problem_of, told
from registry.client.target import Target

NDJSON: Final = "application/x-ndjson"
_PIECE_BYTES: Final = 262_144
AGAIN: Final = "What was recorded stays recorded; import the file again, and nothing counts twice."


def events(
    target: Target,
    path: Path,
    *,
    endpoint: str,
    media_type: str,
    query: Mapping[str, Sequence[str]],
    sent: Callable[[int], None],
    again: str = AGAIN,
) -> Iterator[Mapping[str, Any]]:
    """`progress`, `refused` and at last `summary`, one object each. endpoint: the path that takes the
    file. sent: called with the bytes of every piece. again: what to do where it was cut off.

    Raises ClickException with the registry's problem, or where it does not answer or stops answering.
    """
    finished = False
    with path.open("rb") as file, http_client(target) as client, faults(target, again):
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
                raise click.ClickException(problem_of(response))
            for line in response.iter_lines():
                event = object_of(line)
                if "problem" in event:
                    raise click.ClickException(f"{told(event['problem'])} {again}")
                finished = finished or "summary" in event
                yield event
    if not finished:
        raise click.ClickException(f"The answer was cut off. {again}")


def _pieces(file: IO[bytes], sent: Callable[[int], None]) -> Iterator[bytes]:
    while piece := file.read(_PIECE_BYTES):
        yield piece
        sent(len(piece))
