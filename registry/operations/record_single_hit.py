"""Recording one contact by itself, on a decoy that is known to be its organisation's: what `RecordHits` does with a
batch of one, in fewer statements. Whatever is unusual about a contact is left to `RecordHits`.
"""

from collections.abc import Mapping
from uuid import UUID

from registry.db import decoy_days, listings, single_hits
from registry.db.database import Writing
from registry.db.hits import NewHit
from registry.domain.flood import Alarm, day_of
from registry.operations import flood_guard
from registry.operations.operation import Done
from registry.operations.record_hits import Status, new_hit
from registry.operations.refresh_listings import listing_of
from registry.operations.registry import Registry
from registry.operations.submitted_hits import PreparedHit


def record_single_hit(
    tx: Writing, registry: Registry, owner: UUID, decoy: UUID, item: PreparedHit
) -> Done[Status] | None:
    """Must be the transaction's first: it holds the generations.

    None, and no more than these is held, for what `RecordHits` must do: while several generations are active, and where
    the decoy may be flooded. Raises Refused(keys_out_of_date).
    """
    if len(registry.generations.active) > 1:
        return None
    hit = new_hit(item, decoy)
    day, now = day_of(hit.occurred_at), registry.clock()
    guard = flood_guard.guard_of(registry)
    watched = hit.occurred_at >= guard.watched_since(now)
    active = single_hits.hold(tx, decoy, day, guard.decoy_contacts if watched and guard.decoy_contacts else None)
    if active is None:
        return None
    registry.require_generations(active)
    if not single_hits.record(tx, owner, registry.generations.current, registry.normaliser.version, hit):
        return _done(registry, Status.DUPLICATE)
    behind = single_hits.behind(tx, hit.tag, now)
    listing = listing_of(
        hit.tag,
        registry.generations.current,
        behind.contacts,
        behind.exclusion,
        disputed=behind.disputed,
        policy=registry.policy,
        now=now,
    )
    if watched and 0 < guard.number_contacts < len(behind.contacts):
        listings.replace(tx, registry.policy.name, [listing])
        contacts = {hit.tag: len(behind.contacts)}
        alarms = _held(tx, registry, hit, contacts, item)
        decoy_days.add(tx, {(decoy, day, hit.provider): 1})
        return _done(registry, Status.RECORDED, alarms)
    single_hits.finish(tx, listing, decoy, day, hit.provider)
    return _done(registry, Status.RECORDED)


def _held(
    tx: Writing, registry: Registry, hit: NewHit, contacts: Mapping[bytes, int], item: PreparedHit
) -> tuple[Alarm, ...]:
    return tuple(flood_guard.hold_flooding(tx, registry, [hit], contacts, {hit.tag: item.tags}))


def _done(registry: Registry, status: Status, alarms: tuple[Alarm, ...] = ()) -> Done[Status]:
    return Done(
        status,
        count={status.value: 1},
        policy=registry.policy.name,
        generation=registry.generations.current,
        alarms=alarms,
    )
