"""One registry over HTTP: requests, which of them are repeated and when, and what an answer that is none means.

Owns what may be repeated: a GET, and a POST that carries an Idempotency-Key, since the registry charges for one of
those once however often it arrives. Nothing else is ever sent twice. No exception that leaves this module refers to a
request, which holds the key and the numbers.
"""

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final, cast

import httpx

from registry.client._document import Document, parsed_object
from registry.client._errors import (
    FieldError,
    InvalidRequest,
    ProtocolError,
    QuotaExceeded,
    RegistryError,
    Unauthorized,
    Unavailable,
)
from registry.client.target import Target
from registry.domain.confidential import Confidential

_PROBLEM: Final = "application/problem+json"
_CONNECT_SECONDS: Final = 10.0
_FIRST_CONTACT_SECONDS: Final = 3.0
"""Nobody waits for long at an address where nobody ever answered; nothing was sent there either."""
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 8.0
_UNREACHABLE: Final = frozenset({502, 503, 504})
"""The last one said by the registry, the others by a proxy in front of it that did not hear from it."""
_STILL_RUNNING: Final = "idempotency_key_in_use"
_UNAUTHORIZED: Final = 401
_TOO_MANY: Final = 429
_SERVER_FAULT: Final = 500
NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True)
class Patience:
    """seconds: for how long, in all, one call goes on repeating itself. timeout: of each attempt, in seconds."""

    seconds: float
    timeout: float


class Connection(Confidential):
    """Thread-safe, as httpx's client is. transport: stands in for the network."""

    __slots__ = ("_http", "_met", "_patience", "target")

    def __init__(self, target: Target, patience: Patience, transport: httpx.BaseTransport | None = None) -> None:
        self.target: Final = target
        self._patience = patience
        self._met = False
        self._http = httpx.Client(
            base_url=target.url,
            timeout=httpx.Timeout(patience.timeout, connect=min(patience.timeout, _CONNECT_SECONDS)),
            # A registry on this machine is not behind the company's proxy, whatever the environment says.
            trust_env=not target.loopback,
            # Nothing to verify without TLS; loading what would be needed for it takes longer than a request.
            verify=target.encrypted,
            transport=transport,
            headers={
                "Authorization": f"Bearer {target.key}",
                "User-Agent": f"demand-registry-client/{version('demand-registry')}",
            },
        )

    def close(self) -> None:
        self._http.close()

    def get(self, path: str, params: Mapping[str, str] | None = None, etag: str | None = None) -> httpx.Response:
        """A success, or 304 where `etag` is still current. Raises RegistryError."""
        headers = {} if etag is None else {"If-None-Match": etag}
        return self._send("GET", path, repeatable=True, params=params or {}, headers=headers)

    def post(self, path: str, content: bytes, idempotency_key: str | None) -> Document:
        """content: JSON. idempotency_key: None for a request that must not be repeated. Raises RegistryError."""
        headers = {"Content-Type": "application/json"}
        if idempotency_key is not None:
            headers["Idempotency-Key"] = f'"{idempotency_key}"'
        repeatable = idempotency_key is not None
        response = self._send("POST", path, repeatable=repeatable, content=content, headers=headers)
        return Document.parse(response.content)

    def _send(self, method: str, path: str, *, repeatable: bool, **request: Any) -> httpx.Response:
        began = time.monotonic()
        pause = _FIRST_PAUSE
        while True:
            answer = self._attempt(method, path, request)
            if isinstance(answer, httpx.Response):
                return answer
            # Spread out, so that clients that were cut off together do not come back together.
            wait = answer.error.retry_after or pause * random.uniform(0.5, 1.5)  # noqa: S311 - not a secret
            if not repeatable or time.monotonic() + wait > began + answer.patience:
                raise answer.error
            time.sleep(wait)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _attempt(self, method: str, path: str, request: Mapping[str, Any]) -> "httpx.Response | _Fault":
        try:
            response = self._http.request(method, path, **request)
        except (httpx.TransportError, httpx.InvalidURL) as error:
            return self._broken(error)
        self._met = True
        if response.is_success or response.status_code == NOT_MODIFIED:
            return response
        fault = problem(response)
        passing = isinstance(fault, Unavailable | QuotaExceeded) or fault.code == _STILL_RUNNING
        return _Fault(fault, self._patience.seconds if passing else 0.0)

    def _broken(self, error: httpx.TransportError | httpx.InvalidURL) -> "_Fault":
        url, patience = self.target.url, self._patience.seconds
        if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
            said, patience = f"{url} is no address that can be asked.", 0.0
        elif "CERTIFICATE_VERIFY_FAILED" in str(error):
            said, patience = f"The certificate of {url} is not one that this machine trusts.", 0.0
        elif isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            said = f"Nothing answers at {url}. Is the registry running, and is the address right?"
            patience = patience if self._met else min(patience, _FIRST_CONTACT_SECONDS)
        elif isinstance(error, httpx.TimeoutException):
            said = f"{url} has not answered in time."
        else:
            said = f"The connection to {url} ended early."
        return _Fault(Unavailable(said, code="connection"), patience)


@dataclass(frozen=True, slots=True)
class _Fault:
    """What is wrong, and for how many seconds in all it may be worth to try again."""

    error: RegistryError
    patience: float


def problem(response: httpx.Response) -> RegistryError:
    """What a response that is no success says."""
    status = response.status_code
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip()
    members = parsed_object(response.content) if kind == _PROBLEM else None
    if members is None:
        if status in _UNREACHABLE:
            return Unavailable(f"The registry is not available (HTTP {status}).", code="connection", status=status)
        return ProtocolError(f"HTTP {status}: the answer is not a registry's. Is the address right?", status=status)
    facts: dict[str, Any] = {
        "detail": _text(members, "detail"),
        "code": _text(members, "code") or "unknown",
        "title": _text(members, "title"),
        "status": status,
        "errors": tuple(_field_errors(members)),
        "retry_after": _retry_after(response),
        "request_id": _text(members, "instance") or None,
    }
    return _kind(status)(**facts)


def _kind(status: int) -> type[RegistryError]:
    if status == _UNAUTHORIZED:
        return Unauthorized
    if status == _TOO_MANY:
        return QuotaExceeded
    if status in _UNREACHABLE:
        return Unavailable
    return InvalidRequest if status < _SERVER_FAULT else RegistryError


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""


def _field_errors(members: Mapping[str, Any]) -> list[FieldError]:
    entries: object = members.get("errors")
    found: list[FieldError] = []
    for entry in cast("list[object]", entries) if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            one = cast("dict[str, Any]", entry)
            index: object = one.get("index")
            at = index if isinstance(index, int) else None
            found.append(FieldError(_text(one, "pointer"), _text(one, "code"), _text(one, "detail"), at))
    return found


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds; the header's other form, a date, is not one that a registry sends."""
    value = response.headers.get("Retry-After", "")
    return float(value) if value.isascii() and value.isdigit() else None
