"""Recomputing listings from the hits: the one function that everything calls which can change an answer."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from registry.db import disputes, exclusion_effects, hits, listings
from registry.db.database import Reading, Writing
from registry.db.exclusion_effects import NO_EFFECT, Effect
from registry.db.listings import Listing
from registry.domain.policy import Contact, Policy

BATCH = 2_000
"""Tags per statement: enough to be quick, few enough to keep memory flat."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the truth says of one tag; None instead of a listing where nothing stands behind the tag.

    contacts: how many it has that are not retracted, whether they count or not.
    """

    tag: bytes
    listing: Listing | None
    contacts: int = 0


def refresh_listings(
    tx: Writing, tags: Iterable[bytes], *, policy: Policy, generation: int | Mapping[bytes, int], now: datetime
) -> dict[bytes, int]:
    """Rewrites the listings of these tags in this transaction, holding their rows until it ends. Returns how many
    contacts each has that are not retracted, whether they count or not.

    Every transaction locks in byte order, so that two of them never wait for each other in a circle.
    generation: under which tags were made that have neither a listing nor a contact: all of them, or each.
    """
    ordered = sorted(set(tags))
    contacts: dict[bytes, int] = {}
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        listings.lock(tx, batch, generation)
        facts = project(tx, batch, policy=policy, generation=generation, now=now)
        listings.replace(tx, policy.name, [fact.listing for fact in facts if fact.listing is not None])
        listings.remove(tx, [fact.tag for fact in facts if fact.listing is None])
        contacts |= {fact.tag: fact.contacts for fact in facts}
    return contacts


def refresh_decoy(
    tx: Writing,
    decoy: UUID,
    *,
    policy: Policy,
    generation: int,
    now: datetime,
    also: Mapping[bytes, int] = MappingProxyType({}),
) -> None:
    """Refreshes every tag with a contact on the decoy, also tags to which contacts were carried while this waited.

    also: other tags to refresh with them, in one order, each with the generation that it was made under.
    """
    refreshed: set[bytes] = set()
    while tags := {*hits.tags_of_decoy(tx, decoy), *also} - refreshed:
        made_under = {tag: also.get(tag, generation) for tag in tags}
        refresh_listings(tx, tags, policy=policy, generation=made_under, now=now)
        refreshed |= tags


def project(
    tx: Reading, tags: Sequence[bytes], *, policy: Policy, generation: int | Mapping[bytes, int], now: datetime
) -> list[Facts]:
    """What the listings of these tags should say at `now`."""
    contacts = hits.contacts(tx, tags)
    effects = exclusion_effects.find(tx, tags, now)
    disputed = disputes.open_tags(tx, tags)
    facts: list[Facts] = []
    for tag in tags:
        effect = effects.get(tag, NO_EFFECT)
        of_tag = contacts.get(tag)
        if of_tag is None and not effect.excluded and tag not in disputed:
            facts.append(Facts(tag, None))
            continue
        made_under = generation if isinstance(generation, int) else generation[tag]
        listing = listing_of(tag, made_under, of_tag or (), effect, disputed=tag in disputed, policy=policy, now=now)
        facts.append(Facts(tag, listing, contacts=len(of_tag or ())))
    return facts


def listing_of(
    tag: bytes,
    generation: int,
    contacts: Sequence[Contact],
    effect: Effect,
    *,
    disputed: bool,
    policy: Policy,
    now: datetime,
) -> Listing:
    """What the listing of a tag should say at `now` behind which at least one of these stands.

    One that is excluded holds no evidence and changes when the exclusion ends, whatever its contacts do until then: a
    contact that expires must not make it stale, and its number's answers slower than those of one that nobody saw.
    """
    if effect.excluded:
        evidence, changes_at = None, effect.excluded_until
    else:
        assessment = policy.assess(contacts, now, covers=effect.covers)
        evidence, changes_at = assessment.evidence, assessment.changes_at
    return Listing(
        tag=tag,
        generation=generation,
        evidence=evidence,
        excluded=effect.excluded,
        disputed=disputed,
        policy=policy.name,
        changes_at=changes_at,
    )
