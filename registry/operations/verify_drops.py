"""What events say about bodies that were dropped, and whether it can be so.

A drop is believed only as far as an honest one could have written it: it takes all events before an index that it has
itself behind it, and counts them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from registry.db.log_walk import DROP_BODIES, RewritingEvent
from registry.domain.audit import OK
from registry.domain.contradictions import Contradiction, Kind, named


@dataclass(frozen=True, slots=True)
class _Drop:
    """minimum: index of the first event that it left. dropped: how many bodies it took. index: None until sealed."""

    index: int | None
    event: str
    minimum: int
    dropped: int


class Drops:
    """size: of the newest checkpoint. An event that is not sealed yet cannot have dropped anything beyond it."""

    def __init__(self, rewriting: Sequence[RewritingEvent], size: int) -> None:
        drops = [drop for drop in map(_drop, rewriting) if drop is not None]
        self._sealed: Final = sorted((drop for drop in drops if drop.index is not None), key=lambda drop: drop.minimum)
        possible = [drop for drop in drops if drop.minimum <= (size if drop.index is None else drop.index)]
        self.sealed_below: Final = max((drop.minimum for drop in possible if drop.index is not None), default=0)
        """Bodies of events before this index were dropped, and a sealed event says so."""
        self.said_below: Final = max((drop.minimum for drop in possible), default=0)
        """The same, where that event may still wait to be sealed."""
        self._left: tuple[int, str | None] | None = None

    def found_body(self, index: int, event: str | None) -> None:
        """An event still has its body. The first one that should not have it is remembered."""
        if index < self.sealed_below and self._left is None:
            self._left = index, event

    def finish(self) -> None:
        """Raises Contradiction about a sealed event that says what cannot be."""
        before: _Drop | None = None
        for drop in self._sealed:
            self._hold(drop, before)
            before = drop
        if self._left is not None:
            index, event = self._left
            raise Contradiction(
                Kind.DROP_UNTRUE,
                f"All bodies before event {self.sealed_below:,} were dropped, as a sealed event says, and "
                f"{named(index, event)} still has its own: others were deleted by hand, under the cover of that event.",
                index=index,
                event=event,
            )

    def _hold(self, drop: _Drop, before: _Drop | None) -> None:
        """before: the last one before it that is still there. Those that are not have taken some of what is missing."""
        if drop.index is not None and drop.minimum > drop.index:
            wrong = "bodies of events after itself were dropped"
        elif before is not None and drop.dropped != drop.minimum - before.minimum:
            wrong = (
                f"bodies were dropped, and counts {drop.dropped:,} where {drop.minimum - before.minimum:,} are missing"
            )
        elif drop.dropped > drop.minimum:
            wrong = f"bodies were dropped, and counts {drop.dropped:,} where {drop.minimum:,} are missing"
        else:
            return
        name = named(drop.index or 0, drop.event).capitalize()
        raise Contradiction(
            Kind.DROP_UNTRUE,
            f"{name} says that {wrong}: the registry has not written it.",
            index=drop.index,
            event=drop.event,
        )


def content_of(event: RewritingEvent) -> dict[str, Any]:
    """Its body. That it is the sealed one is checked with all others; what is no event of ours is found there too."""
    try:
        content: object = json.loads(event.body)
    except ValueError:
        content = None
    return cast("dict[str, Any]", content) if isinstance(content, dict) else {}


def _drop(event: RewritingEvent) -> _Drop | None:
    """None for what is no drop, was refused, or has not a drop's form: that excuses nothing."""
    content = content_of(event)
    counted: object = content.get("count")
    if (content.get("operation"), content.get("result")) != (DROP_BODIES, OK) or not isinstance(counted, dict):
        return None
    count = cast("dict[str, object]", counted)
    minimum, dropped = count.get("minimum_index"), count.get("dropped")
    if not isinstance(minimum, int) or not isinstance(dropped, int):
        return None
    return _Drop(event.index, event.event, minimum, dropped)
