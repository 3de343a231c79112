"""The letter that answers a subject's request: who was told about their number, in words for somebody who is worried
and knows nothing of this registry.

Owns the wording; `registry.domain.letter_forms` makes text or HTML of it. It never holds the number, not even a part of
it, and never says more than the log does: that a number was used, not that anybody did anything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from registry.domain.disclosures import Disclosure, Reach, Told
from registry.domain.letter_forms import Block, Bullets, Heading, Lines, Paragraph, Table

TITLE: Final = "Who was told about your phone number"
BLANK: Final = "_" * 32
"""To be filled in by hand."""

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)
_KINDS: Final = {
    "employer": "an employer",
    "investigator": "an organisation that works against sex trafficking and runs decoy advertisements",
    "partner": "a partner organisation, which uses this registry in a service of its own",
    "operator": "the operator of this registry",
}
_PURPOSES: Final = {
    "company_number": "Checking a phone number that belongs to the company.",
    "investigation": "An investigation.",
    "subject_request": "A request by the person whose number it is, such as yours.",
    "partner_screening": "Checking numbers for a service that the organisation offers.",
}
_OBSERVED: Final = "that contact from this number was observed (“contact_observed”)"
_OPEN: Final = "that the registry cannot say (“indeterminate”)"
_TOLD: Final[Mapping[tuple[Told, ...], str]] = {
    (Told.CONTACT_OBSERVED,): f"T{_OBSERVED[1:]}.",
    (Told.INDETERMINATE,): f"T{_OPEN[1:]}.",
    (Told.CONTACT_OBSERVED, Told.INDETERMINATE): (f"Either {_OBSERVED}, or {_OPEN}. Our record does not show which."),
    (Told.DISCLOSURES,): "Who had been told about this number before, as in this letter.",
}
_UNKNOWN: Final = "Our record does not say."


@dataclass(frozen=True, slots=True)
class Sender:
    """Who writes. What is None is left blank, to be filled in by hand.

    contact: how the operator is reached. authority: where else a complaint can go. guidance: the address of what
    recipients of answers are told to do, None where it is no address that others can open.
    """

    name: str | None = None
    contact: str | None = None
    authority: str | None = None
    guidance: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known. reference: the receipt of the answer to this request. dispute_days: within which one is decided.
    enclosed: whether the proofs come with the letter.
    """

    disclosures: Sequence[Disclosure] = field(repr=False)
    reach: Reach
    reference: UUID
    written_on: date
    dispute_days: int
    enclosed: bool


def compose(answer: Answer, sender: Sender) -> list[Block]:
    """The letter, from its head to the signature. Disclosures are put into the order of time."""
    disclosures = sorted(answer.disclosures, key=lambda one: (one.time, one.event))
    return [
        Lines(
            (
                ("From", _or_blank(sender.name)),
                ("To", BLANK),
                ("Date", in_words(answer.written_on)),
                ("Our reference", str(answer.reference)),
                ("Number", BLANK),
            )
        ),
        Paragraph(
            "We have left your number out of this letter on purpose, so that it is not written down beside the name of "
            "this registry. If it helps you, you can write it on the line yourself."
        ),
        Paragraph(
            "You asked us who was told something about your phone number. This letter answers that as completely as "
            "we can. You are not accused of anything."
        ),
        *_what_it_is(),
        *(_found(disclosures) if disclosures else _nothing_found()),
        *_limits(answer.reach, found=bool(disclosures)),
        *_what_to_do(answer, sender, found=bool(disclosures)),
        *_proofs(disclosures, enclosed=answer.enclosed),
        Paragraph("If anything in this letter is unclear, please ask us. You do not need to give a reason."),
        Lines((("Signed", BLANK), ("For", _or_blank(sender.name)))),
    ]


def in_words(day: date) -> str:
    """3 November 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def _moment(time: datetime) -> str:
    utc = time.astimezone(UTC)
    return f"{in_words(utc)}, {utc:%H:%M} UTC"


def _or_blank(text: str | None) -> str:
    return " ".join(text.split()) if text else BLANK


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _what_it_is() -> list[Block]:
    return [
        Heading("What this registry is"),
        Paragraph(
            "This registry records contacts with decoy advertisements: advertisements that offer nothing real, "
            "published by organisations that work against sex trafficking. Approved organisations can ask whether a "
            "phone number had such contact; the numbers themselves are not stored, only codes that we compute from "
            "them with a secret key."
        ),
        Heading("What it cannot say about you"),
        Paragraph(
            "The registry cannot say that you, or anybody, did anything. “contact_observed” means only that at some "
            "time a call or a message that showed this number reached the phone line of a decoy advertisement. The "
            "number a caller shows can be faked by somebody else. Numbers pass from one person to the next, phones are "
            "shared and lent, and people misdial. Such an answer proves nothing about a person, and our guidance for "
            "everybody who may ask says so."
        ),
    ]


def _found(disclosures: Sequence[Disclosure]) -> list[Block]:
    possible = {told for one in disclosures for told in one.told}
    blocks: list[Block] = [
        Heading("What was told, to whom, when and why"),
        Paragraph(
            f"We found {_counted(len(disclosures), 'answer', 'answers')} in which something was told about this number."
            " The oldest comes first. The reason is the one that the organisation gave itself."
        ),
        Table(
            "Answers about this number",
            ("No.", "When", "Who was told", "The reason they gave", "What they were told", "Receipt number"),
            tuple(_row(index, one) for index, one in enumerate(disclosures, 1)),
        ),
    ]
    if Told.CONTACT_OBSERVED in possible:
        blocks.append(
            Paragraph(
                "With “contact_observed” goes a short description: how firm the record is, how many contacts there "
                "were, between which dates, and whether they were calls or messages. Our log does not keep what the "
                "description said at the time."
            )
        )
    if Told.INDETERMINATE in possible:
        blocks.append(
            Paragraph(
                "“indeterminate” means that the registry could not honestly say more: for example because the record "
                "was disputed, or because the only contacts were on the first or last day on which the organisation "
                "held the number."
            )
        )
    return blocks


def _row(index: int, one: Disclosure) -> tuple[str, ...]:
    return (str(index), _moment(one.time), _who(one), _why(one), _TOLD.get(one.told, _UNKNOWN), str(one.event))


def _who(one: Disclosure) -> str:
    if one.recipient is None:
        return "We ourselves, the operator of this registry"
    kind = _KINDS.get(one.recipient.kind, "another kind of organisation")
    return f"{_or_blank(one.recipient.name)}: {kind}"


def _why(one: Disclosure) -> str:
    parts = [_PURPOSES.get(one.purpose or "", "They gave none.")]
    if one.numbers > 1:
        parts.append(f"They asked about {one.numbers:,} numbers at once.")
    if one.case is not None:
        parts.append(f"Their reference: {one.case}")
    return " ".join(parts)


def _nothing_found() -> list[Block]:
    return [
        Heading("We found nothing that was told about your number"),
        Paragraph(
            "We looked for every answer in which somebody was told something about this number, and found none. As far "
            "as our records reach, nobody was told anything about it."
        ),
        Paragraph(
            "This does not mean that nobody asked. And it does not say whether contact from this number was recorded: "
            "only that nobody was told so."
        ),
    ]


def _limits(reach: Reach, *, found: bool) -> list[Block]:
    none = (
        "Questions that were answered “none”. That answer tells nothing about a number, and we keep no record of "
        "which number it was given for."
    )
    limits = [none]
    if reach.unsearchable_until is not None:
        limits.append(
            f"Answers given up to {in_words(reach.unsearchable_until.astimezone(UTC))}, if they were recorded under a "
            "key that has been destroyed since. Nobody can find these any more, and neither can we."
        )
    if reach.kept_since is not None:
        limits.append(f"Answers from before {in_words(reach.kept_since.astimezone(UTC))}. Older records were deleted.")
    limits.append("What an organisation did afterwards with what it was told, and whom it told.")
    blocks: list[Block] = [Heading("What this letter cannot show"), Bullets(tuple(limits))]
    if found:
        blocks.append(
            Paragraph(
                "To write this letter we had to look at these records ourselves. That is recorded too, and later "
                "letters will list it."
            )
        )
    return blocks


def _what_to_do(answer: Answer, sender: Sender, *, found: bool) -> list[Block]:
    dispute = (
        "Dispute what is recorded. You do not have to prove anything to begin. While a dispute is open, nobody who "
        f"asks is told that contact was observed. We decide within {_counted(answer.dispute_days, 'day', 'days')}."
    )
    exclude = (
        "Ask us to exclude your number, for good. From then on a question about it is "
        "answered exactly as if nothing had ever been recorded."
    )
    steps = [dispute, exclude]
    if found:
        steps.append(
            "Talk to the organisations in the list. Our guidance asks them to hear the person first, and never to "
            "decide anything against somebody on an answer alone. You may show them this letter, but you do not have "
            "to."
        )
    steps += [
        "Get advice before anything is decided about you: from a lawyer, a union, or an advice centre, for example.",
        "Complain: to us, or to the authority that is responsible for data protection where you live.",
    ]
    contacts = [("How to reach us", _or_blank(sender.contact)), ("Where else to complain", _or_blank(sender.authority))]
    if sender.guidance is not None:
        contacts.append(("Our guidance", sender.guidance))
    return [Heading("What you can do"), Bullets(tuple(steps)), Lines(tuple(contacts))]


def _proofs(disclosures: Sequence[Disclosure], *, enclosed: bool) -> list[Block]:
    if not disclosures:
        return []
    ready = sum(one.sealed for one in disclosures)
    waiting = len(disclosures) - ready
    files = _counted(ready, "small file", "small files")
    called = "named after its receipt number" if ready == 1 else "each named after its receipt number"
    if enclosed:
        how = f"With this letter {'comes' if ready == 1 else 'come'} {files}, {called}."
    else:
        how = f"If you ask for it, we send you {files}, {called}."
    blocks: list[Block] = [Heading("How this list can be checked")]
    if ready:
        blocks.append(
            Paragraph(
                f"{how} You do not need them to do any of the above. Each proves that an answer stands in our log "
                "exactly as it was recorded at the time. Somebody with technical knowledge can check that without us, "
                "with our public key and the command “demand-registry verify-proof”, or any other program that reads "
                "files of the kind “tlog-proof”."
            )
        )
    if waiting:
        blocks.append(
            Paragraph(
                f"For {_counted(waiting, 'answer', 'answers')} the proof was not ready yet when this letter was "
                "written, because it is made a moment after the record. Ask us for it, and we will send it."
            )
        )
    return blocks
