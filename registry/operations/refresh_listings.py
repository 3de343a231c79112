"""Recomputing listings from the hits: the one function that everything calls which can change an answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.db import disputes, exclusions, hits, listings
from registry.db.database import Reading, Writing
from registry.db.listings import Listing
from registry.domain.policy import Policy

BATCH = 2_000
"""Tags per statement: enough to be quick, few enough to keep memory flat."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the truth says of one tag; None instead of a listing where nothing stands behind the tag."""

    tag: bytes
    listing: Listing | None


def refresh_listings(tx: Writing, tags: Iterable[bytes], *, policy: Policy, generation: int, now: datetime) -> None:
    """Rewrites the listings of these tags in this transaction, holding their rows until it ends.

    Every transaction locks in byte order, so that two of them never wait for each other in a circle.
    generation: under which tags were made that have neither a listing nor a contact.
    """
    ordered = sorted(set(tags))
    for start in range(0, len(ordered), BATCH):
        batch = ordered[start : start + BATCH]
        listings.lock(tx, batch, generation)
        facts = project(tx, batch, policy=policy, generation=generation, now=now)
        listings.replace(tx, policy.name, [fact.listing for fact in facts if fact.listing is not None])
        listings.remove(tx, [fact.tag for fact in facts if fact.listing is None])


def project(tx: Reading, tags: Sequence[bytes], *, policy: Policy, generation: int, now: datetime) -> list[Facts]:
    """What the listings of these tags should say at `now`."""
    contacts = hits.contacts(tx, tags)
    excluded = exclusions.active(tx, tags, now)
    disputed = disputes.open_tags(tx, tags)
    facts: list[Facts] = []
    for tag in tags:
        exclusion = excluded.get(tag)
        of_tag = contacts.get(tag)
        if of_tag is None and exclusion is None and tag not in disputed:
            facts.append(Facts(tag, None))
            continue
        assessment = policy.assess(of_tag or (), now)
        moments = [assessment.changes_at, None if exclusion is None else exclusion.expires_at]
        facts.append(
            Facts(
                tag,
                Listing(
                    tag=tag,
                    generation=generation,
                    evidence=assessment.evidence,
                    excluded=exclusion is not None,
                    disputed=tag in disputed,
                    policy=policy.name,
                    changes_at=min((moment for moment in moments if moment is not None), default=None),
                ),
            )
        )
    return facts
