"""The sample data of one run of the demo: everything that investigators submit and an employer asks about.

The same random source, day and run name give the same samples. It must never reach for the clock or the network.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from operator import attrgetter
from random import Random

from registry.demo import live
from registry.demo.callers import CONTACTED_COMPANY_LINES, fictional_numbers
from registry.demo.company import CompanyRow, company_rows
from registry.demo.contacts import Contact, Fate, background, refused, special, targets
from registry.demo.decoys import Decoy, Feed, Investigator, investigators
from registry.demo.stories import tell

HITS = 5_000
DUPLICATES = 40
"""Hits that one organisation submits twice in the same feed."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A contact with the name that its organisation's telephone system gave the event."""

    source_id: str
    contact: Contact


@dataclass(frozen=True, slots=True)
class Submission:
    """What one organisation hands in, in this order. `retract` is the `source_id` of a hit that it later takes back."""

    investigator: Investigator
    hits: tuple[Hit, ...]
    retract: str | None

    def expected(self, fate: Fate) -> int:
        """How many of the hits the registry must answer with this."""
        return sum(hit.contact.fate is fate for hit in self.hits)


@dataclass(frozen=True, slots=True)
class Samples:
    """run: letters that make names and source ids of this run unlike those of any other.

    live: what Twilio tells of itself while the demo runs, and the outreach team that is excluded.
    """

    run: str
    submissions: tuple[Submission, ...]
    employer: str
    company: tuple[CompanyRow, ...]
    live: live.Live

    @property
    def pointing(self) -> Submission:
        """Of the organisation whose Twilio numbers point at the registry."""
        return next(submission for submission in self.submissions if submission.investigator.feed is Feed.TWILIO_FILE)

    def decoys(self) -> Iterable[Decoy]:
        return (decoy for submission in self.submissions for decoy in submission.investigator.decoys)


def generate(rng: Random, today: date, run: str) -> Samples:
    """5,000 hits on the thirteen decoys of four organisations, and an employer's 2,000 numbers.

    run: a few letters; letters only, so that no source id can be taken for a phone number.
    """
    organisations = investigators(rng, today, run)
    everyone = targets(organisations)
    callers = fictional_numbers(rng, CONTACTED_COMPANY_LINES)
    told = tell(rng, everyone, today, callers)
    happening = live.happen(rng, everyone, today, callers)
    told += happening.told
    mistaken = {contact for story in told if story.retracted for contact in story.contacts}
    contacts = [contact for story in told for contact in story.contacts]
    contacts += special(rng, everyone, today) + refused(rng, everyone, today)
    contacts += background(rng, everyone, today, HITS - DUPLICATES - len(happening.deliveries) - len(contacts))
    contacts.sort(key=attrgetter("occurred_at"))

    again = _chosen_twice(rng, contacts)
    submissions: list[Submission] = []
    for organisation in organisations:
        own = [contact for contact in contacts if contact.organisation == organisation.name]
        hits = [Hit(_source_id(rng, run, organisation, i, own[i]), own[i]) for i in range(len(own))]
        retract = next((hit.source_id for hit in hits if hit.contact in mistaken), None)
        hits += [Hit(h.source_id, replace(h.contact, fate=Fate.DUPLICATE)) for h in hits if h.contact in again]
        submissions.append(Submission(organisation, tuple(hits), retract))
    return Samples(
        run=run,
        submissions=tuple(submissions),
        employer=f"Elmwood Logistics {run}",
        company=company_rows(rng, today, told),
        live=happening,
    )


def _chosen_twice(rng: Random, contacts: Sequence[Contact]) -> set[Contact]:
    return set(rng.sample([contact for contact in contacts if contact.fate is Fate.RECORDED], DUPLICATES))


def _source_id(rng: Random, run: str, organisation: Investigator, index: int, contact: Contact) -> str:
    if organisation.feed is Feed.TWILIO_FILE:
        return f"{'MM' if contact.channel == 'mms' else 'SM'}{rng.getrandbits(128):032x}"
    return f"{run}-{index:04d}"
