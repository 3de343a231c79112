"""From whatever goes wrong to a problem: the route class of every protected route, and the exception handlers.

FastAPI validates a body before the route runs. What it finds wrong is still a request by somebody: it is authenticated,
charged and recorded like any other before it is answered, and the answer never repeats what was sent.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final, get_args, get_origin

from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.calls import Call, CallFor
from api.problem_response import problem_response
from api.request_bodies import idempotency_of, read_json_body, refuse_null
from api.validation import refusal_of, require_parameters
from registry.domain.errors import Code, Refused

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_UNRECORDABLE: Final = frozenset({Code.DATABASE_UNAVAILABLE, Code.OVERLOADED, Code.UNAUTHORIZED, Code.QUOTA_EXCEEDED})
_NOT_FOUND: Final = 404
_METHOD_NOT_ALLOWED: Final = 405


class ProtectedRoute(APIRoute):
    """A route that cannot be built without a CallFor among its dependencies, so none can be left open by mistake."""

    buffers_body = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = [d.call for d in self.dependant.dependencies if isinstance(d.call, CallFor)]
        if len(found) != 1:
            raise TypeError(f"{self.path}: a protected route takes exactly one Call")
        self.call_for: CallFor = found[0]
        self.parameters: Final = _query_parameters(self.dependant)

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()
        takes_json = self.body_field is not None
        needs_json = self.body_field is not None and self.body_field.field_info.is_required()
        buffers = self.buffers_body and bool({"POST", "PATCH"} & set(self.methods or ()))

        async def protected(request: Request) -> Response:
            call = self.call_for.collect(request)
            try:
                require_parameters(request.query_params.multi_items(), self.parameters)
                if buffers:
                    body = await read_json_body(request, required=needs_json)
                    if takes_json and not needs_json:
                        refuse_null(body)
                    call.idempotency = idempotency_of(request, call, body)
                return await handle(request)
            except RequestValidationError as error:
                refusal = refusal_of(error)
            except HTTPException as error:
                refusal = _bridged(error)
            except Refused as refused:
                if refused.audit_id is not None or refused.code in _UNRECORDABLE:
                    raise
                if call.caller.key_id is not None:  # admitted and charged already
                    raise await run_in_threadpool(call.refused, call.operation, refused) from None
                refusal = refused
            raise await run_in_threadpool(_refuse, call, refusal)

        return protected


class UploadRoute(ProtectedRoute):
    """A protected route that reads its body itself, as a stream."""

    buffers_body = False


def _query_parameters(dependant: Dependant) -> dict[str, bool]:
    """The names that a route declares, and whether one takes a list of values."""
    found = {name: several for inner in dependant.dependencies for name, several in _query_parameters(inner).items()}
    for field in dependant.query_params:
        annotation = field.field_info.annotation
        found[field.alias] = any(get_origin(part) is list for part in (annotation, *get_args(annotation)))
    return found


def _refuse(call: Call, refusal: Refused) -> Refused:
    return call.refuse(refusal)


def _bridged(error: HTTPException) -> Refused:
    """What FastAPI itself raises while it reads a body; the cause may quote it, so only its kind is kept."""
    cause = error.__cause__
    if isinstance(cause, Refused):
        return cause
    return Refused(Code.INVALID_JSON, "The body is not JSON.")


def routes_of(app: FastAPI) -> list[object]:
    """Every route, also those that newer FastAPI keeps inside of included routers."""
    found: list[object] = []
    waiting: list[Any] = list(app.routes)
    while waiting:
        route = waiting.pop(0)
        inner = getattr(getattr(route, "original_router", None), "routes", None) or getattr(route, "routes", None)
        if inner:
            waiting.extend(inner)
        else:
            found.append(route)
    return found


def _methods_of(request: Request) -> str:
    """All methods that the address takes. The router names those of the first route that fits it only."""
    routes = (route for route in routes_of(request.app) if isinstance(route, APIRoute))
    found = {method for route in routes if route.path_regex.match(request.url.path) for method in route.methods or ()}
    return ", ".join(sorted(found))


def install(app: FastAPI) -> None:
    """The handlers of what no route catches."""

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, Refused):
            raise error
        call: Call | None = getattr(request.state, "call", None)
        return problem_response(error, request.state.request_id, None if call is None else call.headers())

    async def invalid(request: Request, error: Exception) -> Response:
        """Of a route that needs no key: a protected one catches it and records it."""
        if not isinstance(error, RequestValidationError):
            raise error
        return problem_response(refusal_of(error), request.state.request_id)

    async def unmatched(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        code, detail = Code.NOT_FOUND, "There is nothing at this address."
        headers: dict[str, str] = {}
        if error.status_code == _METHOD_NOT_ALLOWED:
            code, detail = Code.METHOD_NOT_ALLOWED, "This address does not take this method."
            headers["Allow"] = _methods_of(request)
        elif error.status_code != _NOT_FOUND:
            code, detail = Code.INVALID_REQUEST, "The request cannot be understood."
        return problem_response(Refused(code, detail), request.state.request_id, headers)

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, unmatched)
