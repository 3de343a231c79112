"""The employer of the demo: a list of two thousand phones as an HR department keeps it, with what a check must answer.

It must never hold a person's name: a row is a device.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from registry.demo.callers import (
    UNCONTACTED_COMPANY_LINES,
    Number,
    examples_of_other_regions,
    fictional_numbers,
)
from registry.demo.formats import PERSON_WEIGHTS, Written, write_somehow
from registry.demo.stories import NONE, NOT_SERVED, Expected, Told

ROWS = 2_000
FOREIGN_ROWS = 40

_SINCE_KNOWN = 0.9
_GIVEN_BACK = 0.15
_ODD_NAME = 0.01
"""How likely a row knows when the number came, knows that it went, and has a device name that looks like a formula."""


@dataclass(frozen=True, slots=True)
class CompanyRow:
    """One line of the file, cell by cell.

    since, until: ISO dates of the possession window, empty where unknown, and in two rows nothing of the kind.
    number: what `phone` stands for, None where it stands for no number at all.
    expected: None where the row cannot be asked about and must come back with a problem.
    """

    device: str
    phone: str
    country: str
    since: str
    until: str
    number: str | None
    expected: Expected | None


# Spreadsheets run cells that begin like these; a check must hand them back as text.
_FORMULAS = ('=HYPERLINK("https://example.com";"Handset")', "+1 spare", "@reception", "-loan pool-", "=1+1")

# device, phone, country, since, until
_UNUSABLE: tuple[tuple[str, str, str, str, str], ...] = (
    ("Handset, returned", "", "US", "", ""),
    ("Tablet without SIM", "n/a", "", "", ""),
    ("Front desk", "ask reception", "US", "", ""),
    ("Warehouse phone", "555-0177", "US", "2024-01-01", ""),
    ("Two numbers in one cell", "+1 206 555 0177 +1 206 555 0178", "", "", ""),
    ("Caller display", "anonymous", "", "", ""),
    ("Alert service", "24680", "US", "", ""),
    ("Newsletter sender", "MyShop", "", "", ""),
    ("Handset, overseas office", "(206) 555-0177", "Atlantis", "", ""),
    ("Handset, digit missing", "+1 201-555-012", "", "", ""),
    ("Handset, date lost", "(206) 555-0178", "US", "before the move", ""),
    ("Handset, dates swapped", "(206) 555-0179", "US", "2024-05-01", "2023-05-01"),
)


def company_rows(rng: Random, today: date, told: Sequence[Told]) -> tuple[CompanyRow, ...]:
    """The rows in the file's order: the numbers with a story, foreign and unusable ones, and many that nobody saw."""
    rows = [_of_story(rng, story) for story in told]
    rows += [CompanyRow(*cells, number=None, expected=None) for cells in _UNUSABLE]
    rows += [_row(rng, number, today, NOT_SERVED) for number in rng.sample(examples_of_other_regions(), FOREIGN_ROWS)]
    numbers = fictional_numbers(rng, UNCONTACTED_COMPANY_LINES)
    while len(rows) < ROWS:
        rows.append(_row(rng, next(numbers), today, NONE))
    rng.shuffle(rows)
    return tuple(rows)


def _of_story(rng: Random, told: Told) -> CompanyRow:
    phone, country = _phone_cells(rng, told.number)
    since, until = _iso(told.since), _iso(told.until)
    return CompanyRow(_device(rng), phone, country, since, until, told.number.e164, told.expected)


def _row(rng: Random, number: Number, today: date, expected: Expected) -> CompanyRow:
    phone, country = _phone_cells(rng, number)
    since, until = None, None
    if rng.random() < _SINCE_KNOWN:
        since = today - timedelta(days=rng.randrange(30, 1_500))
    if since is not None and rng.random() < _GIVEN_BACK:
        until = since + timedelta(days=rng.randrange(20, (today - since).days))
    return CompanyRow(_device(rng), phone, country, _iso(since), _iso(until), number.e164, expected)


def _phone_cells(rng: Random, number: Number) -> tuple[str, str]:
    written: Written = write_somehow(rng, number, PERSON_WEIGHTS)
    if written.region is not None:
        return written.text, written.region
    return written.text, rng.choice(("", number.region if number.region.isalpha() else ""))


def _device(rng: Random) -> str:
    if rng.random() < _ODD_NAME:
        return rng.choice(_FORMULAS)
    kind = rng.choice(("Handset", "Tablet", "Desk phone", "Van phone", "Handset; spare", 'Handset "loan"', "Téléphone"))
    return f"{kind} {rng.randrange(10_000):04d}"


def _iso(day: date | None) -> str:
    return "" if day is None else day.isoformat()
