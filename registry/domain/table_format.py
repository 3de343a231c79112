"""What a delimited text file is made of: encoding, byte order mark, delimiter, line ending.

Owns the detection of all four from a bounded sample, and the decoding of the file as a stream. It never reads a whole
file, never closes the file that it is given, and never guesses where the bytes say otherwise.

Encodings: a byte order mark decides. Without one the file is UTF-16 if zero bytes stand in at least half of its odd or
half of its even places and nowhere else, UTF-8 if it decodes as that, and otherwise Windows code page 1252, which
extends Latin-1 and is what spreadsheets write. Five bytes mean nothing in that code page; they are read as the control
characters of the same number and written back as the same bytes, so that every byte survives, whatever it meant.
"""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final, Literal

from registry.domain.errors import Code, Refused

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252"]

DELIMITERS: Final = (",", ";", "|", "\t")
"""From the one most likely to stand inside a cell to the one least likely: the last of equals is chosen."""

_SAMPLE_BYTES: Final = 65_536
_SAMPLE_RECORDS: Final = 200
_BLOCK_BYTES: Final = 65_536
_BOMS: Final[tuple[tuple[bytes, Encoding], ...]] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WORKBOOKS: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods are ZIP archives; .xls is an OLE file
_OTHER_BINARIES: Final = (b"%PDF-", b"\x1f\x8b")
_SEPARATOR_LINE: Final = re.compile(r'"?sep=([,;|\t])"?[\r\n]*', re.IGNORECASE)
_LINE_ENDING: Final = re.compile(r"\r\n|\r|\n")
_KEEP_BYTE: Final = "registry.keep_byte"
_NO_CELL_LIMIT: Final = 2**31 - 1


def _keep_byte(error: UnicodeError) -> tuple[str | bytes, int]:
    """Codec error handler: the bytes that code page 1252 leaves undefined stand for themselves, both ways.

    A character that the code page cannot hold at all becomes a question mark.
    """
    if isinstance(error, UnicodeDecodeError):
        return error.object[error.start : error.end].decode("latin-1"), error.end
    if isinstance(error, UnicodeEncodeError):
        return error.object[error.start : error.end].encode("latin-1", "replace"), error.end
    raise error


codecs.register_error(_KEEP_BYTE, _keep_byte)


@dataclass(frozen=True, slots=True)
class TableFormat:
    """How a table is written down. The quotation mark is always `"`, doubled inside a quoted cell (RFC 4180).

    bom: the byte order mark that the file begins with, or nothing.
    """

    encoding: Encoding
    bom: bytes
    delimiter: str
    line_ending: str

    def encode(self, text: str) -> bytes:
        """The text in this encoding; never fails: what cannot be represented becomes a question mark."""
        return text.encode(self.encoding, _KEEP_BYTE if self.encoding == "cp1252" else "replace")


class _Borrowed(io.BufferedIOBase):
    """Reads somebody else's file. Closing this, as a discarded TextIOWrapper does, leaves that file open."""

    name = "table"  # TextIOWrapper shows it in its repr

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1, /) -> bytes:
        return self._file.read(max(size, _BLOCK_BYTES))


def decoded(file: IO[bytes], table: TableFormat) -> io.TextIOWrapper:
    """The file's text from after the byte order mark on, line endings as they are.

    Reading it raises UnicodeDecodeError where the bytes are not what the format says; code page 1252 never does.
    """
    _lift_cell_limit()
    file.seek(len(table.bom))
    errors = _KEEP_BYTE if table.encoding == "cp1252" else "strict"
    return io.TextIOWrapper(_Borrowed(file), encoding=table.encoding, errors=errors, newline="")


def is_separator_line(line: str) -> bool:
    """Whether this is the line `sep=;` by which spreadsheets declare the delimiter before the table begins."""
    return _SEPARATOR_LINE.fullmatch(line) is not None


def detect(file: IO[bytes], *, delimiter: str | None = None) -> TableFormat:
    """The format that a sample from the beginning of the file shows; `delimiter`, where given, is believed.

    A file that is UTF-8 in the sample may turn out not to be further on: whoever reads all of it has to say so.
    Raises Refused: file_empty (no bytes), file_not_text (a workbook or another well-known binary format).
    """
    _lift_cell_limit()
    file.seek(0)
    sample = file.read(_SAMPLE_BYTES)
    if not sample:
        raise Refused(Code.FILE_EMPTY, "The file is empty.")
    if sample.startswith(_WORKBOOKS):
        raise Refused(Code.FILE_NOT_TEXT, "The file is a workbook or an archive. Save the sheet as CSV and send that.")
    if sample.startswith(_OTHER_BINARIES):
        raise Refused(Code.FILE_NOT_TEXT, "The file is not a text file. Send the table as CSV.")
    encoding, bom = _encoding(sample)
    whole = len(sample) < _SAMPLE_BYTES
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample[len(bom) :])
    lines = list(io.StringIO(text, newline=""))
    if delimiter is None:
        delimiter = _delimiter(lines, whole=whole)
    return TableFormat(encoding, bom, delimiter, _line_ending(lines, delimiter))


def _lift_cell_limit() -> None:
    """The csv module limits a cell to 131,072 characters, for the whole process. Here bytes of a record are limited.

    Only ever raised, so that it does not matter which thread comes first.
    """
    if csv.field_size_limit() < _NO_CELL_LIMIT:
        csv.field_size_limit(_NO_CELL_LIMIT)


def _encoding(sample: bytes) -> tuple[Encoding, bytes]:
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return encoding, bom
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    if high * 4 >= len(sample) and not low:
        return "utf-16-le", b""
    if low * 4 >= len(sample) and not high:
        return "utf-16-be", b""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)  # not final: the sample may end inside a character
    except UnicodeDecodeError:
        return "cp1252", b""
    return "utf-8", b""


def _delimiter(lines: list[str], *, whole: bool) -> str:
    """The delimiter that divides the records of the sample most evenly.

    A delimiter that divides the first record beats one that does not; then the share of records that are as wide as the
    first counts, then the width. With none that divides anything the table has one column, and a comma serves.
    """
    if lines and (declared := _SEPARATOR_LINE.fullmatch(lines[0])):
        return declared[1]
    best, best_score = DELIMITERS[0], (False, 0.0, 0)
    for delimiter in DELIMITERS:
        records = (cells for cells in csv.reader(lines, delimiter=delimiter) if any(map(str.strip, cells)))
        widths = [len(cells) for cells in islice(records, _SAMPLE_RECORDS)]
        if len(widths) > 1 and not whole:
            widths.pop()  # cut in the middle
        if not widths:
            continue
        divides = widths[0] > 1
        width = widths[0] if divides else Counter(widths).most_common(1)[0][0]
        score = (divides, widths.count(width) / len(widths), width)
        if width > 1 and score >= best_score:
            best, best_score = delimiter, score
    return best


def _line_ending(lines: list[str], delimiter: str) -> str:
    """The end of the first record, since a quoted cell in it may hold line endings of another kind."""
    reader = csv.reader(lines, delimiter=delimiter)
    next(reader, None)
    ending = _LINE_ENDING.search(lines[reader.line_num - 1][-2:]) if lines else None
    return ending[0] if ending else "\r\n"
