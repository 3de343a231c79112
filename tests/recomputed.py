"""Listings computed once more, from the raw rows, by none of the statements that the registry uses for it."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import psycopg

from registry.domain.policy import Attestation, Channel, Contact, Policy, Role, Verification

if TYPE_CHECKING:
    from uuid import UUID

Connection = psycopg.Connection[tuple[Any, ...]]
FOREVER: Final = datetime.min.replace(tzinfo=UTC)


class Row(NamedTuple):
    """One row of registry.listings."""

    grade: str | None
    contacts: int
    decoys: int
    organisations: int
    first_contact: date | None
    last_contact: date | None
    channels: tuple[str, ...]
    excluded: bool
    disputed: bool
    policy: str
    changes_at: datetime | None


def stored_listings(superuser: Connection) -> dict[bytes, Row]:
    rows = superuser.execute(
        "SELECT tag, grade, contacts, decoys, organisations, first_contact, last_contact, channels, excluded, disputed,"
        " policy, changes_at FROM registry.listings"
    )
    return {bytes(tag): Row._make((*facts[:6], tuple(facts[6]), *facts[7:])) for tag, *facts in rows}


def recomputed_listings(superuser: Connection, policy: Policy, now: datetime) -> dict[bytes, Row]:
    """What every listing should say at `now`. A tag with no contact, exclusion, dispute or line left has none."""
    contacts = _contacts(superuser)
    excluded: dict[bytes, list[datetime | None]] = {}
    covered: dict[bytes, list[tuple[datetime, datetime]]] = {}
    for tag, flood, expires, removed, mistaken, since in superuser.execute(
        "SELECT tag, reason = 'flood', expires_at, removed_at, mistaken,"
        " CASE WHEN covers_since IS NULL THEN created_at - interval '2 days' ELSE covers_since END"
        " FROM registry.exclusions"
    ):
        if removed is None and (expires is None or expires > now):
            excluded.setdefault(bytes(tag), []).append(expires)
        elif not mistaken and not (flood and removed is not None and removed != expires):
            end = min(at for at in (expires, removed) if at is not None)
            covered.setdefault(bytes(tag), []).append((since if flood else FOREVER, end))
    for tag, until in superuser.execute("SELECT tag, live_until FROM registry.decoys"):
        if until is None or until > now:
            excluded.setdefault(bytes(tag), []).append(until)
        else:
            covered.setdefault(bytes(tag), []).append((FOREVER, until))
    disputed = {bytes(row[0]) for row in superuser.execute("SELECT tag FROM registry.disputes WHERE closed_at IS NULL")}
    return {
        tag: _row(
            policy,
            now,
            [
                one
                for one in contacts.get(tag, [])
                if all(not since <= one.occurred_at < end for since, end in covered.get(tag, ()))
            ],
            excluded.get(tag),
            disputed=tag in disputed,
        )
        for tag in contacts.keys() | excluded.keys() | disputed
    }


def _contacts(superuser: Connection) -> dict[bytes, list[Contact]]:
    decoys: dict[UUID, tuple[Any, ...]] = {
        row[0]: row
        for row in superuser.execute(
            "SELECT id, organisation_id, role, live_from, live_until, acquired_on, quarantined_at FROM registry.decoys"
        )
    }
    found: dict[bytes, list[Contact]] = {}
    for tag, decoy, at, channel, attestation, diverted, line_type, verification in superuser.execute(
        "SELECT tag, decoy_id, occurred_at, channel, attestation, diverted, line_type, verification FROM registry.hits"
        " WHERE retracted_at IS NULL"
    ):
        _, organisation, role, live_from, live_until, acquired_on, quarantined_at = decoys[decoy]
        contact = Contact(
            decoy=decoy,
            organisation=organisation,
            role=Role(role),
            live_from=live_from,
            live_until=live_until,
            acquired_on=acquired_on,
            occurred_at=at,
            channel=Channel(channel),
            attestation=None if attestation is None else Attestation(attestation),
            diverted=diverted,
            line_type=line_type,
            retracted=False,
            verification=None if verification is None else Verification(verification),
            quarantined=quarantined_at is not None,
        )
        found.setdefault(bytes(tag), []).append(contact)
    return found


def _row(
    policy: Policy, now: datetime, contacts: list[Contact], excluded: list[datetime | None] | None, *, disputed: bool
) -> Row:
    assessment = policy.assess(contacts, now)
    evidence, changes_at = assessment.evidence, assessment.changes_at
    if excluded is not None:
        # Nothing but its end changes what is excluded: the last of several, and never where one never ends.
        evidence = None
        changes_at = None if None in excluded else max(at for at in excluded if at is not None)
    facts: tuple[Any, ...] = (None, 0, 0, 0, None, None, ())
    if evidence is not None:
        facts = (
            evidence.grade.value,
            evidence.contacts,
            evidence.decoys,
            evidence.organisations,
            evidence.first_contact,
            evidence.last_contact,
            tuple(channel.value for channel in evidence.channels),
        )
    return Row._make((*facts, excluded is not None, disputed, policy.name, changes_at))
