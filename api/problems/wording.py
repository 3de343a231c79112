"""The shape of what is written about one problem code.

Owns no text and no status: the texts are in the three modules `*_wording.py`, the statuses in `catalogue.py`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wording:
    """What people read about one code. Plain English, no HTML; Markdown code marks are allowed."""

    title: str
    """Short, without a full stop, and the same for every occurrence (RFC 9457, section 3.1.3)."""
    happened: str
    advice: str
    example: str
    """A `detail` as a caller would get it."""
    pointer: str | None = None
    """Where the example is, as a JSON pointer into a request body; None for codes that never stand in `errors`."""
