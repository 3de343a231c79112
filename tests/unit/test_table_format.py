"""How a table's encoding, delimiter and line ending are found."""

import codecs
import io

import pytest
from table_reading import PHONE, rows_of, surveyed

from registry.domain.table_format import TableFormat, detect
from registry.domain.tables import Record, records, survey


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
