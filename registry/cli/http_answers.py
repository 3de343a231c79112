"""What a command gets over HTTP from a registry, or one plain sentence that says why it got nothing.

It must never put a number or a key into a URL or a message.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final, cast

import click
import httpx

from registry.client.target import Target

# The server reads a whole file before it answers, and then at least one line for every chunk of rows.
_TIMEOUT: Final = httpx.Timeout(300.0, connect=10.0)


def http_client(target: Target) -> httpx.Client:
    # A registry on this machine is not behind the company's proxy, whatever the environment says.
    return httpx.Client(base_url=target.url, timeout=_TIMEOUT, trust_env=not target.loopback)


def ask(
    target: Target, method: str, path: str, *, query: Mapping[str, str] | None = None, content: object = None
) -> Mapping[str, Any]:
    """One request and the JSON object that answers it. content: its body, as JSON.

    Raises ClickException with the registry's problem, or where it does not answer.
    """
    headers = {"Authorization": f"Bearer {target.key}"}
    with http_client(target) as client, faults(target, "Whether it was done is not known; ask again."):
        response = client.request(method, path, params=query or {}, headers=headers, json=content)
    if not response.is_success:
        raise click.ClickException(problem_of(response))
    return object_of(response.text)


@contextmanager
def faults(target: Target, again: str) -> Generator[None]:
    """The exceptions of httpx hold the request; what is told holds the address. again: what to do after a fault that
    may have come when the request had arrived.
    """
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise click.ClickException(
            f"Nothing answers at {target.url}. Is the registry running, and is the address right (--url)?"
        ) from None
    except httpx.TimeoutException:
        raise click.ClickException(f"{target.url} has not answered in time. {again}") from None
    except (httpx.TransportError, httpx.InvalidURL):
        raise click.ClickException(f"The connection to {target.url} ended early. {again}") from None


def object_of(text: str) -> Mapping[str, Any]:
    """Raises ClickException for what no registry answers."""
    found = _object(text)
    if found is None:
        raise click.ClickException("The answer is not a registry's. Is the address right (--url)?")
    return found


def problem_of(response: httpx.Response) -> str:
    """What a response that is no success says."""
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    problem = _object(response.text) if kind == "application/problem+json" else None
    if problem is None:
        return f"HTTP {response.status_code}: the answer is not a registry's. Is the address right (--url)?"
    wait = response.headers.get("Retry-After")
    return told(problem) + (f" Try again in {wait} seconds." if wait else "")


def told(problem: Mapping[str, Any]) -> str:
    """RFC 9457's members, and what is wrong where, as one sentence."""
    said = f"{problem.get('title', 'Refused')}: {problem.get('detail', '')} ({problem.get('code', 'unknown')})"
    errors: list[Mapping[str, Any]] = problem.get("errors") or []
    return " ".join([said, *(f"{error['pointer']}: {error['detail']}" for error in errors if error["pointer"])])


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None
