"""What the demo prints about contacts that the provider itself tells of, the outreach team, and the control lines.

It must never print a number, in full or in part, nor an address of a line.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from registry.demo import live
from registry.demo.decoys import Role
from registry.demo.http import Problem
from registry.demo.samples import Samples
from registry.demo.twilio import Delivery

_TEXT = "Text message"
_WITHHELD = "Call, number withheld"
_NOT_TOLD = "Call, not signed"

_WORTH = {
    _TEXT: "strong: can hardly be sent under another's number",
    live.PASSED_A: "strong: the network it came from vouches for the number",
    live.PASSED_B: "weak: counts together with others",
    live.PASSED_C: "weak: counts together with others",
    _NOT_TOLD: "weak: counts together with others",
    live.DIVERTED: "nothing: somebody else may have dialled",
    live.FAILED_A: "nothing: the signature on the caller ID does not hold",
    live.FAILED: "nothing: the signature on the caller ID does not hold",
    live.MISMATCHED: "nothing: the signature is malformed, too old, or another call's",
    _WITHHELD: "counted for the line, and given no tag",
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What the registry says after the requests: contacts recorded from Twilio, callers that withheld their number.

    forged: the problem that a request was refused with which another auth token had signed.
    """

    recorded: int
    withheld: int
    forged: Problem


def show_deliveries(out: Console, samples: Samples, taken: Taken) -> None:
    happened = samples.live.deliveries
    organisation = samples.pointing.investigator.name
    table = Table(title=f"What Twilio itself told of the lines of {organisation}", title_justify="left")
    table.add_column("Signed request")
    table.add_column("Requests", justify="right")
    table.add_column("Worth")
    counts = Counter(map(_kind, happened))
    for kind, worth in _WORTH.items():
        if counts[kind]:
            table.add_row(f"Call, {kind}" if "TN-" in kind else kind, str(counts[kind]), worth)
    out.print(table)
    control = _on_control_lines(samples, happened)
    out.print(
        Text(
            f"All {len(happened) + 1} were answered with empty TwiML. {taken.recorded:,} were recorded as contacts, "
            f"{taken.withheld} were counted as withheld, and one was told twice and recorded once. {control} of them "
            "reached the line that nobody advertises: a call there counts for nothing, however well it is signed. A "
            f"request that was signed with another auth token was refused ({taken.forged.code})."
        )
    )


def show_exclusions(out: Console, samples: Samples, added: int, before: str, after: str) -> None:
    """before, after: the outcome for one of the team's numbers."""
    out.print(
        Text(
            f"The outreach team of {samples.pointing.investigator.name} is excluded by a file of {added} numbers. One "
            f"of them, which had texted decoys, was answered {before} before, and {after} since, with the same answer "
            "as for a number that nobody ever saw."
        )
    )


def show_baseline(out: Console, answer: Mapping[str, Any]) -> None:
    """answer: of GET /v1/statistics/baseline."""
    total = answer["total"]
    table = Table(title="Control lines against advertised ones, the last 90 days", title_justify="left")
    for name in ("Lines", "Number", "Line-days", "Contacts", "A day"):
        table.add_column(name, justify="left" if name == "Lines" else "right")
    table.add_column("Days with a contact (95 %)")
    for name in ("control", "advertised"):
        tally = total[name]
        days = tally["proportion"]
        table.add_row(
            name,
            str(tally["lines"]),
            f"{tally['line_days']:,}",
            f"{tally['contacts']:,}",
            "" if tally["rate"] is None else f"{tally['rate']:.2f}",
            "" if days is None else f"{days['estimate']:.0%} ({days['low']:.0%} to {days['high']:.0%})",
        )
    out.print(table)
    if total["baseline"] is not None:
        out.print(
            f"So an estimated {total['baseline']:.1%} of the contacts on advertised lines would have come to any "
            "number: misdialled, sold to, or left over from the last owner."
        )
    else:
        out.print("No baseline can be told: one side has no line-days yet, or nobody contacted the advertised lines.")


def show_employers_share(out: Console, samples: Samples, outcomes: Mapping[str, str]) -> None:
    """outcomes: by the number of each row that could be asked about."""
    told = Counter(outcomes.get(one.number.e164, "") for one in samples.live.told if not one.excluded)
    excluded = Counter(outcomes.get(one.number.e164, "") for one in samples.live.told if one.excluded)
    out.print(
        Text(
            f"Of these numbers, {told.total()} made the contacts that Twilio told of just now: {_listed(told)}. "
            f"{excluded.total()} more belong to the outreach team and are excluded: {_listed(excluded)}. Neither is "
            "to be seen in the answers; only this demo knows it."
        )
    )


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {outcome or 'without an answer'}" for outcome, count in sorted(counts.items()))


def _kind(delivery: Delivery) -> str:
    if not delivery.is_call:
        return _TEXT
    return _WITHHELD if delivery.number is None else delivery.verstat or _NOT_TOLD


def _on_control_lines(samples: Samples, deliveries: Iterable[Delivery]) -> int:
    decoys: Sequence[str] = [decoy.key for decoy in samples.decoys() if decoy.role is Role.CONTROL]
    return sum(delivery.decoy in decoys for delivery in deliveries)
