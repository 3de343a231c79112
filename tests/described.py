"""Holds every answer that a test gets against what the API's own OpenAPI document says of it.

So an answer that the document does not describe fails whichever test came upon it: an unlisted problem code, a member
too many or too few, a missing header.
"""

import json
import re
from functools import cache
from typing import Any, Final
from uuid import UUID

import jsonschema_rs

_PROBLEM: Final = "application/problem+json"
_PARAMETER: Final = re.compile(r"\\\{[a-z_]+\\\}")
_UNDESCRIBED: Final = frozenset({"not_found", "method_not_allowed"})


class _Document:
    """The document, read once for all clients of a process, and what checks each of its schemas."""

    def __init__(self, text: str) -> None:
        self.content: dict[str, Any] = json.loads(text)
        self.validator = cache(self._new_validator)

    def _new_validator(self, name: str) -> jsonschema_rs.Validator:
        components = self.content["components"]
        return jsonschema_rs.validator_for(
            {"$ref": f"#/components/schemas/{name}", "components": components}, validate_formats=True
        )


_read: Final = cache(_Document)


class Described:
    """document: the rendered OpenAPI document. seen: (operationId, problem code) of every refusal so far."""

    def __init__(self, document: str) -> None:
        self._document = _read(document)
        self.seen: set[tuple[str, str]] = set()
        paths: dict[str, dict[str, Any]] = self._document.content["paths"]
        self._operations = [
            (method.upper(), _pattern(path), operation)
            for path, methods in sorted(paths.items(), key=lambda item: item[0].count("{"))
            for method, operation in methods.items()
        ]

    def check(self, response: Any) -> None:
        """For a client's response hook."""
        response.read()
        assert UUID(response.headers["x-request-id"]).version == 7
        assert response.headers["demand-registry-mode"] in {"live", "sandbox"}
        kind = response.headers.get("content-type", "").partition(";")[0]
        operation = self._operation(response.request.method, response.request.url.path)
        if kind == _PROBLEM:
            self._check_problem(response, operation)
        elif operation is not None:
            self._check_answer(response, operation, kind)

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        fitting = (found for verb, pattern, found in self._operations if verb == method and pattern.fullmatch(path))
        return next(fitting, None)

    def _check_problem(self, response: Any, operation: dict[str, Any] | None) -> None:
        problem = response.json()
        code = problem["code"]
        assert problem["status"] == response.status_code
        assert problem["instance"] == f"urn:uuid:{response.headers['x-request-id']}"
        self._document.validator("ProblemDetails").validate(problem)
        if operation is None:
            assert code in _UNDESCRIBED, code
            return
        name = operation["operationId"]
        self.seen.add((name, code))
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{name} does not list status {response.status_code} ({code})"
        assert code in described["content"][_PROBLEM]["examples"], f"{name} does not list {code}"
        if response.status_code == 401:
            assert "www-authenticate" in response.headers
        if response.status_code == 503:
            assert int(response.headers["retry-after"]) >= 1

    def _check_answer(self, response: Any, operation: dict[str, Any], kind: str) -> None:
        name = operation["operationId"]
        described = operation["responses"].get(str(response.status_code))
        assert described is not None, f"{name} does not list status {response.status_code}"
        if "content" not in described:
            assert not response.content, f"{name} lists no body for {response.status_code}"
            return
        assert kind in described["content"], f"{name} does not list {kind}"
        for header in described.get("headers", {}):
            assert header.lower() in response.headers, f"{name} answered without {header}"
        schema = described["content"][kind].get("schema", {})
        if kind == "application/json" and "$ref" in schema:
            self._document.validator(schema["$ref"].rpartition("/")[2]).validate(response.json())


def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(_PARAMETER.sub("[^/]+", re.escape(path)))
