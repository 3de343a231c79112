"""Holding back what floods the registry, in the transaction that records it: reported, and not listed.

The rules are `registry.domain.flood`'s. This only finds what they need, for the decoys and numbers of one batch, and
looks closely at none that is not over a limit. It answers nothing: a submission is answered, and recorded in its own
event, the same either way. What was held is an event of the registry's own (`registry.operations.registry`), because
whether a number is held depends on what the operator excludes, which is nobody else's to know.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from registry.db import decoy_days, decoys, exclusions, floods
from registry.db.database import Reading, Writing
from registry.db.exclusions import NewExclusion
from registry.db.hits import NewHit
from registry.domain.flood import HELD_FOR, NUMBER_WINDOW, USUAL_DAYS, WATCHED, Alarm, Flooded, FloodGuard, day_of
from registry.operations.refresh_listings import refresh_decoy, refresh_listings
from registry.operations.registry import Registry

Days = Mapping[tuple[UUID, date], int]


def suspects(tx: Reading, registry: Registry, new: Sequence[NewHit]) -> frozenset[UUID]:
    """Decoys that these contacts, if they are all recorded, may flood: to be held alone before they are recorded.

    Two batches that together are too many may each be few enough. Then the next contact finds it.
    """
    guard = guard_of(registry)
    if guard.decoy_contacts == 0:
        return frozenset()
    return _flooded(tx, guard, _watched_days(guard, registry, new))


def quarantine_flooded(
    tx: Writing, registry: Registry, suspected: frozenset[UUID], recorded: Sequence[NewHit]
) -> list[Alarm]:
    """Quarantines the decoys among those suspected, and held alone, that these contacts flooded. Their contacts must
    have been counted before.
    """
    guard = guard_of(registry)
    days = _watched_days(guard, registry, (hit for hit in recorded if hit.decoy_id in suspected))
    alarms: list[Alarm] = []
    for decoy in sorted(_flooded(tx, guard, dict.fromkeys(days, 0))):
        if decoys.quarantine(tx, decoy, floods.REASON):
            refresh_decoy(
                tx, decoy, policy=registry.policy, generation=registry.generations.current, now=registry.clock()
            )
            alarms.append(Alarm(Flooded.DECOY, decoy))
    return alarms


def hold_flooding(
    tx: Writing,
    registry: Registry,
    recorded: Sequence[NewHit],
    contacts: Mapping[bytes, int],
    all_tags: Mapping[bytes, Sequence[bytes]],
) -> dict[bytes, Alarm]:
    """Holds numbers whose contacts come too thick, by an exclusion of the operator's side that ends by itself. Returns
    an alarm for the tag of each that was held. A flood of which older contacts come later, as from a log that begins
    with the newest, began when the oldest did.

    contacts: how many each tag of the batch has, whose listings this transaction holds. all_tags: a number's newest tag
    -> those under every active generation, newest first.
    """
    guard, now = guard_of(registry), registry.clock()
    since = guard.watched_since(now)
    moments: dict[bytes, list[datetime]] = {}
    for hit in recorded:
        if 0 < guard.number_contacts < contacts.get(hit.tag, 0):
            moments.setdefault(hit.tag, []).append(hit.occurred_at)
    if not moments:
        return {}
    _move_back(tx, registry, moments, all_tags)
    watched = sorted(tag for tag, occurred in moments.items() if max(occurred) >= since)
    recent = floods.recent_contacts(tx, watched, since=since, now=now)
    began = {tag: at for tag, found in recent.items() if (at := guard.crowded_since(found)) is not None}
    if not began:
        return {}
    began |= _earlier(tx, guard, began)
    new = [
        NewExclusion(
            registry.new_id(),
            dict(zip(registry.generations.active, all_tags[tag], strict=True)),
            floods.REASON,
            now + HELD_FOR,
            covers_since=at,
        )
        for tag, at in began.items()
    ]
    generations = {tag: generation for one in new for generation, tag in one.tags.items()}
    exclusions.close_expired(tx, sorted(generations), now)
    added = exclusions.add_all(tx, None, new)
    refresh_listings(tx, generations, policy=registry.policy, generation=generations, now=now)
    return {tag: Alarm(Flooded.NUMBER) for tag in began if tag in added}


def _move_back(
    tx: Writing,
    registry: Registry,
    moments: Mapping[bytes, Sequence[datetime]],
    all_tags: Mapping[bytes, Sequence[bytes]],
) -> None:
    """Lets holds cover floods that turn out to have begun before, since older contacts were told later, as from a log
    that begins with the newest. moments: tag -> when the contacts that are being recorded occurred.
    """
    guard, now = guard_of(registry), registry.clock()
    moved: dict[UUID, datetime] = {}
    renewed: dict[bytes, int] = {}
    for tag, holds in floods.holds(tx, sorted(moments), now).items():
        for hold in holds:
            span = _around(hold.covers_since)
            if not any(span.since <= at <= span.until for at in moments[tag]):
                continue
            at = guard.crowded_since(floods.contacts_between(tx, {tag: span}).get(tag, []))
            if at is not None and at < hold.covers_since:
                moved[hold.id] = at
                if hold.ended:
                    renewed |= zip(all_tags[tag], registry.generations.active, strict=True)
    floods.cover_since(tx, moved)
    refresh_listings(tx, renewed, policy=registry.policy, generation=renewed, now=now)


def _earlier(tx: Reading, guard: FloodGuard, began: Mapping[bytes, datetime]) -> dict[bytes, datetime]:
    """When floods began that had begun before what is watched."""
    found = floods.contacts_between(tx, {tag: _around(at) for tag, at in began.items()})
    return {tag: at for tag, moments in found.items() if (at := guard.crowded_since(moments)) is not None}


def _around(began: datetime) -> floods.Span:
    """In which a contact makes a flood that began then begin earlier."""
    return floods.Span(began - WATCHED, began + NUMBER_WINDOW)


def guard_of(registry: Registry) -> FloodGuard:
    settings = registry.settings
    return FloodGuard(settings.flood_number_contacts, settings.flood_decoy_contacts)


def _watched_days(guard: FloodGuard, registry: Registry, new: Iterable[NewHit]) -> Days:
    since = guard.watched_since(registry.clock())
    return Counter((hit.decoy_id, day_of(hit.occurred_at)) for hit in new if hit.occurred_at >= since)


def _flooded(tx: Reading, guard: FloodGuard, more: Days) -> frozenset[UUID]:
    """Decoys whose counted contacts of a day, and so many more, are far more than usual."""
    counted = decoy_days.unforgiven(tx, sorted(more))
    days = {day: many + more[day] for day, many in counted.items() if guard.may_be_flooded(many + more[day])}
    return frozenset(
        decoy
        for (decoy, day), many in days.items()
        if guard.is_flooded(many, decoy_days.days_before(tx, decoy, day, most=USUAL_DAYS))
    )
