"""Reading a JSON body before FastAPI does, to say exactly what is wrong with one that is not JSON."""

import re
from typing import Final

from fastapi import Request

from api.calls import Call
from registry.domain.errors import Code, Refused
from registry.operations.idempotency import Idempotency

_JSON_TYPE: Final = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\s*(?:;.*)?", re.IGNORECASE)
_CHARSET: Final = re.compile(r";\s*charset\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)
# draft-ietf-httpapi-idempotency-key-header-07: a structured field string (RFC 9651), so quoted printable ASCII.
_IDEMPOTENCY_KEY: Final = re.compile(r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')


async def read_json_body(request: Request, *, required: bool) -> bytes:
    """The body's bytes, which FastAPI then parses. Raises Refused for the wrong media type, UTF-8 or a NUL byte."""
    body = await request.body()
    if not body and not required:
        return body
    kind = request.headers.get("content-type", "")
    charset = _CHARSET.search(kind)
    if _JSON_TYPE.fullmatch(kind.strip()) is None or (charset and charset[1].lower() not in {"utf-8", "utf8"}):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "This operation takes application/json in UTF-8.")
    if b"\0" in body:
        raise Refused(Code.NUL_BYTE, "The body holds a NUL byte.")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(Code.INVALID_UTF8, "The body is not valid UTF-8.") from None
    if not body.strip():
        raise Refused(Code.INVALID_JSON, "The body is empty.")
    return body


def refuse_null(body: bytes) -> None:
    """For a body that may be left out: FastAPI would take null for one that was."""
    if body.strip() == b"null":
        raise Refused(Code.WRONG_TYPE, "The body is an object, or there is none.")


def idempotency_of(request: Request, call: Call, body: bytes) -> Idempotency | None:
    """The request's Idempotency-Key, if it has one. Refused(invalid_value) for one that is not a quoted string."""
    header = request.headers.get("idempotency-key")
    if header is None:
        return None
    match = _IDEMPOTENCY_KEY.fullmatch(header.strip())
    if match is None:
        detail = 'Idempotency-Key is a quoted string of 1 to 255 ASCII characters, such as "7f3c-01".'
        raise Refused(Code.INVALID_VALUE, detail)
    target = (request.method.encode(), request.url.path.encode(), request.url.query.encode(), body)
    return Idempotency(call.registry.tagging, match[1], target)
