"""What pydantic finds wrong, said in the catalogue's codes and without the value that is wrong."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi.exceptions import RequestValidationError

from registry.domain.errors import Code, FieldProblem, Refused

_MOST_ERRORS: Final = 50
_DETAILS: Final = {
    Code.MISSING_FIELD: "This field is required.",
    Code.UNKNOWN_FIELD: "This field does not exist here.",
    Code.WRONG_TYPE: "This field has the wrong type.",
    Code.INVALID_VALUE: "This value is not one that the field takes.",
    Code.EMPTY_LIST: "The list is empty; it takes at least one item.",
    Code.TOO_MANY_ITEMS: "The list holds more items than one request may.",
    Code.NUL_BYTE: "The text holds a NUL character.",
    Code.INVALID_UTF8: "The text holds half of a surrogate pair, which is no character.",
}
_BY_TYPE: Final = {
    "missing": Code.MISSING_FIELD,
    "extra_forbidden": Code.UNKNOWN_FIELD,
    "json_invalid": Code.INVALID_JSON,
}
_LENGTHS: Final = {"too_long": Code.TOO_MANY_ITEMS, "too_short": Code.EMPTY_LIST}
_WRONG_TYPE_SUFFIX: Final = "_type"
# The name of an unknown field helps to find a typo. It is the caller's text, so one that could be more is not repeated.
_FIELD_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


def refusal_of(error: RequestValidationError) -> Refused:
    """At most 50 of the errors, each with a pointer; `not_found` where it is the path that cannot be."""
    errors: Sequence[Any] = error.errors()
    if any(item["loc"][:1] == ("path",) for item in errors):
        return Refused(Code.NOT_FOUND, "There is nothing at this address.")
    if any(item["type"] == "json_invalid" for item in errors):
        return Refused(Code.INVALID_JSON, "The body is not JSON.")
    problems = tuple(_problem(item) for item in errors[:_MOST_ERRORS])
    return Refused(Code.INVALID_REQUEST, "The request is not what this operation takes.", problems)


def require_parameters(given: Sequence[tuple[str, str]], taken: Mapping[str, bool]) -> None:
    """taken: the names that the operation has, and whether one may be there several times.

    Raises Refused for any other, and for one that is there twice and has one value: whichever of them was meant, what
    is ignored would change what is done without anybody's noticing.
    """
    seen: set[str] = set()
    problems: dict[str, FieldProblem] = {}
    for name, _ in given:
        if name not in taken:
            problems[name] = FieldProblem("", Code.UNKNOWN_FIELD, _unknown(name, taken))
        elif name in seen and not taken[name]:
            problems[name] = FieldProblem("", Code.INVALID_VALUE, f"Parameter {name}: It is there more than once.")
        seen.add(name)
    if problems:
        found = tuple(problems.values())[:_MOST_ERRORS]
        raise Refused(Code.INVALID_REQUEST, "The request is not what this operation takes.", found)


def _unknown(name: str, taken: Mapping[str, bool]) -> str:
    who = f"Parameter {name}" if _FIELD_NAME.fullmatch(name) else "A parameter"
    takes = f"It takes: {', '.join(sorted(taken))}." if taken else "It takes none."
    return f"{who}: This operation has no such parameter. {takes}"


def _problem(item: Any) -> FieldProblem:
    kind: str = item["type"]
    own = kind.partition("registry:")[2]
    if own:
        code = Code(own)
        return FieldProblem(_pointer(item["loc"]), code, item["msg"])
    context: dict[str, Any] = item.get("ctx", {})
    code = _code(kind, context)
    detail = _DETAILS[code]
    location: tuple[str | int, ...] = item["loc"]
    if location[:1] in {("query",), ("header",)}:
        detail = f"{'Parameter' if location[0] == 'query' else 'Header'} {location[-1]}: {detail}"
    elif code is Code.INVALID_VALUE and "expected" in context:
        detail = f"{detail} It takes: {context['expected']}."
    elif code is Code.UNKNOWN_FIELD and _FIELD_NAME.fullmatch(str(location[-1])) is None:
        location = location[:-1]
    return FieldProblem(_pointer(location), code, detail)


def _code(kind: str, context: Mapping[str, Any]) -> Code:
    """The code of one of pydantic's own error types. It has one word for lists and texts that are too long."""
    if kind in _LENGTHS and context["field_type"] == "List":
        return _LENGTHS[kind]
    return _BY_TYPE.get(kind) or (Code.WRONG_TYPE if kind.endswith(_WRONG_TYPE_SUFFIX) else Code.INVALID_VALUE)


def _pointer(location: Sequence[str | int]) -> str:
    """RFC 6901. Empty for what is not in the body."""
    if not location or location[0] != "body":
        return ""
    return "".join(f"/{_escaped(part)}" for part in location[1:])


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
