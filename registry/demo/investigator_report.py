"""What the demo prints about the investigators' side: who they are, what was recorded, what was refused and why.

It must never print a number, in full or in part.
"""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from registry.demo.answers import Recorded, Refusals
from registry.demo.decoys import Feed, Role
from registry.demo.http import Problem
from registry.demo.samples import Samples

_FEEDS = {
    Feed.JSON: "JSON, up to 1,000 hits a request",
    Feed.OWN_FILE: "CSV file in the registry's own header",
    Feed.TWILIO_FILE: "Twilio's message log, as exported; from now on Twilio's signed requests",
}


def show_start(out: Console, base_url: str, samples: Samples) -> None:
    out.rule("Demand Registry: the demo")
    out.print(
        Text(
            f"Playing against {base_url}. All data is invented: the numbers are reserved for fiction, or examples from "
            "the numbering plans of some 240 regions. Every run makes organisations of its own."
        )
    )
    table = Table(title="Who submits", title_justify="left")
    table.add_column("Organisation")
    table.add_column("Decoys", justify="right")
    table.add_column("of which advertised", justify="right")
    table.add_column("How")
    for submission in samples.submissions:
        investigator = submission.investigator
        advertised = sum(decoy.role is Role.ADVERTISEMENT for decoy in investigator.decoys)
        decoys = len(investigator.decoys)
        table.add_row(investigator.name, str(decoys), str(advertised), _FEEDS[investigator.feed])
    out.print(table)


def show_recorded(out: Console, samples: Samples, recorded: Sequence[Recorded]) -> None:
    """One line per organisation, and one per reason for which hits were refused."""
    table = Table(title="What the registry did with the hits", title_justify="left", show_footer=True)
    total = Recorded()
    for outcome in recorded:
        total.merge(outcome)
    table.add_column("Organisation", "All")
    for name, count in (
        ("Submitted", total.submitted),
        ("Recorded", total.recorded),
        ("Duplicate", total.duplicate),
        ("Refused", total.refused),
        ("Not a hit", total.ignored),
    ):
        table.add_column(name, f"{count:,}", justify="right")
    for submission, outcome in zip(samples.submissions, recorded, strict=True):
        counts = (outcome.submitted, outcome.recorded, outcome.duplicate, outcome.refused, outcome.ignored)
        table.add_row(submission.investigator.name, *(f"{count:,}" for count in counts))
    out.print(table)
    out.print(
        "Recorded does not mean held against anyone: diverted calls, calls outside an ad's live window, calls to lines "
        "that were never advertised, and single calls whose caller ID no network vouched for count for nothing.\n"
        '"Not a hit" are rows of the message log that the investigators sent themselves.'
    )
    _show_refusals(out, total.refusals)


def _show_refusals(out: Console, refusals: Refusals) -> None:
    table = Table(title="Refused, and why", title_justify="left")
    table.add_column("Code", no_wrap=True)
    table.add_column("Hits", justify="right")
    table.add_column("What the registry says")
    for code in sorted(refusals.count, key=lambda code: (-refusals.count[code], code)):
        table.add_row(code, f"{refusals.count[code]:,}", Text(refusals.detail[code]))
    out.print(table)


def show_second_import(out: Console, trial: Recorded, again: Recorded) -> None:
    out.print(
        f"The own-format file once more: a trial run said that {trial.recorded:,} of its {trial.submitted:,} rows "
        f"would be recorded; importing it again recorded {again.recorded:,}, knew {again.duplicate:,} already, and "
        f"refused {again.refused:,} as before."
    )


def show_retraction(out: Console, organisation: str, reason: str) -> None:
    out.print(f"{organisation} took one hit back ({reason}). It counts for nobody any more.")


def show_problem(out: Console, problem: Problem) -> None:
    """The problem's title, detail and code, and where in the request it lies."""
    out.print()
    out.print(Text.assemble((problem.title, "bold red"), f" ({problem.code})" if problem.code else ""))
    out.print(Text(problem.detail))
    for error in problem.errors:
        out.print(Text(f"  {error}"))
