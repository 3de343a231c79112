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
from registry.domain.flood import HELD_FOR, USUAL_DAYS, Alarm, Flooded, FloodGuard, day_of
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
    guard = guard_of(registry)
    since = guard.watched_since(registry.clock())
    firsts: dict[bytes, datetime] = {}
    for hit in recorded:
        if 0 < guard.number_contacts < contacts.get(hit.tag, 0) and hit.occurred_at >= since:
            firsts[hit.tag] = min(hit.occurred_at, firsts.get(hit.tag, hit.occurred_at))
    recent = floods.recent_contacts(tx, firsts, since=since, now=registry.clock())
    began = {tag: guard.crowded_since(moments) for tag, moments in recent.items()}
    flooding = {tag: at for tag, at in began.items() if at is not None}
    if not flooding:
        return {}
    ends = registry.clock() + HELD_FOR
    new = [
        NewExclusion(
            registry.new_id(),
            dict(zip(registry.generations.active, all_tags[tag], strict=True)),
            floods.REASON,
            ends,
            covers_since=at,
        )
        for tag, at in flooding.items()
    ]
    generations = {tag: generation for one in new for generation, tag in one.tags.items()}
    exclusions.close_expired(tx, sorted(generations), registry.clock())
    added = exclusions.add_all(tx, None, new)
    exclusions.cover_since(tx, [one for one in new if not added.intersection(one.tags.values())])
    refresh_listings(tx, generations, policy=registry.policy, generation=generations, now=registry.clock())
    return {tag: Alarm(Flooded.NUMBER) for tag in flooding if tag in added}


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
