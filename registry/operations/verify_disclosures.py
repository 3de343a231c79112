"""Holding the index of disclosures (`audit.subject`) and the private parts against the events that bind them.

An event binds its own tags by their digest. An operation that rewrote the index binds the whole of it, as it left it;
where that was rekeying, what is older is held against that one event alone.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from registry.db import log_walk
from registry.db.database import Reading
from registry.db.log_walk import DROP_BODIES, RewritingEvent
from registry.domain.audit import OK, PrivatePart, index_digest, subjects_digest
from registry.domain.contradictions import Contradiction, Kind, named

_MOST_DOUBTS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Bound:
    """What an event whose body is as it was sealed says about rows of other tables."""

    index: int
    xid: int
    id: int
    event: str
    subjects: str | None
    private: str | None
    before: bool
    """Whether it was written down before the index was last rewritten."""


class Disclosures:
    """Checks piece by piece, and the whole index at the end.

    Which events a rewriting one covers: those that were written down (`at`) before it, since it holds the table that
    all others write to first. Where the clock was set back in between, this misleads, and the log's order is tried,
    with those behind it in the log that no longer fit by themselves: a transaction may have got its place before others
    that were quicker.
    """

    def __init__(self, tx: Reading) -> None:
        self._tx = tx
        done = [event for event in log_walk.rewriting_events(tx) if _read(event).get("result") == OK]
        self.rewriting: Final[RewritingEvent | None] = done[-1] if done else None
        self._rekeyed = any(_read(event).get("operation") != DROP_BODIES for event in done)
        """Only rekeying changes tags: dropping takes the rows of dropped events away, and leaves all others."""
        self._rewrote = frozenset(event.event for event in done)
        """These bind the index, and have disclosed nothing themselves."""
        drops = [event for event in done if _read(event).get("operation") == DROP_BODIES]
        self.dropped_below: Final = max((_minimum(event) for event in drops if event.index is not None), default=0)
        """Bodies of events before this index were dropped, and a sealed event says so."""
        self.said_below: Final = max((_minimum(event) for event in drops), default=0)
        """The same, where that event may still wait to be sealed."""
        self._reads_private = log_walk.may_read_private(tx)
        self.tags = 0
        self.private: int | None = 0 if self._reads_private else None
        self._doubts: list[Bound] = []
        """Events that no longer fit by themselves, and might be covered."""

    def check(self, events: Sequence[Bound]) -> None:
        """Raises Contradiction about the first one that does not fit."""
        ids = [event.event for event in events]
        tags = log_walk.tags_of(self._tx, ids)
        private = log_walk.private_parts(self._tx, ids) if self._reads_private else {}
        for event in events:
            found = tags.get(event.event, ())
            self.tags += len(found)
            bound = None if event.event in self._rewrote else event.subjects
            if not self._surely_covered(event) and subjects_digest(found) != bound:
                self._doubt(event)
            row = private.get(event.event)
            if row is not None:
                self.private = (self.private or 0) + 1
                if PrivatePart(row.nonce, row.address, row.user_agent).digest().hex() != event.private:
                    raise Contradiction(
                        Kind.PRIVATE_PART_CHANGED,
                        f"The address and user agent kept for {named(event.index, event.event)} are not those that it "
                        "was sealed with.",
                        index=event.index,
                        event=event.event,
                    )

    def finish(self) -> None:
        """The whole index. Raises Contradiction."""
        stray = log_walk.disclosure_without_event(self._tx)
        if stray is not None:
            raise Contradiction(
                Kind.DISCLOSURE_WITHOUT_EVENT,
                f"The index of disclosures names an event (id {stray}) that there is not.",
                event=stray,
            )
        rewriting = self.rewriting
        if rewriting is None:
            return
        bound = _read(rewriting).get("subjects")
        if index_digest(log_walk.index_before(self._tx, rewriting)).hex() == bound:
            self._require_covered([doubt for doubt in self._doubts if not doubt.before])
            return
        behind = [doubt for doubt in self._doubts if not _is_in_front(doubt, rewriting)]
        self._require_covered([doubt for doubt in self._doubts if _is_in_front(doubt, rewriting) and not doubt.before])
        ids = [doubt.event for doubt in behind]
        if index_digest(log_walk.index_with(self._tx, rewriting, ids)).hex() == bound:
            return
        self._require_covered(behind)
        place = "an event that is not sealed yet" if rewriting.index is None else f"event {rewriting.index:,}"
        raise Contradiction(
            Kind.DISCLOSURES_CHANGED,
            f"The index of disclosures is not the one that {place} (id {rewriting.event}) left: a row of an event "
            "before it was changed, added or removed.",
            index=rewriting.index,
            event=rewriting.event,
        )

    def _surely_covered(self, event: Bound) -> bool:
        rewriting = self.rewriting if self._rekeyed else None
        return rewriting is not None and event.before and _is_in_front(event, rewriting)

    def _doubt(self, event: Bound) -> None:
        if not self._rekeyed or len(self._doubts) == _MOST_DOUBTS:
            self._require_covered([event])
        self._doubts.append(event)

    def _require_covered(self, doubts: Sequence[Bound]) -> None:
        """Raises Contradiction about the first one, if there is any."""
        if doubts:
            first = doubts[0]
            raise Contradiction(
                Kind.DISCLOSURES_CHANGED,
                f"The index of disclosures does not have the tags that {named(first.index, first.event)} disclosed: "
                "rows were changed, added or removed.",
                index=first.index,
                event=first.event,
            )


def _is_in_front(event: Bound, rewriting: RewritingEvent) -> bool:
    return (event.xid, event.id) < (rewriting.xid, rewriting.id)


def _read(event: RewritingEvent) -> dict[str, Any]:
    """Its body. That it is the sealed one is checked with all others; what is no event of ours is found there too."""
    try:
        content: object = json.loads(event.body)
    except ValueError:
        content = None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _minimum(event: RewritingEvent) -> int:
    count = _read(event).get("count")
    minimum = cast("dict[str, Any]", count).get("minimum_index") if isinstance(count, dict) else None
    return minimum if isinstance(minimum, int) else 0
