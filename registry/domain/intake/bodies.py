"""Request bodies as pairs or objects, without guessing: what could be read in two ways is refused."""

import json
import re
from collections.abc import Sequence
from typing import Any, Final, cast
from urllib.parse import parse_qsl

from registry.domain.errors import Code, FieldProblem, Refused

_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def refused(code: Code, name: str, detail: str) -> Refused:
    """A signed request that cannot be understood. name: the parameter or member, which is never the sender's text."""
    return Refused(Code.INVALID_REQUEST, detail, (FieldProblem(f"/{name}", code, detail),))


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """The parameters of an application/x-www-form-urlencoded body in their order, empty ones too, nothing trimmed.

    Refused(invalid_utf8) where the body, or what its percent signs stand for, is not UTF-8.
    """
    try:
        return parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise Refused(Code.INVALID_UTF8, "The body is not valid UTF-8.") from None


def json_object(body: bytes) -> dict[str, Any]:
    """Refused: `invalid_utf8`; `invalid_json`, also for what is no object, names a member twice, or is too deep."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(Code.INVALID_UTF8, "The body is not valid UTF-8.") from None
    try:
        found = json.loads(text, object_pairs_hook=_members, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refused(Code.INVALID_JSON, "The body is not JSON, or names a member twice.") from None
    if not isinstance(found, dict):
        raise Refused(Code.INVALID_JSON, "The body is not a JSON object.")
    return cast("dict[str, Any]", found)


def single(pairs: Sequence[tuple[str, str]], *names: str) -> dict[str, str]:
    """The parameters of these names that are there. Refused where one is there twice, even with the same value."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name in names:
            if name in found:
                raise refused(Code.INVALID_VALUE, name, "This parameter is there more than once.")
            found[name] = value
    return found


def member(content: object, *path: str) -> object:
    """What stands at a path of member names; None where there is nothing."""
    for name in path:
        if not isinstance(content, dict):
            return None
        content = cast("dict[str, object]", content).get(name)
    return content


def text(content: object, *path: str) -> str:
    """A text at a path; empty where it is absent or null. Refused(wrong_type) for anything else."""
    found = member(content, *path)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise refused(Code.WRONG_TYPE, "/".join(path), "This member is a text.")
    if _SURROGATE.search(found):
        raise refused(Code.INVALID_UTF8, "/".join(path), "The text holds half of a surrogate pair.")
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is named twice")
    return found


def _no_number(name: str) -> float:
    raise ValueError(name)
