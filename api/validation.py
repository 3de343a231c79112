"""What pydantic finds wrong, said in the catalogue's codes and without the value that is wrong."""

from collections.abc import Sequence
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
    "too_long": Code.TOO_MANY_ITEMS,
    "too_short": Code.EMPTY_LIST,
    "json_invalid": Code.INVALID_JSON,
}
_WRONG_TYPE_SUFFIX: Final = "_type"


def refusal_of(error: RequestValidationError) -> Refused:
    """At most 50 of the errors, each with a pointer; `not_found` where it is the path that cannot be."""
    errors: Sequence[Any] = error.errors()
    if any(item["loc"][:1] == ("path",) for item in errors):
        return Refused(Code.NOT_FOUND, "There is nothing at this address.")
    if any(item["type"] == "json_invalid" for item in errors):
        return Refused(Code.INVALID_JSON, "The body is not JSON.")
    problems = tuple(_problem(item) for item in errors[:_MOST_ERRORS])
    return Refused(Code.INVALID_REQUEST, "The request is not what this operation takes.", problems)


def _problem(item: Any) -> FieldProblem:
    kind: str = item["type"]
    own = kind.partition("registry:")[2]
    if own:
        code = Code(own)
        return FieldProblem(_pointer(item["loc"]), code, item["msg"])
    code = _BY_TYPE.get(kind) or (Code.WRONG_TYPE if kind.endswith(_WRONG_TYPE_SUFFIX) else Code.INVALID_VALUE)
    detail = _DETAILS[code]
    if item["loc"][:1] in {("query",), ("header",)}:
        detail = f"{'Parameter' if item['loc'][0] == 'query' else 'Header'} {item['loc'][-1]}: {detail}"
    elif code is Code.INVALID_VALUE:
        context: dict[str, Any] = item.get("ctx", {})
        if "expected" in context:
            detail = f"{detail} It takes: {context['expected']}."
    return FieldProblem(_pointer(item["loc"]), code, detail)


def _pointer(location: Sequence[str | int]) -> str:
    """RFC 6901. Empty for what is not in the body. An unknown field's own name is the caller's text: it is left out."""
    if not location or location[0] != "body":
        return ""
    return "".join(f"/{_escaped(part)}" for part in location[1:])


def _escaped(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
