"""Holding the index of disclosures (`audit.subject`) and the private parts against the events that bind them.

An event binds its own tags by their digest. An operation that rewrote the index binds the whole of it, as it left it;
where that was rekeying, what is older is held against that one event alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.db import log_walk
from registry.db.database import Reading
from registry.db.log_walk import DROP_BODIES, RewritingEvent
from registry.domain.audit import OK, PrivatePart, index_digest, subjects_digest
from registry.domain.contradictions import Contradiction, Kind, NotVerifiable, named
from registry.operations.verify_drops import content_of

_MOST_BEHIND: Final = 100_000
"""Ids of events that are kept in memory, for trying the log's order."""


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

    def __init__(self, tx: Reading, rewriting: Sequence[RewritingEvent]) -> None:
        """rewriting: all events of the log that say to have rewritten the index, in the order of their time."""
        self._tx = tx
        done = [event for event in rewriting if content_of(event).get("result") == OK]
        self.rewriting: Final[RewritingEvent | None] = done[-1] if done else None
        sealed_last = self.rewriting is not None and self.rewriting.index is not None
        self._rekeyed = any(
            content_of(event).get("operation") != DROP_BODIES
            for event in done
            if event.index is not None or not sealed_last
        )
        """Only rekeying changes tags: dropping takes the rows of dropped events away, and leaves all others. An event
        that is still not sealed when a later one is has not done anything.
        """
        self._rewrote = frozenset(event.event for event in done)
        """These bind the index, and have disclosed nothing themselves."""
        self._reads_private = log_walk.may_read_private(tx)
        self.tags = 0
        self.private: int | None = 0 if self._reads_private else None
        # Of events that no longer fit by themselves, and might be covered.
        self._excused = False
        self._younger: Bound | None = None
        self._younger_in_front: Bound | None = None
        self._first_behind: Bound | None = None
        self._behind: list[str] = []
        self._too_many = False

    def check(self, events: Sequence[Bound]) -> None:
        """Raises Contradiction about the first one that does not fit."""
        ids = [event.event for event in events]
        tags = log_walk.tags_of(self._tx, ids)
        private = log_walk.private_parts(self._tx, ids) if self._reads_private else {}
        for event in events:
            found = tags.get(event.event, ())
            self.tags += len(found)
            bound = None if event.event in self._rewrote else event.subjects
            if (bound is None) == bool(found):  # rekeying puts tags in the place of others: it never adds or removes
                self._accuse(event)
            if subjects_digest(found) != bound:
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
        bound = content_of(rewriting).get("subjects")
        if index_digest(log_walk.index_before(self._tx, rewriting)).hex() == bound:
            self._accuse(self._younger)
            self._require_sealed(rewriting)
            return
        self._accuse(self._younger_in_front)
        place = "an event that is not sealed yet" if rewriting.index is None else f"event {rewriting.index:,}"
        name = f"The index of disclosures is not the one that {place} (id {rewriting.event}) left"
        if self._too_many:
            raise NotVerifiable(
                f"{name}, as far as clocks tell, and more events than can be looked at stand behind it that do not fit "
                "by themselves. Either a clock was set back while tags were rewritten, or rows were changed."
            )
        if index_digest(log_walk.index_with(self._tx, rewriting, self._behind)).hex() == bound:
            self._require_sealed(rewriting)
            return
        self._accuse(self._first_behind)
        raise Contradiction(
            Kind.DISCLOSURES_CHANGED,
            f"{name}: a row of an event before it was changed, added or removed.",
            index=rewriting.index,
            event=rewriting.event,
        )

    def _require_sealed(self, rewriting: RewritingEvent) -> None:
        """Raises NotVerifiable where all that excuses an event has been signed by nobody."""
        if self._excused and rewriting.index is None:
            raise NotVerifiable(
                f"The index of disclosures was rewritten, and the event that says so (id {rewriting.event}) is not "
                "sealed yet. Try again in a moment."
            )

    def _doubt(self, event: Bound) -> None:
        if self.rewriting is None or not self._rekeyed:
            self._accuse(event)
            return
        self._excused = True
        in_front = _is_in_front(event, self.rewriting)
        if not event.before:
            self._younger = self._younger or event
            if in_front:
                self._younger_in_front = self._younger_in_front or event
        if in_front:
            return
        self._first_behind = self._first_behind or event
        if len(self._behind) < _MOST_BEHIND:
            self._behind.append(event.event)
        else:
            self._too_many = True

    def _accuse(self, event: Bound | None) -> None:
        """Raises Contradiction about it, if it is one."""
        if event is not None:
            raise Contradiction(
                Kind.DISCLOSURES_CHANGED,
                f"The index of disclosures does not have the tags that {named(event.index, event.event)} disclosed: "
                "rows were changed, added or removed.",
                index=event.index,
                event=event.event,
            )


def _is_in_front(event: Bound, rewriting: RewritingEvent) -> bool:
    return (event.xid, event.id) < (rewriting.xid, rewriting.id)
