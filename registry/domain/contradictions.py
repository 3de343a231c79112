"""What can be found wrong with the audit log, one word for each, so that programs can tell them apart.

A contradiction is evidence: something that was signed, or that was kept elsewhere, does not fit what is there now. What
could only not be looked at (nobody answers, no right to read) is none, and must never be reported as one.
"""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What does not fit."""

    # An event, or its place in the log.
    BODY_CHANGED = "body_changed"
    BODIES_SWAPPED = "bodies_swapped"
    COLUMN_CHANGED = "column_changed"
    EVENT_CHANGED = "event_changed"
    EVENT_MISSING = "event_missing"
    EVENT_INSERTED = "event_inserted"
    NOT_AN_EVENT = "not_an_event"
    LEAF_CHANGED = "leaf_changed"
    LEAF_MISSING = "leaf_missing"
    LEAF_OUT_OF_ORDER = "leaf_out_of_order"
    LEAVES_UNSIGNED = "leaves_unsigned"
    LOG_TRUNCATED = "log_truncated"
    # What is computed from the leaves, and what was signed.
    TILE_CHANGED = "tile_changed"
    TILE_MISSING = "tile_missing"
    TILE_EXTRA = "tile_extra"
    TREE_CHANGED = "tree_changed"
    CHECKPOINT_CHANGED = "checkpoint_changed"
    CHECKPOINT_MISSING = "checkpoint_missing"
    CHECKPOINT_UNSIGNED = "checkpoint_unsigned"
    # What events bind without holding it.
    DISCLOSURES_CHANGED = "disclosures_changed"
    DISCLOSURE_WITHOUT_EVENT = "disclosure_without_event"
    PRIVATE_PART_CHANGED = "private_part_changed"
    DROP_UNTRUE = "drop_untrue"
    # What was seen of the log before.
    ROLLED_BACK = "rolled_back"
    SPLIT_VIEW = "split_view"
    HISTORY_REWRITTEN = "history_rewritten"
    # A receipt.
    PROOF_INVALID = "proof_invalid"


class Contradiction(Exception):  # noqa: N818 - it states what was found
    """The first thing found that does not hold. The message is a sentence or two, for people.

    index: of the event in the log, from 0. event: its id, where that is still known.
    """

    def __init__(self, kind: Kind, sentence: str, *, index: int | None = None, event: str | None = None) -> None:
        super().__init__(sentence)
        self.kind: Final = kind
        self.sentence: Final = sentence
        self.index: Final = index
        self.event: Final = event


class NotVerifiable(Exception):  # noqa: N818 - it states what was found
    """Nothing is known to be wrong, and it could not be verified just now. The message says why, for people."""


def named(index: int, event: str | None) -> str:
    """An event as sentences name it: by its place, and by its id where that is known."""
    return f"event {index:,}" if event is None else f"event {index:,} (id {event})"
