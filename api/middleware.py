"""The outermost layer, in pure ASGI: request ids, body caps, security headers, the access log, and unforeseen errors.

The access log names a route by its template and never by its address: neither a path nor a query a caller sent is
logged, nor any header, nor an exception's text, which may quote a value.
"""

import logging
import time
import traceback
from collections.abc import Callable
from typing import Final
from uuid import UUID

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import metrics
from api.problem_response import problem_response
from registry.domain.errors import Code, Refused

_log = logging.getLogger("registry.access")
_faults = logging.getLogger("registry.faults")

# A method is the caller's text, too: others are counted and logged as one.
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID: Final = b"x-request-id"
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


class Edge:
    """body_cap: bytes of a body that the application buffers. streamed: paths whose routes cap their bodies
    themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        new_id: Callable[[], UUID],
        body_cap: int,
        streamed: frozenset[str],
        always: dict[str, str],
    ) -> None:
        self._app = app
        self._new_id = new_id
        self._body_cap = body_cap
        self._streamed = streamed
        # As they travel: starlette's own headers would look through all of an answer's for each of these.
        self._headers = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in {**_HEADERS, **always}.items()
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._new_id()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                given = message.get("headers", ())
                names = {name for name, _ in given}
                message["headers"] = [
                    *(header for header in given if header[0] != _REQUEST_ID),
                    (_REQUEST_ID, str(request_id).encode()),
                    *(header for header in self._headers if header[0] not in names),
                ]
            await send(message)

        capped = receive if scope["path"] in self._streamed else cap(receive, self._body_cap)
        try:
            await self._app(scope, capped, send_with_headers)
        except Exception as error:  # noqa: BLE001 - the last resort: nothing may leave with the server's own words
            _report(error, request_id)
            if status:
                raise ConnectionResetError("the answer was begun and cannot be finished") from None
            response = problem_response(Refused(Code.INTERNAL, ""), request_id)
            await response(scope, receive, send_with_headers)
        finally:
            _account(scope, status, time.perf_counter() - began, request_id)


def cap(receive: Receive, most: int) -> Receive:
    """Receives at most so many bytes of a body, then raises Refused(body_too_large)."""
    received = 0

    async def receive_some() -> Message:
        nonlocal received
        message = await receive()
        if message["type"] == "http.request":
            received += len(message.get("body", b""))
            if received > most:
                raise Refused(Code.BODY_TOO_LARGE, f"The body is larger than {most} bytes.")
        return message

    return receive_some


def _report(error: BaseException, request_id: UUID) -> None:
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    _faults.error(
        "a request failed unforeseen",
        extra={"request_id": str(request_id), "error": type(error).__name__, "frames": frames[-12:]},
    )


def _account(scope: Scope, status: int, seconds: float, request_id: UUID) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if route != "unmatched" and scope["method"] in _METHODS else "ANY"
    metrics.requests.labels(method, route, status).inc()
    metrics.request_seconds.labels(method, route).observe(seconds)
    call = scope["state"].get("call")
    caller = None if call is None else call.caller
    _log.info(
        "request",
        extra={
            "request_id": str(request_id),
            "method": method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 2),
            "organisation": None if caller is None or caller.organisation_id is None else str(caller.organisation_id),
            "key": None if caller is None else caller.key_id,
        },
    )
