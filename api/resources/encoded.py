"""Bytes in JSON: base64 (RFC 4648, section 4, with padding and nothing else), as private checks exchange them."""

import base64
import binascii
from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field

from api.resources.model import problem
from registry.domain.errors import Code
from registry.domain.tags import BATCH_MOST, ELEMENT_BYTES, TAG_BYTES

_SCHEMA: Final[dict[str, Any]] = {"contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]*={0,2}$"}
# Four characters for three bytes. Longer texts are not decoded at all.
_MOST_CHARACTERS: Final = 4 * (BATCH_MOST * ELEMENT_BYTES // 3 + 1)


def encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        raise problem(Code.WRONG_TYPE, "This field is a text.")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise problem(Code.INVALID_ENCODING, "This is not base64 with padding (RFC 4648, section 4).") from None


def _batch(value: object) -> bytes:
    if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
        raise problem(Code.TOO_MANY_ITEMS, f"A batch has at most {BATCH_MOST:,} elements.")
    return _decoded(value)


def _whole_elements(data: bytes) -> bytes:
    if len(data) % ELEMENT_BYTES:
        raise problem(Code.INVALID_ENCODING, f"Every element has {ELEMENT_BYTES} bytes; these do not end with one.")
    if not data:
        raise problem(Code.EMPTY_LIST, "The batch is empty; it has at least one element.")
    if len(data) > BATCH_MOST * ELEMENT_BYTES:
        raise problem(Code.TOO_MANY_ITEMS, f"A batch has at most {BATCH_MOST:,} elements.")
    return data


def _of(length: int) -> Callable[[bytes], bytes]:
    def check(data: bytes) -> bytes:
        if len(data) != length:
            raise problem(Code.INVALID_ENCODING, f"This has {length} bytes, encoded.")
        return data

    return check


BlindedBatch = Annotated[
    bytes,
    BeforeValidator(_batch, json_schema_input_type=str),
    AfterValidator(_whole_elements),
    Field(description="1 to 1,000 blinded elements of 32 bytes, one behind the other.", json_schema_extra=_SCHEMA),
]
TagText = Annotated[
    bytes,
    BeforeValidator(_decoded, json_schema_input_type=str),
    AfterValidator(_of(TAG_BYTES)),
    Field(description="A tag: the first 32 bytes of the OPRF output.", json_schema_extra=_SCHEMA),
]
EncodedBytes = Annotated[str, Field(description="Base64.", json_schema_extra=_SCHEMA)]
