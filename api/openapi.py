"""Building the OpenAPI document: `python -m api.openapi --write` and `--check`.

The committed document is the contract. It is rendered to stable bytes, so that a change of it is seen in review.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import component_schemas
from api.refusals import ProtectedRoute, routes_of
from registry.domain.errors import Code

TITLE: Final = "Demand Registry"
VERSION: Final = "0.1.0"
PATH: Final = Path(__file__).resolve().parents[1] / "openapi" / "openapi.json"

_DESCRIPTION: Final = """Investigators submit contacts with decoy advertisements; organisations ask whether numbers that
they hold were seen. The registry stores no readable number.

An answer speaks of a number, never of a person: read the guidance before you act on one. Problems are RFC 9457
documents; decide by their `code`."""
_HEADERS: Final[dict[str, Any]] = {
    "RateLimit-Policy": {
        "description": "The limits: quota `q` and window `w` in seconds. draft-ietf-httpapi-ratelimit-headers-10.",
        "schema": {"type": "string"},
        "example": '"key";q=600;w=60, "org-day";q=100000;w=86400;reg-unit="numbers"',
    },
    "RateLimit": {
        "description": "What is left: `r` remaining, `t` seconds until it is complete again.",
        "schema": {"type": "string"},
        "example": '"key";r=593;t=1, "org-day";r=99750;t=40213',
    },
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A quoted string of your own. For a day the same key with the same request gets the stored answer, "
    "or, where it is a question, an answer that is computed anew and not charged again.",
    "schema": {"type": "string", "pattern": '^"[ !#-\\[\\]-~]{1,255}"$'},
    "example": '"7f3c-01"',
}


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an application, with what FastAPI cannot know: security, limits, problems."""
    built: dict[str, Any] = get_openapi(
        title=TITLE, version=VERSION, openapi_version="3.1.0", description=_DESCRIPTION, routes=app.routes
    )
    components = built.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.update(component_schemas())
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "An API key: drk_live_... or drk_test_..."}
    }
    protected = {
        route.operation_id: route
        for route in routes_of(app)
        if isinstance(route, ProtectedRoute) and route.operation_id
    }
    for path in built["paths"].values():
        for method, operation in path.items():
            _drop_default_validation(operation)
            route = protected.get(operation["operationId"])
            if route is not None:
                _protect(operation, method, route)
    built["components"] = {name: dict(sorted(part.items())) for name, part in sorted(components.items())}
    return built


def _drop_default_validation(operation: dict[str, Any]) -> None:
    """FastAPI announces its own 422, which this API never sends."""
    answer = operation["responses"].get("422", {})
    if "HTTPValidationError" in json.dumps(answer):
        del operation["responses"]["422"]


def _protect(operation: dict[str, Any], method: str, route: ProtectedRoute) -> None:
    asked = route.call_for
    scopes = sorted(asked.any_of) if asked.scope is None else [asked.scope]
    operation["security"] = [{"key": []}]
    needs = f"Needs a key with the scope {' or '.join(f'`{scope}`' for scope in scopes)}."
    needs = needs if scopes else "Open to any key."
    operation["description"] = "\n\n".join(part for part in (operation.get("description"), needs) if part)
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            answer.setdefault("headers", {}).update(_HEADERS)
    if method in {"post", "patch"} and route.buffers_body and _takes_idempotency_key(operation):
        operation.setdefault("parameters", []).append(_IDEMPOTENCY_KEY)


def _takes_idempotency_key(operation: dict[str, Any]) -> bool:
    """Whether it lists the problem of a key that came with another request."""
    return Code.IDEMPOTENCY_KEY_REUSED.value in json.dumps(operation["responses"].get("422", {}))


def render(app: FastAPI) -> str:
    """The document as stable bytes."""
    return json.dumps(document(app), indent=1, ensure_ascii=False) + "\n"


def rendered_once(app: FastAPI) -> str:
    """`render`, when it is first asked for: it takes longer than the rest of a start, and few processes need it."""
    rendered: str | None = getattr(app.state, "openapi", None)
    if rendered is None:
        rendered = app.state.openapi = render(app)
    return rendered


def main(arguments: list[str]) -> int:
    """--write or --check; exit code 1 where the committed document is not what the code says."""
    from api.blank import blank_app  # noqa: PLC0415 - the application imports this module

    rendered = render(blank_app())
    if arguments == ["--write"]:
        PATH.write_text(rendered, encoding="utf-8")
        return 0
    if arguments != ["--check"]:
        print("usage: python -m api.openapi --write | --check", file=sys.stderr)  # noqa: T201 - a command's output
        return 2
    if not PATH.exists() or PATH.read_text(encoding="utf-8") != rendered:
        print("openapi/openapi.json is out of date: python -m api.openapi --write", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
