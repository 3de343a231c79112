"""Contacts as the policy is shown them in tests."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from registry.domain.policy import (
    Channel,
    Contact,
    Grade,
    Policy,
    Role,
)

POLICY = Policy()
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
DECOY, OTHER_DECOY = UUID(int=1), UUID(int=2)
ORGANISATION, OTHER_ORGANISATION = UUID(int=10), UUID(int=20)
SMS = Contact(
    decoy=DECOY,
    organisation=ORGANISATION,
    role=Role.ADVERTISEMENT,
    live_from=None,
    live_until=None,
    acquired_on=None,
    occurred_at=datetime(2026, 3, 1, 10, tzinfo=UTC),
    channel=Channel.SMS,
    attestation=None,
    diverted=False,
    line_type="mobile",
    retracted=False,
)
WEAK = replace(SMS, channel=Channel.VOICE)


def on(day: int, hour: int = 10, base: Contact = SMS) -> Contact:
    return replace(base, occurred_at=datetime(2026, 3, day, hour, tzinfo=UTC))


def grade_of(*contacts: Contact) -> Grade | None:
    evidence = POLICY.assess(contacts, NOW).evidence
    return None if evidence is None else evidence.grade
