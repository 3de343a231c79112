import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from registry.domain.errors import Refused
from registry.domain.ndjson import count_json_lines, json_lines
from registry.domain.table_format import DELIMITERS
from registry.domain.table_output import AnswerWriter, as_text
from registry.domain.tables import Record, records, survey

ENCODINGS = [
    ("utf-8", b""),
    ("utf-8", codecs.BOM_UTF8),
    ("utf-16-le", codecs.BOM_UTF16_LE),
    ("utf-16-be", codecs.BOM_UTF16_BE),
    ("cp1252", b""),
]
ERRORS = {"utf-8": "strict", "utf-16-le": "strict", "utf-16-be": "strict", "cp1252": "registry.keep_byte"}
COLUMNS = ("outcome", "problem")
SPECIAL = "\",;|\t\r\n =+-@'\u00e9\u00a00123()x"
ANYTHING = st.text(
    st.one_of(st.sampled_from(SPECIAL), st.characters(exclude_characters="\0", codec="utf-8")), max_size=5
)
CODE_PAGE_1252 = st.one_of(
    st.text(st.sampled_from(SPECIAL), max_size=5),
    st.binary(max_size=5).map(lambda content: content.replace(b"\0", b"=").decode("cp1252", "registry.keep_byte")),
)
PLAIN = st.text(st.sampled_from('abc "\n+12.'), min_size=1, max_size=8)


@dataclass(frozen=True)
class Written:
    rows: list[list[str]]
    content: bytes
    delimiter: str
    bom: bytes
    encoding: str = "utf-8"


@st.composite
def tables(draw: st.DrawFn, *, plain: bool = False) -> Written:
    """A table written by the csv module in any dialect; its first row names the columns."""
    encoding, bom = draw(st.sampled_from(ENCODINGS))
    delimiter = draw(st.sampled_from(DELIMITERS))
    line_ending = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    cell = CODE_PAGE_1252 if encoding == "cp1252" else ANYTHING
    if plain:
        cell = PLAIN
    width = draw(st.integers(2, 5))
    header = [f"name{number}" for number in range(width)]
    body = draw(st.lists(st.lists(cell, min_size=width if plain else 0, max_size=width), max_size=5))
    text = io.StringIO(newline="")
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator="\r\n",
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    parts: list[str] = []
    for row in [header, *body]:
        writer.writerow(row)
        parts.append(text.getvalue()[:-2] + line_ending)
        text.seek(0)
        text.truncate()
    return Written([header, *body], bom + "".join(parts).encode(encoding, ERRORS[encoding]), delimiter, bom, encoding)


def parsed(content: bytes, encoding: str, bom: bytes, delimiter: str) -> list[list[str]]:
    assert content.startswith(bom)
    text = content[len(bom) :].decode(encoding, ERRORS[encoding])
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def answer(found: list[Record], writer: AnswerWriter, values: Sequence[str]) -> bytes:
    return writer.header() + writer.rows((record, values) for record in found)


def is_blank(row: Sequence[str]) -> bool:
    return not any(cell.strip() for cell in row)


@given(
    table=tables(),
    values=st.tuples(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=6), ANYTHING),
)
@example(table=Written([["n0", "n1"], ["\r"]], b'n0,n1\n"\r"\n', ",", b""), values=("a", "b"))
def test_the_answer_holds_the_questions_cells_and_the_appended_ones_in_order(
    table: Written, values: tuple[str, str]
) -> None:
    file = io.BytesIO(table.content)
    found = survey(file, max_rows=100, has_header=True, delimiter=table.delimiter)
    read = list(records(file, found))
    question = parsed(table.content, found.format.encoding, table.bom, table.delimiter)
    if table.encoding != "cp1252":  # whose bytes may happen to be other characters of UTF-8
        assert question == table.rows
    written = answer(read, AnswerWriter(found, COLUMNS), values)
    result = parsed(written, found.format.encoding, table.bom, table.delimiter)

    assert found.rows == sum(not is_blank(row) for row in question[1:])
    assert [record.blank for record in read] == [is_blank(row) for row in question[1:]]
    assert len(result) == len(question)
    assert result[0] == [*question[0], *COLUMNS]
    encoding = found.format.encoding
    encodable = [found.format.encode(as_text(value)).decode(encoding, ERRORS[encoding]) for value in values]
    for before, after in zip(question[1:], result[1:], strict=True):
        padded = [as_text(cell) for cell in before] + [""] * (found.width - len(before))
        expected = [] if not before else [*padded, "", ""] if is_blank(before) else [*padded, *encodable]
        assert after == expected


@given(table=tables(plain=True))
def test_the_dialect_of_a_table_is_recognised(table: Written) -> None:
    file = io.BytesIO(table.content)
    found = survey(file, max_rows=100)
    assert (found.format.delimiter, found.format.bom) == (table.delimiter, table.bom)
    assert found.header == tuple(table.rows[0])
    assert [list(record.cells) for record in records(file, found)] == table.rows[1:]


@given(table=tables())
def test_line_numbers_point_at_the_line_where_a_record_begins(table: Written) -> None:
    file = io.BytesIO(table.content)
    found = survey(file, max_rows=100, has_header=True, delimiter=table.delimiter)
    text = table.content[len(table.bom) :].decode(found.format.encoding, "replace")
    lines = list(io.StringIO(text, newline=""))
    assert found.lines == len(lines)
    starts = [record.line for record in records(file, found)]
    ends = [*starts, len(lines) + 1][1:]
    for start, end, row in zip(
        starts, ends, parsed(table.content, found.format.encoding, table.bom, table.delimiter)[1:], strict=True
    ):
        piece = lines[start - 1 : end - 1]
        if found.format.encoding != "cp1252":
            assert list(csv.reader(piece, delimiter=table.delimiter)) == [row]


@given(content=st.one_of(st.binary(max_size=400), st.text(st.sampled_from(SPECIAL), max_size=60).map(str.encode)))
def test_any_bytes_at_all_are_a_table_or_refused(content: bytes) -> None:
    file = io.BytesIO(content)
    try:
        found = survey(file, max_rows=50, max_row_bytes=200, max_columns=20)
    except Refused:
        return
    read = list(records(file, found))
    assert sum(not record.blank for record in read) == found.rows
    assert all(len(record.cells) in {0, found.width} for record in read)
    written = answer(read, AnswerWriter(found, COLUMNS), ("none", ""))
    assert written.startswith(found.format.bom)


@given(cell=ANYTHING)
def test_as_text_is_idempotent_and_only_ever_adds_an_apostrophe(cell: str) -> None:
    once = as_text(cell)
    assert once in {cell, "'" + cell}
    assert as_text(once) == once


@given(
    lead=st.text(st.sampled_from(" \t\r\n\u00a0\u200b\ufeff")),
    trigger=st.sampled_from("=@\uff1d\uff20"),
    rest=st.text(),
)
def test_nothing_that_begins_with_an_equals_or_at_sign_is_left(lead: str, trigger: str, rest: str) -> None:
    assert as_text(lead + trigger + rest).startswith("'")


@given(sign=st.sampled_from("+-"), rest=st.text(), letter=st.sampled_from("ABC!|*='\"&^<>:$"))
def test_a_signed_cell_that_is_left_alone_holds_nothing_to_run(sign: str, rest: str, letter: str) -> None:
    assert as_text(sign + rest + letter).startswith("'")


@given(sign=st.sampled_from(["+", "-", ""]), number=st.decimals(allow_nan=False, allow_infinity=False, places=3))
def test_plain_numbers_are_left_alone(sign: str, number: object) -> None:
    cell = sign + str(number).lstrip("-")
    assert as_text(cell) == cell


@given(lines=st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([b'{"a": 1}', b"", b"{", b"[1]"])), max_size=8))
def test_json_lines_answers_every_line_that_is_not_blank(lines: list[bytes]) -> None:
    content = b"\n".join(lines)
    file = io.BytesIO(content)
    found = list(json_lines(file, max_line_bytes=20))
    body = content.removeprefix(codecs.BOM_UTF8)
    wanted = [at for at, line in enumerate(body.split(b"\n"), 1) if line.strip() or len(line.rstrip(b"\r")) > 20]
    assert [number for number, _ in found] == wanted
    assert count_json_lines(file, max_line_bytes=20) == len(wanted)
