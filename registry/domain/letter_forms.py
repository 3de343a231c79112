"""A letter as plain text, and as one HTML file that prints.

Owns how the parts of a letter look. The HTML is whole in itself: no script, nothing from elsewhere, all text escaped,
with headings, a language, and tables that a screen reader can follow.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

_WIDTH: Final = 76
_INDENT: Final = "   "
_STYLE: Final = """
@page { size: auto; margin: 20mm 18mm; }
html { color: #000; background: #fff; }
body { font: 11pt/1.5 Georgia, "Times New Roman", serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5em; line-height: 1.25; margin: 0 0 1em; }
h2 { font-size: 1.15em; margin: 1.6em 0 .4em; break-after: avoid; }
p, li { orphans: 3; widows: 3; }
ul { padding-left: 1.3em; }
li { margin: .35em 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2em 1em; margin: 1em 0; break-inside: avoid; }
dt { font-weight: bold; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .85em; line-height: 1.4; margin: 1em 0; }
caption { text-align: left; font-weight: bold; padding: .3em 0; }
th, td { border: 1px solid #555; padding: .35em .45em; text-align: left; vertical-align: top; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
td:nth-child(2) { min-width: 7em; }
td:last-child { font-family: "Courier New", monospace; overflow-wrap: anywhere; width: 10ch; }
@media print { body { max-width: none; margin: 0; padding: 0; } }
"""


@dataclass(frozen=True, slots=True)
class Heading:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Short facts, each with its name, one to a line."""

    facts: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The first cell of each row names the row."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Bullets | Lines | Table


def plain_text(title: str, blocks: Sequence[Block]) -> str:
    """At most 76 characters to a line where words allow it. Tables become numbered entries."""
    parts = [f"{title}\n{'=' * len(title)}", *map(_text, blocks)]
    return "\n\n".join(parts) + "\n"


def _text(block: Block) -> str:
    match block:
        case Heading(text):
            return f"{text}\n{'-' * len(text)}"
        case Paragraph(text):
            return _wrapped(text)
        case Bullets(items):
            return "\n".join(_wrapped(item, "-  ", _INDENT) for item in items)
        case Lines(facts):
            width = max(len(name) for name, _ in facts) + 2
            return "\n".join(_wrapped(value, f"{name}:".ljust(width), " " * width) for name, value in facts)
        case _:
            return "\n\n".join(_entry(block, row) for row in block.rows)


def _entry(table: Table, row: tuple[str, ...]) -> str:
    lines = [
        _wrapped(f"{header}: {cell}", _INDENT, _INDENT * 2)
        for header, cell in zip(table.headers[1:], row[1:], strict=True)
    ]
    return "\n".join((f"{table.headers[0]} {row[0]}", *lines))


def _wrapped(text: str, first: str = "", others: str = "") -> str:
    """Long words, such as receipt numbers and addresses, stay whole."""
    return textwrap.fill(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def html(title: str, blocks: Sequence[Block]) -> str:
    body = "\n".join(map(_html, blocks))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{escape(text)}</p>"
        case Bullets(items):
            return "<ul>\n" + "\n".join(f"<li>{escape(item)}</li>" for item in items) + "\n</ul>"
        case Lines(facts):
            return (
                "<dl>\n"
                + "\n".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
                + "\n</dl>"
            )
        case _:
            return _table(block)


def _table(table: Table) -> str:
    head = "".join(f'<th scope="col">{escape(header)}</th>' for header in table.headers)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(row[0])}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:]) + "</tr>"
        for row in table.rows
    )
    return (
        f"<table>\n<caption>{escape(table.caption)}</caption>\n<thead>\n<tr>{head}</tr>\n</thead>\n"
        f"<tbody>\n{rows}\n</tbody>\n</table>"
    )
