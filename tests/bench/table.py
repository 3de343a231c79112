"""The table of results: what was measured, what it must and should be, and the figures behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_HEADS: Final = ("what", "must", "aim", "measured", "verdict")


@dataclass(frozen=True, slots=True)
class Row:
    """must, aim: at most, or at least, in `unit`. measured: None where this run could not measure it."""

    what: str
    must: float
    aim: float
    measured: float | None
    unit: str = ""
    at_least: bool = False

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not applicable"
        if self._reaches(self.measured, self.aim):
            return "aim reached"
        return "must reached" if self._reaches(self.measured, self.must) else "MISSED"

    def _reaches(self, measured: float, wanted: float) -> bool:
        return measured >= wanted if self.at_least else measured <= wanted

    def cells(self) -> tuple[str, ...]:
        measured = "-" if self.measured is None else self._figure(self.measured, 0 if self.unit else 2)
        sign = ">=" if self.at_least else "<="
        return (
            self.what,
            f"{sign} {self._figure(self.must)}",
            f"{sign} {self._figure(self.aim)}",
            measured,
            self.verdict,
        )

    def _figure(self, value: float, decimals: int | None = None) -> str:
        return (f"{value:g}" if decimals is None else f"{value:.{decimals}f}") + (f" {self.unit}" if self.unit else "")


@dataclass(frozen=True, slots=True)
class Result:
    """Some rows, and the raw figures that they were made from: a name and what it was."""

    rows: Sequence[Row]
    raw: Sequence[tuple[str, str]]


def render(results: Sequence[Result]) -> str:
    """Everything as text, in Markdown."""
    lines = [_HEADS, *(row.cells() for result in results for row in result.rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADS))]
    written = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    written.insert(1, "| " + " | ".join("-" * width for width in widths) + " |")
    raw = [(name, figure) for result in results for name, figure in result.raw]
    longest = max(len(name) for name, _ in raw)
    return "\n".join([*written, "", *(f"{name.ljust(longest)}  {figure}" for name, figure in raw)]) + "\n"
