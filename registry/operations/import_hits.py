"""Importing a file of contacts in chunks, each its own transaction, so that one that is cut off can be run again."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from registry.operations.hit_files import HitFile, Row
from registry.operations.questions import ItemRefusal
from registry.operations.record_hits import Outcome, RecordHitsChunk, RehearseHits, tally

CHUNK_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row of the file that was not recorded, and why. line: 1-based."""

    line: int
    refusal: ItemRefusal


@dataclass
class ImportCounts:
    """What became of the rows so far. ignored: rows that are no contact, such as a log's outbound messages."""

    rows: int = 0
    recorded: int = 0
    duplicate: int = 0
    refused: int = 0
    ignored: int = 0

    def add(self, rows: int, outcomes: list[Outcome]) -> None:
        counts = tally(outcomes)
        self.rows += rows
        self.ignored += rows - len(outcomes)
        self.recorded += counts["recorded"]
        self.duplicate += counts["duplicate"]
        self.refused += counts["refused"]


def chunks(file: HitFile, *, dry_run: bool) -> Iterator[tuple[list[Row], RecordHitsChunk | RehearseHits]]:
    """Some rows at a time, with the operation for those among them that are contacts.

    At least one, so that a file without a row is on record as well.
    """
    rows = iter(file)
    kind = RehearseHits if dry_run else RecordHitsChunk
    chunk = list(islice(rows, CHUNK_ROWS))
    while True:
        yield chunk, kind([row.item for row in chunk if row.item is not None])
        chunk = list(islice(rows, CHUNK_ROWS))
        if not chunk:
            return


def refused_rows(chunk: list[Row], outcomes: list[Outcome]) -> list[RefusedRow]:
    """Those of the chunk's rows that were refused, with their lines."""
    lines = [row.line for row in chunk if row.item is not None]
    return [
        RefusedRow(line, outcome)
        for line, outcome in zip(lines, outcomes, strict=True)
        if isinstance(outcome, ItemRefusal)
    ]
