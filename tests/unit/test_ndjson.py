import io
import json

import pytest

from registry.domain.errors import Code, Refused
from registry.domain.ndjson import count_json_lines, json_lines


def read(content: bytes, limit: int = 10_000) -> list[tuple[int, dict[str, object] | Code]]:
    file = io.BytesIO(content)
    found = list(json_lines(file, max_line_bytes=limit))
    assert count_json_lines(file, max_line_bytes=limit) == len(found)
    return [(number, item.code if isinstance(item, Refused) else item) for number, item in found]


def test_every_line_that_says_something_is_one_object() -> None:
    assert read(b'{"a": 1}\n\n  \t\r\n{"b": [{}, null]}\r\n{"c": "\xc3\xa9\\n"}') == [
        (1, {"a": 1}),
        (4, {"b": [{}, None]}),
        (5, {"c": "é\n"}),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_line() -> None:
    assert read(b'\xef\xbb\xbf{"a": 1}\n') == [(1, {"a": 1})]


def test_an_empty_file_has_no_lines() -> None:
    assert read(b"") == []
    assert read(b"\n\r\n") == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"{", Code.INVALID_JSON),
        (b'{"a": 1} {"b": 2}', Code.INVALID_JSON),
        (b"{'a': 1}", Code.INVALID_JSON),
        (b'{"a": NaN}', Code.INVALID_JSON),
        (b'{"a": -Infinity}', Code.INVALID_JSON),
        (b'{"a": ' + b"9" * 5_000 + b"}", Code.INVALID_JSON),
        (b"[" * 9_000, Code.INVALID_JSON),
        (b'{"a": "\t"}', Code.INVALID_JSON),
        (b"[]", Code.WRONG_TYPE),
        (b'"text"', Code.WRONG_TYPE),
        (b"12065550177", Code.WRONG_TYPE),
        (b"null", Code.WRONG_TYPE),
        (b'{"a": "\xe9"}', Code.INVALID_UTF8),
        (b'{"a": "\xed\xa0\x80"}', Code.INVALID_UTF8),
        (b'{"a": ["\\ud83d"]}', Code.INVALID_UTF8),
        (b'{"\\uDE00": 1}', Code.INVALID_UTF8),
        (b'{"a": "\0"}', Code.NUL_BYTE),
        (b"{\0}", Code.NUL_BYTE),
        (b'{"a": "\\u0000"}', Code.NUL_BYTE),
        (b'{"a": "\\\\\\u0000"}', Code.NUL_BYTE),
        (b'{"a": "' + b"x" * 10_000 + b'"}', Code.ROW_TOO_LONG),
        (b'{"a": "' + b"x" * 50_000 + b'"}', Code.ROW_TOO_LONG),
        (b" " * 10_001, Code.ROW_TOO_LONG),
    ],
)
def test_a_bad_line_is_refused_alone(line: bytes, code: Code) -> None:
    assert read(b'{"a": 1}\n' + line + b'\n{"b": 2}\n') == [(1, {"a": 1}), (2, code), (3, {"b": 2})]
    assert read(line) == [(1, code)]


def test_escapes_that_only_look_like_nul_or_surrogates_are_read() -> None:
    assert read(b'{"a": "\\\\u0000", "b": "\\ud83d\\ude00", "c": "\\\\ud83d"}') == [
        (1, {"a": "\\u0000", "b": "\N{GRINNING FACE}", "c": "\\ud83d"})
    ]


def test_nesting_near_the_limit_is_an_object_or_refused_but_never_a_crash() -> None:
    codes = set[Code | None]()
    for depth in range(600, 1_100):
        ((_, item),) = read(b'{"\\ud83d": ' * depth + b"1" + b"}" * depth, limit=100_000)
        codes.add(item if isinstance(item, Code) else None)
    assert Code.INVALID_UTF8 in codes
    assert codes <= {Code.INVALID_UTF8, Code.INVALID_JSON}


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_the_line_ending_does_not_count_towards_the_limit(ending: bytes) -> None:
    line = json.dumps({"a": "x" * 10}).encode()
    assert read(line + ending, limit=len(line)) == [(1, {"a": "x" * 10})]
    assert read(line + ending, limit=len(line) - 1) == [(1, Code.ROW_TOO_LONG)]


def test_carriage_returns_at_the_limit_do_not_hide_the_rest_of_a_line() -> None:
    assert read(b'{"a":1}\r\r\n{"b":2}\n', limit=7) == [(1, Code.ROW_TOO_LONG), (2, {"b": 2})]


def test_no_refusal_repeats_what_the_line_said() -> None:
    for line in (
        b'{"number": +12065550177}',
        b'{"number": "+12065550177',
        b'"+12065550177"',
        b'{"+12065550177": "\\ud83d"}',
    ):
        ((_, problem),) = json_lines(io.BytesIO(line), max_line_bytes=1_000)
        assert isinstance(problem, Refused)
        assert "2065550177" not in problem.detail
        assert problem.__context__ is None
