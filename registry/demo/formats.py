"""The ways in which people and machines write one phone number down.

Each style turns a number into a text, and into the region whose habits the text is written in. Read back with that
region, the text stands for the same number. It must never write a text that stands for another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from registry.demo.callers import Number


@dataclass(frozen=True, slots=True)
class Written:
    """A number as it arrives. `region` is None where the text says its country itself."""

    text: str
    region: str | None


_FULL_WIDTH = str.maketrans("0123456789+-", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff0b\uff0d")
_ARABIC_INDIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")
_DEVANAGARI = str.maketrans("0123456789", "\u0966\u0967\u0968\u0969\u096a\u096b\u096c\u096d\u096e\u096f")
_NO_BREAK = str.maketrans({" ": "\u00a0", "-": "\u2011"})
_EN_DASHES = str.maketrans({" ": "\u2013", "-": "\u2013"})
_TO_DOTS = str.maketrans({" ": ".", "-": "."})
_TO_SPACES = str.maketrans({"-": " "})

_NORTH_AMERICA = 1
"""The country calling code that the United States and Canada share; dialled from abroad with 00, never 011."""


def _international(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL)


def _national(parsed: PhoneNumber, region: str) -> Written:
    """The national form, and the international one where a number belongs to no region."""
    if region == phonenumbers.REGION_CODE_FOR_NON_GEO_ENTITY:
        return Written(_international(parsed), None)
    return Written(phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL), region)


def _national_digits(parsed: PhoneNumber, region: str) -> Written:
    written = _national(parsed, region)
    return Written("".join(c for c in written.text if c.isdigit() or c == "+"), written.region)


def _dialled_from_abroad(parsed: PhoneNumber, _region: str) -> Written:
    """As dialled from abroad: 00 to North America, 011 from it."""
    here = "GB" if parsed.country_code == _NORTH_AMERICA else "US"
    return Written(phonenumbers.format_out_of_country_calling_number(parsed, here), here)


def _translated(table: dict[int, int] | dict[int, str]) -> Callable[[PhoneNumber, str], Written]:
    def style(parsed: PhoneNumber, _region: str) -> Written:
        return Written(_international(parsed).translate(table), None)

    return style


def _surrounded(before: str, after: str) -> Callable[[PhoneNumber, str], Written]:
    def style(parsed: PhoneNumber, _region: str) -> Written:
        return Written(before + _international(parsed) + after, None)

    return style


def _national_extension(parsed: PhoneNumber, region: str) -> Written:
    written = _national(parsed, region)
    return Written(f"{written.text} ext. 12", written.region)


def _vanity(parsed: PhoneNumber, region: str) -> Written:
    """With letters in place of a fictional number's 555; other numbers have no word of their own."""
    written = _national(parsed, region)
    return Written(written.text.replace(" 555-", " JKL-"), written.region)


def _uri(parsed: PhoneNumber, _region: str) -> Written:
    return Written(phonenumbers.format_number(parsed, PhoneNumberFormat.RFC3966), None)


def _uri_extension(parsed: PhoneNumber, _region: str) -> Written:
    return Written(phonenumbers.format_number(parsed, PhoneNumberFormat.RFC3966) + ";ext=12", None)


def _country_code_in_brackets(parsed: PhoneNumber, _region: str) -> Written:
    code, _, rest = _international(parsed).partition(" ")
    return Written(f"({code}) {rest}", None)


STYLES: Mapping[str, Callable[[PhoneNumber, str], Written]] = MappingProxyType(
    {
        "e164": lambda parsed, _region: Written(phonenumbers.format_number(parsed, PhoneNumberFormat.E164), None),
        "national": _national,
        "international": _surrounded("", ""),
        "national digits": _national_digits,
        "dialled from abroad": _dialled_from_abroad,
        "tel URI": _uri,
        "dots": _translated(_TO_DOTS),
        "spaces": _translated(_TO_SPACES),
        "en dashes": _translated(_EN_DASHES),
        "no-break spaces": _translated(_NO_BREAK),
        "country code in brackets": _country_code_in_brackets,
        "full-width digits": _translated(_FULL_WIDTH),
        "Arabic digits": _translated(_ARABIC_INDIC),
        "Devanagari digits": _translated(_DEVANAGARI),
        "vanity letters": _vanity,
        "blanks around": _surrounded("  ", " \t"),
        # Contact lists mark the writing direction of a number invisibly; it comes along when one is copied out of them.
        "direction marks": _surrounded("\u202a", "\u202c"),
        "extension": _national_extension,
        "extension with x": _surrounded("", " x12"),
        "tel URI with extension": _uri_extension,
    }
)

MACHINE_WEIGHTS: Mapping[str, int] = MappingProxyType(dict.fromkeys(STYLES, 2) | {"e164": 60, "national": 8})
"""How often a telephone system writes each style, out of some 100."""

PERSON_WEIGHTS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(STYLES, 3)
    | {"e164": 12, "national": 30, "national digits": 12}
    | dict.fromkeys(("extension", "extension with x", "tel URI with extension"), 1)
)
"""How often a person who keeps a list by hand does."""


def write(number: Number, style: str) -> Written:
    return STYLES[style](phonenumbers.parse(number.e164), number.region)


def write_somehow(rng: Random, number: Number, weights: Mapping[str, int]) -> Written:
    return write(number, rng.choices(list(weights), list(weights.values()))[0])
