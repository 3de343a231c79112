"""Writing a table's answer: the same records in the same order, with columns appended, in the format that they came in.

Owns what a spreadsheet may make of a cell: text that it would run as a formula comes out as text. Reads no files and
decides no answers.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from registry.domain.tables import Record, Survey

_SIGNS: Final = "+-\uff0b\uff0d"
_TRIGGERS: Final = "=@" + _SIGNS + "\uff1d\uff20\ufe62\ufe63\ufe66\ufe6b"  # full-width and small forms as well
_BREAKS: Final = "\t\r\n"
_UNSEEN: Final = (
    "".join(map(chr, range(0x21)))  # control characters and the space
    + "\x7f\x85\xa0\xad\u1680\u180e\u2028\u2029\u202f\u205f\u2060\u3000\ufeff"
    + "".join(map(chr, range(0x2000, 0x2010)))  # spaces of all widths, zero-width characters, direction marks
)
_SUSPECTS: Final = frozenset(_TRIGGERS + _UNSEEN)
_FORMULA: Final = re.compile(f"[{re.escape(_UNSEEN)}]*[{re.escape(_TRIGGERS + _BREAKS)}]")
_SPACES: Final = "[ \xa0\u2007\u2009\u202f]*"
_NUMBER: Final = re.compile(
    rf"{_SPACES}[{re.escape(_SIGNS)}]?[ \xa0(.]*\d[\d ().,/\-\xa0\u2007\u2009\u2010-\u2015\u202f\uff0d]*"
    rf"(?:(?:x|ext\.?|extension) ?\d{{1,7}}|e[+\-]?\d{{1,3}}|%)?{_SPACES}",
    re.IGNORECASE,
)


def as_text(cell: str) -> str:
    """The cell, with an apostrophe before it if a spreadsheet could take it for a formula (OWASP, CSV injection).

    That is a cell in which `=`, `+`, `-` or `@`, also in their full-width forms, come first after any white space or
    invisible characters, or which begins with a tab or a line break. Left alone are plain numbers (`-12.5`, `+3e5`,
    `-5%`), phone numbers (`+1 (206) 555-0177`, also with an extension) and the single dash that stands for nothing:
    they hold no function, no foreign reference and no command. Idempotent.
    """
    if _NUMBER.fullmatch(cell) or _FORMULA.match(cell) is None or cell == "-":
        return cell
    return "'" + cell


class AnswerWriter:
    """Writes records with columns appended, as bytes, chunk by chunk.

    columns: names of the appended columns; one that the table already has gets a suffix (`outcome_2`).
    A table that came without a header row is answered without one, so that row n stays row n; the appended columns
    are then the last ones, in the order of `columns`. Every record is terminated, and as wide as all others unless it
    is an empty line.
    """

    __slots__ = ("_count", "_lines", "_survey", "_write_row", "columns")

    def __init__(self, survey: Survey, columns: Sequence[str]) -> None:
        self._survey = survey
        self._count = len(columns)
        self._lines: list[str] = []
        # Up to Python 3.12 csv.writer quotes only those line breaks that occur in its terminator, so it is given both.
        writer = csv.writer(_Sink(self._lines), delimiter=survey.format.delimiter, lineterminator="\r\n")
        self._write_row: Callable[[Iterable[str]], object] = writer.writerow
        self.columns: tuple[str, ...] = _unused_names(survey.header, columns)

    def header(self) -> bytes:
        """Everything before the first data record: byte order mark, preamble, column names."""
        survey = self._survey
        if survey.has_header:
            self._write((*survey.header, *self.columns))
        return survey.format.bom + survey.format.encode(survey.preamble) + self._taken()

    def row(self, record: Record, values: Sequence[str]) -> bytes:
        """One record; see `rows`."""
        return self.rows([(record, values)])

    def rows(self, answered: Iterable[tuple[Record, Sequence[str]]]) -> bytes:
        """Records with the values of the appended columns, one value per column, none for blank records.

        An empty line stays one. Other blank records get empty cells.
        Raises ValueError if there are more or fewer values than columns.
        """
        nothing = [""] * self._count
        for record, values in answered:
            if not record.cells:
                self._lines.append("\r\n")
                continue
            if record.blank:
                values = nothing  # noqa: PLW2901 - what a blank record was answered is nobody's to say
            elif len(values) != self._count:
                raise ValueError(f"{len(values)} values for {self._count} columns")
            self._write((*record.cells, *values))
        return self._taken()

    def _write(self, cells: Iterable[str]) -> None:
        # as_text can only change a cell with a suspect first character; asking here saves a call for most cells.
        self._write_row([as_text(cell) if cell[:1] in _SUSPECTS else cell for cell in cells])

    def _taken(self) -> bytes:
        """What was written since the last time, in the table's encoding and line ending."""
        lines, table = self._lines, self._survey.format
        if table.line_ending != "\r\n":
            lines[:] = [line[:-2] + table.line_ending for line in lines]
        text = "".join(lines)
        lines.clear()
        return table.encode(text)


class _Sink:
    """What csv.writer takes for a file: it calls `write` once for every record, terminator included."""

    __slots__ = ("write",)

    def __init__(self, lines: list[str]) -> None:
        self.write = lines.append


def _unused_names(header: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """The columns' names, with `_2`, `_3`, ... where one is taken; case and surrounding space make no difference."""
    taken = {name.strip().casefold() for name in header}
    names: list[str] = []
    for column in columns:
        name, number = column, 1
        while name.casefold() in taken:
            number += 1
            name = f"{column}_{number}"
        taken.add(name.casefold())
        names.append(name)
    return tuple(names)
