"""How a table is read: what is refused, its rows, and the memory that this takes."""

import codecs
import csv
import gc
import io
import tempfile
import tracemalloc
from collections.abc import Iterator
from typing import IO

import pytest
from table_reading import refusal, rows_of, surveyed

from registry.domain.errors import Code
from registry.domain.tables import Record, records, survey


@pytest.mark.parametrize("content", [b"", codecs.BOM_UTF8, b"\n\n \r\n", b",,,\n,,,\n", b"sep=;\n\n", b'" "\n'])
def test_a_file_without_anything_in_it_is_refused(content: bytes) -> None:
    assert refusal(lambda: surveyed(content)).code is Code.FILE_EMPTY


def test_blank_lines_before_the_table_cannot_fill_the_memory() -> None:
    content = io.BytesIO(b"\n" * 200_000 + b"phone\n1\n")
    assert refusal(lambda: survey(content, max_rows=9, max_row_bytes=20_000)).code is Code.FILE_EMPTY
    assert content.tell() < 200_000


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 a workbook",
        b"\xd0\xcf\x11\xe0 an old workbook",
        b"%PDF-1.7 a document",
        b"\x1f\x8b\x08 compressed",
        b"phone\n206\x00555\n",
        b"\0",
        codecs.BOM_UTF16_LE + b"a\0\0\xd8b\0",
        codecs.BOM_UTF16_BE + b"\0a\0",
        codecs.BOM_UTF32_LE + "phone\n206".encode("utf-32-le"),
    ],
)
def test_what_is_not_text_is_refused_as_such(content: bytes) -> None:
    assert refusal(lambda: surveyed(content)).code is Code.FILE_NOT_TEXT


def test_a_nul_character_far_behind_the_sample_is_found() -> None:
    problem = refusal(lambda: surveyed(b"phone\n" + b"206 555 0177\n" * 9_000 + b"206\x00\n", max_rows=10_000))
    assert problem.code is Code.FILE_NOT_TEXT
    assert "Line 9002 " in problem.detail


def test_a_file_that_claims_utf8_by_its_mark_and_is_not_is_refused() -> None:
    problem = refusal(lambda: surveyed(codecs.BOM_UTF8 + b"phone\nJos\xe9\n"))
    assert problem.code is Code.INVALID_UTF8
    assert problem.__context__ is None  # a decoding error carries the bytes


def test_rows_are_counted_without_blank_ones_up_to_the_limit() -> None:
    content = b"phone,name\n1,a\n\n , \n2,b\n,,\n"
    assert surveyed(content, max_rows=2).rows == 2
    problem = refusal(lambda: surveyed(content, max_rows=1))
    assert (problem.code, problem.detail) == (Code.TOO_MANY_ROWS, "The file has more than 1 rows.")


@pytest.mark.parametrize("cell", ["x" * 1_021, "é" * 510 + "x"])
def test_a_row_may_be_as_long_as_the_limit_and_no_longer(cell: str) -> None:
    fits = io.BytesIO(f"phone\n{cell},1\n".encode())
    assert survey(fits, max_rows=9, max_row_bytes=1_024).rows == 1
    problem = refusal(lambda: survey(fits, max_rows=9, max_row_bytes=1_023))
    assert problem.code is Code.ROW_TOO_LONG
    assert "line 2 " in problem.detail


def test_a_cell_may_be_longer_than_the_csv_modules_own_limit() -> None:
    before = csv.field_size_limit(1_000)
    try:
        (record,) = rows_of(b"name,phone\n" + b"x" * 200_000 + b",1\n")
        assert len(record.cells[0]) == 200_000
    finally:
        csv.field_size_limit(before)


def test_a_row_of_very_many_cells_is_refused_because_every_row_of_the_answer_is_padded_to_it() -> None:
    problem = refusal(lambda: surveyed(b"a,b\n1,2\n" + b"," * 1_000 + b"\n"))
    assert problem.code is Code.ROW_TOO_LONG
    assert "line 3 " in problem.detail
    assert surveyed(b"a,b\n1,2\n" + b"," * 999 + b"\n").width == 1_000


@pytest.mark.parametrize("text", [b'"206 555 0177\n' + b"206,b\n" * 200_000, b'"x\n",' * 200_000])
def test_an_unclosed_quotation_mark_stops_at_the_row_limit_and_names_its_line(text: bytes) -> None:
    content = io.BytesIO(b"phone,name\n1,a\n" + text)
    problem = refusal(lambda: survey(content, max_rows=999_999, max_row_bytes=10_000))
    assert problem.code is Code.ROW_TOO_LONG
    assert "line 3 " in problem.detail
    assert content.tell() < 400_000


def test_a_quotation_mark_that_is_open_at_the_end_of_the_file_swallows_nothing() -> None:
    problem = refusal(lambda: surveyed(b'phone,name\n1,a\n2,"b\n3,c\n4,d\n'))
    assert problem.code is Code.ROW_TOO_LONG
    assert "line 3 " in problem.detail
    assert "not closed" in problem.detail


def test_a_quotation_mark_that_closes_in_a_later_row_swallows_nothing() -> None:
    problem = refusal(lambda: surveyed(b'phone,name\n1,"a\n2,b\n3,"c"\n4,d\n'))
    assert problem.code is Code.ROW_TOO_LONG
    assert "line 2 runs on to line 4" in problem.detail
    assert problem.__context__ is None


def test_stray_quotation_marks_inside_one_line_are_forgiven() -> None:
    assert [record.cells for record in rows_of(b'name,phone\n5" pipe,1\n"The "Boss"",2\n')] == [
        ('5" pipe', "1"),
        ('The Boss""', "2"),
    ]


def test_records_carry_line_numbers_blanks_and_padding() -> None:
    content = b'\nname,phone\n"two\nlines",1\n\nshort\n , \na,b,c\n\n'
    found = surveyed(content)
    assert (found.preamble, found.header, found.width, found.body_line) == ("\n", ("name", "phone", ""), 3, 3)
    assert (found.rows, found.lines) == (3, 9)
    assert rows_of(content) == [
        Record(3, ("two\nlines", "1", ""), blank=False),
        Record(5, (), blank=True),
        Record(6, ("short", "", ""), blank=False),
        Record(7, (" ", " ", ""), blank=True),
        Record(8, ("a", "b", "c"), blank=False),
        Record(9, (), blank=True),
    ]


def test_what_stands_before_the_table_is_kept_as_it_is() -> None:
    found = surveyed(b"sep=;\r\n\r\n;;\r\nname;phone\r\nA;1\r\n")
    assert (found.preamble, found.header, found.body_line) == ("sep=;\r\n\r\n;;\r\n", ("name", "phone"), 5)


def test_only_the_first_line_declares_a_delimiter() -> None:
    assert surveyed(b"\nsep=;\nA;1\n").header == ("sep=", "")


@pytest.mark.parametrize("abandon", [False, True])
def test_the_file_stays_open_and_the_callers_own(*, abandon: bool) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"phone\n1\n2\n")
        found = survey(file, max_rows=9)
        reading = records(file, found)
        next(reading)
        if not abandon:
            assert len(list(reading)) == 1
            assert not file.closed
        else:
            file.close()
        del reading
        gc.collect()


class _Endless(io.RawIOBase):
    """A large table that exists nowhere: its rows are made as they are read."""

    def __init__(self, header: bytes, row: bytes, rows: int) -> None:
        self._header, self._row, self._length = header, row, len(header) + rows * len(row)
        self._at = 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        assert whence == 0
        self._at = offset
        return offset

    def read(self, size: int = -1, /) -> bytes:
        start, stop = self._at, min(self._at + size, self._length)
        self._at = stop
        skipped = max(0, start - len(self._header)) // len(self._row)
        begin = 0 if start < len(self._header) else len(self._header) + skipped * len(self._row)
        text = (self._header if begin == 0 else b"") + self._row * ((stop - begin) // len(self._row) + 1)
        return text[start - begin : stop - begin]


def test_memory_stays_flat_however_long_the_table_is() -> None:
    header = ",".join(f"column {number}" for number in range(200)).encode() + b"\n"
    row = ",".join(["+1 206 555 0177"] * 200).encode() + b"\n"
    file: IO[bytes] = _Endless(header, row, 2_000)  # type: ignore[assignment] # it has all of IO that is used here
    assert len(header) + 2_000 * len(row) > 6_000_000

    def count(found: Iterator[Record]) -> int:
        return sum(len(record.cells) for record in found)

    tracemalloc.start()
    try:
        found = survey(file, max_rows=2_000)
        assert count(records(file, found)) == 400_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.rows, found.width) == (2_000, 200)
    assert peak < 2_000_000
