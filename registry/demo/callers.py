"""The phone numbers of the demo, and what stands in a caller-ID field instead of one.

Every number is fictional (555-0100 to 555-0199, in the real area codes of the United States and Canada) or one of
libphonenumber's own examples. It must never hold a number that somebody could answer.

The fictional line numbers are split by use, so that runs of the demo against one registry do not meddle with each
other: a company number without contacts in one run cannot be a caller of another, nor a number that one run excludes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

SERVED_REGIONS = ("US", "CA")
"""The regions that a registry serves by default."""

CALLER_LINES = range(100, 135)
CONTACTED_COMPANY_LINES = range(135, 148)
OUTREACH_LINES = range(148, 150)
UNCONTACTED_COMPANY_LINES = range(150, 190)
DECOY_LINES = range(190, 200)

WITHHELD = ("anonymous", "Anonymous", "restricted", "unavailable", "+266696687", "+7378742833", "+2562533", "+8656696")
"""What providers send when a caller hides the number: a word, or the word spelt on a keypad."""

SHORT_CODES = ("24680", "70707", "313131", "90210")
SENDER_NAMES = ("PARCELINFO", "MyShop", "BankAlert", "WINNER")
UNUSABLE = ("???", "n/a", "call me", "+", "555-0177", "+1 206", "+1 206 555 0177 0177 0177 0177")

_GEOGRAPHIC = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_SPECIAL = (
    PhoneNumberType.TOLL_FREE,
    PhoneNumberType.PREMIUM_RATE,
    PhoneNumberType.PERSONAL_NUMBER,
)


@dataclass(frozen=True, slots=True)
class Number:
    """A phone number of the demo: `e164`, and the ISO 3166 region that it belongs to (`001` for none)."""

    e164: str
    region: str


@cache
def area_codes() -> tuple[tuple[str, str], ...]:
    """Every geographic area code of the served regions, with its region, as the numbering plan knows them."""
    found: list[tuple[str, str]] = []
    for code in range(200, 1000):
        parsed = phonenumbers.parse(f"+1{code}5550100")
        region = phonenumbers.region_code_for_number(parsed)
        if region in SERVED_REGIONS and phonenumbers.number_type(parsed) in _GEOGRAPHIC:
            found.append((str(code), region))
    return tuple(found)


def fictional_numbers(rng: Random, lines: range) -> Iterator[Number]:
    """All fictional numbers with these line numbers (within 100 to 199), shuffled, each once."""
    pool = [Number(f"+1{code}5550{line}", region) for line in lines for code, region in area_codes()]
    rng.shuffle(pool)
    return iter(pool)


@cache
def examples_of_served_regions() -> tuple[Number, ...]:
    """Toll-free, premium and other special example numbers of the served regions: valid, though few of them count."""
    return tuple(
        number for region in SERVED_REGIONS for kind in _SPECIAL if (number := _example(region, kind)) is not None
    )


@cache
def examples_of_other_regions() -> tuple[Number, ...]:
    """Mobile and fixed-line example numbers of every other region, and one of each calling code without a region."""
    others = sorted(set(phonenumbers.SUPPORTED_REGIONS).difference(SERVED_REGIONS))
    kinds = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE)
    found = [number for region in others for kind in kinds if (number := _example(region, kind)) is not None]
    for country_code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        parsed = phonenumbers.example_number_for_non_geo_entity(country_code)
        if parsed is not None:
            found.append(Number(_e164(parsed), phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY))
    return tuple(dict.fromkeys(found))


@cache
def invalid_examples() -> tuple[str, ...]:
    """One number that nobody can have for every region of the world, in international form."""
    found: list[str] = []
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        parsed = phonenumbers.invalid_example_number(region)
        if parsed is not None:
            found.append(phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL))
    return tuple(found)


def _example(region: str, kind: int) -> Number | None:
    parsed = phonenumbers.example_number_for_type(region, kind)
    if parsed is None or not phonenumbers.is_valid_number(parsed):
        return None
    return Number(_e164(parsed), region)


def _e164(parsed: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
