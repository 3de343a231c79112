"""Reading NDJSON: one JSON object in every line, UTF-8. A bad line is refused alone; the lines after it go on.

The functions take an open, seekable binary file that the caller owns, and hold one line at a time, of bounded size.
Must never quote a line's content in a refusal.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Final, NoReturn, cast

from registry.domain.errors import Code, Refused

_ESCAPED_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_ESCAPED_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def json_lines(file: IO[bytes], *, max_line_bytes: int) -> Iterator[tuple[int, dict[str, object] | Refused]]:
    """Every line that is not blank: its 1-based number, and its object or why it is none.

    max_line_bytes: without the line ending.
    Refusals: row_too_long, nul_byte (raw or escaped), invalid_utf8 (also an escaped half of a surrogate pair),
    invalid_json (also NaN, Infinity and nesting without end), wrong_type (JSON, but not an object).
    """
    for number, line in _lines(file, max_line_bytes):
        text = _text(line, max_line_bytes)
        yield number, text if isinstance(text, Refused) else _object(text)


def count_json_lines(file: IO[bytes], *, max_line_bytes: int) -> int:
    """How many items `json_lines` yields for this file."""
    return sum(1 for _ in _lines(file, max_line_bytes))


def _lines(file: IO[bytes], limit: int) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, without their line ending; of one that is too long, more than `limit` bytes of it."""
    file.seek(0)
    number = 0
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    while raw := file.readline(limit + 2):  # room for a line ending of two bytes
        number += 1
        complete = raw.endswith(b"\n") or len(raw) < limit + 2
        line = raw.rstrip(b"\r\n") if complete else raw
        if not complete:
            _skip_line(file, limit)
        if len(line) > limit or line.strip():
            yield number, line


def _skip_line(file: IO[bytes], limit: int) -> None:
    while (rest := file.readline(limit + 1)) and not rest.endswith(b"\n"):
        pass


def _text(line: bytes, limit: int) -> str | Refused:
    if len(line) > limit:
        return Refused(Code.ROW_TOO_LONG, f"The line is longer than {limit} bytes.")
    if b"\0" in line:
        return Refused(Code.NUL_BYTE, "The line holds a NUL byte.")
    try:
        return line.decode()
    except UnicodeDecodeError:
        return Refused(Code.INVALID_UTF8, "The line is not UTF-8.")


def _object(text: str) -> dict[str, object] | Refused:
    try:
        value: object = json.loads(text, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        return Refused(Code.INVALID_JSON, f"The line is not JSON: {error.msg}, at character {error.pos + 1}.")
    except (ValueError, RecursionError):
        return Refused(Code.INVALID_JSON, "The line holds a number or a nesting that is not accepted.")
    if not isinstance(value, dict):
        return Refused(Code.WRONG_TYPE, "The line is JSON, but not an object.")
    if _ESCAPED_NUL.search(text):
        return Refused(Code.NUL_BYTE, "The line holds a NUL character, written as an escape.")
    if _ESCAPED_SURROGATE.search(text) and not _encodable(cast("object", value)):
        return Refused(Code.INVALID_UTF8, "The line holds half of a surrogate pair, written as an escape.")
    return cast("dict[str, object]", value)


def _no_number(_name: str) -> NoReturn:
    """NaN and Infinity are Python's additions to JSON."""
    raise ValueError


def _encodable(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):  # writing may need one level more than reading did
        return False
    return True
