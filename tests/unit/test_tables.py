import codecs
import csv
import gc
import io
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from typing import IO

import pytest

from registry.domain.errors import Code, Refused
from registry.domain.table_format import TableFormat, detect
from registry.domain.tables import Record, Survey, find_column, records, survey

PHONE = "+1 206 555 0177"


def surveyed(content: bytes, *, max_rows: int = 1000, has_header: bool | None = None) -> Survey:
    return survey(io.BytesIO(content), max_rows=max_rows, has_header=has_header)


def rows_of(content: bytes) -> list[Record]:
    file = io.BytesIO(content)
    return list(records(file, survey(file, max_rows=1000)))


def refusal(work: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        work()
    return caught.value


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
        ("cp1252", b""),
    ],
)
def test_every_format_is_recognised_and_read(delimiter: str, line_ending: str, encoding: str, bom: bytes) -> None:
    lines = [f"Name{delimiter}Téléphone", f"Zoë{delimiter}{PHONE}", f"José{delimiter}{PHONE}"]
    content = bom + "".join(line + line_ending for line in lines).encode(encoding)
    found = surveyed(content)
    assert found.format == TableFormat(encoding, bom, delimiter, line_ending)  # type: ignore[arg-type] # a parameter
    assert found.header == ("Name", "Téléphone")
    assert (found.rows, found.lines, found.width, found.body_line) == (2, 3, 2, 2)
    assert rows_of(content) == [Record(2, ("Zoë", PHONE), blank=False), Record(3, ("José", PHONE), blank=False)]


@pytest.mark.parametrize(
    ("content", "delimiter"),
    [
        ("Name;Phone\nSmith, John;1\nDoe, Jane;2\n", ";"),
        ('Name,Note\nA,"x;y"\nB,"z;w"\n', ","),
        ("a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n", ";"),
        ("Smith, John;206\nDoe, Jane;207\n", ";"),
        ("a,b,c|d,e\nf,g,h|i,j\n", ","),
        ("phone\n206 555 0177\n206 555 0178\n", ","),
        ("phone\n206,Anna\n207,Bert\n", ","),
        ("\n\n", ","),
        ("sep=;\nName;Phone, mobile\nA;1\n", ";"),
        ("\n" * 300 + "a;b\n1;2\n", ";"),
        ('"sep=|"\r\nName|Phone,a,b,c\r\n', "|"),
    ],
)
def test_the_delimiter_is_the_one_that_divides_the_records_evenly(content: str, delimiter: str) -> None:
    assert detect(io.BytesIO(content.encode())).delimiter == delimiter


def test_a_delimiter_that_is_named_is_believed() -> None:
    found = survey(io.BytesIO(b"a,b|c\n1,2|3\n"), max_rows=9, delimiter="|")
    assert found.header == ("a,b", "c")


def test_the_record_that_the_sample_cuts_does_not_confuse_the_detection() -> None:
    content = "a;b\n" + "x;y\n" * 3 + 'z;"' + "1,2\n" * 20_000 + '"\n'
    assert detect(io.BytesIO(content.encode())).delimiter == ";"


def test_a_character_that_the_sample_cuts_is_still_utf8() -> None:
    content = b"name,phone\n" + b"x" * (65_536 - 12) + "é".encode() * 5 + b",1\n"
    assert surveyed(content).format.encoding == "utf-8"


def test_the_line_ending_is_that_of_records_not_of_line_breaks_inside_cells() -> None:
    found = surveyed(b'"Phone\nnumber",Name\r\n206,A\r\n')
    assert found.format.line_ending == "\r\n"
    assert (found.header, found.body_line) == (("Phone\nnumber", "Name"), 3)


def test_a_table_of_one_line_without_end_gets_the_line_ending_of_rfc_4180() -> None:
    found = surveyed(b"phone")
    assert (found.format.line_ending, found.rows, found.header) == ("\r\n", 0, ("phone",))


def test_a_file_that_stops_being_utf8_after_the_sample_is_read_as_code_page_1252() -> None:
    content = b"name,phone\n" + b"Anna,206\n" * 20_000 + b"Jos\xe9,207\x96208\n"
    found = surveyed(content, max_rows=30_000)
    assert (found.format.encoding, found.rows) == ("cp1252", 20_001)
    *_, last = records(io.BytesIO(content), found)
    assert last.cells == ("José", "207\N{EN DASH}208")


def test_bytes_without_meaning_in_code_page_1252_keep_their_value() -> None:
    content = b"name,phone\n\xe9\x81\x8d\x8f\x90\x9d,1\n"
    (record,) = rows_of(content)
    assert record.cells[0] == "é\x81\x8d\x8f\x90\x9d"
    assert surveyed(content).format.encode(record.cells[0]) == b"\xe9\x81\x8d\x8f\x90\x9d"


def test_the_error_handler_for_code_page_1252_leaves_other_errors_alone() -> None:
    handler = codecs.lookup_error("registry.keep_byte")
    with pytest.raises(UnicodeTranslateError):
        handler(UnicodeTranslateError("x", 0, 1, "nothing of ours"))


def test_text_that_an_encoding_cannot_hold_becomes_a_question_mark() -> None:
    assert TableFormat("cp1252", b"", ",", "\n").encode("a\u4e2d") == b"a?"
    assert TableFormat("utf-8", b"", ",", "\n").encode("a\ud800") == b"a?"
    assert TableFormat("utf-16-le", b"", ",", "\n").encode("a\ud800") == b"a\0?\0"


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


@pytest.mark.parametrize(
    ("first_row", "has_header"),
    [
        ("name,phone", True),
        ("2024-01-01,2024-02-01,Name", True),
        ("2024,2025", True),
        (",", True),
        ("+1 (206) 555-0177", False),
        ("555-0177,1", False),
        ("Anna,2065550177", False),
        ("Anna,tel:+1-206-555-0177", False),
        ("Anna,5550177", True),
        ("Anna,123456789012345678", True),
        ("123456789012345678", True),
    ],
)
def test_a_first_row_that_holds_a_number_is_data(first_row: str, *, has_header: bool) -> None:
    found = surveyed(f"{first_row}\nx,y,z\n".encode())
    assert found.has_header is has_header


def test_a_table_without_header_has_numbered_columns_and_keeps_its_first_row() -> None:
    content = b"\nAnna,2065550177\nBert,2065550178,x\n"
    found = surveyed(content)
    assert (found.header, found.body_line, found.rows) == (("column_1", "column_2", "column_3"), 2, 2)
    assert [record.cells[0] for record in records(io.BytesIO(content), found)] == ["Anna", "Bert"]


def test_the_caller_may_say_whether_there_is_a_header() -> None:
    assert surveyed(b"2065550177\n1\n", has_header=True).header == ("2065550177",)
    assert surveyed(b"phone\n1\n", has_header=False).rows == 2


HEADER = ("Name", "Phone Number", "E-Mail", "phone", "", "206-555-0177")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ("phone", 3),
        ("Phone Number", 1),
        ("phone_number", 1),
        ("PHONENUMBER", 1),
        ("email", 2),
        ("column_5", 4),
        ("column_6", 5),
        ("\uff30\uff48\uff4f\uff4e\uff45", 3),  # full-width letters
        ("206-555-0177", 5),
    ],
)
def test_a_column_is_found_by_its_name(wanted: str, index: int) -> None:
    assert find_column(HEADER, wanted, candidates=()) == index


@pytest.mark.parametrize("wanted", ["mobile", "", "--", "column_7", "column_0", "column_"])
def test_a_column_that_is_not_there_is_refused_with_the_names_that_are(wanted: str) -> None:
    problem = refusal(lambda: find_column(HEADER, wanted, candidates=("phone",)))
    assert problem.code is Code.COLUMN_NOT_FOUND
    assert problem.detail == (
        "There is no column of that name. The columns are: Name, Phone Number, E-Mail, phone, column_5, column_6."
    )


def test_without_a_name_the_first_known_one_counts_and_then_the_leftmost() -> None:
    assert find_column(HEADER, None, candidates=("number", "phone_number", "phone")) == 1
    assert find_column(("a", "Mobile", "mobile"), None, candidates=("phone", "mobile")) == 1


def test_the_only_column_needs_no_name() -> None:
    assert find_column(("Diensthandy",), None, candidates=("phone",)) == 0
    assert find_column(("column_1",), None, candidates=("phone",)) == 0


def test_without_a_known_name_the_caller_is_asked_for_one() -> None:
    header = tuple(f"field {letter}\n{letter * 50}" for letter in "abcdefghijklmnopqrstuvwxyzABCDEF")
    problem = refusal(lambda: find_column(header, None, candidates=("phone",)))
    assert problem.detail.startswith("None of the columns has a name that is known. Say which one to read.")
    assert f"field a {'a' * 32}, " in problem.detail
    assert problem.detail.endswith(", and 2 more.")
    assert "field E" not in problem.detail


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
