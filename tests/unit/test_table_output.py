import codecs
import csv
import io

import pytest

from registry.domain.table_output import AnswerWriter, as_text
from registry.domain.tables import Record, records, survey

PHONE = "+1 (206) 555-0177"


def answered(content: bytes, columns: tuple[str, ...] = ("outcome", "grade"), *, chunk: int = 2) -> bytes:
    """The file with `none` and the record's line number appended to every record."""
    file = io.BytesIO(content)
    found = survey(file, max_rows=1_000)
    writer = AnswerWriter(found, columns)
    parts = [writer.header()]
    pairs = [(record, ("none", str(record.line))) for record in records(file, found)]
    parts.extend(writer.rows(pairs[at : at + chunk]) for at in range(0, len(pairs), chunk))
    return b"".join(parts)


def test_columns_are_appended_and_nothing_else_changes() -> None:
    content = f'name,phone\r\n"Smith, ""Jo""",{PHONE}\r\n"two\nlines\r",x\r\n'.encode()
    assert answered(content) == (
        b'name,phone,outcome,grade\r\n"Smith, ""Jo""",+1 (206) 555-0177,none,2\r\n"two\nlines\r",x,none,3\r\n'
    )


@pytest.mark.parametrize("line_ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    ("encoding", "bom"),
    [
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
        ("cp1252", b""),
    ],
)
def test_the_answer_has_the_format_of_the_question(line_ending: str, delimiter: str, encoding: str, bom: bytes) -> None:
    def written(*rows: str) -> bytes:
        return bom + "".join(row.replace(",", delimiter) + line_ending for row in rows).encode(encoding)

    content = written("Zoë,phone", "José,1", "", "Ana,2")
    assert answered(content) == written("Zoë,phone,outcome,grade", "José,1,none,2", "", "Ana,2,none,4")


def test_line_breaks_of_any_kind_inside_cells_survive_every_line_ending() -> None:
    for line_ending in ("\n", "\r\n", "\r"):
        content = f'name,phone{line_ending}"a\rb\nc\r\nd",1{line_ending}'.encode()
        rows = list(csv.reader(io.StringIO(answered(content).decode(), newline="")))
        assert rows[1][:3] == ["a\rb\nc\r\nd", "1", "none"]
        assert len(rows) == 2


def test_ragged_rows_are_padded_so_that_the_columns_line_up() -> None:
    assert answered(b"name,phone\na\nb,1,x,y\n") == (b"name,phone,,,outcome,grade\na,,,,none,2\nb,1,x,y,none,3\n")


def test_empty_lines_stay_and_blank_rows_get_no_answer() -> None:
    assert answered(b"\n\nname,phone\n\n,\na,1\n\n") == b"\n\nname,phone,outcome,grade\n\n,,,\na,1,none,6\n\n"


def test_the_declaration_of_the_delimiter_stays_before_the_header() -> None:
    assert answered(b"sep=;\r\nname;phone\r\na;1\r\n") == b"sep=;\r\nname;phone;outcome;grade\r\na;1;none;3\r\n"


def test_a_last_row_without_line_ending_gets_one() -> None:
    assert answered(b"phone\n1") == b"phone,outcome,grade\n1,none,2\n"


def test_two_hundred_columns_come_back_in_order() -> None:
    header = [f"c{number}" for number in range(200)]
    content = "\n".join([",".join(header), ",".join(["x"] * 200), ""]).encode()
    first, second = answered(content).decode().splitlines()
    assert first.split(",") == [*header, "outcome", "grade"]
    assert second.split(",") == ["x"] * 200 + ["none", "2"]


def test_a_table_without_header_is_answered_without_one() -> None:
    assert answered(b"2065550177\n2065550178\n") == b"2065550177,none,1\n2065550178,none,2\n"


def test_a_name_that_is_taken_gets_a_number() -> None:
    content = b"Outcome ,outcome_2,phone\na,b,1\n"
    found = survey(io.BytesIO(content), max_rows=9)
    assert AnswerWriter(found, ("outcome", "grade", "grade")).columns == ("outcome_3", "grade", "grade_2")
    assert answered(content).startswith(b"Outcome ,outcome_2,phone,outcome_3,grade\n")


def test_an_answer_can_be_answered_again() -> None:
    assert answered(answered(b"phone\n1\n")) == b"phone,outcome,grade,outcome_2,grade_2\n1,none,2,none,2\n"


def test_bytes_that_mean_nothing_come_back_as_they_were() -> None:
    assert answered(b"name,phone\n\xe9\x81\x8d\x8f\x90\x9d\xff,1\n") == (
        b"name,phone,outcome,grade\n\xe9\x81\x8d\x8f\x90\x9d\xff,1,none,2\n"
    )


def test_formulas_come_out_as_text_in_names_cells_and_values() -> None:
    file = io.BytesIO(b'=name,phone\n=1+1,+1 206 555 0177\n"=HYPERLINK(""http://x"",""y"")",2\n')
    found = survey(file, max_rows=9)
    first, second = records(file, found)
    writer = AnswerWriter(found, ("@outcome",))
    assert writer.header() == b"'=name,phone,'@outcome\n"
    assert writer.row(first, ("-x",)) == b"'=1+1,+1 206 555 0177,'-x\n"
    assert writer.row(second, ("",)) == b'"\'=HYPERLINK(""http://x"",""y"")",2,\n'


@pytest.mark.parametrize("values", [(), ("none",), ("none", "1", "2")])
def test_values_and_columns_must_agree(values: tuple[str, ...]) -> None:
    writer = AnswerWriter(survey(io.BytesIO(b"phone\n1\n"), max_rows=9), ("outcome", "grade"))
    with pytest.raises(ValueError, match="for 2 columns"):
        writer.row(Record(2, ("1",), blank=False), values)


@pytest.mark.parametrize(
    "cell",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "--5",
        "-A1",
        "-1+cmd",
        "-5-A1",
        "+1 206 555 0177*2",
        "@SUM(1+9)*cmd|' /C calc'!A0",
        "\t=1",
        "\tx",
        "\rx",
        "\nx",
        "  \tx",
        "   =1",
        "\N{NO-BREAK SPACE}=1",
        "\N{ZERO WIDTH SPACE}=1",
        "\ufeff=1",
        "\x01=1",
        "\N{FULLWIDTH EQUALS SIGN}1",
        "\N{FULLWIDTH PLUS SIGN}A1",
        "\N{FULLWIDTH HYPHEN-MINUS}A1",
        "\N{FULLWIDTH COMMERCIAL AT}x",
        "\N{SMALL EQUALS SIGN}1",
        "=",
        "+",
        "--",
        "-()",
        "\t+12065550177",
        "+12065550177\n",
        "+12065550177\t=1",
        "-1e5+A1",
    ],
)
def test_what_a_spreadsheet_would_run_begins_with_an_apostrophe(cell: str) -> None:
    assert as_text(cell) == "'" + cell
    assert as_text(as_text(cell)) == "'" + cell


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "-",
        " ",
        "x=1",
        "a-b",
        "'=1",
        "O'Neill",
        "-12.5",
        "+12",
        " -12.5 ",
        "-1,234.56",
        "-1.234,56",
        "-1.5e+10",
        "-5%",
        "+1 (206) 555-0177",
        "+12065550177",
        "+1.206.555.0177",
        "+1\N{NO-BREAK SPACE}206\N{EN DASH}555\N{NON-BREAKING HYPHEN}0177",
        "+44(0)20 7946 0958",
        "+(1) 206 555 0177",
        "+1 206 555 0177 x12",
        "+1 206 555 0177 ext. 12",
        "+1 206 555 0177 extension 12",
        "\N{FULLWIDTH PLUS SIGN}\N{FULLWIDTH DIGIT ONE}\N{FULLWIDTH DIGIT TWO}",
        "2065550177",
        "(206) 555-0177",
    ],
)
def test_numbers_and_plain_text_stay_as_they_are(cell: str) -> None:
    assert as_text(cell) == cell


def test_a_long_cell_costs_no_more_than_its_length() -> None:
    """Doubling the cell must not do worse than double the work; a quadratic pattern would never finish this."""
    for part in (" ", "-1", "+1 ", "1 (", "\t", "e1"):
        cell = "+" + part * 500_000 + "x"
        assert as_text(cell) == "'" + cell
