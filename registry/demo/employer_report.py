"""What the demo prints about the employer's side: the outcomes, the rows that need a person, and what to do next.

Of a number it prints the last two digits at most.
"""

from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from registry.demo.answers import AnsweredRow
from registry.demo.company import CompanyRow
from registry.demo.samples import Samples

_VISIBLE_DIGITS = 2
_GRADES = ("corroborated", "repeated", "single")

_MEANING = {
    ("contact_observed", "corroborated"): "contacts with decoys of two or more organisations",
    ("contact_observed", "repeated"): "contacts on several days, or with several decoys",
    ("contact_observed", "single"): "one contact of which the origin is plausible",
    ("indeterminate", "possession_boundary"): "only on the first or last day that the company had the number",
    ("indeterminate", "region_not_served"): "this registry does not serve the number's country",
    ("indeterminate", "disputed"): "somebody disputes the listing",
    ("none", ""): "nothing that counts in the time that the company had the number",
    ("", ""): "the row could not be asked about",
}


def show_check(out: Console, samples: Samples, answered: Sequence[AnsweredRow]) -> None:
    """Counts per outcome, then the rows that somebody has to look at, then the rows that could not be asked."""
    out.rule(Text(f"{samples.employer}: the HR department's file"))
    _show_counts(out, answered)
    rows = list(zip(samples.company, answered, strict=True))
    _show_rows(out, [(row, answer) for row, answer in rows if _needs_a_person(answer)])
    _show_unusable(out, answered)


def show_guidance(out: Console, guidance: str, audit_id: str) -> None:
    out.print(
        Text.assemble(
            ("What to do next. ", "bold"),
            "A contact says that a caller ID was used to reach a decoy, not who used it: caller IDs are forged, "
            "numbers change hands, people misdial. Talk to HR and legal counsel before anybody else, compare the dates "
            "with who held the phone, and never let this be the sole basis of a decision against somebody. A wrong "
            f"listing can be disputed. Guidance: {guidance}",
        )
    )
    out.print(
        Text(f"Every answer is on record; one of these numbers, asked again by itself, has the receipt {audit_id}.")
    )


def _show_counts(out: Console, answered: Sequence[AnsweredRow]) -> None:
    table = Table(title=f"{len(answered):,} rows, by outcome", title_justify="left")
    table.add_column("Outcome")
    table.add_column("Grade or reason")
    table.add_column("Rows", justify="right")
    table.add_column("Meaning")
    counts = Counter((answer.outcome, answer.grade or answer.reason) for answer in answered)
    places = {kind: place for place, kind in enumerate(_MEANING)}
    for kind in sorted(counts, key=lambda kind: (places.get(kind, len(places)), kind)):
        outcome, qualifier = kind
        table.add_row(outcome or "no answer", qualifier, f"{counts[kind]:,}", _MEANING.get(kind, ""))
    out.print(table)


def _needs_a_person(answer: AnsweredRow) -> bool:
    """Numbers of countries that are not served are counted above; nothing is known about any of them."""
    return answer.outcome in ("contact_observed", "indeterminate") and answer.reason != "region_not_served"


def _show_rows(out: Console, rows: Sequence[tuple[CompanyRow, AnsweredRow]]) -> None:
    """Narrow enough for a terminal of 80 columns."""
    table = Table(
        title="Rows that a person has to look at",
        title_justify="left",
        caption="Evidence: how many contacts / decoys / organisations. First and last contact, in UTC.",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("Device", max_width=24)
    table.add_column("Number", no_wrap=True)
    table.add_column("Grade or reason", min_width=12, max_width=19)
    for name in ("Evidence", "First", "Last"):
        table.add_column(name, no_wrap=True)
    table.add_column("By")
    for row, answer in sorted(rows, key=_rank):
        table.add_row(*_cells(row, answer))
    out.print(table)


def _cells(row: CompanyRow, answer: AnsweredRow) -> tuple[Text, ...]:
    """As Text, because a device's name may hold what rich would take for markup."""
    evidence = f"{answer.contacts} / {answer.decoys} / {answer.organisations}" if answer.grade else ""
    qualifier = answer.grade or answer.reason.replace("_", " ")
    dates = (answer.first_contact, answer.last_contact)
    return tuple(map(Text, (row.device, masked(row.number), qualifier, evidence, *dates, answer.channels)))


def _rank(pair: tuple[CompanyRow, AnsweredRow]) -> tuple[int, str]:
    """Strongest evidence first, rows without a grade last; within a grade by date."""
    answer = pair[1]
    place = _GRADES.index(answer.grade) if answer.grade in _GRADES else len(_GRADES)
    return place, answer.last_contact


def masked(number: str | None) -> str:
    """The last two digits; not even how many there are before them."""
    return "" if number is None else "\u2022\u2022\u2022" + number[-_VISIBLE_DIGITS:]


def _show_unusable(out: Console, answered: Sequence[AnsweredRow]) -> None:
    problems = Counter(answer.problem for answer in answered if answer.problem)
    if not problems:
        return
    table = Table(title="Rows that could not be asked about", title_justify="left")
    table.add_column("Rows", justify="right")
    table.add_column("Why")
    for problem, count in problems.most_common():
        table.add_row(str(count), Text(problem))
    out.print(table)
